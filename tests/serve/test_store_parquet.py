import json
from datetime import timedelta

import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import LATER, NOW, event, shown

from headwater.errors import DataError
from headwater.serve.store import Store

ANSWER = {"trace_id": "t1", "user_id": "u0", "time": NOW, "surface": "home", "seconds": 0.01}


@pytest.fixture
def full(store):
    """A store with something in every table that is exported."""
    sent = [event(n, user=f"u{n % 3}") for n in range(25)]
    sent += [shown(100 + n, f"r{n}", creative=1, creative_propensity=0.5) for n in range(5)]
    sent += [event(200, kind="survey", satisfaction=1, intents=["a", "b"])]
    for n in range(3):
        store.consent(f"u{n}", "full")
    store.consent("u2", "essential")
    store.ingest(sent)
    store.put_users({"u1": {"country": "NL"}, "u2": {"country": "BE"}})
    store.put_items({"i1": {"title": "One", "genres": ["x"]}, "i2": {"title": "Two"}})
    store.remove_items(["i2", "i3"])
    store.put_experiment("x", {"arms": ["a", "b"]})
    store.expose("x", "u1", "b")
    answer = {**ANSWER, "k": 12, "filled": 9, "consent": "full"}
    store.served([{**answer, "steps": [["ease", 0.1]], "degraded": ["slow"]}])
    return store


COUNTS = {
    "consents": 4,
    "users": 2,
    "items": 3,
    "experiments": 1,
    "events": 31,
    "answers": 1,
    "exposures": 1,
}


def all_of(store):
    """What a store has, without what means something in it alone."""
    people = [store.export_user(f"u{n}") for n in range(3)] + [store.export_user("ann")]
    for each in people:
        for row in each["events"]:
            del row["received"]
        each["events"].sort(key=lambda row: row["event_id"])
    items = dict(store.items_changed(0)[0])
    return people, items, store.removed(), store.experiments(), store.exposures("x").rows()


def test_a_store_there_and_back(full, tmp_path, clock):
    assert full.export(tmp_path / "out", rows=10) == COUNTS
    assert len(list(tmp_path.glob("out/events-*.parquet"))) == 4
    clock.time += timedelta(days=400)  # of any age
    with Store(tmp_path / "other.db", clock=clock) as other:
        other.upgrade()
        found = other.import_(tmp_path / "out", rows=7)
        assert found == {name: {"accepted": n} for name, n in COUNTS.items()}
        assert all_of(other) == all_of(full)
        again = other.import_(tmp_path / "out")
        assert again == {name: {"duplicate": n} for name, n in COUNTS.items()}
        assert all_of(other) == all_of(full)


def test_what_is_newer_counts(full, tmp_path, clock):
    full.export(tmp_path / "out")
    clock.time += LATER
    full.put_items({"i2": {"title": "Back"}})
    full.remove_items(["i1"])
    full.put_users({"u1": {"country": "FR"}})
    full.consent("u0", "none")
    full.put_experiment("x", {"arms": ["c"]})
    before = all_of(full)
    found = full.import_(tmp_path / "out")
    assert not any("accepted" in each for each in found.values())
    assert all_of(full) == before
    with Store(tmp_path / "other.db", clock=clock) as other:
        other.upgrade().put_items({"i1": {"title": "Mine"}})
        other.consent("u0", "none")
        found = other.import_(tmp_path / "out")
        assert found["items"] == {"accepted": 2, "duplicate": 1}
        assert other.item("i1") == {"title": "Mine"}
        assert other.consent_of("u0") == "none"  # older ones came in, and change nothing
        assert found["consents"] == {"accepted": 4}
        assert found["events"]["not kept"] == 9
        assert found["answers"] == {"not kept": 1}


def test_nobody_comes_back_who_was_erased(full, tmp_path, clock):
    full.export(tmp_path / "out")
    clock.time += LATER
    full.erase("u1")
    found = full.import_(tmp_path / "out")
    assert found["events"] == {"duplicate": 23, "refused": 8}
    assert found["consents"] == {"duplicate": 3, "refused": 1}
    assert found["users"] == {"duplicate": 1, "refused": 1}
    assert found["exposures"] == {"not kept": 1}
    assert full.erased_among(["u1"]) == {"u1"}
    rows = full.export_user("u1")
    assert not any(rows[name] for name in ("events", "consents", "users", "exposures"))


def test_an_export_that_is_none(full, tmp_path):
    with pytest.raises(DataError, match=r"is not a folder that Store.export wrote"):
        full.import_(tmp_path)
    full.export(tmp_path / "out", rows=10)
    (tmp_path / "out" / "events-000002.parquet").rename(tmp_path / "events-000002.parquet")
    with (
        Store(tmp_path / "other.db") as other,
        pytest.raises(DataError, match=r"events-000002.parquet cannot be read"),
    ):
        other.upgrade().import_(tmp_path / "out")
    assert set(other.count().values()) == {0}
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "out" / "events-000002.parquet")
    with pytest.raises(DataError, match=r"events-000002.parquet is not of events; it has: a"):
        full.import_(tmp_path / "out")
    said = json.loads((tmp_path / "out" / "store.json").read_text())
    (tmp_path / "out" / "store.json").write_text(json.dumps(said | {"format": 9}))
    with pytest.raises(DataError, match=r"is of format 9; this reads 1"):
        full.import_(tmp_path / "out")


def test_events_of_elsewhere(sqlite, tmp_path):
    rows = [event(1, time=NOW - timedelta(days=900)), event(2, consent="none")]
    (tmp_path / "some").mkdir()
    pl.DataFrame(rows).write_parquet(tmp_path / "some" / "a.parquet")
    pl.DataFrame([event(3)]).write_parquet(tmp_path / "some" / "b.parquet")
    assert sqlite.import_events(tmp_path / "some") == {"accepted": 2, "not kept": 1}
    assert sqlite.import_events(tmp_path / "some" / "b.parquet") == {"duplicate": 1}
    for number in (1_777_636_800, 10**18):  # seconds, or nanoseconds: who knows
        pl.DataFrame([event(4, time=number)]).write_parquet(tmp_path / "d.parquet")
        assert sqlite.import_events(tmp_path / "d.parquet") == {"refused": 1}
    with pytest.raises(DataError, match="no Parquet file"):
        sqlite.import_events(tmp_path / "none")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(DataError, match="holds no events; it has: a"):
        sqlite.import_events(tmp_path / "c.parquet")


def test_an_export_that_breaks_leaves_the_old_one(sqlite, tmp_path, monkeypatch):
    sqlite.ingest([event(n) for n in range(30)])
    sqlite.export(tmp_path / "out", rows=10)
    write, calls = pl.DataFrame.write_parquet, []

    def breaks(self, path):
        calls.append(path)
        if len(calls) == 3:
            raise OSError("no space left on device")
        write(self, path)

    sqlite.ingest([event(100)])
    monkeypatch.setattr(pl.DataFrame, "write_parquet", breaks)
    with pytest.raises(OSError, match="no space"):
        sqlite.export(tmp_path / "out", rows=10)
    assert pl.read_parquet(tmp_path / "out" / "events-*.parquet").height == 30
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_an_export_takes_the_place_of_nothing_else(sqlite, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="something else than an export: choose another name"):
        sqlite.export(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
