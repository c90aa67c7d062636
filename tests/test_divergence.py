import gc
import math
import weakref

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from headwater.divergence import (
    DIVERGENCES,
    Feature,
    among,
    divergence,
    divergences,
    feature,
    rank_weights,
    upper,
    windowed,
)
from headwater.errors import DataError
from headwater.types import Catalog

SYMMETRIC = ("jensen_shannon", "hellinger", "total_variation")
ALPHAS = st.sampled_from([0.001, 0.01, 0.3])
HOW = st.sampled_from(list(DIVERGENCES))


@st.composite
def pairs(draw, least=0):
    """Two (B, C) of mixes that lack many kinds; of ``least`` 0 some rows are empty."""
    b, c = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    rows = st.lists(st.integers(0, 4), min_size=c, max_size=c).filter(lambda r: sum(r) >= least)
    x = [np.array([draw(rows) for _ in range(b)], float) for _ in range(2)]
    return [each / np.maximum(each.sum(1, keepdims=True), 1) for each in x]


@given(pairs(), HOW, ALPHAS)
def test_of_sparse_rows_as_of_dense_ones(pq, how, alpha):
    p, q = pq
    one, other = csr_array(p), csr_array(q)
    there = divergence(p, q, how, alpha)
    back = divergence(q, p, how, alpha)
    np.testing.assert_allclose(divergences(one, other, how, alpha), there, rtol=1e-9, atol=1e-12)
    got = divergences(one, other, how, alpha, both=True)
    np.testing.assert_allclose(got, (there + back) / 2, rtol=1e-9, atol=1e-12)
    got = divergences(csr_array(p[:1]), other, how, alpha)
    every = divergence(np.repeat(p[:1], len(q), 0), q, how, alpha)
    np.testing.assert_allclose(got, every, rtol=1e-9, atol=1e-12)


@given(pairs(1), HOW, ALPHAS, st.randoms(use_true_random=False))
def test_the_order_of_kinds_is_nothing(pq, how, alpha, random):
    p, q = pq
    order = list(range(p.shape[1]))
    random.shuffle(order)
    got = divergence(p[:, order], q[:, order], how, alpha)
    np.testing.assert_allclose(got, divergence(p, q, how, alpha), rtol=1e-9, atol=1e-12)


@given(pairs(1), HOW, ALPHAS)
def test_from_nothing_to_disjoint(pq, how, alpha):
    p, q = pq
    got = divergence(p, q, how, alpha)
    assert (got >= 0).all()
    assert (got <= upper(how, alpha) * (1 + 1e-12)).all()
    assert (divergence(p, p, how, alpha) == 0).all()
    apart = (p * q).sum(1) == 0
    np.testing.assert_allclose(got[apart], upper(how, alpha))
    assert (got[(abs(p - q) > 1e-9).any(1)] > 0).all()


@given(pairs(1), st.sampled_from(SYMMETRIC), ALPHAS)
def test_symmetric(pq, how, alpha):
    p, q = pq
    np.testing.assert_allclose(
        divergence(p, q, how, alpha), divergence(q, p, how, alpha), rtol=1e-12, atol=1e-15
    )


def test_kl_has_a_direction():
    p, q = np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])
    value = 0.9 * math.log2(0.9 / 0.5) + 0.1 * math.log2(0.1 / 0.5)
    assert divergence(p, q, "kl", 0) == pytest.approx([value])
    assert divergence(q, p, "kl", 0) != pytest.approx([value], rel=0.1)


def xlog2x(t):
    return t * np.log2(np.where(t > 0, t, 1))


F = {  # f(p / q), and the named divergence, squared where it is a root
    "kl": (xlog2x, 1),
    "total_variation": (lambda t: abs(t - 1) / 2, 1),
    "hellinger": (lambda t: (np.sqrt(t) - 1) ** 2 / 2, 2),
    "jensen_shannon": (lambda t: (xlog2x(t) - (1 + t) * np.log2((1 + t) / 2)) / 2, 2),
}


@given(pairs(1), HOW, ALPHAS)
def test_as_a_divergence_of_some_f(pq, how, alpha):
    p, q = pq
    f, power = F[how]
    named = divergence(p, q, how, alpha) ** power
    np.testing.assert_allclose(divergence(p, q, f, alpha), named, rtol=1e-7, atol=1e-12)


@given(pairs(1), ALPHAS)
def test_another_f_is_kl_the_other_way(pq, alpha):
    p, q = pq
    got = divergence(p, q, lambda t: -np.log2(t), alpha)
    np.testing.assert_allclose(got, divergence(q, p, "kl", alpha), rtol=1e-9, atol=1e-12)


def test_f_needs_something_to_divide_by():
    p, q = np.array([[0.5, 0.5, 0]]), np.array([[1.0, 0, 0]])
    with pytest.raises(DataError, match="where q is 0 and p is not: take an alpha above 0"):
        divergence(p, q, xlog2x, 0)
    assert divergence(q, p, xlog2x, 0) == pytest.approx([1])
    assert np.isnan(divergence(p, 0 * q, xlog2x, 0.1)).all()


@given(pairs(1))
def test_roots_are_metrics(pq):
    """The root of Jensen-Shannon and Hellinger's distance are as distances are."""
    p, q = pq
    r = np.roll(q, 1, axis=1)
    for how in ("jensen_shannon", "hellinger", "total_variation"):
        way = divergence(p, q, how, 0) + divergence(q, r, how, 0)
        assert (divergence(p, r, how, 0) <= way + 1e-12).all()


@pytest.mark.parametrize("off", [1e-3, 1e-6, 1e-9, 1e-12])
def test_digits_of_what_is_near(off):
    p, q = np.array([[0.5, 0.5]]), np.array([[0.5 + off, 0.5 - off]])
    near = 0.998 * off * math.sqrt(1 / (2 * math.log(2)))  # to the first order
    assert divergence(p, q, "jensen_shannon") == pytest.approx([near], rel=3e-4)
    assert divergences(csr_array(p), csr_array(q), "jensen_shannon", 0.001) == pytest.approx(
        [near], rel=3e-4
    )


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("jensen_shannon", math.sqrt(1 + 0.001 * math.log2(0.001) + 0.999 * math.log2(0.999))),
        ("kl", 0.998 * math.log2(999)),
        ("hellinger", math.sqrt(0.999) - math.sqrt(0.001)),
        ("total_variation", 0.998),
    ],
)
def test_of_what_has_nothing_in_common(how, value):
    assert round(value, 5) == {"jensen_shannon": 0.99428, "kl": 9.94441}.get(how, round(value, 5))
    p, q = np.array([[0.3, 0.7, 0, 0]]), np.array([[0, 0, 1.0, 0]])
    assert divergence(p, q, how) == pytest.approx([value], rel=1e-12)
    assert upper(how, 0.001) == pytest.approx(value, rel=1e-12)


def test_no_alpha_no_smoothing():
    p, q = np.array([[1.0, 0]]), np.array([[0, 1.0]])
    assert divergence(p, q, "jensen_shannon", 0) == 1
    assert divergence(p, q, "hellinger", 0) == 1
    assert divergence(p, q, "total_variation", 0) == 1


def test_no_rows():
    none = csr_array((0, 3), dtype=np.float64)
    for how in DIVERGENCES:
        assert divergences(none, none, how, 0.001).shape == (0,)
        assert divergences(csr_array(np.eye(3)[:1]), none, how, 0.001).shape == (0,)


def test_places():
    rank = np.array([1, 2, 3, 10])
    np.testing.assert_allclose(rank_weights(rank, "reciprocal"), [1, 1 / 2, 1 / 3, 0.1])
    np.testing.assert_allclose(rank_weights(rank, "log"), 1 / np.log2([2, 3, 4, 11]))
    np.testing.assert_allclose(rank_weights(rank, "none"), 1)


@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 40)), max_size=12),
    st.sampled_from([1 / 86_400, 2.5 / 86_400, 10 / 86_400, 1.0]),
    st.sampled_from([None, 0.5 / 86_400, 7 / 86_400]),
    st.sampled_from([0, 1_700_000_000, -50]),
)
def test_windows_are_those_of_a_loop(asked, days, half_life, origin):
    rng = np.random.default_rng(0)
    b = len(asked)
    bag = rng.integers(0, 3, (b, 4)).astype(float)
    user = np.array([u for u, _ in asked], np.int32)
    now = np.array([t for _, t in asked], np.int64) + origin
    want = np.zeros((b, 4))
    for i in range(b):
        for j in range(b):
            age = now[i] - now[j]
            same = i == j or (user[i] == user[j] and user[i] != -1)
            if same and 0 <= age < days * 86_400 and bag[j].any():
                fade = 1 if half_life is None else 0.5 ** (age / (half_life * 86_400))
                want[i] += fade * bag[j] / bag[j].sum()
    got = windowed(csr_array(bag), user, now, days, half_life).toarray()
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_a_window_without_end_is_all_that_was():
    bag = csr_array(np.eye(3))
    user, now = np.zeros(3, np.int32), np.array([0, 10, 10**9])
    got = windowed(bag, user, now, np.inf, None).toarray()
    np.testing.assert_array_equal(got, np.tril(np.ones((3, 3))))


def test_what_has_faded_altogether_is_not_there():
    """A list so old that its weight is 0 in floats, beside an empty one."""
    bag = csr_array(np.array([[1.0, 0], [0, 0]]))
    user, now = np.zeros(2, np.int32), np.array([0, 86_400 * 20])
    faded = windowed(bag, user, now, 30, 0.001)
    feature = Feature(shares=csr_array(np.eye(2)))
    p, q = feature.mixes(csr_array(np.ones((1, 2))), faded)
    value = divergences(p, q, "jensen_shannon", 0.001)
    assert value[0] > 0
    assert np.isnan(value[1])


def test_what_is_known_of_a_catalogue_is_made_once():
    """And is not kept for longer than the catalogue."""
    catalog = Catalog(pl.DataFrame({"by": ["x", "y", "x"], "hard": [1.0, 2.0, 3.0]}))
    made = feature(catalog, "by")
    assert feature(catalog, "by") is made
    assert feature(Catalog(catalog.table), "by") is not made
    assert feature(catalog, "hard", bins=3) is not feature(catalog, "hard", bins=4)
    assert feature(catalog, "hard", bins=3).bins == 3
    np.testing.assert_array_equal(among(catalog, ("by", "x")), [True, False, True])
    np.testing.assert_array_equal(among(catalog, ("by", "y")), [False, True, False])
    there = weakref.ref(catalog)
    del catalog
    gc.collect()
    assert there() is None
