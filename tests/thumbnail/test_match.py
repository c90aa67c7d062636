from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headwater.data.toy import blocks, histories, world
from headwater.errors import BadParameter, DataError
from headwater.evaluation import decisions, off_policy
from headwater.registry import build
from headwater.types import PAD, Histories, Impressions, Slate, Stills

KINDS = ("b", "a")  # not in the order of the catalogue


@pytest.fixture
def data():
    """Four films: of both kinds with three pictures, of one kind with two, with one, with none."""
    log = histories([(0, 1), (0, 1), (0, 2), (1, 2)], n_rows=3, n_items=4)
    made = world(log)
    table = made.catalog.table.with_columns(
        genres=pl.Series([["a", "b"], ["a"], ["b"], None], dtype=pl.List(pl.String))
    )
    stills = Stills(
        start=np.array([0, 3, 5, 6, 6]),
        scores=np.array(
            [[0.1, 0.2], [0.9, 0.3], [0.2, 0.8], [0.8, 0.1], [0.1, 0.7], [0.5, 0.5]], np.float32
        ),
        kinds=KINDS,
        names=pl.Series([f"{i}.jpg" for i in range(6)]),
        spoils=np.zeros(6, bool),
    )
    return replace(made, catalog=replace(made.catalog, table=table, stills=stills))


def slate(b, items=(0, 1, 2, 3, PAD)):
    wide = np.tile(np.array(items, np.int32), (b, 1))
    return Slate(wide, np.where(wide == PAD, -np.inf, 0).astype(np.float32))


def test_the_picture_that_shows_most_of_a_taste(data):
    """User 0 chose a film of each kind (one of them twice, which counts once), 1 one of b."""
    picker = build("thumbnail.match", epsilon=0.0).fit(data)
    got = picker(data.queries(), slate(3))
    np.testing.assert_array_equal(
        got.creative, [[1, 0, 0, PAD, PAD], [1, 0, 0, PAD, PAD], [0, 0, 0, PAD, PAD]]
    )
    only_a = data.newcomers(Histories.of(np.array([0]), np.array([1]), n_rows=1, n_items=4))
    np.testing.assert_array_equal(picker(only_a, slate(1)).creative, [[2, 1, 0, PAD, PAD]])
    np.testing.assert_array_equal(got.creative_propensity, (got.creative != PAD).astype(float))
    np.testing.assert_array_equal(got.items, slate(3).items)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_the_odds_against_loops(data, epsilon):
    picker = build("thumbnail.match", epsilon=epsilon, least=0.25).fit(data)
    odds = picker.chances(data.queries(), slate(3))
    taste = np.array([[0.5, 0.5], [1, 0], [0, 0]])
    free = {0: [1, 2], 1: [1], 2: [0]}  # what shows a quarter of a kind of its film
    for b in range(3):
        for k, item in enumerate((0, 1, 2, 3)):
            want = np.zeros(3)
            if item in free:
                start = data.catalog.stills.start[item]
                match = [taste[b] @ data.catalog.stills.scores[start + s] for s in free[item]]
                want[free[item]] += epsilon / len(free[item])
                want[free[item][int(np.argmax(match))]] += 1 - epsilon
            np.testing.assert_allclose(odds[b, k], want, atol=1e-7)
    assert not odds[:, 4].any()


def test_pictures_come_as_often_as_it_says():
    """Of 20,000 requests, each picture within four standard errors of its chance; what is said of
    the one that came is its chance; and the same request gets the same pictures."""
    data = blocks()
    picker = build("thumbnail.match", epsilon=0.4).fit(data)
    queries = data.queries(np.zeros(20_000, int))
    queries = replace(queries, now=np.arange(20_000))
    item = int(np.flatnonzero(np.diff(data.catalog.stills.start) == 3)[0])
    asked = slate(20_000, (item, PAD))
    got = picker(queries, asked)
    odds = picker.chances(queries[:1], asked[:1])[0, 0]
    assert (odds > 0).sum() >= 2
    came = np.bincount(got.creative[:, 0], minlength=3) / 20_000
    assert (np.abs(came - odds) < 4 * np.sqrt(odds * (1 - odds) / 20_000) + 1e-12).all()
    np.testing.assert_allclose(got.creative_propensity[:, 0], odds[got.creative[:, 0]], rtol=1e-6)
    np.testing.assert_array_equal(picker(queries, asked).creative, got.creative)
    other = build("thumbnail.match", epsilon=0.4, seed=1).fit(data)(queries, asked)
    assert (other.creative != got.creative).any()


def test_newcomers_at_the_same_moment_draw_apart():
    data = blocks()
    picker = build("thumbnail.match", epsilon=1.0).fit(data)
    past = Histories.of(np.arange(60), np.arange(60), n_rows=60, n_items=60)
    item = int(np.flatnonzero(np.diff(data.catalog.stills.start) == 3)[0])
    got = picker(data.newcomers(past), slate(60, (item,)))
    assert len(np.unique(got.creative)) > 1


def test_equal_newcomers_of_a_batch_draw_apart():
    """2,000 who have done nothing, asked at one moment, see the three pictures evenly; so of what
    they clicked the value of a policy that shows any picture is within its interval."""
    data = blocks()
    picker = build("thumbnail.match", epsilon=1.0).fit(data)
    item = int(np.flatnonzero(np.diff(data.catalog.stills.start) == 3)[0])
    queries = data.newcomers(Histories.empty(2000, len(data.items)))
    got = picker(queries, slate(2000, (item,)))
    came = np.bincount(got.creative[:, 0], minlength=3)
    assert (np.abs(came / 2000 - 1 / 3) < 4 * np.sqrt(2 / 9 / 2000)).all()
    np.testing.assert_array_equal(picker(queries, slate(2000, (item,))).creative, got.creative)
    np.testing.assert_array_equal(picker(queries[:9], slate(9, (item,))).creative, got.creative[:9])
    rates = np.array([0.1, 0.3, 0.8])
    clicks = np.random.default_rng(0).random((2000, 1)) < rates[got.creative]
    seen = Impressions(queries, got, clicks.astype(np.float32))
    found = off_policy(decisions(seen, "creative"), np.full((2000, 3), 1 / 3), "ips")
    assert found.low <= rates.mean() <= found.high
    assert found.high - found.low < 0.1


def test_the_same_request_of_somebody_known_draws_the_same():
    """Alone, in a batch, and twice in one, beside newcomers."""
    data = blocks()
    picker = build("thumbnail.match", epsilon=1.0).fit(data)
    items = tuple(np.flatnonzero(np.diff(data.catalog.stills.start) == 3)[:8])
    queries = data.queries([5, 5, 7, 5])
    nobody = data.newcomers(Histories.empty(2, len(data.items)))
    mixed = replace(
        queries,
        history=Histories.stack([nobody.history, queries.history]),
        user=np.concatenate([nobody.user, queries.user]),
        now=np.concatenate([nobody.now, queries.now]),
    )
    got = picker(mixed, slate(6, items)).creative
    alone = [picker(queries[i : i + 1], slate(1, items)).creative[0] for i in range(4)]
    np.testing.assert_array_equal(got[2:], alone)
    assert (got[2] != got[4]).any()
    assert (got[0] != got[1]).any()


def test_in_parts_as_at_once(monkeypatch):
    """Chances, and what is drawn, are the same however little may be compared at once."""
    data = blocks()
    picker = build("thumbnail.match", epsilon=0.5).fit(data)
    queries = data.newcomers(Histories.empty(50, len(data.items)))
    asked = slate(50, (0, 1, 2, PAD))
    whole, got = picker.chances(queries, asked), picker(queries, asked)
    sizes, odds = [], type(picker).odds
    monkeypatch.setattr("headwater.thumbnail._picker.CELLS", 4 * 3 * len(data.catalog.stills.kinds))
    monkeypatch.setattr(
        type(picker), "odds", lambda self, t, *rest: (sizes.append(len(t)), odds(self, t, *rest))[1]
    )
    np.testing.assert_array_equal(picker.chances(queries, asked), whole)
    again = picker(queries, asked)
    assert set(sizes) == {1}
    np.testing.assert_array_equal(again.creative, got.creative)
    np.testing.assert_array_equal(again.creative_propensity, got.creative_propensity)
    assert picker.chances(queries[:0], asked[:0]).shape == (0, 4, whole.shape[2])


def test_what_spoils_is_never_shown(data):
    stills = replace(data.catalog.stills, spoils=np.array([1, 0, 0, 1, 1, 0], bool))
    data = replace(data, catalog=replace(data.catalog, stills=stills))
    for epsilon in (0.0, 1.0):
        odds = build("thumbnail.match", epsilon=epsilon).fit(data).chances(data.queries(), slate(3))
        assert not odds[:, 0, 0].any()
        assert not odds[:, 1].any()
    got = build("thumbnail.match", epsilon=0.0).fit(data)(data.queries(), slate(3))
    np.testing.assert_array_equal(got.creative[2], [1, PAD, 0, PAD, PAD])  # the first that may be


def test_if_all_show_too_little_the_default_stays(data):
    odds = (
        build("thumbnail.match", epsilon=1.0, least=0.95)
        .fit(data)
        .chances(data.queries(), slate(3))
    )
    np.testing.assert_array_equal(odds[0, :3], [[1, 0, 0]] * 3)


def test_because(data):
    picker = build("thumbnail.match", epsilon=0.0).fit(data)
    told = picker.because(data.queries(), picker(data.queries(), slate(3)))
    np.testing.assert_array_equal(told.kind, [[0, 0, 0, PAD, PAD]] * 2 + [[PAD] * 5])
    np.testing.assert_allclose(told.shows[1], [0.9, 0.8, 0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(told.share[0], [0.5, 0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(told.led, [[True] * 3 + [False] * 2] * 3)
    np.testing.assert_array_equal(told.first[[1, 2], :3], [[False, True, True], [True] * 3])


def test_what_was_drawn_to_learn_from_did_not_lead(data):
    """Of user 1 the second picture of the first film leads; any other came to learn from. Where
    all are alike nothing leads but an only picture."""
    spoilt = replace(data.catalog.stills, spoils=np.array([1, 0, 0, 0, 0, 0], bool))
    data = replace(data, catalog=replace(data.catalog, stills=spoilt))
    queries, asked = data.queries([1, 1, 1]), slate(3, (0,))
    shown = replace(asked, creative=np.array([[0], [1], [2]], np.int32))
    told = build("thumbnail.match", epsilon=0.5).fit(data).because(queries, shown)
    assert told.led[:, 0].tolist() == [False, True, False]
    assert told.first[:, 0].tolist() == [False, True, False]
    uniform = build("thumbnail.match", epsilon=1.0).fit(data)
    assert not uniform.because(queries, shown).led.any()
    assert uniform.because(
        queries, replace(shown, items=shown.items + 2, creative=shown.creative * 0)
    ).led.all()


def test_mistakes(data):
    with pytest.raises(BadParameter, match="epsilon must be from 0 to 1"):
        build("thumbnail.match", epsilon=2.0)
    with pytest.raises(BadParameter, match="least"):
        build("thumbnail.match", least=-1.0)
    bare = replace(data, catalog=replace(data.catalog, stills=None))
    with pytest.raises(DataError, match="Match chooses among pictures, and the catalogue has none"):
        build("thumbnail.match").fit(bare)
