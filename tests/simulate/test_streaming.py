"""The made-up streaming platform does what its formulas say."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from headwater.data.sessions import INTENTS
from headwater.errors import BadParameter, DataError, MissingColumn
from headwater.simulate._streaming_visit import wishes
from headwater.simulate.streaming import PAD, Page, Row, World
from headwater.stills import from_folder
from headwater.types import Catalog, Dataset, Histories, Ids

WORLD = World(n_users=120, n_items=150)
LIVED = WORLD.lived(6)
NAMES = tuple(name for group in INTENTS.values() for name in group)


def page(items, *, k=8, creative=None):
    items = np.asarray(items)
    creative = np.full(len(items), PAD) if creative is None else np.asarray(creative)
    cuts = range(0, len(items), k)
    return Page(tuple(Row(items[a : a + k], creative[a : a + k], f"t-{a}") for a in cuts))


def visits(world, person, shown, n=600):
    return [world.visit(person, shown, np.random.default_rng([9, i])) for i in range(n)]


def only(person, intent, **more):
    """The same person, who comes for one thing."""
    return replace(person, intents=np.eye(len(NAMES))[NAMES.index(intent)], **more)


LOT = WORLD.by_lot(WORLD.people[0], 0)
KINDS = ("click", "play", "search")


def told(visits, kind="click"):
    return np.mean([sum(a.kind == kind and a.row != PAD for a in v.acts) for v in visits])


# The catalogue


def test_titles_are_readable_varied_and_repeat():
    made = World(n_items=3000).titles
    assert made.table["title"].n_unique() == made.ids.n_unique() == 3000
    assert made.ids.str.contains(r"^[a-z0-9-]+$").all()
    again = World(n_items=3000).titles.table
    assert made.table.equals(again)
    assert not made.table.equals(World(n_items=3000, seed=1).titles.table)
    assert set(made.table.columns) >= {"genres", "country", "year", "minutes", "synopsis", "type"}
    assert made.table["synopsis"].n_unique() > 2500
    assert made.table["year"].is_between(1962, 2025).all()
    assert made.table["minutes"].is_between(22, 190).all()
    assert made.table["country"].n_unique() > 8
    assert made.table["genres"].list.len().is_between(1, 3).all()
    assert not made.table["title"].str.contains(r"^A [AEIOU]|^An [^AEIOU]").any()
    np.testing.assert_allclose(made.mix.sum(1), 1)


def test_lure_is_not_quality_and_neither_is_known():
    made = World(n_items=3000).titles
    assert abs(np.corrcoef(made.lure, made.quality)[0, 1]) < 0.05
    for hidden in (made.lure, made.quality):
        for column in ("year", "minutes"):
            assert abs(np.corrcoef(hidden, made.table[column])[0, 1]) < 0.06


def test_stills_are_those_that_are_drawn(tmp_path):
    world = World(n_users=2, n_items=30)
    stills = world.titles.stills
    drawn = from_folder(world.draw(tmp_path / "stills"), world.titles.data)
    assert list(drawn.names) == stills.names.to_list()
    np.testing.assert_array_equal(np.bincount(drawn.items, minlength=30), np.diff(stills.start))
    assert (np.diff(stills.start) >= 2).all()
    for number, item in enumerate(drawn.items):
        genre = stills.kinds[world.titles.kind_of_still[number]]
        assert genre in world.titles.table["genres"][int(item)]
    assert ((stills.scores >= 0) & (stills.scores <= 1)).all()


def real():
    table = pl.DataFrame(
        {
            "title": ["One (1999)", "Two (2004)", "Three", "Four (1950)"],
            "genres": [["Drama"], ["Drama", "War"], [], ["War"]],
        }
    )
    log = Histories.of(np.array([0, 1, 1, 0, 1]), np.array([3, 3, 1, 2, 2]), n_rows=2, n_items=4)
    return Dataset(Ids(pl.Series([1, 2])), Ids(pl.Series([10, 20, 30, 40])), log, Catalog(table))


def test_titles_of_real_data():
    world = World(catalogue=real(), n_items=2, n_users=5, rows=1, k=2)
    assert world.titles.ids.to_list() == ["40", "20"]  # chosen most, of those with genres
    assert world.titles.table["title"].to_list() == ["Four (1950)", "Two (2004)"]
    assert world.titles.shape["year"].to_list() == [1950, 2004]
    assert world.titles.table.columns == ["title", "genres"]  # nothing is made up of real titles
    assert world.titles.genres == ("War", "Drama")
    assert len(world.log(3).items) == 2
    with pytest.raises(BadParameter, match="only 3 items"):
        _ = World(catalogue=real(), n_items=4, rows=1, k=2).titles
    bare = replace(real(), catalog=Catalog(real().catalog.table.drop("genres")))
    with pytest.raises(MissingColumn, match="genres"):
        _ = World(catalogue=bare, n_items=2, rows=1, k=2).titles
    empty = replace(real(), catalog=Catalog(real().catalog.table.with_columns(genres=pl.lit([]))))
    with pytest.raises(DataError, match="genres"):
        _ = World(catalogue=empty, n_items=2, rows=1, k=2).titles


# Clicks


def test_log_odds_are_the_formula():
    person = replace(WORLD.people[3], seen={4: 2.0})
    items, creative = np.array([4, 9, PAD]), np.array([1, PAD, PAD])
    wish = np.linspace(-1, 1, 150)
    t = WORLD.titles
    g = len(t.genres)
    genres = [t.genres.index(name) for name in t.table["genres"][4]]
    fit = np.log((0.2 + g * person.tastes[genres].mean()) / 1.2)
    still = np.log((0.2 + g * person.tastes[sorted(genres)[1 % len(genres)]]) / 1.2)
    by_hand = WORLD.click + fit + wish[4] + WORLD.lure * t.lure[4] + 0.4 * still
    got = WORLD.log_odds(person, items, creative, wish)
    assert got[0] == pytest.approx(by_hand - 0.5 * np.log(3))
    assert got[1] == pytest.approx(
        WORLD.click + WORLD.fit(person, 9) + wish[9] + WORLD.lure * t.lure[9]
    )
    assert got[2] == -np.inf


def test_clicks_grow_with_taste_and_lure_and_fall_with_fatigue():
    person = only(WORLD.people[0], "catch_up", patience=2.0)
    by_fit = np.argsort(WORLD.fits(person))
    low, high = page(by_fit[:24]), page(by_fit[-24:])
    assert told(visits(WORLD, person, high)) > 2 * told(visits(WORLD, person, low))
    by_lure = np.argsort(WORLD.titles.lure)
    plain, luring = page(by_lure[:24]), page(by_lure[-24:])
    assert told(visits(WORLD, person, luring)) > 2 * told(visits(WORLD, person, plain))
    tired = replace(person, seen=dict.fromkeys(by_fit.tolist(), 6.0))
    assert told(visits(WORLD, tired, high)) < 0.8 * told(visits(WORLD, person, high))


def test_who_sees_a_title_again_and_again_remembers():
    person, shown = WORLD.people[0], page(range(8))
    after = person
    for i in range(4):
        visit = WORLD.visit(after, shown, np.random.default_rng(i))
        passed = [r for r in visit.looked if r == (0, 0)]
        assert passed
        before, after = after, visit.person
        if any(act.item == 0 for act in visit.acts):
            assert 0 not in after.seen
        else:
            assert after.seen[0] == pytest.approx(1 + 0.85 * before.seen.get(0, 0.0))
    assert person.seen == {}  # nobody was changed


def test_the_picture_that_shows_what_they_like_is_clicked():
    titles = WORLD.titles
    several = np.flatnonzero([len(g) > 1 for g in titles.table["genres"]])[:24]
    person = only(WORLD.people[1], "catch_up", patience=3.0)
    best, worst = [], []
    for item in several:
        shows = titles.kind_of_still[titles.stills.start[item] : titles.stills.start[item + 1]]
        best.append(int(person.tastes[shows].argmax()))
        worst.append(int(person.tastes[shows].argmin()))
    n = 1500
    liked = told(visits(WORLD, person, page(several, creative=best), n))
    other = told(visits(WORLD, person, page(several, creative=worst), n))
    assert liked > 1.15 * other


def test_places_further_down_and_right_are_looked_at_less():
    world = World(n_users=10, n_items=150, click=-30)
    person = world.people[0]
    down, right = world.steps(person)
    found = visits(world, person, page(range(40)), 3000)
    often = np.zeros((5, 8))
    for visit in found:
        for place in visit.looked:
            often[place] += 1 / 3000
    expected = down ** np.arange(5)[:, None] * right ** np.arange(8)
    np.testing.assert_allclose(often, expected, atol=0.04)
    assert world.steps(replace(person, patience=2.0)) > world.steps(replace(person, patience=-2.0))


def test_a_page_of_one_genre_bores():
    titles = WORLD.titles
    person = only(WORLD.people[0], "catch_up", patience=3.0)
    one = np.flatnonzero(titles.mix[:, titles.genres.index("Drama")] > 0)[:24]
    n = len(titles.genres)
    person = replace(person, tastes=np.full(n, 1 / n))
    free = replace(WORLD, bored=0.0)
    with_, without = (told(visits(w, person, page(one), 1500)) for w in (WORLD, free))
    assert with_ < 0.92 * without
    assert WORLD.alike(titles.mix[one[0]], titles.mix[one[:6]].sum(0), 6) > 0.2
    assert WORLD.alike(titles.mix[one[0]], np.zeros(n), 0) == 0


# Satisfaction, and who comes back


def test_satisfaction_is_the_formula():
    person = replace(WORLD.people[0], leniency=0.25)
    mood = WORLD.mood(person, [1.0, 2.0], 0.8, 1.5, found=True)
    assert mood == pytest.approx(0.3 + 0.25 + 1.5 + 2 * 0.1 - 0.5 * np.log(2.5) + 0.5)
    assert WORLD.mood(person, [], 0.7, 0.0, found=False) == pytest.approx(0.3 + 0.25 - 1.5)
    item = 7
    t = WORLD.titles
    fit = WORLD.fit(person, item)
    assert WORLD.joy(person, item, 3.0) == pytest.approx(1.2 * t.quality[item] + fit / 2 + 0.5)
    one, many = t.mix[[0] * 10], t.mix[:10]
    assert WORLD.varied([0] * 10) == pytest.approx(
        0.7 + (1 - (one.mean(0) ** 2).sum() - 0.7) * 10 / 14
    )
    assert WORLD.varied(range(10)) > WORLD.varied([0] * 10)
    assert WORLD.varied([]) == 0.7
    assert many.mean(0).max() < 1


def test_visits_are_the_formulas():
    """Of people who came for nothing in particular: what they did says how they liked it."""
    aimless = [only(p, "watchlist") for p in WORLD.people[:40]]  # of whom none has saved anything
    chances, shares = [], []
    rng = np.random.default_rng(0)
    for visit in (WORLD.visit(person, LOT, rng) for person in aimless * 100):
        of = {kind: [a.item for a in visit.acts if a.kind == kind] for kind in KINDS}
        vain = len(of["click"]) - len(of["play"])
        effort = len(visit.looked) / 12 + len(of["search"]) + 0.7 * vain
        assert visit.effort == pytest.approx(effort)
        assert visit.variety == WORLD.varied([LOT.rows[r].items[p] for r, p in visit.looked])
        joys = [WORLD.joy(visit.person, item) for item in of["play"]]
        z = WORLD.mood(visit.person, joys, visit.variety, effort, found=False)
        assert visit.z == pytest.approx(z)
        for item in of["click"]:
            chances.append(expit(1.2 + WORLD.fit(visit.person, item)) - (item in of["play"]))
        for act in visit.acts:
            if act.kind == "play":
                share = act.seconds / WORLD.titles.seconds[act.item]
                shares.append(logit(share) - 1.2 * WORLD.joy(visit.person, act.item))
    assert len(chances) > 3000
    assert np.mean(chances) == pytest.approx(0, abs=4 * np.std(chances) / np.sqrt(len(chances)))
    assert np.mean(shares) == pytest.approx(0, abs=4 * 0.6 / np.sqrt(len(shares)))
    assert np.std(shares) == pytest.approx(0.6, abs=0.05)


def test_wishes_are_the_formula():
    t, person = WORLD.titles, replace(WORLD.people[4], played=(7,), saved=(3,))
    n, rng = len(t), np.random.default_rng(0)
    new = 0.6 * t.newness
    series = np.where(t.is_series, 0.7, -0.4)
    short = np.where(t.seconds <= 100 * 60, 0.6, -0.4)
    before = np.where(np.arange(n) == 7, 3, 0)
    for intents, wanted in (
        (("new",), new),
        (("catch_up",), series),
        (("new", "live_tv"), (new + short) / 2),
        (("continue_watching",), np.where(before, 0, 0.0)),
    ):
        got, target = wishes(WORLD, person, intents, rng)
        np.testing.assert_allclose(got, wanted - before)
        assert target == PAD
    got, _ = wishes(WORLD, replace(person, played=()), ("genre",), rng)
    of = [np.where(t.mix[:, g] > 0, 1, -0.5) for g in range(len(t.genres))]
    assert any(np.array_equal(got, each) for each in of)
    got, target = wishes(WORLD, person, ("catch_up", "watchlist"), rng)
    assert target == 3
    in_mind = np.where(np.arange(n) == 3, 3, series / 2 - before - 0.4)
    np.testing.assert_allclose(got, in_mind)


def shifted(world, **columns):
    """The same world with other hidden numbers."""
    other = replace(world)
    other.__dict__["titles"] = replace(world.titles, **columns)
    return other


def test_quality_satisfies_and_lure_does_not():
    person = only(WORLD.people[0], "catch_up")
    shown = page(np.argsort(-WORLD.fits(person))[:24])
    t = WORLD.titles

    def mean(world, of):
        return np.mean([of(v) for v in visits(world, person, shown) if v.count("play")])

    good = shifted(WORLD, quality=t.quality + 1)
    luring = shifted(WORLD, lure=t.lure + 1)
    z = [mean(w, lambda v: v.z) for w in (WORLD, good, luring)]
    assert z[1] > z[0] + 0.7
    assert z[2] < z[0] + 0.2  # more clicks, not more joy
    watched = [mean(w, lambda v: v.seconds) for w in (WORLD, good)]
    assert watched[1] > watched[0]
    assert told(visits(luring, person, shown)) > 1.2 * told(visits(WORLD, person, shown))
    # of those who do the same, the lure of it changes nothing at all
    one = {(v.acts, v.looked): v.z for v in visits(WORLD, person, shown)}
    other = {(v.acts, v.looked): v.z for v in visits(luring, person, shown)}
    same = one.keys() & other.keys()
    assert len(same) > 20
    assert all(one[done] == other[done] for done in same)


def test_levels_are_as_likely_as_said():
    found = [kept.visit for kept in LIVED.kept]
    chance = np.array([v.satisfaction for v in found])
    good = np.array([v.satisfied for v in found])
    assert good.mean() == pytest.approx(chance.mean(), abs=0.04)
    for low, high in ((0, 0.4), (0.6, 1)):
        mine = (chance >= low) & (chance < high)
        assert good[mine].mean() == pytest.approx(chance[mine].mean(), abs=0.08)


def test_answers_are_of_those_who_were_asked_and_more_at_the_ends():
    world = World(n_users=10, n_items=150, asked=0.5)
    found = [v for p in world.people for v in visits(world, p, world.by_lot(p, 0), 300)]
    assert all(v.asked for v in found if v.answered)
    assert np.mean([v.asked for v in found]) == pytest.approx(0.5, abs=0.03)
    for level in (1, 3, 5):
        mine = [v.answered for v in found if v.asked and v.level == level]
        assert np.mean(mine) == pytest.approx(0.6 * (0.6 + 0.4 * abs(level - 3)), abs=0.06)


def test_who_liked_it_comes_back():
    person = replace(WORLD.people[0], activity=-0.5)
    moods = [-1.0, 0.0, 0.5, 1.0]
    chances = [WORLD.chance(replace(person, mood=m)) for m in moods]
    np.testing.assert_allclose(chances, expit(-0.5 + 1.5 * np.array(moods)))
    for visit in visits(WORLD, replace(person, mood=0.5), page(range(24)), 50):
        assert visit.person.mood == pytest.approx(0.6 * 0.5 + 0.4 * (visit.level - 3) / 2)
    days = range(800)
    often = [
        np.mean([WORLD.comes(replace(person, mood=m), d) is not None for d in days]) for m in moods
    ]
    np.testing.assert_allclose(often, chances, atol=0.05)
    assert all(0 <= (WORLD.comes(person, d) or 0) < 0.68 for d in days)


# Intents


def test_what_they_came_for_shows():
    person = replace(WORLD.people[2], patience=1.0)
    shown = WORLD.by_lot(person, 0)

    def done(intent, kind, who=person):
        found = [v for v in visits(WORLD, only(who, intent), shown) if v.intents[0] == intent]
        assert len(found) == 600
        return np.mean([v.count(kind) for v in found])

    assert done("specific_title", "search") > 2 * done("genre", "search")
    assert done("add_to_watchlist", "bookmark") > 2 * done("genre", "bookmark")
    series = WORLD.titles.is_series
    caught = [
        series[a.item]
        for v in visits(WORLD, only(person, "catch_up"), shown, 1500)
        for a in v.acts
        if a.kind == "click" and a.row != PAD and len(v.intents) == 1
    ]
    here = np.concatenate([row.items for row in shown.rows])
    assert np.mean(caught) > series[here].mean()
    going = int(np.flatnonzero(series)[0])
    fan = only(person, "continue_watching", played=(going,))
    plays = [
        any(a.kind == "play" and a.item == going for a in v.acts)
        for v in visits(WORLD, fan, page([going, *np.flatnonzero(~series)[:15]]))
    ]
    assert np.mean(plays) > 0.4


def test_a_visit_is_of_person_page_and_dice_alone():
    person = LIVED.people[5]
    shown = WORLD.by_lot(person, 9)
    one, two = (WORLD.visit(person, shown, np.random.default_rng(4)) for _ in range(2))
    assert (one.acts, one.looked, one.level, one.z) == (two.acts, two.looked, two.level, two.z)
    other = World(n_users=120, n_items=150).visit(person, shown, np.random.default_rng(4))
    assert other.acts == one.acts


# What the platform gets to know


def test_log_is_whole_and_of_those_who_agreed():
    data = LIVED.dataset()
    full = {p.number for p in WORLD.people if p.consent == "full"}
    assert 0.6 * 120 < len(full) < 120
    mine = [k.visit for k in LIVED.kept if k.visit.person.number in full]
    assert set(np.unique(data.log.rows)) <= full
    assert set(np.unique(data.impressions.queries.user)) <= full
    assert set(np.unique(data.sessions.user)) <= full
    assert len(data.sessions) == len(mine) < len(LIVED)
    assert data.kinds == ("click", "play", "bookmark")
    for at, kind in enumerate(data.kinds):
        assert (data.log.kinds == at).sum() == sum(v.count(kind) for v in mine)
    onpage = sum(a.kind == "click" and a.row != PAD for v in mine for a in v.acts)
    assert data.impressions.clicks.sum() == onpage
    s = data.sessions
    assert s.answered.sum() == sum(v.answered for v in mine)
    assert (s.answered <= s.shown).all()
    assert s.intents[~s.answered].sum() == 0
    np.testing.assert_array_equal(
        np.isnan(s.column("time_to_first_play")), s.column("num_plays") == 0
    )
    shown = data.impressions
    past = shown.queries.history
    assert (past.times < np.repeat(shown.queries.now, past.lengths)).all()
    again = World(n_users=120, n_items=150).log(6)
    np.testing.assert_array_equal(again.log.items, data.log.items)


def test_lots_are_as_likely_as_said():
    shown = LIVED.dataset().impressions
    assert np.allclose(shown.slate.propensity, 1 / 150)
    often = np.bincount(shown.slate.items.ravel(), minlength=150) / len(shown)
    np.testing.assert_allclose(often.mean(), 8 / 150)
    assert often.std() < 2.5 * np.sqrt(8 / 150 / len(shown))
    have = np.diff(WORLD.titles.stills.start)[shown.slate.items]
    np.testing.assert_allclose(shown.slate.creative_propensity, 1 / have)


def test_bad_settings():
    with pytest.raises(BadParameter, match=r"rows \* k"):
        World(n_items=10)
    with pytest.raises(BadParameter, match="answers"):
        World(answers=0.9)
    with pytest.raises(BadParameter, match="days"):
        WORLD.lived(0)


def test_a_store_takes_the_warm_up(tmp_path):
    pytest.importorskip("sqlalchemy")
    from time import time

    from headwater.serve.store import Store

    lived = WORLD.lived(4, until=int(time()))
    events = lived.events()
    with Store(tmp_path / "events.db").upgrade() as store:
        store.put_items(WORLD.about())
        done = store.ingest(events)
        assert {each.status for each in done} == {"accepted"}
        found = store.dataset()
    mine = lived.dataset()
    assert len(found.log.items) == len(mine.log.items)
    assert found.impressions.clicks.sum() == mine.impressions.clicks.sum()
    assert len(found.impressions) == len(mine.impressions)
    assert set(found.items.values) == set(WORLD.titles.ids)
    silent = {p.user_id for p in WORLD.people if p.consent == "none"}
    assert not silent & {event["user_id"] for event in events}
