from datetime import timedelta

import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import event, shown

from headwater.errors import DataError
from headwater.serve.store import Store


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
