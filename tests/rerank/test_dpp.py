from itertools import combinations

import numpy as np
import pytest
from textbook import agrees, lists, unit, world

from headwater.errors import BadParameter
from headwater.rerank._residual import Residual
from headwater.rerank.dpp import DPP


def kernel(x, relevance, theta, positive):
    s = x @ x.T
    if positive:
        s = (1 + s) / 2
    q = np.exp(theta / (2 * (1 - theta)) * relevance)
    return q[:, None] * s * q


@pytest.mark.parametrize("theta", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("window", [None, 1, 2, 4])
@pytest.mark.parametrize("positive", [False, True])
def test_grows_the_determinant(theta, window, positive):
    data = world(size=20)

    def gain_of(row, items, relevance):  # noqa: ARG001
        x = unit(data.catalog.vectors["text"][items].astype(float))
        l = kernel(x, relevance, theta, positive)  # noqa: E741

        def gain(picked, i):
            last = (
                picked if window is None else picked[len(picked) - min(window - 1, len(picked)) :]
            )
            both = [*last, i]
            before = np.linalg.slogdet(l[np.ix_(last, last)])[1] if last else 0.0
            return np.linalg.slogdet(l[np.ix_(both, both)])[1] - before

        return gain

    agrees(DPP(theta=theta, window=window, positive=positive, by="text", k=9), data, gain_of)


def test_the_best_of_all_sets_where_greedy_finds_it():
    """Of items of few kinds, all as good: one of each kind, as trying every set says."""
    rng = np.random.default_rng(0)
    data = world(items=12, users=20)
    kinds = rng.permutation(np.repeat(np.arange(4), 3))
    data.catalog.vectors["text"][:] = np.eye(6)[kinds]
    queries, slate = lists(data, width=12)
    slate.scores[slate.filled] = 0
    got = DPP(theta=0.5, by="text", k=4).fit(data)(queries, slate)
    for row in np.flatnonzero(slate.filled.all(1)):
        x = data.catalog.vectors["text"][slate.items[row]].astype(float)
        best = max(np.linalg.det((x @ x.T)[np.ix_(s, s)]) for s in combinations(range(12), 4))
        mine = data.catalog.vectors["text"][got.items[row, :4]].astype(float)
        assert np.linalg.det(mine @ mine.T) == pytest.approx(best) == pytest.approx(1)


def test_a_list_is_not_cut_short():
    """Three dimensions have room for three new things; the rest follows, the better first."""
    data = world(size=3)
    queries, slate = lists(data)
    got = DPP(theta=0.5, by="text", k=15).fit(data)(queries, slate)
    np.testing.assert_array_equal(np.sort(got.items), np.sort(slate.items))
    assert (np.diff(got.scores[6, 3:]) <= 0).all()


@pytest.mark.parametrize("window", [None, 2, 3, 4, 6])
def test_picks_that_add_nothing(window):
    """Vectors that repeat: what is left is the distance from the span, by least squares."""
    rng = np.random.default_rng(1)
    for _ in range(40):
        x = np.eye(4)[rng.integers(0, 4, 10)] + 0.3 * np.eye(4)[rng.integers(0, 4, 10)]
        new = Residual(x[None], window)
        picked = []
        for last in rng.permutation(10)[:8]:
            new.pick(np.array([last]))
            picked.append(last)
            span = (
                picked if window is None else picked[len(picked) - min(window - 1, len(picked)) :]
            )
            rest = x.T - x[span].T @ np.linalg.lstsq(x[span].T, x.T, rcond=1e-9)[0]
            np.testing.assert_allclose(new.left[0], (rest**2).sum(0), atol=1e-9)


def test_mistakes():
    with pytest.raises(BadParameter, match="from 0 to below 1, got 1"):
        DPP(theta=1)
    with pytest.raises(BadParameter, match="window must be at least 1"):
        DPP(window=0)


def test_more_picks_than_candidates_cost_no_memory():
    data = world()
    queries, slate = lists(data)
    every, many = (DPP(by="text", k=k).fit(data)(queries, slate) for k in (15, 10**9))
    np.testing.assert_array_equal(many.items, every.items)
