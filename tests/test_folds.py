"""Models of satisfaction judged by folds of people: every metric by its definition, no leak."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from headwater.data.toy import visits
from headwater.errors import BadParameter, DataError
from headwater.evaluation import cross_validated
from headwater.evaluation._folds import CUTS, Folds, _best_cut
from headwater.registry import build
from headwater.satisfaction.logistic import Logistic
from headwater.visits import Satisfaction, people, reached


@dataclass(kw_only=True, eq=False)
class Remembers(Satisfaction):
    """Knows the people it has learned from by heart, and of others nothing."""

    target = "overall"

    def learn(self, answers, y):
        self.known = dict(zip(people(answers).tolist(), y.tolist(), strict=True))

    def chances(self, sessions):
        return np.array([self.known.get(who, 0.5) * 1.0 for who in people(sessions).tolist()])


def models():
    return {"plain": Logistic(), "intents": Logistic(intents=True)}


def test_nobody_is_on_both_sides():
    data = visits(400)
    found = cross_validated({"memory": Remembers()}, data, folds=5)
    assert set(found.chances["memory"]) == {0.5}
    by_row = np.arange(400) % 5  # a person's two sessions come to lie in two folds
    leaky = cross_validated({"memory": Remembers()}, data, folds=5, fold=by_row)
    assert set(leaky.chances["memory"]) == {0.0, 1.0}


def test_chances_are_of_models_that_did_not_see_the_fold():
    data = visits(300)
    found = cross_validated(models(), data, folds=4, inner=3, seed=2)
    for i in range(4):
        part = replace(data, sessions=data.sessions[found.fold != i])
        fitted = Logistic(intents=True).fit(part)
        mine = found.fold == i
        np.testing.assert_allclose(
            found.chances["intents"][mine], fitted.chances(data.sessions[mine])
        )
    again = cross_validated(models(), data, folds=4, inner=3, seed=2)
    np.testing.assert_array_equal(again.chances["plain"], found.chances["plain"])
    np.testing.assert_array_equal(again.cuts["plain"], found.cuts["plain"])


def test_metrics_are_those_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    y, p = rng.random(200) < 0.6, rng.random(200).round(2)
    w = rng.uniform(0.5, 2, 200)
    found = Folds(
        target="overall",
        y=y,
        fold=np.arange(200) % 2,
        person=np.arange(200),
        weights=w,
        chances={"a": p},
        cuts={"a": np.array([0.3, 0.7])},
    ).each()
    for i, cut in enumerate([0.3, 0.7]):
        mine, row = np.arange(200) % 2 == i, found.row(i, named=True)
        said, how = p[mine] > cut, {"sample_weight": w[mine]}
        assert row["accuracy"] == pytest.approx(theirs.accuracy_score(y[mine], said, **how))
        assert row["precision"] == pytest.approx(theirs.precision_score(y[mine], said, **how))
        assert row["recall"] == pytest.approx(theirs.recall_score(y[mine], said, **how))
        assert row["f1"] == pytest.approx(theirs.f1_score(y[mine], said, **how), abs=1e-6)
        assert row["auc"] == pytest.approx(theirs.roc_auc_score(y[mine], p[mine], **how))
        sure = p[mine].clip(1e-15, 1 - 1e-15)
        assert row["log_loss"] == pytest.approx(theirs.log_loss(y[mine], sure, **how))
        assert row["brier"] == pytest.approx(theirs.brier_score_loss(y[mine], p[mine], **how))
        assert row["sessions"] == 100
        off = 0.0
        for at in range(10):
            here = np.minimum((p[mine] * 10).astype(int), 9) == at
            weight = w[mine][here]
            off += abs((weight * (p[mine][here] - y[mine][here])).sum())
        assert row["calibration_error"] == pytest.approx(off / w[mine].sum(), abs=1e-6)


def test_a_fold_without_weight_or_value():
    data = visits(200)
    fold = np.arange(200) % 4
    weights = np.where(fold == 1, 0, 1).astype(np.float32)
    with pytest.raises(DataError, match="answers of fold 1 all have a weight of 0"):
        cross_validated(
            models(),
            replace(data, sessions=replace(data.sessions, weights=weights)),
            folds=4,
            fold=fold,
        )
    rng = np.random.default_rng(0)
    y = (np.arange(60) % 6 < 3) & (rng.random(60) < 0.5)  # in three folds of six nobody is
    some = Folds(
        target="overall",
        y=y,
        fold=np.arange(60) % 6,
        person=np.arange(60),
        weights=np.ones(60),
        chances={"a": rng.random(60), "b": rng.random(60)},
        cuts={"a": np.full(6, 0.5), "b": np.full(6, 0.5)},
    )
    row = some.tests().filter(metric="auc").row(0, named=True)
    wide = some.each().pivot("model", index="fold", values="auc")
    d = (wide["a"] - wide["b"]).drop_nulls().to_numpy()
    assert len(d) == 3
    stats = pytest.importorskip("scipy.stats")
    half = stats.t.ppf(0.975, 2) * np.sqrt((1 / 3 + 1 / 5) * d.var(ddof=1))
    assert row["high"] - row["low"] == pytest.approx(2 * half)


def test_threshold_is_the_first_of_the_best():
    rng = np.random.default_rng(0)
    y, p, within = rng.random(120) < 0.4, rng.random(120), np.arange(120) % 3
    worth = []
    for cut in CUTS:
        each = []
        for j in range(3):
            said, true = p[within == j] > cut, y[within == j]
            each.append(2 * (said & true).sum() / max(said.sum() + true.sum(), 1))
        worth.append(np.mean(each))
    assert _best_cut(p, y, np.ones(120), within) == pytest.approx(
        CUTS[int(np.argmax(np.round(worth, 7)))]
    )
    assert _best_cut(np.full(120, 0.8), y, np.ones(120), within) == 0.01


def test_table_and_tests():
    found = cross_validated(models(), visits(800), folds=5)
    table = found.table()
    each = found.each()
    row = table.filter(model="intents", metric="auc").row(0, named=True)
    values = each.filter(model="intents")["auc"].to_numpy()
    assert row["mean"] == pytest.approx(values.mean())
    assert row["sd"] == pytest.approx(values.std(ddof=1))
    tests = found.tests().filter(metric="log_loss").row(0, named=True)
    d = (
        each.filter(model="plain")["log_loss"].to_numpy()
        - each.filter(model="intents")["log_loss"].to_numpy()
    )
    assert tests["difference"] == pytest.approx(d.mean())
    error = np.sqrt((1 / 5 + 1 / 4) * d.var(ddof=1))
    stats = pytest.importorskip("scipy.stats")
    low, high = stats.t.interval(0.95, 4, d.mean(), error)
    assert (tests["low"], tests["high"]) == pytest.approx((low, high))
    assert tests["p"] == pytest.approx(2 * stats.t.sf(abs(d.mean()) / error, 4))
    assert tests["difference"] > 0  # intents matter in this world
    bins = found.calibration(bins=4)["plain"]
    assert bins["candidates"].sum() == 800
    assert ((bins["said"] - bins["chosen"]).abs() < 0.1).all()


def test_a_model_is_not_changed():
    model = build("satisfaction.logistic")
    cross_validated({"plain": model}, visits(200), folds=3)
    assert not model.fitted


def test_errors():
    data = visits(200)
    with pytest.raises(BadParameter, match="one target"):
        cross_validated({"a": Logistic(), "b": Logistic(target="satisfied")}, data)
    with pytest.raises(BadParameter, match="cross_validated: folds must be at least 2; got 1"):
        cross_validated(models(), data, folds=1)
    with pytest.raises(BadParameter, match="cross_validated: inner must be at least 2; got 0"):
        cross_validated(models(), data, inner=0)
    with pytest.raises(BadParameter, match="one of 0 to 4"):
        cross_validated(models(), data, folds=5, fold=np.zeros(200, int))
    with pytest.raises(DataError, match="no sessions"):
        cross_validated(models(), replace(data, sessions=None))
    y = reached(data.sessions.satisfaction, "overall")
    with pytest.raises(DataError, match="answers of one kind"):
        cross_validated(models(), data, folds=2, fold=np.where(y, 0, 1))
