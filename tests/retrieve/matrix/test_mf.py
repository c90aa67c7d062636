import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.data.toy import histories, world
from headwater.errors import BadParameter, DataError
from headwater.retrieve.matrix._factors import start
from headwater.retrieve.matrix.mf import MF, SCALE
from headwater.types import Histories


def random_world(seed, n_users=15, n_items=10, events=80):
    """Ratings in half stars, some pairs rated twice, some rows empty."""
    rng = np.random.default_rng(seed)
    return world(
        Histories.of(
            rng.integers(0, max(n_users - 2, 1), events),
            rng.integers(0, max(n_items - 1, 1), events),
            n_rows=n_users,
            n_items=n_items,
            values=(rng.integers(1, 11, events) / 2).astype(np.float32),
        )
    )


def ratings(log):
    return list(zip(log.rows, log.items, log.values.astype(float), strict=True))


def ridge(own, mean, bias, factors, regularization):
    """Bias and vector of one row from its (other, rating) pairs, by least squares with the
    penalty as further rows."""
    d = factors.shape[1]
    if not own:
        return np.zeros(d + 1)
    at = [other for other, _ in own]
    y = np.column_stack([np.ones(len(own)), factors[at]])
    t = np.array([rating for _, rating in own]) - mean - bias[at]
    y = np.vstack([y, np.sqrt(regularization * len(own)) * np.eye(d + 1)])
    return np.linalg.lstsq(y, np.concatenate([t, np.zeros(d + 1)]), rcond=None)[0]


def loss(triples, mean, b_u, p, b_i, q, regularization):
    total = 0.0
    for u, i, r in triples:
        total += (r - mean - b_u[u] - b_i[i] - p[u] @ q[i]) ** 2
        total += regularization * (b_u[u] ** 2 + b_i[i] ** 2 + p[u] @ p[u] + q[i] @ q[i])
    return total / len(triples)


@pytest.mark.parametrize(("size", "regularization"), [(1, 0.5), (3, 0.1), (6, 0.02)])
def test_sweeps_are_ridge_regressions(size, regularization):
    data = random_world(1)
    triples = ratings(data.log)
    n_users, n_items = len(data.log), data.log.n_items
    rng = np.random.default_rng(7)
    start(rng, n_users, 1 + size, SCALE)
    q = start(rng, n_items, 1 + size, SCALE)[:, 1:].astype(float)
    b_i, mean = np.zeros(n_items), np.mean([r for *_, r in triples])
    model = MF(embedding_size=size, regularization=regularization, seed=7, n_epochs=3)
    for value in model.epochs(data):
        users = [[(i, r) for v, i, r in triples if v == u] for u in range(n_users)]
        z = np.array([ridge(own, mean, b_i, q, regularization) for own in users])
        b_u, p = z[:, 0], z[:, 1:]
        items = [[(u, r) for u, j, r in triples if j == i] for i in range(n_items)]
        z = np.array([ridge(own, mean, b_u, p, regularization) for own in items])
        b_i, q = z[:, 0], z[:, 1:]
        np.testing.assert_allclose(model.item_bias_, b_i, atol=1e-3)
        np.testing.assert_allclose(model.item_factors_, q, atol=1e-3)
        assert value == pytest.approx(loss(triples, mean, b_u, p, b_i, q, regularization), rel=1e-4)
    assert model.mean_ == pytest.approx(mean)


def test_a_new_user_is_a_ridge_regression_on_the_history():
    data = random_world(2)
    model = MF(embedding_size=3, regularization=0.2).fit(data)
    b_i, q = model.item_bias_.astype(float), model.item_factors_.astype(float)
    expected = []
    for u in range(len(data.log)):
        own = [(i, r) for v, i, r in ratings(data.log) if v == u]
        z = ridge(own, model.mean_, b_i, q, 0.2)
        expected.append(model.mean_ + z[0] + b_i + q @ z[1:])
    np.testing.assert_allclose(model.scores(data.queries()), expected, atol=1e-3)
    np.testing.assert_array_equal(
        model.scores(data.queries()), model.scores(data.newcomers(data.log))
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    events=st.integers(0, 80),
    size=st.integers(1, 20),
)
def test_never_goes_up(seed, shape, events, size):
    data = random_world(seed, *shape, events)
    model = MF(embedding_size=size, regularization=0.05, n_epochs=5)
    losses = list(model.epochs(data))
    assert np.isfinite(losses).all()
    assert (np.diff(losses) <= 1e-5 * (1 + np.abs(losses[:-1]))).all()
    assert np.isfinite(model.scores(data.queries())).all()


def test_ratings_that_are_biases_are_found():
    """r = 3 + a_u + b_i, every pair but a few: the missing ones are told, vectors or not."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=30), rng.normal(size=20)
    full = 3 + a[:, None] + b
    seen = rng.random(full.shape) < 0.7
    rows, items = np.nonzero(seen)
    log = Histories.of(rows, items, n_rows=30, n_items=20, values=full[seen].astype(np.float32))
    data = world(log)
    model = MF(embedding_size=2, regularization=1e-3, n_epochs=50).fit(data)
    got = model.scores(data.queries())
    assert np.sqrt(((got - full)[~seen] ** 2).mean()) < 0.05


def rated_checkers(n):
    """checkers() with 5 for the own colour and 1 for the other, the own number unrated."""
    pairs = [(u, i) for u in range(n) for i in range(n) if i != u]
    log = histories(pairs, n, n)
    values = np.where((log.rows - log.items) % 2 == 0, 5, 1).astype(np.float32)
    rows, items = log.rows, log.items
    return world(Histories.of(rows, items, n_rows=n, n_items=n, values=values))


def test_rated_checkers():
    data = rated_checkers(12)
    model = MF(embedding_size=2, regularization=0.02).fit(data)
    got = model.recommend(data.queries(), 1)
    np.testing.assert_array_equal(got.items.ravel(), np.arange(12))
    assert (abs(got.scores - 5) < 0.7).all()


def test_nobody_gets_the_mean_and_the_items_biases():
    data = random_world(4)
    model = MF(embedding_size=3).fit(data)
    got = model.scores(data.newcomers(Histories.empty(2, 10)))
    np.testing.assert_allclose(got[0], model.mean_ + model.item_bias_, rtol=1e-6)
    with pytest.raises(DataError, match="fitted on 10 items and is asked about 11"):
        model.scores(data.newcomers(Histories.empty(1, 11)))


def test_everyone_agrees():
    data = world(histories([(0, 0), (0, 1), (1, 1)], 2, 3))
    np.testing.assert_allclose(MF().fit(data).scores(data.queries()), 1, atol=1e-6)


def test_no_ratings():
    data = world(histories([], 2, 3))
    assert (MF().fit(data).scores(data.queries()) == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_ratings_that_are_none(value):
    log = Histories.of(
        np.array([0, 0]),
        np.array([0, 1]),
        n_rows=1,
        n_items=2,
        values=np.array([1, value], np.float32),
    )
    with pytest.raises(DataError, match="1 of 2 are not numbers"):
        MF().fit(world(log))


def test_threads_and_batches_change_nothing():
    data = random_world(5, 40, 20, 400)
    one, two = MF(threads=1).fit(data), MF(threads=2).fit(data)
    np.testing.assert_array_equal(one.item_factors_, two.item_factors_)
    asked = data.queries()
    rows = np.concatenate([one.scores(asked[b : b + 1]) for b in range(len(asked))])
    np.testing.assert_allclose(one.scores(asked), rows, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [{"embedding_size": 0}, {"regularization": 0}, {"n_epochs": 0}])
def test_bad_parameters(bad):
    with pytest.raises(BadParameter, match=next(iter(bad))):
        MF(**bad)
