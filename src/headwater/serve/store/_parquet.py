"""A store to Parquet and back, and events of elsewhere in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from ...atomic import atomic_path, holds_else
from ...errors import DataError
from ...extras import needs
from ._importing import Counts, Importing
from ._rows import frames
from ._tables import ANSWERS, CONSENTS, EVENTS, EXPERIMENTS, EXPOSURES, ITEMS, USERS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Parquet"]

OUT = (CONSENTS, USERS, ITEMS, EXPERIMENTS, EVENTS, ANSWERS, EXPOSURES)  # as they have to come in
OWN = ("seq", "received", "revision")  # columns that mean something in their own store alone
MANIFEST = "store.json"
FORMAT = 1


class Parquet(Importing):
    def export(self, folder: str | Path, *, rows: int = 100_000) -> dict[str, int]:
        """All but the receipts to ``folder``, in Parquet files of ``rows`` each, as of one moment;
        how many rows there were of each table.

        The folder is written whole or not at all, and never more than one file is in memory.
        Receipts stay: who was erased is in no file, and only the key of this store knows them.
        `DataError` if it holds something else than an export.
        """
        if holds_else(folder, MANIFEST):
            raise DataError(f"{folder} holds something else than an export: choose another name")
        counts: dict[str, int] = {}
        files: dict[str, int] = {}
        with atomic_path(folder) as temp, self._begin(still=True) as db:
            temp.mkdir()
            for table in OUT:
                counts[table.name] = files[table.name] = 0
                for part, frame in enumerate(frames(db, table, _columns(table), None, rows)):
                    frame.write_parquet(temp / _file(table.name, part))
                    counts[table.name] += len(frame)
                    files[table.name] = part + 1
            said = {"format": FORMAT, "rows": counts, "files": files}
            (temp / MANIFEST).write_text(json.dumps(said, indent=2) + "\n")
        return counts

    def import_(self, folder: str | Path, *, rows: int = 20_000) -> dict[str, dict[str, int]]:
        """What `export` wrote, into this store, beside what is there; for each table how many rows
        were "accepted", "duplicate", "not kept" (of people without consent) and "refused" (of
        people who were erased here, after them).

        Of users, items and experiments that both know, what is newer counts. Events are checked as
        those that `ingest` takes, under the consent that is the last, but may be of any age. Each
        ``rows`` are a transaction: what broke off can be begun again from the start. `DataError` if
        a file is missing.
        """
        source = Path(folder)
        try:
            said = json.loads((source / MANIFEST).read_text())
            parts = {table.name: int(said["files"][table.name]) for table in OUT}
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{source} is not a folder that Store.export wrote") from None
        if said.get("format") != FORMAT:
            raise DataError(f"{source} is of format {said.get('format')}; this reads {FORMAT}")
        files = {
            table.name: [source / _file(table.name, n) for n in range(parts[table.name])]
            for table in OUT
        }
        for table in OUT:
            for file in files[table.name]:
                _is_of(file, table)
        found: dict[str, dict[str, int]] = {}
        for name, some in files.items():
            total: Counts = Counter()
            for file in some:
                for batch in _rows(file, rows):
                    total += self._take(name, batch)
            found[name] = dict(total)
        return found

    def import_events(self, source: str | Path, *, rows: int = 20_000) -> dict[str, int]:
        """The events of a Parquet file, or of a folder of them, with columns as the mappings that
        `ingest` takes have keys; how many there were of each status. They may be of any age; their
        times have a zone, and numbers, which could be of any unit, are refused.

        Why the first was refused is logged. Each ``rows`` are a transaction.
        """
        source = Path(source)
        files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
        if not files or not files[0].exists():
            raise DataError(f"no Parquet file of events at {source}")
        found: Counts = Counter()
        for file in files:
            have = pl.scan_parquet(file).collect_schema().names()
            if not {"event_id", "kind", "user_id", "time"} <= set(have):
                raise DataError(f"{file} holds no events; it has: {', '.join(have)}")
            for some in _rows(file, rows):
                found += self._take_sent(some)
        return dict(found)


def _columns(table: sa.Table) -> list[str]:
    return [column.name for column in table.columns if column.name not in OWN]


def _is_of(file: Path, table: sa.Table) -> None:
    """`DataError` unless ``file`` is there and has the columns of ``table``."""
    try:
        have = pl.scan_parquet(file).collect_schema().names()
    except (OSError, PolarsError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    if set(have) != set(_columns(table)):
        raise DataError(f"{file} is not of {table.name}; it has: {', '.join(have)}")


def _file(name: str, part: int) -> str:
    return f"{name}-{part:06d}.parquet"


def _rows(file: Path, rows: int) -> Iterator[list[dict[str, Any]]]:
    lazy, at = pl.scan_parquet(file), 0
    while len(some := lazy.slice(at, rows).collect()):
        at += len(some)
        yield some.rows(named=True)
