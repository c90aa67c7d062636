"""Logistic regressions: against statsmodels' formulas, on a toy whose slopes are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from headwater.data.toy import visits
from headwater.errors import BadParameter, DataError
from headwater.glm import effective, newton
from headwater.registry import build
from headwater.visits import columns, dealt, people, reached

RNG = np.random.default_rng(0)


def answers(data):
    return data.sessions[data.sessions.answered]


def test_columns_say_never():
    sessions = visits(200).sessions
    names, x = columns(sessions, log=False)
    assert names == (*sessions.names, "no_first_play")
    first, never = x[:, 1], x[:, -1]
    gone = np.isnan(sessions.column("time_to_first_play"))
    assert 0 < gone.sum() < len(gone)
    np.testing.assert_array_equal(never, gone)
    assert np.isnan(first[gone]).all()
    assert (first[~gone] <= sessions.seconds[~gone]).all()
    logs = np.column_stack([np.log1p(x[:, :-1]), never])
    np.testing.assert_allclose(columns(sessions, log=True)[1], logs)


def test_never_is_at_the_mean_of_the_others():
    """So that only the column that says so tells of it, and what is said does not depend on how
    long the session was."""
    data = visits(400)
    model = build("satisfaction.logistic").fit(data)
    gone = np.isnan(data.sessions.column("time_to_first_play"))
    x = model.looks(data.sessions)
    assert (x[gone, 1] == 0).all()
    assert x[~gone, 1].mean() == pytest.approx(0, abs=1e-6)
    assert x[~gone, 1].std() == pytest.approx(1, abs=1e-6)
    first = data.sessions.column("time_to_first_play")
    assert model.mean_[1] == pytest.approx(np.nanmean(first), rel=1e-6)


def test_columns_refuse_what_is_unknown():
    sessions = visits(50).sessions
    holed = sessions.behaviours.copy()
    holed[3, 0] = np.nan
    with pytest.raises(DataError, match="'num_plays' is unknown for some"):
        columns(replace(sessions, behaviours=holed), log=False)
    with pytest.raises(DataError, match="'num_plays' is below 0"):
        columns(replace(sessions, behaviours=-sessions.behaviours), log=True)


@pytest.mark.parametrize(
    ("target", "levels"), [("overall", {4, 5}), ("satisfied", {5}), ("unsatisfied", {1})]
)
def test_targets(target, levels):
    said = np.arange(1, 6, dtype=np.int8)
    np.testing.assert_array_equal(reached(said, target), [level in levels for level in said])


def test_newton_is_the_maximum():
    """At the maximum the slope is zero; the covariance is the inverse of Fisher's information."""
    x = np.column_stack([np.ones(300), RNG.normal(size=(300, 3))])
    y = (RNG.random(300) < expit(x @ [0.2, 1.0, -0.5, 0.0])) * 1.0
    precision = np.array([0.0, 1.0, 2.0, 0.0])
    weights = RNG.uniform(0.5, 2, 300)
    b, _ = newton(x, y, weights, precision)
    p = expit(x @ b)
    np.testing.assert_allclose(x.T @ (weights * (y - p)) - precision * b, 0, atol=1e-5)
    weights = np.full(300, 1.5)
    b, covariance = newton(x, y, weights, precision)
    p = expit(x @ b)
    np.testing.assert_allclose(x.T @ (weights * (y - p)) - precision * b, 0, atol=1e-5)
    information = (x.T * (weights * p * (1 - p))) @ x + np.diag(precision)
    np.testing.assert_allclose(covariance @ information, np.eye(4), atol=1e-8)


def test_newton_is_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api")
    x = np.column_stack([np.ones(400), RNG.normal(size=(400, 4))])
    y = (RNG.random(400) < expit(x @ [-0.5, 1.0, -0.5, 0.2, 0.0])) * 1.0
    b, covariance = newton(x, y, np.ones(400), np.zeros(5))
    theirs = statsmodels.Logit(y, x).fit(disp=0)
    np.testing.assert_allclose(b, theirs.params, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), theirs.bse, rtol=1e-5)


def test_newton_is_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    x = RNG.normal(size=(400, 4))
    y = (RNG.random(400) < expit(x @ [1.0, -0.5, 0.2, 0.0] - 0.5)) * 1.0
    weights = RNG.uniform(0.5, 2, 400)
    b, _ = newton(np.column_stack([np.ones(400), x]), y, weights, np.array([0, 3.0, 3, 3, 3]))
    theirs = linear.LogisticRegression(C=1 / 3, tol=1e-10, max_iter=1000)
    theirs.fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(b, np.append(theirs.intercept_, theirs.coef_), atol=1e-5)


def test_newton_survives_columns_that_repeat_and_classes_that_part():
    x = np.column_stack([np.ones(40), np.arange(40.0), np.arange(40.0)])
    y = (RNG.random(40) < 0.5) * 1.0
    b, _ = newton(x, y, np.ones(40), np.zeros(3))
    assert b[1] == pytest.approx(b[2])
    b, covariance = newton(x, (np.arange(40) > 20) * 1.0, np.ones(40), np.zeros(3))
    assert np.isfinite(b).all()
    assert np.isfinite(covariance).all()
    assert ((x @ b > 0) == (np.arange(40) > 20)).all()


def test_slopes_are_per_unit_and_near_the_truth():
    found = {
        c.name: c
        for c in build("satisfaction.logistic", intents=True).fit(visits(6000)).coefficients()
    }
    for name, truth in (("num_plays", 0.8), ("num_searches", -0.6), ("a", 0.5), ("b", -0.5)):
        assert found[name].low < truth < found[name].high
        assert found[name].high - found[name].low < 0.4
    assert found["session_length"].low < 0 < found["session_length"].high


def test_without_intents_are_not_looked_at():
    data = visits(300)
    model = build("satisfaction.logistic").fit(data)
    said = model.chances(data.sessions)
    other = replace(data.sessions, intents=~data.sessions.intents)
    np.testing.assert_array_equal(said, model.chances(other))
    with_them = build("satisfaction.logistic", intents=True).fit(data)
    assert np.abs(with_them.chances(data.sessions) - with_them.chances(other)).max() > 0.05


def test_weights_are_repeats():
    data = visits(300)
    twice = np.concatenate([np.arange(300), np.arange(150)])
    weights = np.where(np.arange(300) < 150, 2, 1).astype(np.float32)
    a = build("satisfaction.logistic").fit(replace(data, sessions=data.sessions[twice]))
    b = build("satisfaction.logistic").fit(
        replace(data, sessions=replace(data.sessions, weights=weights))
    )
    np.testing.assert_allclose(a.chances(data.sessions), b.chances(data.sessions), atol=1e-6)
    one, other = ({c.name: c for c in each.coefficients()} for each in (a, b))
    for name in data.sessions.names:
        assert one[name].estimate == pytest.approx(other[name].estimate, abs=1e-5)


def test_intervals_of_weighted_answers_are_sandwiches():
    """As statsmodels' robust ones; and where weights are alike as without them."""
    x = np.column_stack([np.ones(500), RNG.normal(size=(500, 2))])
    y = (RNG.random(500) < expit(x @ [0.2, 1.0, -0.5])) * 1.0
    weights = RNG.uniform(0.2, 3, 500)
    b, covariance = newton(x, y, weights, np.zeros(3))
    p = expit(x @ b)
    bread = np.linalg.inv((x.T * (weights * p * (1 - p))) @ x)
    meat = sum(np.outer(row, row) for row in x * (weights * (y - p))[:, None])
    np.testing.assert_allclose(covariance, bread @ meat @ bread, rtol=1e-6)
    _, plain = newton(x, y, np.ones(500), np.zeros(3))
    _, alike = newton(x, y, np.full(500, 2.0), np.zeros(3))
    np.testing.assert_allclose(alike, plain / 2, rtol=1e-6)


def test_weighted_intervals_cover():
    """Where who answers depends on what they did, and an answer counts one over the chance."""
    hit = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = np.column_stack([np.ones(1500), rng.normal(size=1500)])
        y = (rng.random(1500) < expit(x @ [0.3, 0.5])) * 1.0
        chance = expit(-1 + 1.2 * x[:, 1] - 0.8 * y)
        told = rng.random(1500) < chance
        b, covariance = newton(x[told], y[told], 1 / chance[told], np.zeros(2))
        hit += abs(b[1] - 0.5) < 1.96 * covariance[1, 1] ** 0.5
    assert hit >= 53


def test_effective_number_of_answers():
    assert effective(np.full(7, 3.0)).sum() == pytest.approx(7)
    weights = np.array([1.0, 1, 1, 9])
    assert effective(weights).sum() == pytest.approx(12**2 / 84)
    np.testing.assert_allclose(effective(weights)[3] / effective(weights)[0], 9)
    assert effective(np.zeros(3)).sum() == 0


def test_what_is_foretold_without_doubt_is_told(caplog):
    data = visits(40)
    good = replace(data.sessions, satisfaction=np.where(np.arange(40) < 20, 5, 1).astype(np.int8))
    told = good.behaviours.copy()
    told[:, 0] = np.where(np.arange(40) < 20, 3, 0)
    build("satisfaction.logistic").fit(replace(data, sessions=replace(good, behaviours=told)))
    assert "40 of 40 answers are foretold without doubt" in caplog.text


def test_per_intent_is_a_regression_of_its_rows():
    data = visits(900)
    model = build("satisfaction.per_intent").fit(data)
    x = np.column_stack([np.ones(900), model.looks(data.sessions)])
    y = reached(data.sessions.satisfaction, "overall")
    both = np.zeros((900, 2))
    for j in range(2):
        mine = data.sessions.intents[:, j]
        b, _ = newton(x[mine], y[mine] * 1.0, np.ones(mine.sum()), np.zeros(x.shape[1]))
        np.testing.assert_allclose(model.slopes_[j], b, atol=1e-6)
        both[:, j] = expit(x @ b)
    said, came = model.chances(data.sessions), data.sessions.intents
    np.testing.assert_allclose(said[came.all(1)], both[came.all(1)].mean(1))
    np.testing.assert_allclose(said[came[:, 0] & ~came[:, 1]], both[came[:, 0] & ~came[:, 1], 0])
    everybody = expit(x @ model.slopes_[2])
    np.testing.assert_allclose(said[~came.any(1)], everybody[~came.any(1)])
    assert set(model.coefficients()) == {"a", "b"}


def test_per_intent_alone_and_too_few():
    data = visits(900)
    alone = build("satisfaction.per_intent", alone=True).fit(data)
    only = data.sessions.intents.sum(1) == 1
    some = replace(data, sessions=data.sessions[only])
    b = build("satisfaction.per_intent").fit(some)
    x = np.column_stack([np.ones(900), alone.looks(data.sessions)])
    z = np.column_stack([np.ones(900), b.looks(data.sessions)])
    np.testing.assert_allclose(x @ alone.slopes_[0], z @ b.slopes_[0], atol=1e-5)
    rare = data.sessions.intents.copy()
    rare[4:, 1] = False
    few = build("satisfaction.per_intent").fit(
        replace(data, sessions=replace(data.sessions, intents=rare))
    )
    np.testing.assert_array_equal(few.pooled_, [False, True, False])
    np.testing.assert_array_equal(few.slopes_[1], few.slopes_[2])
    assert set(few.coefficients()) == {"a"}


def test_people_and_folds():
    sessions = visits(300).sessions
    y = reached(sessions.satisfaction, "overall")
    fold = dealt(sessions, y, 5, seed=1)
    who = people(sessions)
    for person in np.unique(who):
        assert len(set(fold[who == person])) == 1
    shares = [y[fold == i].mean() for i in range(5)]
    assert max(shares) - min(shares) < 0.1
    assert np.bincount(fold).max() - np.bincount(fold).min() <= 4
    nobody = replace(sessions, user=np.full(300, -1, np.int32))
    assert len(np.unique(people(nobody))) == 300
    twice = nobody[np.repeat(np.arange(300), 2)]
    assert len(np.unique(people(twice))) == 300
    with pytest.raises(DataError, match="2 people cannot be dealt to 5 folds"):
        dealt(sessions[:4], y[:4], 5, 0)


def test_errors():
    data = visits(100)
    with pytest.raises(DataError, match="no sessions"):
        build("satisfaction.logistic").fit(replace(data, sessions=None))
    none = replace(data.sessions, satisfaction=np.zeros(100, np.int8))
    with pytest.raises(DataError, match="of 0 answers 0 are 'overall'"):
        build("satisfaction.logistic").fit(replace(data, sessions=none))
    model = build("satisfaction.logistic").fit(data)
    renamed = replace(data.sessions, names=("a", "time_to_first_play", "c", "d"))
    with pytest.raises(DataError, match="learned from num_plays"):
        model.chances(renamed)
    model = build("satisfaction.logistic", intents=True).fit(data)
    with pytest.raises(DataError, match="learned from the intents a, b; these sessions have x, y"):
        model.chances(replace(data.sessions, intent_names=("x", "y")))
    with pytest.raises(BadParameter, match="l2 must be at least 0"):
        build("satisfaction.logistic", l2=-1.0)
    with pytest.raises(BadParameter, match="target must be"):
        build("satisfaction.logistic", target="happy")
