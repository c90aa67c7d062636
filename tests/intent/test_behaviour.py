"""Why they came, from what they did."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from headwater.data.toy import visits
from headwater.errors import DataError
from headwater.registry import build
from headwater.visits import columns


def told():
    """Sessions whose plays and searches say why they were made."""
    data = visits(800)
    rng = np.random.default_rng(3)
    s = data.sessions
    plays, searches = s.column("num_plays"), s.column("num_searches")
    logit = np.stack([1.5 * plays - 1.5, 1.2 * searches - 1.0], 1)
    return replace(
        data, sessions=replace(s, intents=rng.random((800, 2)) < 1 / (1 + np.exp(-logit)))
    )


def test_the_net_is_the_formula():
    data = told()
    model = build("intent.behaviour", hidden_sizes=[6], dropout=0.3, how={"n_epochs": 3}).fit(data)
    _, x = columns(data.sessions, log=True)
    known = data.sessions.intents.any(1)
    mean, spread = np.nanmean(x[known], 0), np.nanstd(x[known], 0)
    h = np.nan_to_num((x - mean) / np.where(spread > 0, spread, 1))
    w = [p.detach().numpy() for p in model.net_.parameters()]
    h = np.maximum(h @ w[0].T + w[1], 0)
    want = 1 / (1 + np.exp(-(h @ w[2].T + w[3])))
    np.testing.assert_allclose(model.chances(data.sessions), want, rtol=1e-4, atol=1e-5)


def test_without_layers_it_is_logistic_regression():
    linear = pytest.importorskip("sklearn.linear_model")
    data = told()
    how = {"n_epochs": 600, "batch_size": 800, "learning_rate": 0.05}
    model = build("intent.behaviour", how=how).fit(data)
    known = data.sessions.intents.any(1)
    _, x = columns(data.sessions, log=True)
    x = np.where(np.isnan(x), np.nanmean(x[known], 0), x)
    for j in range(2):
        theirs = linear.LogisticRegression(C=1e6, max_iter=2000)
        theirs.fit(x[known], data.sessions.intents[known, j])
        said = theirs.predict_proba(x)[:, 1]
        np.testing.assert_allclose(model.chances(data.sessions)[:, j], said, atol=0.01)


@pytest.mark.parametrize("loss", ["bce", "sigmoid_f1", "focal"])
def test_it_tells_better_than_chance(loss):
    data = told()
    model = build("intent.behaviour", loss=f"losses.{loss}").fit(data)
    assert model.intents == ("a", "b")
    said, true = model.chances(data.sessions), data.sessions.intents
    for j in range(2):
        assert said[true[:, j], j].mean() > said[~true[:, j], j].mean() + 0.05
    other = replace(data.sessions, intents=~true)
    np.testing.assert_array_equal(model.chances(other), said)


def test_threshold_is_tuned_on_others():
    data = told()
    model = build("intent.behaviour", threshold="threshold.per_class").fit(data)
    model.tune(data.sessions)
    said = model.says(data.sessions)
    assert said.shape == (800, 2)
    assert said.dtype == bool
    assert said.any()


def test_errors():
    data = visits(60)
    none = replace(data.sessions, intents=np.zeros((60, 2), bool))
    with pytest.raises(DataError, match="no session says why"):
        build("intent.behaviour").fit(replace(data, sessions=none))
    model = build("intent.behaviour", how={"n_epochs": 1}).fit(data)
    with pytest.raises(DataError, match="learned from num_plays"):
        model.chances(replace(data.sessions, names=("a", "time_to_first_play", "c", "d")))
