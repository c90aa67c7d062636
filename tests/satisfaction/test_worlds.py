"""All models where it is known what there is to find: nothing, or what was planted."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.evaluation import cross_validated
from headwater.registry import addresses, build
from headwater.simulate.sessions import realistic, trivial

WITHOUT = {"satisfaction.calibrated", "satisfaction.marginal"}  # made of others
SLOW = {"satisfaction.bayesian", "satisfaction.hierarchical"}  # tests of their own
MODELS = [each for each in addresses("satisfaction.") if each not in WITHOUT | SLOW]
SLOPES = {"num_searches": -0.3}


def test_nothing_is_found_where_there_is_nothing():
    models = {where: build(where) for where in MODELS}
    models |= {f"{name}, intents": build(f"satisfaction.{name}", intents=True) for name in TWICE}
    found = cross_validated(models, trivial(), folds=5)
    for name, auc in found.table().filter(metric="auc").select("model", "mean").rows():
        assert 0.47 < auc < 0.53, name
    trivially = found.y.mean() * 2 / (1 + found.y.mean())  # F1 of a yes to everybody
    for f1 in found.table().filter(metric="f1")["mean"]:
        assert abs(f1 - trivially) < 0.02


TWICE = ("logistic", "boosted")


def test_rows_repeated_by_intent_leak():
    """The released analysis has a row for each intent of a session, and folds of rows."""
    pytest.importorskip("xgboost")
    data = trivial()
    sessions = data.sessions
    row, intent = np.nonzero(sessions.intents)
    repeated = replace(sessions[row], intents=np.eye(8, dtype=bool)[intent])
    rows = replace(data, sessions=repeated)
    model = {"boosted": build("satisfaction.boosted", intents=True)}

    def auc(**how):
        return (
            cross_validated(model, rows, folds=5, inner=2, **how)
            .table()
            .filter(metric="auc")["mean"][0]
        )

    by_row = np.random.default_rng(0).permutation(len(row)) % 5
    assert auc(fold=by_row) > 0.7
    assert 0.46 < auc() < 0.54


@pytest.mark.parametrize(("spread", "often"), [(0.3, 0.7), (0.6, 1.0)])
def test_the_spread_of_intents_is_recovered(spread, often):
    model = build("satisfaction.multilevel")
    got = np.array(
        [
            model.fit(realistic(seed=s, intent_spread=spread, slopes=SLOPES).data).spread_
            for s in range(20)
        ]
    )
    assert got.mean() == pytest.approx(spread, rel=0.15)
    assert (np.abs(got / spread - 1) < 0.35).mean() >= often


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_intents_help_where_they_matter(spread):
    models = {"without": build("satisfaction.logistic"), "with": build("satisfaction.multilevel")}
    gains = []
    for seed in range(4):
        data = realistic(seed=seed, intent_spread=spread, slopes=SLOPES).data
        each = cross_validated(models, data, folds=5, inner=2).table().filter(metric="log_loss")
        gains.append(each["mean"][0] - each["mean"][1])
    if spread:
        assert min(gains) > 0
        assert np.mean(gains) > 0.001
    else:
        assert max(gains) < 0.0005
