"""The events of a table, read in pieces and checked, before anything is chosen among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..errors import DataError
from ..types import Ids, Ints, Mask
from ._columns import Column, by_place, guess, orders_only
from ._ids import Codes, names, texts
from ._items import Facts
from ._rejects import Rejects, bad
from ._tables import Batch, Table, open_table
from ._times import Clock

__all__ = ["Events", "gather", "grouped", "places", "roles_of"]

DECIMAL_COMMA = r"^([+-]?\d+),(\d{1,2}|\d{4,})$"
MOST_KINDS = 127  # of events: they are int8


@dataclass
class Events:
    """n events, oldest first, then as in the table: who, what, and what else is known."""

    table: Table
    roles: dict[str, str]  # role -> column
    users: pl.Series  # the id that each number in `user` stands for, Int64 or String
    items: pl.Series
    user: NDArray[np.int32]  # (n,)
    item: NDArray[np.int32]  # (n,)
    values: NDArray[np.float32] | None  # (n,)
    times: NDArray[np.int64] | None  # (n,) unix seconds, or only an order
    kinds: NDArray[np.int8] | None  # (n,)
    kind_names: tuple[str, ...]
    facts: Facts  # by the numbers in `item`
    rejects: Rejects
    seen: int  # rows, with those that were left out
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def ordinal(self) -> bool:
        """Whether `times` say only what came first."""
        return orders_only(self.roles.get("time", ""))

    def keep(self, which: Mask | Ints) -> None:
        """Only these events from now on: a mask (n,), or places in a new order.

        One column after the other, so that there are never two of everything in memory.
        """
        columns = ("user", "item", "values", "times", "kinds")
        for name in columns:
            if getattr(self, name) is not None:
                setattr(self, name, getattr(self, name)[which])


def gather(
    source: Any, asked: Mapping[str, Column], out: Rejects, *, encoding: str = "utf-8"
) -> Events:
    """Read the columns that ``asked`` maps the roles to, guessing where it says None.

    Bad rows go to ``out``. Raises `DataError` if ``source`` is no table, has not the columns, or
    has no row of use.
    """
    table = open_table(source, encoding=encoding, asked=[name for name in asked.values() if name])
    roles, notes = roles_of(table, asked)
    out.unit = table.unit
    known = [name for name in table.columns if name not in roles.values()]
    codes = {role: Codes() for role in ("user", "item", "event")}
    parts: dict[str, list[NDArray[Any]]] = {role: [] for role in roles}
    facts, clock, seen, as_text = Facts(known), Clock(), 0, {"user": False, "item": False}
    with out:
        for batch in table.batches(table.columns):
            seen += len(batch.rows) + batch.broken["row"].n_unique()
            clean, right, wrong = _checked(batch, roles, clock)
            out.add(pl.concat([batch.broken, *wrong]))
            for role, column in clean.items():
                kept = column.filter(right) if wrong else column
                parts[role].append(codes[role].add(kept) if role in codes else kept.to_numpy())
            if facts.columns:
                about = batch.frame.select(facts.columns)
                facts.add(parts["item"][-1], about.filter(right) if wrong else about)
            for role in as_text:
                as_text[role] = table.typed and batch.frame[roles[role]].dtype == pl.String
            if len(codes["event"]) > MOST_KINDS:
                raise DataError(
                    f"column {roles['event']!r} of {table.name} has more than {MOST_KINDS} kinds "
                    f"of event, such as {', '.join(map(repr, codes['event'].closed()[0][:3]))}; "
                    "pass event=False to do without it"
                )
        if seen == 0:
            raise DataError(f"{table.name} has columns ({', '.join(table.columns)}) but no rows")
        if out.count:
            notes.append(out.note(seen))
        if out.count == seen:
            raise DataError(f"no row of {table.name} can be used: {notes[-1]}")
    flat = {role: np.concatenate(parts.pop(role)) for role in list(parts)}
    ids = {}
    for role in as_text:
        values, place = codes[role].closed()
        found, said = names(values, as_text=as_text[role])
        notes += [f"{role} ids: {said}"] if said else []
        ids[role] = found.unique(maintain_order=True)  # 1 and 1.0 are one
        place = Ids(ids[role]).encode(found)[place]
        flat[role] = place[flat[role]]
        if role == "item":
            facts.renumber(place)
    kind_names, kind = codes["event"].closed()
    if "rating" not in roles:
        notes.append("no column of ratings: every value is 1")
    if "time" not in roles:
        notes.append("no column of times: events are in the order of the rows")
    elif orders_only(roles["time"]):
        notes.append(f"{roles['time']!r} tells the order of a user's events; no times")
    else:
        notes.append(f"times are read as {clock.unit}")
    events = Events(
        table=table,
        roles=roles,
        users=ids["user"],
        items=ids["item"],
        user=flat.pop("user"),
        item=flat.pop("item"),
        values=flat.pop("rating", None),
        times=flat.pop("time", None),
        kinds=kind.astype(np.int8)[flat["event"]] if "event" in flat else None,
        kind_names=tuple(kind_names),
        facts=facts,
        rejects=out,
        seen=seen,
        notes=notes,
    )
    if events.times is not None and (np.diff(events.times) < 0).any():
        events.keep(np.argsort(events.times, kind="stable"))
    return events


def grouped(codes: NDArray[np.int32], n_codes: int) -> Ints:
    """The order that puts equal codes together, lowest first, else as they were; in O(n).

    >>> grouped(np.array([2, 0, 2, 0], np.int32), 3)
    array([1, 3, 0, 2], dtype=int32)
    """
    n = len(codes)
    one = csr_array((np.ones(n, np.int8), codes, places(n + 1)), shape=(n, n_codes))
    order: Ints = one.tocsc().indices
    return order


def places(n: int) -> Ints:
    """0 to n - 1, in no more bytes than it takes."""
    return np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)


def roles_of(table: Table, asked: Mapping[str, Column]) -> tuple[dict[str, str], list[str]]:
    """The column of each role, and what there is to say about how they were found."""
    notes = [table.note] if table.note else []
    if table.sample and not any(asked.values()):
        roles = by_place(table.sample, table.name)
        roles = {role: name for role, name in roles.items() if asked.get(role) is not False}
        told = ", ".join(f"{role} is {name}" for role, name in roles.items())
        return roles, [*notes, f"no header line; guessed by place: {told}"]
    roles, guessed = guess(table.columns, asked, table.name)
    told = ", ".join(f"{role} is {roles[role]!r}" for role in guessed)
    return roles, [*notes, *([f"guessed: {told}"] if told else [])]


def _checked(
    batch: Batch, roles: dict[str, str], clock: Clock
) -> tuple[dict[str, pl.Series], pl.Series, list[pl.DataFrame]]:
    """The column of each role as it will be kept, which rows are right, and what is wrong."""
    clean, wrong = {}, []
    right = pl.repeat(True, len(batch.rows), eager=True)
    for role, name in roles.items():
        column = batch.frame[name]
        if role == "rating":
            clean[role], reason = _finite(column), "is not a number"
        elif role == "time" and orders_only(name):
            clean[role], reason = _finite(column, pl.Int64), "is not a number"
        elif role == "time":
            clean[role], reason = (
                clock.seconds(column),
                f"is not a time in {clock.unit or 'seconds'}",
            )
        else:
            clean[role], reason = texts(column), "is not an id"
        missing = clean[role].is_null()
        if missing.any():
            raw = column.filter(missing).cast(pl.String, strict=False)
            why = pl.select(
                pl.when(raw.fill_null("") == "").then(pl.lit("is empty")).otherwise(pl.lit(reason))
            )
            wrong.append(bad(batch.rows.filter(missing), name, raw, why.to_series()))
            right &= ~missing
    return clean, right, wrong


def _finite(column: pl.Series, kind: type[pl.DataType] = pl.Float32) -> pl.Series:
    """Finite numbers, null for everything else. 4,5 is 4.5; 1,000 is not clear, so no number."""
    if column.dtype == pl.String:
        column = column.str.strip_chars()
    elif not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        return pl.repeat(None, len(column), dtype=kind, eager=True)
    number = column.cast(pl.Float64, strict=False)
    if column.dtype == pl.String and number.null_count() > column.null_count():
        point = column.str.replace(DECIMAL_COMMA, "$1.$2")
        number = number.fill_null(point.cast(pl.Float64, strict=False))
    if kind == pl.Float32:
        number = number.cast(pl.Float32)  # what is too large for it becomes infinite
    return pl.select(pl.when(number.is_finite()).then(number)).to_series().cast(kind)
