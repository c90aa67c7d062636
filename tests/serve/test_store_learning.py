from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import LATER, NOW, event, shown

from headwater.data.surveys import Survey
from headwater.serve.store import Store, _learning


def test_dataset(store):
    later = NOW + LATER
    store.put_items({f"i{n}": {"title": f"Film {n}", "genres": ["x"]} for n in range(1, 5)})
    store.put_users({})
    ann = [
        shown(1, "r1", item_id="i1", position=0, path="retrieve.matrix.ease"),
        shown(2, "r1", item_id="i2", position=1, time=NOW + timedelta(seconds=1)),
        shown(3, "r1", item_id="i3", position=2),
        event(4, item_id="i2", request_id="r1", time=later),
        event(5, kind="play", item_id="i2", request_id="r1", time=later, seconds=20.5),
        event(6, kind="play", item_id="i2", request_id="r1", time=later + LATER, seconds=10),
        event(7, kind="bookmark", item_id="i4", time=later),
        shown(8, "r2", item_id="i1", time=later + LATER),
        shown(9, "r1", user="eve", item_id="i3"),  # a request that is not theirs
    ]
    store.ingest(ann)
    data = store.dataset()
    assert sorted(data.items.values) == ["i1", "i2", "i3", "i4"]
    assert data.catalog.table["title"].to_list() == [
        f"Film {each[1:]}" for each in data.items.values
    ]
    assert set(data.kinds) == {"click", "play", "bookmark"}
    row = data.log[data.users.encode(["ann"])]
    pairs = zip(row.items.tolist(), row.kinds.tolist(), strict=True)
    done = [(data.items.values[item], data.kinds[kind]) for item, kind in pairs]
    assert sorted(done) == [("i2", "click"), ("i2", "play"), ("i2", "play"), ("i4", "bookmark")]
    seen = data.impressions
    assert seen.ids.to_list() == ["r1", "r2"]
    assert data.items.decode(seen.slate.items[0]).to_list() == ["i1", "i2", "i3"]
    assert seen.clicks.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert seen.dwell.tolist() == [[0, 30.5, 0], [0, 0, 0]]
    assert seen.slate.propensity.tolist() == [[0.5, 0.5, 0.5], [0.5, 0, 0]]
    assert seen.slate.creative is None
    assert seen.queries.now.tolist() == [1777636800, 1777636920]
    assert seen.queries.history.lengths.tolist() == [0, 3]
    assert any("left out 1 slots of requests that others had made" in n for n in data.notes)


def test_dataset_of_clicks_alone_and_of_what_was_shown_alone(sqlite, tmp_path, clock):
    sqlite.ingest([event(1), event(2, "bob")])
    data = sqlite.dataset()
    assert data.impressions is None
    assert data.kinds == ("click",)
    with Store(tmp_path / "b.db", clock=clock) as other:
        other.upgrade().ingest([shown(1, "r", creative=0, creative_propensity=0.5), shown(2, "q")])
        data = other.dataset()
    assert len(data.log.items) == 0
    assert data.kinds == ()
    assert sorted(data.impressions.slate.creative.ravel()) == [-1, 0]


def test_the_path_that_each_item_came_by(sqlite):
    ease, new = "retrieve.matrix.ease", "retrieve.matrix.popularity"
    sqlite.ingest(
        [
            shown(1, "r1", item_id="i1", position=0, path=ease),
            shown(2, "r1", item_id="i2", position=1, path=new),
            shown(3, "r1", item_id="i3", position=2),
            shown(4, "r2", item_id="i2", position=0, path=ease, time=NOW + LATER),
        ]
    )
    slate = sqlite.dataset().impressions.slate
    assert slate.paths == (ease, new)
    assert slate.path.tolist() == [[0, 1, -1], [0, -1, -1]]


BEGIN = NOW - timedelta(hours=5)


def did(n, user, second, kind="click", **more):
    told = event(n, user, kind, BEGIN + timedelta(seconds=second), **more)
    if kind in ("search", "survey"):
        del told["item_id"]
    return told


def test_visits_and_what_was_said_of_them(store):
    how = {"kind": "survey"}
    store.ingest(
        [
            # a visit that is called so, with two strips, of which one has two items
            shown(1, "r1", session_id="s1", time=BEGIN),
            shown(2, "r1", session_id="s1", position=1, time=BEGIN),
            shown(3, "r2", session_id="s1", time=BEGIN + timedelta(seconds=5)),
            did(4, "ann", 20, "play", session_id="s1", seconds=60),
            did(5, "ann", 30, "play", session_id="s1", seconds=60),
            did(6, "ann", 30, "bookmark", session_id="s1"),
            did(7, "ann", 45, session_id="s1"),
            did(8, "ann", 60, "survey", session_id="s1", satisfaction=4, intents=["new", "odd"]),
            did(9, "ann", 70, "survey", session_id="s1", satisfaction=1),
            # without a name: two visits of one who only searched, the second of them answered
            did(10, "bob", 1, "search", query="x"),
            did(11, "bob", 40, "search", query="y"),
            did(12, "bob", 7200, "search", query="z"),
            did(13, "bob", 7230, satisfaction=2, intents=["live_tv", "To see what is new"], **how),
            # an answer of somebody who was not there
            did(14, "eve", 0, satisfaction=5, **how),
        ]
    )
    store.put_users({})
    data = store.dataset()
    assert sorted(data.users.values) == ["ann", "bob"]
    sessions = data.sessions
    start = int(BEGIN.timestamp())
    assert data.users.decode(sessions.user).to_list() == ["ann", "bob", "bob"]
    assert sessions.ids.to_list() == ["s1", f"bob@{start + 1}", f"bob@{start + 7200}"]
    assert sessions.seconds.tolist() == [45, 39, 0]
    want = {
        "num_strips": [2, 0, 0],
        "num_plays": [2, 0, 0],
        "num_clicks": [1, 0, 0],
        "num_bookmarks": [1, 0, 0],
        "num_searches": [0, 2, 1],
        "session_length": [45, 39, 0],
    }
    assert {name: sessions.column(name).tolist() for name in want} == want
    first = sessions.column("time_to_first_play")
    assert first[0] == 20
    assert np.isnan(first[1:]).all()
    assert sessions.satisfaction.tolist() == [4, 0, 2]
    assert sessions.shown.tolist() == [True, False, True]
    assert sessions.intent_names == Survey.of("video").names
    came = [[sessions.intent_names[j] for j in np.flatnonzero(row)] for row in sessions.intents]
    assert came == [["new"], [], ["live_tv", "new"]]
    assert any("does not have: 'odd'" in n for n in data.notes)
    assert any("1 answers of sessions that had answered before" in n for n in data.notes)
    assert len(data.log[data.users.encode(["bob"])].items) == 0


def test_what_people_say_after_a_film_belongs_to_their_visit(sqlite):
    film = did(1, "ann", 0, "play", seconds=7_200.0)
    sqlite.ingest([film, did(2, "ann", 7_201, "survey", satisfaction=5)])
    assert sqlite.dataset().sessions.satisfaction.tolist() == [5]


def test_visits_of_which_nobody_said_anything(sqlite):
    sqlite.ingest([did(1, "ann", 0)])
    sessions = sqlite.dataset(survey="music").sessions
    assert sessions.intents.shape == (1, len(Survey.of("music").names))
    assert not sessions.answered.any()
    sqlite.ingest([did(2, "ann", 14_500, "survey", satisfaction=3)])  # long after
    data = sqlite.dataset()
    assert not data.sessions.answered.any()
    assert any("no answer belongs to a session" in note for note in data.notes)


def test_what_happened_in_the_last_century(sqlite, tmp_path):
    """Has no sessions, whose clocks start in 2000, and is learned from all the same."""
    old = pl.DataFrame([event(1, time=datetime(1998, 3, 1, tzinfo=UTC))])
    old.write_parquet(tmp_path / "old.parquet")
    assert sqlite.import_events(tmp_path / "old.parquet") == {"accepted": 1}
    data = sqlite.dataset()
    assert len(data.log.items) == 1
    assert data.sessions is None
    assert any("no sessions" in note for note in data.notes)


def test_what_is_known_of_others_is_of_no_importance(sqlite):
    sqlite.ingest([event(1)])
    sqlite.put_items({"elsewhere": {"title": "E", "genres": "x"}})
    sqlite.consent("bob", "full")
    sqlite.put_users({"bob": {"country": "NL"}})
    data = sqlite.dataset()
    assert data.catalog.table["title"].to_list() == [None]
    assert data.people is None


def test_what_one_item_says_of_itself_keeps_nobody_from_a_dataset(sqlite):
    sqlite.ingest([event(n) for n in range(1, 6)])
    sqlite.put_items(
        {
            "i1": {"genres": ["x"], "minutes": 90, "deep": {"a": [1]}},
            "i2": {"genres": "x", "minutes": 91.5},
            "i3": {"genres": ["y", "z"], "minutes": "long"},
            "i4": {"genres": [1, "z"], "minutes": None, "title": True},
            "i5": {"genres": [], "huge": 10**30},
        }
    )
    data = sqlite.dataset()
    table = data.catalog.table
    at = {name: i for i, name in enumerate(data.items.values.to_list())}
    genres, minutes = table["genres"].to_list(), table["minutes"].to_list()
    assert [genres[at[f"i{n}"]] for n in range(1, 6)] == [["x"], None, ["y", "z"], None, None]
    assert [minutes[at[f"i{n}"]] for n in range(1, 6)] == [90, 91.5, None, None, None]
    said = "\n".join(data.notes)
    assert (
        "'genres' of 2 of 5 by item_id is left out: that of 'i2' is str, and most are list" in said
    )
    assert (
        "'minutes' of 1 of 5 by item_id is left out: that of 'i3' is str, and most are number"
        in said
    )


def test_a_dataset_is_of_one_moment(store, url, monkeypatch):
    """Somebody is erased, and others act, after its first statement: it knows of neither."""
    store.put_items({"i1": {"title": "One"}})
    store.ingest([event(1), shown(2, "r1", item_id="i1"), event(3, "bob")])
    gathered, calls = _learning.gathered, []

    def late(*arguments):
        found = gathered(*arguments)
        calls.append(arguments)
        if len(calls) == 1:
            with Store(url, clock=store._clock) as other:
                other.erase("ann")
                other.ingest([shown(4, "r2", "bob")])
                other.put_items({"i1": {"title": "Uno"}})
        return found

    monkeypatch.setattr(_learning, "gathered", late)
    data = store.dataset()
    assert len(calls) == 4
    assert sorted(data.users.values) == ["ann", "bob"]
    assert data.impressions.ids.to_list() == ["r1"]
    assert "One" in data.catalog.table["title"].to_list()
    monkeypatch.undo()
    assert sorted(store.dataset().users.values) == ["bob"]


def test_what_a_server_showed_is_of_the_visit_that_the_site_names(sqlite):
    page = {"request_id": "r", "propensity": 1.0, "position": 0, "session_id": None}
    sqlite.ingest(
        [
            did(1, "ann", 0, "impression", **page),
            did(2, "ann", 30, "click", session_id="s1"),
            did(3, "ann", 60, "impression", **{**page, "request_id": "q"}),
            did(4, "ann", 9_000, "impression", **{**page, "request_id": "p"}),
        ]
    )
    sessions = sqlite.dataset().sessions
    found = dict(zip(sessions.ids, sessions.column("num_strips").tolist(), strict=True))
    assert found.pop("s1") == 2
    assert list(found.values()) == [1]
