"""Trees by their own account, the search by what was planted, and calibration."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

pytest.importorskip("xgboost")

from headwater.data.toy import visits
from headwater.errors import BadParameter
from headwater.glm import newton
from headwater.registry import build
from headwater.visits import dealt, reached


def walked(tree, x):
    """The leaf that a row falls into, by XGBoost's JSON."""
    node = 0
    while tree["left_children"][node] != -1:
        right = x[tree["split_indices"][node]] >= tree["split_conditions"][node]
        node = tree["right_children" if right else "left_children"][node]
    return tree["split_conditions"][node]


def test_chances_are_those_of_the_trees():
    data = visits(300)
    model = build("satisfaction.boosted", n_trees=7, max_depth=3, intents=True).fit(data)
    saved = json.loads(model.trees_.tobytes())["learner"]
    base = float(saved["learner_model_param"]["base_score"].strip("[]"))
    trees = saved["gradient_booster"]["model"]["trees"]
    x = np.column_stack([model.looks(data.sessions), data.sessions.intents]).astype(np.float32)
    margin = [logit(base) + sum(walked(tree, row) for tree in trees) for row in x]
    assert len(trees) == 7
    np.testing.assert_allclose(model.chances(data.sessions), expit(margin), atol=1e-5)


def test_the_search_settles():
    """Where nothing can be told, the search keeps few trees; where much can, more."""
    data = visits(800, slopes=(1.5, -1.5))
    y = reached(data.sessions.satisfaction, "overall")
    model = build("satisfaction.boosted", trials=4, learning_rate=0.1)
    found = model.settled(data.sessions, y)
    assert found.trials == 0
    assert 3 <= found.max_depth <= 10
    assert 1 <= found.min_child_weight <= 10
    assert 0.5 <= found.subsample <= 1
    noise = np.random.default_rng(0).permutation(y)
    assert model.settled(data.sessions, noise).n_trees < found.n_trees
    model.fit(data)
    chosen = json.loads(model.chosen_)
    assert chosen["n_trees"] == found.n_trees
    assert chosen["max_depth"] == found.max_depth
    np.testing.assert_allclose(model.chances(data.sessions), found.fit(data).chances(data.sessions))


def test_weights_are_repeats():
    data = visits(200)
    twice = np.concatenate([np.arange(200), np.arange(100)])
    weights = np.where(np.arange(200) < 100, 2, 1).astype(np.float32)
    a = build("satisfaction.boosted").fit(replace(data, sessions=data.sessions[twice]))
    b = build("satisfaction.boosted").fit(
        replace(data, sessions=replace(data.sessions, weights=weights))
    )
    said = a.chances(data.sessions) - b.chances(data.sessions)
    assert np.abs(said).mean() < 0.03  # the bins of the columns differ a little


def test_calibration_makes_overconfident_trees_honest():
    data, fresh = visits(1500, seed=1), visits(4000, seed=2).sessions
    y = reached(fresh.satisfaction, "overall")
    trees = build("satisfaction.boosted", n_trees=150, learning_rate=0.5).fit(data)
    model = build("satisfaction.calibrated", base=trees.fresh()).fit(data)
    raw, honest = trees.chances(fresh), model.chances(fresh)
    np.testing.assert_array_equal(np.argsort(raw, kind="stable"), np.argsort(honest, kind="stable"))

    def loss(p):
        p = p.clip(1e-9, 1 - 1e-9)
        return -np.where(y, np.log(p), np.log(1 - p)).mean()

    assert loss(honest) < loss(raw) - 0.1
    assert 0 < model.line_[1] < 0.6


def test_calibration_is_a_regression_of_what_was_said():
    data = visits(600)
    model = build("satisfaction.calibrated", base="satisfaction.boosted", folds=3).fit(data)
    sessions, y = data.sessions, reached(data.sessions.satisfaction, "overall")
    fold, said = dealt(sessions, y, 3, 0), np.empty(600)
    for i in range(3):
        part = build("satisfaction.boosted").fit(replace(data, sessions=sessions[fold != i]))
        said[fold == i] = part.chances(sessions[fold == i])
    x = np.column_stack([np.ones(600), logit(said)])
    line, _ = newton(x, y * 1.0, np.ones(600), np.zeros(2))
    np.testing.assert_allclose(model.line_, line, atol=1e-6)
    linear = pytest.importorskip("sklearn.linear_model").LogisticRegression(C=1e9, tol=1e-10)
    linear.fit(x[:, 1:], y)
    np.testing.assert_allclose(model.line_[1], linear.coef_[0, 0], rtol=1e-3)
    assert model.target == "overall"


def test_calibration_never_turns_the_order_round(caplog):
    """Where nothing can be told a line through noise may fall."""
    fell = 0
    for seed in range(8):
        data = visits(300, seed=seed, slopes=(0.0, 0.0))
        data = replace(data, sessions=replace(data.sessions, intents=np.zeros((300, 2), bool)))
        noise = np.random.default_rng(seed).integers(1, 6, 300).astype(np.int8)
        data = replace(data, sessions=replace(data.sessions, satisfaction=noise))
        model = build("satisfaction.calibrated", base="satisfaction.boosted").fit(data)
        assert model.line_[1] >= 0
        if model.line_[1] == 0:
            fell += 1
            rate = reached(noise, "overall").mean()
            np.testing.assert_allclose(model.chances(data.sessions), rate, atol=1e-6)
    assert fell > 0
    assert "everybody has the same chance" in caplog.text


def test_errors():
    with pytest.raises(BadParameter, match="subsample must be"):
        build("satisfaction.boosted", subsample=1.5)
    with pytest.raises(BadParameter, match="folds must be at least 2"):
        build("satisfaction.calibrated", base="satisfaction.boosted", folds=1)
    with pytest.raises(BadParameter, match="must be a Satisfaction"):
        build("satisfaction.calibrated", base="ease")
