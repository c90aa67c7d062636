import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet

from headwater.data.toy import checkers, histories, world
from headwater.errors import BadParameter, DataError
from headwater.retrieve.matrix import slim
from headwater.retrieve.matrix.slim import SLIM, co_counts


def data_of(x):
    return world(histories(np.argwhere(x).tolist(), *x.shape))


def random_choices(seed, n_users=60, n_items=16):
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, 3)) @ rng.normal(size=(3, n_items))
    return (taste + rng.normal(size=taste.shape) > 0.8).astype(float)


def objective(x, j, w, l1, l2):
    return ((x[:, j] - x @ w) ** 2).sum() / (2 * len(x)) + l1 * abs(w).sum() + l2 / 2 * w @ w


def elastic_net(x, j, l1, l2, positive):
    """Column j by scikit-learn: penalty alpha (l1_ratio |w| + (1 - l1_ratio) / 2 w^2)."""
    others = x.copy()
    others[:, j] = 0
    net = ElasticNet(
        alpha=l1 + l2,
        l1_ratio=l1 / (l1 + l2),
        positive=positive,
        fit_intercept=False,
        tol=1e-12,
        max_iter=1_000_000,
    )
    return net.fit(others, x[:, j]).coef_


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize(("l1", "l2"), [(5e-4, 5e-5), (0.01, 0.1), (0.05, 0.01), (0.2, 0.02)])
def test_columns_are_elastic_nets(l1, l2, positive):
    x = random_choices(1)
    model = SLIM(l1=l1, l2=l2, positive=positive, tolerance=1e-12).fit(data_of(x))
    ours = model.weights_.toarray()
    for j in range(x.shape[1]):
        theirs = elastic_net(x, j, l1, l2, positive)
        np.testing.assert_allclose(ours[:, j], theirs, atol=2e-5)
    assert (np.diag(ours) == 0).all()
    if positive:
        assert (ours >= 0).all()
    elif l1 == 5e-4:
        assert (ours < 0).any()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_users=st.integers(1, 40),
    n_items=st.integers(1, 50),
    density=st.floats(0, 1),
    l1=st.sampled_from([0.0, 1e-3, 0.05]),
    l2=st.sampled_from([0.0, 1e-3, 0.1]),
    positive=st.booleans(),
)
def test_nothing_can_be_improved(seed, n_users, n_items, density, l1, l2, positive):
    """The optimality conditions: the pull on a weight is U l1 sign(w) + U l2 w, or within U l1."""
    if l1 + l2 == 0:
        l1 = 1e-3
    x = (np.random.default_rng(seed).random((n_users, n_items)) < density).astype(float)
    model = SLIM(l1=l1, l2=l2, positive=positive, tolerance=1e-11, max_sweeps=10**7)
    model.fit(data_of(x))
    w = model.weights_.toarray().astype(np.float64)
    pull = (x.T @ (x - x @ w)) / n_users  # (N, N), of item k on target j
    pull = pull - l2 * w
    off = ~np.eye(n_items, dtype=bool)
    slack = 1e-4
    assert (np.diag(w) == 0).all()
    assert np.isfinite(w).all()
    np.testing.assert_allclose(pull[w > 0], l1, atol=slack)
    np.testing.assert_allclose(pull[w < 0], -l1, atol=slack)
    zero = off & (w == 0)
    assert (pull[zero] <= l1 + slack).all()
    if positive:
        assert (w >= 0).all()
    else:
        assert (pull[zero] >= -l1 - slack).all()


@pytest.mark.parametrize("l2", [0.0, 1e-3, 0.1])
def test_the_gap_bounds_the_distance_from_the_minimum(l2):
    x = random_choices(2, 80, 20)
    l1 = 2e-3
    best = SLIM(l1=l1, l2=l2, tolerance=1e-12).fit(data_of(x)).weights_.toarray()
    for tolerance in (0.1, 1e-2, 1e-3):
        rough = SLIM(l1=l1, l2=l2, tolerance=tolerance).fit(data_of(x))
        assert (rough.gap_ <= tolerance).all()
        w = rough.weights_.toarray()
        for j in range(20):
            above = objective(x, j, w[:, j], l1, l2) - objective(x, j, best[:, j], l1, l2)
            assert above <= rough.gap_[j] * x[:, j].sum() / len(x) + 1e-9


def test_two_items_by_hand():
    """3 of 4 users chose both, one only the first: w = (3 - 4 l1) / (count + 4 l2)."""
    x = np.array([[1, 1], [1, 1], [1, 1], [1, 0]])
    w = SLIM(l1=0.05, l2=0.1).fit(data_of(x)).weights_.toarray()
    assert w[0, 1] == pytest.approx(2.8 / 4.4)
    assert w[1, 0] == pytest.approx(2.8 / 3.4)


def test_what_comes_of_the_papers_parameters():
    """beta = U l2 and lambda = U l1: twice the same people is twice the paper's parameters."""
    x = random_choices(3)
    once = SLIM(l1=0.01, l2=0.02, tolerance=1e-12).fit(data_of(x))
    twice = SLIM(l1=0.01, l2=0.02, tolerance=1e-12).fit(data_of(np.vstack([x, x])))
    np.testing.assert_allclose(once.weights_.toarray(), twice.weights_.toarray(), atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads):
    data = data_of(random_choices(4))
    a, b = SLIM(threads=threads).fit(data), SLIM(threads=3).fit(data)
    np.testing.assert_array_equal(a.weights_.toarray(), b.weights_.toarray())
    np.testing.assert_array_equal(a.sweeps_, b.sweeps_)


def test_co_counts():
    x = random_choices(5)
    counts = co_counts(data_of(x).log.matrix(), 2)
    assert counts.dtype == np.float32
    np.testing.assert_array_equal(counts, x.T @ x)


def test_large_working_sets_grow():
    """More predictors than enter at first, and than the buffers hold at first."""
    rng = np.random.default_rng(6)
    x = (rng.random((300, 200)) < 0.3).astype(float)
    model = SLIM(l1=1e-4, l2=0.05, positive=False, tolerance=1e-12).fit(data_of(x))
    lengths = np.diff(model.weights_.tocsc().indptr)
    j = int(lengths.argmax())
    assert lengths[j] > 64 >= slim.FIRST
    theirs = elastic_net(x, j, 1e-4, 0.05, positive=False)
    np.testing.assert_allclose(model.weights_.toarray()[:, j], theirs, atol=2e-5)


def test_says_when_it_did_not_get_there():
    data = data_of(random_choices(7))
    with pytest.warns(UserWarning, match=r"items did not reach the tolerance 1e-12 in 2 sweeps"):
        model = SLIM(tolerance=1e-12, max_sweeps=2).fit(data)
    assert model.gap_.max() > 1e-12
    assert (model.sweeps_ <= 2).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (SLIM().fit(data).gap_ <= 1e-5).all()


def test_says_when_there_are_too_many_items(monkeypatch):
    data = data_of(random_choices(8))
    monkeypatch.setattr(slim, "MOST_BYTES", 4 * 15**2)
    with pytest.raises(DataError, match=r"between 16 items.*Drop rare items, or raise l1"):
        SLIM().fit(data)
    few = int((random_choices(8).sum(0) > 0.3 * 60).sum())
    assert 0 < few <= 15
    SLIM(l1=0.3).fit(data)  # items with at most 0.3 * 60 people are known to get no weight


def test_relabelled_items_get_relabelled_weights():
    x = random_choices(9)
    order = np.random.default_rng(0).permutation(x.shape[1])
    plain = SLIM(tolerance=1e-12).fit(data_of(x)).weights_.toarray()
    other = SLIM(tolerance=1e-12).fit(data_of(x[:, order])).weights_.toarray()
    np.testing.assert_allclose(other, plain[np.ix_(order, order)], atol=1e-5)


def test_checkers():
    data, asked = checkers(12)
    model = SLIM(l1=0.01, l2=0.01).fit(data)
    np.testing.assert_array_equal(model.recommend(asked, 1).items.ravel(), np.arange(12))


@pytest.mark.parametrize(
    "x",
    [np.ones((1, 1)), np.zeros((1, 1)), np.zeros((3, 4)), np.ones((4, 3)), np.eye(3)],
    ids=["one", "nothing", "no events", "everything", "never together"],
)
def test_odd_data(x):
    data = data_of(x)
    scores = SLIM().fit(data).scores(data.queries())
    assert scores.shape == x.shape
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "bad", [{"l1": -1}, {"l2": -1}, {"l1": 0, "l2": 0}, {"tolerance": 0}, {"max_sweeps": 0}]
)
def test_bad_parameters(bad):
    with pytest.raises(BadParameter, match=next(iter(bad))):
        SLIM(**bad)
