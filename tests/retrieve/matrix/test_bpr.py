import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from headwater.data.toy import blocks, checkers, histories, world
from headwater.errors import BadParameter, DataError
from headwater.retrieve.matrix import bpr
from headwater.retrieve.matrix.bpr import BPR
from headwater.types import PAD, Histories


def random_world(seed, n_users=12, n_items=9, events=50):
    rng = np.random.default_rng(seed)
    pairs = np.stack([rng.integers(0, n_users, events), rng.integers(0, n_items, events)], 1)
    return world(histories(pairs.tolist(), n_users, n_items))


def inputs(data):
    x = data.log.matrix()
    rows = np.repeat(np.arange(x.shape[0], dtype=np.int32), np.diff(x.indptr))
    return x, (x.indptr, x.indices, rows, bpr.marks_of(x))


def drawn(data, n, seed=5):
    """The first n draws of an epoch."""
    x, pairs = inputs(data)
    who, better, worse = np.empty((3, n), np.int64)
    bpr._draw(0, n, seed, *pairs, x.shape[1], who, better, worse)
    return who, better, worse


def parameters(data, size, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (len(data.log), size), (data.log.n_items, size), (data.log.n_items,)
    return [rng.normal(scale=0.5, size=shape).astype(np.float32) for shape in shapes]


def margin(p, q, b, u, i, j):
    return b[i] - b[j] + p[u] @ q[i] - p[u] @ q[j]


def lost(x, loss):
    return max(0, 1 - x) if loss == "hinge" else np.log1p(np.exp(-x))


def step(p, q, b, u, i, j, rate, regularization, loss, biased):
    """One draw by the formula; new arrays."""
    x = margin(p, q, b, u, i, j)
    g = float(x < 1) if loss == "hinge" else 1 / (1 + np.exp(x))
    new_p, new_q, new_b = p.copy(), q.copy(), b.copy()
    new_p[u] += rate * (g * (q[i] - q[j]) - regularization * p[u])
    new_q[i] += rate * (g * p[u] - regularization * q[i])
    new_q[j] += rate * (-g * p[u] - regularization * q[j])
    if biased:
        new_b[i] += rate * (g - regularization * b[i])
        new_b[j] += rate * (-g - regularization * b[j])
    return new_p, new_q, new_b


@pytest.mark.parametrize("loss", ["bpr", "hinge"])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 500])
def test_steps_follow_the_formula(n, loss, biased):
    data = random_world(1)
    start = parameters(data, 4)
    ours = [each.copy() for each in start]
    theirs = [each.astype(float) for each in start]
    _, pairs = inputs(data)
    got = bpr._learn(0, n, 5, *pairs, *ours, 0.1, 0.02, loss == "hinge", biased)
    total = 0.0
    for u, i, j in zip(*drawn(data, n), strict=True):
        total += lost(margin(*theirs, u, i, j), loss)
        theirs = step(*theirs, u, i, j, 0.1, 0.02, loss, biased)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-4)
    assert got == pytest.approx(total, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("loss", ["bpr", "hinge"])
def test_a_step_goes_down_the_gradient(loss):
    """By finite differences of loss + regularization / 2 |everything that x depends on|^2."""
    data = random_world(2)
    (u,), (i,), (j,) = drawn(data, 1)
    start = parameters(data, 3)
    after = [each.copy() for each in start]
    bpr._learn(0, 1, 5, *inputs(data)[1], *after, 1e-2, 0.3, loss == "hinge", True)

    def value(flat):
        p, q, b = (
            part.reshape(each.shape)
            for part, each in zip(
                np.split(flat, np.cumsum([start[0].size, start[1].size])), start, strict=True
            )
        )
        own = (p[u] ** 2).sum() + (q[[i, j]] ** 2).sum() + (b[[i, j]] ** 2).sum()
        return lost(margin(p, q, b, u, i, j), loss) + 0.15 * own

    flat = np.concatenate([each.ravel() for each in start]).astype(float)
    moved = (np.concatenate([each.ravel() for each in after]) - flat) / 1e-2
    for at in range(len(flat)):
        e = np.zeros(len(flat))
        e[at] = 1e-5
        slope = (value(flat + e) - value(flat - e)) / 2e-5
        assert moved[at] == pytest.approx(-slope, abs=1e-4)
    assert (moved != 0).sum() == 3 * 3 + 2


def test_a_margin_of_any_size_has_a_loss():
    data = world(histories([(0, 0)], 1, 2))
    for b in (-60.0, 60.0, -1e30, 1e30):
        p, q, bias = (each * 0 for each in parameters(data, 2))
        bias[0] = b
        got = bpr._learn(0, 1, 5, *inputs(data)[1], p, q, bias, 0.1, 0.0, False, True)
        assert got == pytest.approx(np.logaddexp(0, -np.clip(b, -80, 80)), abs=1e-5)
        assert np.isfinite(bias).all()


def test_draws_are_even():
    """Choices are equally likely, and so is what its user did not choose, and nothing else."""
    data = random_world(3, n_users=5, n_items=6, events=14)
    x = data.log.matrix().toarray()
    n = 200_000
    who, better, worse = drawn(data, n)
    count = np.zeros((5, 6, 6))
    np.add.at(count, (who, better, worse), 1)
    for u in range(5):
        others = (x[u] == 0).sum()
        for i in range(6):
            for j in range(6):
                expected = n / x.sum() / others if x[u, i] and not x[u, j] else 0
                assert abs(count[u, i, j] - expected) <= 5 * np.sqrt(expected)


def test_somebody_who_chose_everything_teaches_nothing():
    data = world(histories([(0, 0), (0, 1), (0, 2), (1, 1)], 2, 3))
    who, _, worse = drawn(data, 1000)
    assert (worse[who == 0] == PAD).all()
    assert set(worse[who == 1].tolist()) == {0, 2}
    scores = BPR(n_epochs=2).fit(data).scores(data.queries())
    assert np.isfinite(scores).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), shape=st.tuples(st.integers(1, 8), st.integers(1, 40)))
def test_what_is_not_chosen_is_never_marked_away(seed, shape):
    """The marks may name too many pairs, but never too few."""
    data = random_world(seed, *shape, events=60)
    x, (indptr, indices, _, marks) = inputs(data)
    chosen = x.toarray()
    for u in range(shape[0]):
        for i in range(shape[1]):
            held = bpr._holds(indices, indptr[u], indptr[u + 1], i)
            assert held == bool(chosen[u, i])
            assert bpr._marked(marks, u, i) or not held


@pytest.mark.parametrize("loss", ["bpr", "hinge"])
def test_a_new_user_is_near_the_minimum_over_all_own_pairs(loss):
    data = blocks(60, 40, length=10)
    model = BPR(embedding_size=5, n_epochs=40, loss=loss, regularization=0.05).fit(data)
    q, b = model.item_factors_.astype(float), model.item_bias_.astype(float)
    asked = data.queries()
    got = model.users(asked)
    for u in range(0, 60, 7):
        own = np.unique(data.log[u : u + 1].items)
        rest = np.setdiff1d(np.arange(40), own)

        def mean(p, own=own, rest=rest):
            s = b + q @ p
            x = s[own][:, None] - s[rest]
            each = np.maximum(0, 1 - x) if loss == "hinge" else np.logaddexp(0, -x)
            return each.mean() + 0.05 / 2 * p @ p

        best = minimize(mean, np.zeros(5), method="Powell", options={"xtol": 1e-8, "ftol": 1e-12})
        assert mean(got[u]) <= best.fun + 0.01 * (mean(np.zeros(5)) - best.fun)


def test_new_users_are_treated_like_old_ones():
    data = blocks()
    model = BPR(embedding_size=8, n_epochs=3).fit(data)
    asked = data.queries()
    whole = model.scores(asked)
    np.testing.assert_array_equal(whole, model.scores(data.newcomers(data.log)))
    rows = np.concatenate([model.scores(asked[u : u + 1]) for u in range(len(asked))])
    np.testing.assert_allclose(whole, rows, rtol=1e-5, atol=1e-5)


def test_nobody_gets_the_order_of_the_biases():
    data = random_world(4)
    model = BPR(n_epochs=3).fit(data)
    got = model.scores(data.newcomers(Histories.empty(1, 9)))
    np.testing.assert_array_equal(got[0], model.item_bias_)
    with pytest.raises(DataError, match="fitted on 9 items and is asked about 10"):
        model.scores(data.newcomers(Histories.empty(1, 10)))


@pytest.mark.parametrize("loss", ["bpr", "hinge"])
def test_checkers(loss):
    data, asked = checkers(12)
    model = BPR(embedding_size=4, n_epochs=200, learning_rate=0.1, loss=loss).fit(data)
    np.testing.assert_array_equal(model.recommend(asked, 1).items.ravel(), np.arange(12))


def test_no_bias_is_no_bias():
    model = BPR(n_epochs=3, item_bias=False).fit(random_world(5))
    assert (model.item_bias_ == 0).all()


def test_seeds():
    data = random_world(6)
    a, b, c = (BPR(n_epochs=3, seed=seed).fit(data).item_factors_ for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_more_threads_learn_as_well():
    data = blocks(200, 60)
    one, two = (
        list(BPR(embedding_size=8, n_epochs=30, threads=threads).epochs(data)) for threads in (1, 3)
    )
    assert two[-1] == pytest.approx(one[-1], rel=0.1)
    assert two[-1] < 0.8 * two[0]


def test_says_when_it_diverges():
    with pytest.raises(BadParameter, match="grew without bounds in epoch"):
        BPR(learning_rate=1e30, loss="hinge").fit(random_world(7))


@pytest.mark.parametrize(
    ("pairs", "shape"),
    [
        ([(0, 0)], (1, 1)),
        ([], (1, 1)),
        ([], (3, 4)),
        ([(0, 0)], (2, 2)),
        ([(0, 0), (1, 0)], (2, 1)),
    ],
)
def test_odd_data(pairs, shape):
    data = world(histories(pairs, *shape))
    scores = BPR(n_epochs=2).fit(data).scores(data.queries())
    assert scores.shape == shape
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"embedding_size": 0},
        {"learning_rate": 0},
        {"regularization": -1},
        {"n_epochs": 0},
        {"loss": "warp"},
        {"threads": -1},
    ],
)
def test_bad_parameters(bad):
    with pytest.raises(BadParameter, match=next(iter(bad))):
        BPR(**bad)
