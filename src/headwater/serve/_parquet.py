"""Events of a store to Parquet, and back."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ..atomic import atomic_path
from ..errors import DataError
from ._ingest import Ingest
from .events import instant

__all__ = ["Parquet"]

log = logging.getLogger("headwater")


class Parquet(Ingest):
    def export_events(self, folder: str | Path, *, rows: int = 100_000) -> int:
        """All events to ``folder``, in Parquet files of ``rows`` each; how many there were.

        The folder is written whole or not at all, and never more than one file is in memory.
        """
        n = 0
        with atomic_path(folder) as temp:
            temp.mkdir()
            for part, frame in enumerate(self.frames(rows=rows)):
                frame.drop("seq").write_parquet(temp / f"events-{part:06d}.parquet")
                n += len(frame)
        return n

    def import_events(self, source: str | Path, *, rows: int = 20_000) -> dict[str, int]:
        """The events of a Parquet file, or of a folder of them, as `export_events` writes.

        They are checked as those that `ingest` takes, but may be of any age. How many there were
        of each status; why the first was refused is logged. Each ``rows`` are a transaction: what
        broke off can be begun again from the start.
        """
        source = Path(source)
        files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
        if not files or not files[0].exists():
            raise DataError(f"no Parquet file of events at {source}")
        found: dict[str, int] = {}
        for file in files:
            lazy = pl.scan_parquet(file)
            have = lazy.collect_schema().names()
            if not {"event_id", "kind", "user_id", "time"} <= set(have):
                raise DataError(f"{file} holds no events of a store; it has: {', '.join(have)}")
            at = 0
            while len(some := lazy.slice(at, rows).collect()):
                at += len(some)
                for answer in self._ingest([_given(row) for row in some.iter_rows(named=True)], 0):
                    if answer.status == "refused" and "refused" not in found:
                        log.warning("refused event %s: %s", answer.event_id, answer.reason)
                    found[answer.status] = found.get(answer.status, 0) + 1
        return found


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a Parquet file as it was sent."""
    given = {n: v for n, v in row.items() if v is not None and n not in ("seq", "received")}
    if isinstance(given.get("time"), int):
        given["time"] = instant(given["time"])
    if isinstance(given.get("intents"), str):
        given["intents"] = json.loads(given["intents"])
    return given
