"""Rows of the tables: made, put, looked up and read as frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from ...errors import BadParameter, DataError
from ...extras import needs
from ..events import microseconds
from ._database import insert
from ._tables import META, TYPES

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = [
    "AT_ONCE",
    "as_json",
    "described",
    "frames",
    "gathered",
    "meta",
    "micro",
    "parts",
    "put",
    "revised",
    "whole",
]

DEEP = 20  # levels of what is known of a person or an item
AT_ONCE = 500  # rows in one statement: 19 columns each, and SQLite takes 32,766 values


def as_json(value: Any) -> str:
    try:
        said = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        said.encode()  # which halves of characters are not
    except (TypeError, ValueError) as error:
        raise DataError(f"what is kept has to be plain values for JSON: {error}") from None
    return said


def _deeper(value: Any, levels: int) -> bool:
    """Whether there is something in it below so many levels."""
    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping | list | tuple):
        return False
    return levels == 0 or any(_deeper(each, levels - 1) for each in inner)


def micro(time: datetime, what: str = "time") -> int:
    """Unix microseconds of a time that a caller gave."""
    if time.tzinfo is None:
        raise BadParameter(f"{what} needs a time zone, such as UTC; got {time}")
    return microseconds(time)


def parts(rows: Sequence[Any], size: int = AT_ONCE) -> Iterable[Sequence[Any]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def meta(db: sa.Connection) -> dict[str, str]:
    """The notes that the store keeps on itself."""
    rows = db.execute(sa.select(META.c.name, META.c.value))
    return {row.name: row.value for row in rows}


def revised(db: sa.Connection) -> int:
    """The next revision of the catalogue. Whoever takes one has the row until the end of their
    transaction: so revisions are seen by others in the order of their numbers, none left out."""
    value = sa.cast(sa.cast(META.c.value, sa.BigInteger) + 1, sa.Text)
    asked = sa.update(META).where(META.c.name == "revision").values(value=value)
    return int(db.execute(asked.returning(META.c.value)).scalar_one())


def described(table: sa.Table, about: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
    """A row for each name in ``about``, with the plain values that are known of it."""
    key = table.primary_key.columns[0].name
    odd = next((name for name in about if not isinstance(name, str) or not name), None)
    if odd is not None:
        raise DataError(f"{key} is a text that is not empty; got {odd!r}")
    deep = next((name for name in about if _deeper(about[name], DEEP)), None)
    if deep is not None:
        raise DataError(f"what is known by {key} {deep!r} is lists in lists, over {DEEP} deep")
    return [{key: name, "about": as_json(about[name]), **more} for name in sorted(about)]


def put(db: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """In place of those that have the same key."""
    keys = [column.name for column in table.primary_key.columns]
    for some in parts(rows):
        into = insert(db.dialect, table)
        new = {name: into.excluded[name] for name in some[0] if name not in keys}
        db.execute(into.on_conflict_do_update(index_elements=keys, set_=new), some)


def frames(
    db: sa.Connection, table: sa.Table, columns: Sequence[str], where: Any, rows: int
) -> Iterator[pl.DataFrame]:
    """In the order of their arrival, or of their keys, ``rows`` at a time; one statement."""
    names = columns or [c.name for c in table.columns]
    asked = sa.select(*(table.c[name] for name in names)).order_by(*table.primary_key.columns)
    asked = asked if where is None else asked.where(where)
    schema = _schema(names)
    for some in db.execution_options(yield_per=rows).execute(asked).partitions():
        yield pl.DataFrame([tuple(row) for row in some], schema=schema, orient="row")


def gathered(
    db: sa.Connection, table: sa.Table, columns: Sequence[str], where: Any
) -> pl.DataFrame:
    """All `frames` in one, also where there are none."""
    return whole(columns, frames(db, table, columns, where, 100_000))


def whole(columns: Sequence[str], parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=_schema(columns)), *parts])


def _schema(columns: Sequence[str]) -> dict[str, type[pl.DataType]]:
    return {name: TYPES.get(name, pl.String) for name in columns}
