import json
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from headwater.errors import BadParameter, DataError, StoreError, UnknownName
from headwater.serve._tables import tables
from headwater.serve.store import Outcome, Store

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = timedelta(minutes=1)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, time=NOW):
        self.time = time

    def __call__(self):
        return self.time.timestamp()


def event(n, user="ann", kind="click", time=NOW, **more):
    told = {"event_id": f"e{n}", "user_id": user, "kind": kind, "time": time, "consent": "full"}
    return {**told, "item_id": f"i{n}", **more}


def shown(n, request, user="ann", position=0, **more):
    slot = {"request_id": request, "position": position, "propensity": 0.5}
    return event(n, user, "impression", **slot, **more)


def statuses(answers):
    return [each.status for each in answers]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(url, clock):
    with Store(url, clock=clock) as made:
        yield made.upgrade()


@pytest.fixture
def sqlite(tmp_path, clock):
    with Store(tmp_path / "events.db", clock=clock) as made:
        yield made.upgrade()


# Events in


def test_acknowledged_is_on_disk(store):
    """As far as the databases can be told so."""
    with store.engine.connect() as db:
        if db.dialect.name == "sqlite":
            asked = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
            said = [db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
            assert said == ["wal", 2, 1, 1]
        else:
            assert db.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            assert db.exec_driver_sql("SHOW fsync").scalar() == "on"


def test_each_event_is_kept_once(store):
    assert statuses(store.ingest([event(1), event(2), event(1)])) == [
        "accepted",
        "accepted",
        "duplicate",
    ]
    assert statuses(store.ingest([event(3), event(2)])) == ["accepted", "duplicate"]
    assert store.count()["events"] == 3


def test_a_bad_event_spoils_nothing(store):
    answers = store.ingest([event(1), {"kind": "click", "event_id": "x"}, 7, event(2)])
    assert statuses(answers) == ["accepted", "refused", "refused", "accepted"]
    assert answers[1].event_id == "x"
    assert answers[1].reason.startswith("user_id: Field required")
    assert store.ingest([]) == []


def test_batches_are_lists_of_some_length(store):
    with pytest.raises(DataError, match="come in a list, not in a dict"):
        store.ingest(event(1))
    with pytest.raises(DataError, match="more than the 100,000"):
        store.ingest([None] * 100_001)


def test_a_batch_of_several_statements(store):
    answers = store.ingest([event(n % 1200) for n in range(1500)])
    assert statuses(answers) == ["accepted"] * 1200 + ["duplicate"] * 300
    (frame,) = store.frames(["event_id"])
    assert sorted(frame["event_id"]) == sorted(f"e{n}" for n in range(1200))


def test_all_of_an_event_is_kept(store):
    picture = {"creative": 3, "creative_propensity": 0.25, "path": "retrieve.matrix.ease"}
    zoned = "2026-05-01T13:59:59.000001+02:00"
    search = event(3, kind="search", query="'; --")
    del search["item_id"]
    store.ingest(
        [
            shown(1, "r1", position=4, session_id="s", time=zoned, **picture),
            event(2, kind="play", seconds=12.5),
            search,
            event(4, kind="survey", satisfaction=4, intents=["relax", "new things"]),
        ]
    )
    (frame,) = store.frames()
    rows = {row["event_id"]: row for row in frame.iter_rows(named=True)}
    one = rows["e1"]
    assert one["time"] == 1777636799000001
    assert one["received"] == int(NOW.timestamp()) * 10**6
    assert (one["position"], one["propensity"], one["creative"]) == (4, 0.5, 3)
    assert (one["creative_propensity"], one["path"]) == (0.25, "retrieve.matrix.ease")
    assert (one["session_id"], one["consent"], one["request_id"]) == ("s", "full", "r1")
    assert rows["e2"]["seconds"] == 12.5
    assert rows["e3"]["query"] == "'; --"
    assert json.loads(rows["e4"]["intents"]) == ["relax", "new things"]
    assert rows["e4"]["satisfaction"] == 4


def test_events_from_another_time_are_refused(store, clock):
    late, early = event(1, time=NOW - timedelta(days=31)), event(2, time=NOW + timedelta(hours=1))
    answers = store.ingest([late, early, event(3, time=NOW + LATER)])
    assert statuses(answers) == ["refused", "refused", "accepted"]
    assert answers[0].reason.endswith("is 31.0 days before the clock of the store")
    assert answers[1].reason.endswith("is 60.0 minutes after the clock of the store")
    clock.time = NOW - timedelta(days=1)  # set back: what is right by it is kept, nothing is lost
    assert statuses(store.ingest([event(4), event(5, time=clock.time)])) == ["refused", "accepted"]
    clock.time = NOW + timedelta(days=1)
    assert statuses(store.ingest([early, event(3, time=NOW)])) == ["accepted", "duplicate"]
    assert store.count()["events"] == 3


def test_bounds_can_be_set(url, clock):
    with Store(url, clock=clock, past=timedelta(minutes=2), future=timedelta(0)) as store:
        store.upgrade()
        times = [NOW - 3 * LATER, NOW - LATER, NOW, NOW + timedelta(seconds=1)]
        answers = store.ingest([event(n, time=time) for n, time in enumerate(times)])
    assert statuses(answers) == ["refused", "accepted", "accepted", "refused"]


def test_any_order_and_any_repeats_give_the_same(url, tmp_path, clock):
    rng = random.Random(0)
    sent = [event(n, user=f"u{n % 7}", time=NOW - n * LATER) for n in range(200)]
    found = []
    for way, order in enumerate((sent, rng.sample(sent + sent, 400))):
        with Store(url if way else tmp_path / "straight.db", clock=clock) as store:
            store.upgrade()
            for at in range(0, len(order), 30):
                store.ingest(order[at : at + 30])
            frame = pl.concat(store.frames()).drop("seq").sort("event_id")
            data = store.dataset()
        found.append((frame, data.log.items, data.log.times, data.users.values))
    assert found[0][0].equals(found[1][0])
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        assert (np.asarray(one) == np.asarray(other)).all()


def test_writers_at_once(store):
    """Four send the same events in batches of different cuts: each is accepted by one of them."""
    accepted, lock = [], threading.Lock()

    def send(seed):
        order = list(range(120))
        random.Random(seed).shuffle(order)
        for at in range(0, 120, 10 + seed):
            done = store.ingest([event(n) for n in order[at : at + 10 + seed]])
            with lock:
                accepted.extend(each.event_id for each in done if each.status == "accepted")

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(accepted) == sorted(f"e{n}" for n in range(120))
    assert store.count()["events"] == 120


# Consent


def test_without_consent_nothing_is_kept(store):
    unknown = event(1)
    del unknown["consent"]
    answers = store.ingest([unknown, event(2, consent="none")])
    assert answers == [
        Outcome("not kept", "e1", "no consent"),
        Outcome("not kept", "e2", "no consent"),
    ]
    assert set(store.count().values()) == {0}


@pytest.mark.parametrize("said", ["none", "essential", "full", None])
@pytest.mark.parametrize("known", ["none", "essential", "full", None])
def test_the_lower_consent_counts(sqlite, said, known):
    if known:
        sqlite.consent("ann", "full")
        sqlite.consent("ann", known)
    sqlite.ingest([{**event(1), "consent": said}])
    kept = [row for frame in sqlite.frames(["consent"]) for row in frame["consent"]]
    levels = [each for each in (said, known) if each] or ["none"]
    lowest = min(levels, key=["none", "essential", "full"].index)
    assert kept == ([] if lowest == "none" else [lowest])


def test_nothing_is_learned_without_full_consent(store):
    store.ingest([event(1, "ann"), event(2, "bob", consent="essential"), event(3, "eve")])
    assert sorted(store.dataset().users.values) == ["ann", "eve"]
    store.consent("eve", "essential")  # taken back
    assert sorted(store.dataset().users.values) == ["ann"]
    store.consent("ann", "none")
    with pytest.raises(DataError, match="nothing to learn from"):
        store.dataset()
    assert store.consent_of("eve") == "essential"
    assert store.consent_of("zoe") == "none"


# Erasure, retention, export


def test_erasure_removes_all_of_one_person(store, clock):
    store.consent("ann", "full")
    store.put_users({"ann": {"country": "NL"}})
    store.ingest([event(1), event(2), event(3, "bob")])
    receipt = store.erase("ann")
    assert receipt.counts == {"events": 2, "consents": 1, "users": 1, "answers": 0, "exposures": 0}
    assert receipt.time == NOW
    assert "ann" not in json.dumps([receipt.receipt_id, receipt.who, dict(receipt.counts)])
    assert store.receipt(receipt.receipt_id) == receipt
    nothing = dict.fromkeys(("events", "consents", "users", "answers", "exposures"), [])
    assert store.export_user("ann") == {"user_id": "ann"} | nothing
    assert [row["event_id"] for f in store.frames() for row in f.iter_rows(named=True)] == ["e3"]

    clock.time += LATER
    again = store.ingest([event(1), event(4, time=clock.time), event(5, "bob")])
    assert statuses(again) == ["refused", "refused", "accepted"]
    assert again[0].reason == "of a user who was erased"
    with pytest.raises(DataError, match="no consent"):
        store.put_users({"bob": {}, "ann": {}})
    store.consent("ann", "full")
    assert statuses(store.ingest([event(1), event(4, time=clock.time)])) == ["refused", "accepted"]


def test_erasure_of_nobody_says_so(store):
    assert set(store.erase("zoe").counts.values()) == {0}
    with pytest.raises(UnknownName, match="no receipt 'x'"):
        store.receipt("x")


def test_a_clock_set_back_brings_nobody_back(store, clock):
    store.erase("ann")
    clock.time -= timedelta(days=1)
    assert statuses(store.ingest([event(1, time=clock.time)])) == ["refused"]
    store.consent("ann", "full")
    assert statuses(store.ingest([event(1, time=clock.time)])) == ["refused"]
    clock.time = NOW + LATER
    assert statuses(store.ingest([event(2, time=clock.time)])) == ["accepted"]


def test_nothing_of_an_erased_person_is_in_the_files(sqlite, tmp_path):
    """Not in unused pages, nor in the log; other people's events lie between theirs."""
    rng = random.Random(11)  # by which erasing alone left copies of five of them
    people = [f"person-{n:03d}-x" for n in range(100)]
    for batch in range(40):
        lengths = [rng.randrange(1, 60) for _ in range(100)]
        sqlite.ingest(
            [
                event(100 * batch + n, rng.choice(people), session_id="s" * length)
                for n, length in enumerate(lengths)
            ]
        )
    gone = people[::4]
    files = [tmp_path / name for name in ("events.db", "events.db-wal")]
    before = b"".join(each.read_bytes() for each in files)
    assert all(name.encode() in before for name in people)
    for name in gone:
        assert sqlite.erase(name).counts["events"] > 0
    sqlite.compact()
    after = b"".join(each.read_bytes() for each in files)
    assert [name for name in people if name.encode() in after] == [
        name for name in people if name not in gone
    ]


def test_compacting_keeps_the_rest(store):
    store.ingest([event(n, user=f"u{n % 3}") for n in range(300)])
    kept = pl.concat(store.frames()).filter(pl.col("user_id") != "u1")
    store.erase("u1")
    store.compact()
    assert pl.concat(store.frames()).equals(kept)
    assert statuses(store.ingest([event(0, user="u0"), event(301)])) == ["duplicate", "accepted"]


def test_forgetting(store):
    store.ingest([event(n, time=NOW - n * timedelta(days=1)) for n in range(6)])
    assert store.forget_before(NOW - timedelta(days=3)) == 2
    assert store.forget_before(NOW - timedelta(days=9)) == 0
    answers = store.ingest([event(5, time=NOW - timedelta(days=5)), event(7)])
    assert statuses(answers) == ["refused", "accepted"]
    assert answers[0].reason == "older than what this store keeps"
    with pytest.raises(BadParameter, match="time zone"):
        store.forget_before(datetime(2026, 1, 1))


def test_export_of_one_person(store):
    store.consent("ann", "full")
    store.put_users({"ann": {"country": "NL", "years": 40}})
    store.ingest([event(1), event(2, kind="survey", satisfaction=2, intents=["x"]), event(3, "b")])
    told = json.loads(json.dumps(store.export_user("ann")))
    assert [each["event_id"] for each in told["events"]] == ["e1", "e2"]
    assert told["events"][0] == {
        "event_id": "e1",
        "kind": "click",
        "item_id": "i1",
        "time": NOW.isoformat(),
        "received": NOW.isoformat(),
        "consent": "full",
    }
    assert told["events"][1]["intents"] == ["x"]
    assert told["users"] == [{"about": {"country": "NL", "years": 40}, "time": NOW.isoformat()}]
    assert told["consents"] == [{"level": "full", "time": NOW.isoformat()}]


def test_what_is_known_of_items(store):
    store.put_items({"a": {"title": "A", "genres": ["x"]}, "b": {"title": "B"}})
    store.put_items({"b": {"title": "Bee"}})
    assert store.item("b") == {"title": "Bee"}
    assert store.remove_items(["a", "z"]) == 1
    with pytest.raises(UnknownName, match="no item 'a'"):
        store.item("a")
    with pytest.raises(DataError, match="plain values"):
        store.put_items({"c": {"score": float("nan")}})


# Parquet


def test_parquet_there_and_back(store, tmp_path, clock):
    sent = [event(n, user=f"u{n % 3}") for n in range(25)]
    sent += [shown(100 + n, f"r{n}", creative=1, creative_propensity=0.5) for n in range(5)]
    sent += [event(200, kind="survey", satisfaction=1, intents=["a", "b"])]
    store.ingest(sent)
    assert store.export_events(tmp_path / "out", rows=10) == 31
    assert len(list((tmp_path / "out").iterdir())) == 4
    clock.time += timedelta(days=400)  # of any age
    with Store(tmp_path / "other.db", clock=clock) as other:
        other.upgrade()
        assert other.import_events(tmp_path / "out", rows=7) == {"accepted": 31}
        assert other.import_events(tmp_path / "out") == {"duplicate": 31}
        there, back = (
            pl.concat(each.frames()).drop("seq", "received").sort("event_id")
            for each in (store, other)
        )
        assert there.equals(back)
        other.erase("u1")
        assert other.import_events(tmp_path / "out") == {"duplicate": 23, "refused": 8}
    with pytest.raises(DataError, match="no Parquet file"):
        store.import_events(tmp_path / "none")


def test_an_export_that_breaks_leaves_the_old_one(sqlite, tmp_path, monkeypatch):
    sqlite.ingest([event(n) for n in range(30)])
    sqlite.export_events(tmp_path / "out", rows=10)
    write, calls = pl.DataFrame.write_parquet, []

    def breaks(self, path):
        calls.append(path)
        if len(calls) == 3:
            raise OSError("no space left on device")
        write(self, path)

    sqlite.ingest([event(100)])
    monkeypatch.setattr(pl.DataFrame, "write_parquet", breaks)
    with pytest.raises(OSError, match="no space"):
        sqlite.export_events(tmp_path / "out", rows=10)
    assert pl.read_parquet(tmp_path / "out" / "*.parquet").height == 30
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


# To learn from


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


# Versions


def test_migrations_make_the_tables_that_the_code_has(store):
    assert store.version == "0002"
    with store.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), tables) == []


def test_no_tables_yet(url):
    with Store(url) as store:
        with pytest.raises(StoreError, match=r"has no tables yet .*upgrade\(\) brings it up"):
            store.count()
        assert store.version is None
        store.upgrade().upgrade()
        assert store.count()["events"] == 0


def test_of_a_newer_headwater(store, url):
    with store.engine.begin() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with Store(url) as late:
        for act in (late.count, late.upgrade):
            with pytest.raises(StoreError, match=r"version 9999.*written by a newer one"):
                act()


def test_the_key_is_the_one_it_was_made_with(tmp_path):
    path = tmp_path / "a.db"
    with Store(path, key=b"0123456789abcdef") as store:
        who = store.upgrade().erase("ann").who
    for key, said in ((None, "a key of its own"), (b"another key of it", "is not the one")):
        with Store(path, key=key) as other, pytest.raises(StoreError, match=said):
            other.count()
    with Store(path, key=b"0123456789abcdef") as store:
        assert store.erase("ann").who == who
    with pytest.raises(BadParameter, match="at least 16 bytes"):
        Store(path, key=b"short")
    with Store(tmp_path / "b.db") as other:
        assert other.upgrade().erase("ann").who != who


@pytest.mark.parametrize(
    ("url", "said"),
    [("sqlite://", "needs a file"), ("mysql://h/d", "SQLite or PostgreSQL"), ("a:b://", "address")],
)
def test_where_a_store_can_be(url, said):
    with pytest.raises(BadParameter, match=said):
        Store(url)


@pytest.mark.parametrize("package", ["sqlalchemy", "alembic"])
def test_what_is_not_installed_is_named(package):
    code = f"""
import sys
sys.modules["{package}"] = None
from headwater.errors import MissingExtra
try:
    import headwater.serve.store
except MissingExtra as error:
    print(error)
"""
    with _python(code) as process:
        said = process.communicate()[0]
    assert said == (
        f"the event store needs {package}, which is not installed: pip install 'headwater[serve]'\n"
    )


def test_a_file_of_any_name(tmp_path):
    path = tmp_path / "a %20 b?c#d.db"
    with Store(path) as store:
        store.upgrade()
    assert path.exists()


def test_a_database_that_is_not_there(tmp_path):
    with (
        Store(tmp_path / "none" / "a.db") as store,
        pytest.raises(StoreError, match="unable to open database file"),
    ):
        store.upgrade()


# Faults


def test_disk_full(tmp_path, clock):
    """The most pages that a file may have stand in for the disk; a batch is two statements."""
    store = Store(tmp_path / "events.db", clock=clock).upgrade()
    store.close()

    @sa.event.listens_for(store.engine, "connect")
    def small(raw, _):
        raw.execute("PRAGMA max_page_count = 200")

    kept, n = [], 0

    def fill():
        nonlocal n
        for n in range(1000):
            kept.extend(store.ingest([event(700 * n + i) for i in range(700)]))

    with pytest.raises(StoreError, match=r"no room is left .* make room and send it again"):
        fill()
    assert n >= 1
    assert set(statuses(kept)) == {"accepted"}
    known = [name for frame in store.frames(["event_id"]) for name in frame["event_id"]]
    assert sorted(known) == sorted(each.event_id for each in kept)
    store.close()
    with Store(tmp_path / "events.db", clock=clock) as roomy:
        again = roomy.ingest([event(700 * n + i) for i in range(700)])
    assert set(statuses(again)) == {"accepted"}


def test_others_that_do_not_let_go(tmp_path, clock):
    with (
        Store(tmp_path / "events.db", clock=clock, timeout=0.05) as store,
        Store(tmp_path / "events.db", clock=clock) as other,
    ):
        store.upgrade()
        with (
            other._begin(writing=True),
            pytest.raises(StoreError, match=r"being written by others .* send it again"),
        ):
            store.ingest([event(1)])
        assert statuses(store.ingest([event(1)])) == ["accepted"]


def test_a_database_gone_and_back(server, clock):
    psycopg = pytest.importorskip("psycopg")
    name = f"db{os.urandom(6).hex()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
        with Store(f"{server}/{name}", clock=clock) as store:
            store.upgrade().ingest([event(1)])
            db.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            with pytest.raises(StoreError, match="not currently accepting connections"):
                store.ingest([event(2)])
            db.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert statuses(store.ingest([event(1), event(2)])) == ["duplicate", "accepted"]


INGEST = """
import sys
from datetime import datetime, UTC
from headwater.serve.store import Store
store = Store(sys.argv[1], default="full")
print("ready", flush=True)
for line in sys.stdin:
    first = int(line)
    time = datetime.now(UTC)
    done = store.ingest([
        {"kind": "click", "event_id": f"e{first + n}", "user_id": f"u{n % 5}", "item_id": "i",
         "time": time} for n in range(20)])
    print(first, sum(each.status in ("accepted", "duplicate") for each in done), flush=True)
"""


def test_killed_while_ingesting(url):
    """Killed at any moment, and what was not acknowledged sent again: all is there, once."""
    rng = random.Random(3)
    with Store(url) as store:
        store.upgrade()
        acknowledged, waiting, kills = set(), list(range(0, 20 * 600, 20)), 0
        while kills < 5:
            acknowledged.update(_killed_at(rng.uniform(0.02, 0.35), url, waiting))
            kills += 1
            waiting = [first for first in waiting if first not in acknowledged]
            known = _names(store)
            expected = {f"e{first + n}" for first in acknowledged for n in range(20)}
            assert len(known) == len(set(known))
            assert expected <= set(known)
            assert len(set(known) - expected) in (0, 20)  # a batch is all there, or not at all
        assert acknowledged
        time = datetime.now(UTC)
        for first in waiting:  # the whole of what is left, to the last event
            store.ingest([event(first + n, time=time) for n in range(20)])
        assert sorted(_names(store)) == sorted(f"e{n}" for n in range(20 * 600))


def _killed_at(seconds, url, waiting):
    """Sends one batch at a time, the next when the last was acknowledged; those that were."""
    acknowledged = []
    process = _python(INGEST, url, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == "ready\n"
    killer = threading.Timer(seconds, process.kill)
    killer.start()
    for first in waiting:
        try:
            process.stdin.write(f"{first}\n")
            process.stdin.flush()
        except BrokenPipeError:
            break
        answer = process.stdout.readline()
        if not answer.endswith("\n"):
            break
        assert answer == f"{first} 20\n"
        acknowledged.append(first)
    killer.join()
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return acknowledged


MIGRATE = """
import os, signal, sys
import sqlalchemy as sa
from headwater.serve.store import Store
store, left = Store(sys.argv[1]), [int(sys.argv[2])]

@sa.event.listens_for(store.engine, "after_cursor_execute")
def count(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

store.upgrade()
"""


def test_killed_while_migrating(url, clock):
    """After some of its statements: there are no tables then, and the next try makes them all."""
    killed = 0
    for statements in (3, 6, 9, 12, 15, 18):
        with _python(MIGRATE, url, str(statements)) as process:
            said = process.communicate()[1]
        assert process.returncode in (0, -signal.SIGKILL), said
        if process.returncode == 0:
            break
        killed += 1
        with Store(url) as store:
            assert store.version is None
            assert sa.inspect(store.engine).get_table_names() == []
    assert killed >= 4
    with Store(url, clock=clock) as store:
        assert statuses(store.upgrade().ingest([event(1)])) == ["accepted"]


def _python(code, *arguments, **how):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how}
    path = os.pathsep.join(
        [str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")]
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env={**os.environ, "PYTHONPATH": path}, **pipes
    )


def _names(store):
    return [name for frame in store.frames(["event_id"]) for name in frame["event_id"]]
