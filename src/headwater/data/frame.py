"""From any table of events to a `Dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from ..types import Dataset

__all__ = ["read"]

Column = str | Literal[False] | None  # its name; False: there is none; None: guess
Duplicates = Literal["last", "first", "max", "sum", "keep", "error"]


def read(
    source: Any,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: Column = None,
    time: Column = None,
    event: Column = None,
    items: Any = None,
    users: Any = None,
    like: float | None = None,
    duplicates: Duplicates = "last",
    min_items_per_user: int = 0,
    min_users_per_item: int = 0,
    until_stable: bool = False,
    strict: bool = False,
    rejects: str | Path | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
) -> Dataset:
    """Read a table of events, one row an event, into a `Dataset`.

    ``source`` is a path (CSV, TSV, ``;`` or ``|`` or ``::`` or space separated text, JSON lines or
    a JSON array, each also gzipped; Parquet; Arrow IPC), a polars DataFrame or LazyFrame, a pandas
    DataFrame or anything else with an Arrow stream, or a list of dicts. Being written; this
    signature will stay.
    """
    raise NotImplementedError
