"""Rankers that are told why people come, and clicks that are worth less than one."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("xgboost")

from headwater.artifact import load, save
from headwater.data.toy import visits
from headwater.data.worth import came_for, worth
from headwater.errors import DataError
from headwater.registry import build
from headwater.simulate.platform import Platform

SMALL = {"embedding_size": 4, "how": {"n_epochs": 4}}
RANKERS = {
    "rank.logistic": SMALL,
    "rank.dcn": {**SMALL, "hidden_sizes": [8]},
    "rank.ipw": {**SMALL, "hidden_sizes": [8]},
    "rank.lambdamart": {"n_trees": 20, "size": 4},
}
EACH = pytest.mark.parametrize("where", RANKERS)


@pytest.fixture(scope="module")
def world():
    return Platform(n_users=60, n_items=30, n_sessions=800, asked=1.0, answers=1.0)


@pytest.fixture(scope="module")
def data(world):
    """Everybody says why they come."""
    found = world.log()
    queries = came_for(found.impressions.queries, found.sessions)
    assert not np.isnan(queries.intents).any()
    return replace(found, impressions=replace(found.impressions, queries=queries))


def made(where):
    return build(where, **RANKERS[where])


@EACH
def test_what_they_come_for_matters(where, world, data):
    model = made(where).fit(data)
    shown = data.impressions[np.arange(50)]
    ask = [
        replace(shown.queries, intents=np.tile(np.float32(why), (50, 1)))
        for why in ((1, 0), (0, 1))
    ]
    familiar, discover = (model.logits(each, shown.slate) for each in ask)
    assert np.abs(familiar - discover).max() > 1e-3
    own = world.own[shown.queries.user][:, None] == world.kind[shown.slate.items]
    gain = familiar - discover
    if where == "rank.logistic":  # the others learn too little here to tell
        assert gain[own].mean() > gain[~own].mean()


@EACH
def test_unknown_is_usual(where, data):
    model = made(where).fit(data)
    shown = data.impressions[np.arange(20)]
    nothing = replace(shown.queries, intents=None)
    unknown = replace(shown.queries, intents=np.full((20, 2), np.nan, np.float32))
    found = model.logits(nothing, shown.slate)
    np.testing.assert_array_equal(found, model.logits(unknown, shown.slate))
    if where != "rank.lambdamart":  # its trees have a way for what is missing
        mean = data.impressions.queries.intents.mean(0)
        usual = replace(shown.queries, intents=np.tile(mean, (20, 1)))
        np.testing.assert_allclose(found, model.logits(usual, shown.slate), atol=1e-5)


@EACH
def test_other_numbers_of_intents_are_refused(where, data):
    model = made(where).fit(data)
    shown = data.impressions[np.arange(5)]
    three = replace(shown.queries, intents=np.zeros((5, 3), np.float32))
    with pytest.raises(DataError, match="learned from 2 intents; these requests have 3"):
        model.logits(three, shown.slate)


@EACH
def test_saved_with_their_intents(where, data, tmp_path):
    model = made(where).fit(data)
    again = load(save(model, tmp_path / "m", data))
    shown = again.data.impressions
    np.testing.assert_array_equal(shown.queries.intents, data.impressions.queries.intents)
    np.testing.assert_array_equal(
        again.model.logits(shown.queries, shown.slate),
        model.logits(data.impressions.queries, data.impressions.slate),
    )


@EACH
def test_clicks_may_be_worth_less(where, data):
    rng = np.random.default_rng(0)
    chances = rng.random(len(data.sessions))
    model = made(where)
    half = model.fit(
        replace(data, impressions=worth(data.impressions, data.sessions, chances))
    ).logits(data.impressions.queries, data.impressions.slate)
    plain = made(where).fit(data).logits(data.impressions.queries, data.impressions.slate)
    assert np.abs(half - plain).max() > 1e-3


def test_sessions_without_intents_say_so(data):
    bare = replace(data.sessions, intents=np.zeros((len(data.sessions), 0), bool), intent_names=())
    with pytest.raises(DataError, match="know no intents"):
        came_for(data.impressions.queries, bare)
    none = np.zeros((len(data.impressions), 0), np.float32)
    shown = replace(data.impressions, queries=replace(data.impressions.queries, intents=none))
    made("rank.logistic").fit(replace(data, impressions=shown))


def test_weights_count_for_why_they_came():
    world = visits(400)
    weights = np.where(world.sessions.intents[:, 0], 5, 0.01).astype(np.float32)
    how = {"n_epochs": 300, "learning_rate": 0.01}
    plain = build("intent.behaviour", how=how).fit(world).chances(world.sessions)
    weighed = replace(world, sessions=replace(world.sessions, weights=weights))
    assert build("intent.behaviour", how=how).fit(weighed).chances(world.sessions)[:, 0].mean() > (
        plain[:, 0].mean() + 0.1
    )
