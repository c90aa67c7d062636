import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.data.toy import checkers, histories, world
from headwater.errors import BadParameter, DataError
from headwater.retrieve.matrix._factors import start
from headwater.retrieve.matrix.wrmf import SCALE, WRMF
from headwater.types import Histories


def random_world(seed, n_users=14, n_items=9, events=70, values=(0.0, 0.5, 1.0, 3.0)):
    """Rows of any length, some empty; repeats, whose values add up; values of 0."""
    rng = np.random.default_rng(seed)
    return world(
        Histories.of(
            rng.integers(0, max(n_users - 2, 1), events),
            rng.integers(0, max(n_items - 1, 1), events),
            n_rows=n_users,
            n_items=n_items,
            values=rng.choice(values, events).astype(np.float32),
        )
    )


def dense(log):
    """The sums of the values, (U, N), by one addition after the other."""
    r = np.zeros((len(log), log.n_items))
    for row in range(len(log)):
        for at in range(log.start[row], log.start[row + 1]):
            r[row, log.items[at]] += log.values[at]
    return r


def confidence(r, model):
    if model.confidence == "log":
        return 1 + model.alpha * np.log(1 + r / model.eps)
    return 1 + model.alpha * r


def half_sweep(c, p, other, regularization):
    """Each row from its normal equations, as in the paper."""
    out = []
    for c_u, p_u in zip(c, p, strict=True):
        a = other.T @ np.diag(c_u) @ other + regularization * np.eye(other.shape[1])
        out.append(np.linalg.solve(a, other.T @ np.diag(c_u) @ p_u))
    return np.array(out)


def loss(c, p, users, items, regularization):
    """Over all pairs, one by one."""
    total = regularization * ((users**2).sum() + (items**2).sum())
    for u in range(len(users)):
        for i in range(len(items)):
            total += c[u, i] * (p[u, i] - users[u] @ items[i]) ** 2
    return total


def slow(model, log, sweeps):
    """Losses and item factors after ``sweeps`` sweeps from where the model starts."""
    r = dense(log)
    c, p = confidence(r, model), (r > 0).astype(float)
    rng = np.random.default_rng(model.seed)
    start(rng, len(log), model.embedding_size, SCALE)
    items = start(rng, log.n_items, model.embedding_size, SCALE).astype(float)
    losses = []
    for _ in range(sweeps):
        users = half_sweep(c, p, items, model.regularization)
        items = half_sweep(c.T, p.T, users, model.regularization)
        losses.append(loss(c, p, users, items, model.regularization))
    return losses, items


MODELS = [
    WRMF(embedding_size=3, regularization=0.5, alpha=2, solver="cholesky"),
    WRMF(embedding_size=1, regularization=2, alpha=0.3, solver="cholesky", seed=4),
    WRMF(
        embedding_size=5, regularization=0.1, alpha=4, confidence="log", eps=0.2, solver="cholesky"
    ),
    WRMF(embedding_size=4, regularization=0.5, alpha=2, solver="cg", cg_steps=30),
    WRMF(embedding_size=6, regularization=1, confidence="log", solver="cg", cg_steps=30, threads=2),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_sweeps_solve_the_normal_equations(model):
    data = random_world(0)
    losses, items = slow(model, data.log, 3)
    got = []
    for sweep, value in enumerate(model.epochs(data), 1):
        got.append(value)
        if sweep == 3:
            break
    np.testing.assert_allclose(got, losses, rtol=1e-4)
    np.testing.assert_allclose(model.item_factors_, items, atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    events=st.integers(0, 80),
    size=st.integers(1, 9),
    log=st.booleans(),
)
def test_cholesky_never_goes_up_and_gives_the_loss(seed, shape, events, size, log):
    model = WRMF(
        embedding_size=size,
        regularization=0.3,
        alpha=1.5,
        confidence="log" if log else "linear",
        solver="cholesky",
        n_epochs=6,
    )
    data = random_world(seed, *shape, events)
    losses = list(model.epochs(data))
    assert np.isfinite(losses).all()
    assert (np.diff(losses) <= 1e-5 * (1 + np.abs(losses[:-1]))).all()
    assert np.isfinite(model.scores(data.queries())).all()
    r = dense(data.log)
    p, c = (r > 0).astype(float), confidence(r, model)
    items = model.item_factors_.astype(float)
    users = half_sweep(c, p, items, 0.3)  # the users can only get better than at the last yield
    assert loss(c, p, users, items, 0.3) <= losses[-1] + 1e-4 * (1 + abs(losses[-1]))


@pytest.mark.parametrize("steps", [1, 3])
def test_the_loss_of_gradient_steps_is_the_sum_too(steps):
    """Whose users are not kept: they are worked out again, by the steps written out."""
    data = random_world(1)
    model = WRMF(embedding_size=3, regularization=0.5, alpha=2, cg_steps=steps, n_epochs=1)
    (got,) = model.epochs(data)
    r = dense(data.log)
    c, p = confidence(r, model), (r > 0).astype(float)
    rng = np.random.default_rng(0)
    users = start(rng, len(r), 3, SCALE).astype(float)
    items = start(rng, r.shape[1], 3, SCALE).astype(float)

    def improve(c, p, other, out):
        for row in range(len(out)):
            a = other.T @ np.diag(c[row]) @ other + 0.5 * np.eye(3)
            b = other.T @ (c[row] * p[row])
            z = out[row] if p[row].any() else 0 * out[row]
            residual = b - a @ z
            direction = residual.copy()
            for _ in range(steps):
                if residual @ residual < 1e-20:
                    break
                far = (residual @ residual) / (direction @ a @ direction)
                z = z + far * direction
                new = residual - far * a @ direction
                direction = new + (new @ new) / (residual @ residual) * direction
                residual = new
            out[row] = z

    improve(c, p, items, users)
    improve(c.T, p.T, users, items)
    np.testing.assert_allclose(model.item_factors_, items, atol=1e-4)
    assert got == pytest.approx(loss(c, p, users, items, 0.5), rel=1e-4)


def test_a_new_user_is_solved_for_exactly():
    data = random_world(2)
    model = WRMF(embedding_size=4, regularization=0.7, alpha=3).fit(data)
    r = dense(data.log)
    items = model.item_factors_.astype(float)
    users = half_sweep(confidence(r, model), (r > 0).astype(float), items, 0.7)
    np.testing.assert_allclose(model.scores(data.queries()), users @ items.T, atol=1e-4)
    np.testing.assert_array_equal(
        model.scores(data.queries()), model.scores(data.newcomers(data.log))
    )


def test_one_user_and_one_item_by_hand():
    """D = 1, one cell of value 1, alpha 1: x = 2 y / (2 y^2 + l) and so on, to x y = 1 - l / 2."""
    data = world(histories([(0, 0)], 1, 1))
    model = WRMF(embedding_size=1, regularization=0.2, alpha=1, solver="cholesky", n_epochs=500)
    score = model.fit(data).scores(data.queries())
    assert score.item() == pytest.approx(0.9, abs=1e-4)


def test_a_value_of_nothing_is_no_choice():
    some = Histories.of(np.array([0, 0, 1]), np.array([0, 1, 1]), n_rows=2, n_items=3)
    more = Histories.of(
        np.array([0, 0, 1, 1]),
        np.array([0, 1, 1, 2]),
        n_rows=2,
        n_items=3,
        values=np.array([1, 1, 1, 0], np.float32),
    )
    plain, other = WRMF(regularization=1).fit(world(some)), WRMF(regularization=1).fit(world(more))
    np.testing.assert_array_equal(plain.item_factors_, other.item_factors_)


@pytest.mark.parametrize("value", [-1, np.nan])
def test_values_that_cannot_be_weights(value):
    values = np.array([1, value], np.float32)
    rows = np.array([0, 0])
    log = Histories.of(rows, np.array([0, 1]), n_rows=1, n_items=2, values=values)
    with pytest.raises(DataError, match="negative or NaN"):
        WRMF().fit(world(log))


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
def test_checkers(solver):
    data, asked = checkers(12)
    model = WRMF(embedding_size=4, regularization=0.1, solver=solver).fit(data)
    np.testing.assert_array_equal(model.recommend(asked, 1).items.ravel(), np.arange(12))


def test_threads_and_batches_change_nothing():
    data = random_world(3, 40, 20, 400)
    one, two = WRMF(threads=1).fit(data), WRMF(threads=2).fit(data)
    np.testing.assert_array_equal(one.item_factors_, two.item_factors_)
    asked = data.queries()
    rows = np.concatenate([one.scores(asked[b : b + 1]) for b in range(len(asked))])
    np.testing.assert_allclose(one.scores(asked), rows, rtol=1e-5, atol=1e-6)


def test_nobody_and_unknown_items():
    data = random_world(4)
    model = WRMF(embedding_size=2).fit(data)
    nobody = data.newcomers(Histories.empty(2, 9))
    assert (model.scores(nobody) == 0).all()
    assert (model.recommend(nobody, 9).items == np.arange(9)).all()
    with pytest.raises(DataError, match="fitted on 9 items and is asked about 10"):
        model.scores(data.newcomers(Histories.empty(1, 10)))


def test_similarity_is_the_cosine_of_the_factors():
    data = random_world(5)
    model = WRMF(embedding_size=3, regularization=0.1).fit(data)
    f = model.item_factors_.astype(float)
    got = model.similarity(np.array([2, 8]), 9)  # nobody chose item 8
    for n, i in enumerate((2, 8)):
        for j in range(9):
            size = np.linalg.norm(f[i]) * np.linalg.norm(f[j])
            assert got[n, j] == pytest.approx(f[i] @ f[j] / size if size else 0, abs=1e-5)


@pytest.mark.parametrize(
    "bad",
    [
        {"embedding_size": 0},
        {"regularization": 0},
        {"alpha": 0},
        {"eps": 0},
        {"n_epochs": 0},
        {"cg_steps": 0},
        {"confidence": "square"},
        {"solver": "lu"},
    ],
)
def test_bad_parameters(bad):
    with pytest.raises(BadParameter, match=next(iter(bad))):
        WRMF(**bad)
