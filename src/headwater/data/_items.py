"""What is known of the items or the people: tables beside the events, and columns in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from ..errors import DataError, MissingColumn
from ..types import PAD, Ids, Ints
from ._columns import NAMES, fold
from ._ids import WHOLE, names, texts
from ._tables import open_table, whole

__all__ = ["NO_GENRES", "Facts", "Listed", "as_numbers", "beside", "catalogue"]

KNOWN = {  # the name in the catalogue, and what else it may be called
    "title": "title name itemname itemtitle movietitle producttitle productname headline",
    "genres": "genres genre categories tags",
    "text": "text description plot overview abstract summary synopsis",
    "year": "year releaseyear publicationyear originalpublicationyear",
}
NO_GENRES = "(no genres listed)"  # how MovieLens writes an empty list
NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$"  # not 007


class Facts:
    """Columns of the events that never differ between two events of one item."""

    def __init__(self, columns: Sequence[str]):
        self._seen: dict[str, pl.DataFrame | None] = dict.fromkeys(columns)
        self._events = 0

    @property
    def columns(self) -> list[str]:
        """Those that did not differ so far."""
        return list(self._seen)

    def add(self, items: NDArray[np.uint32], frame: pl.DataFrame) -> None:
        """Some events: their items (n,) by number, and their columns."""
        self._events += len(items)
        for name in self.columns:
            for rows in (slice(0, 10_000), slice(10_000, None)):  # most that differ do so soon
                part = pl.DataFrame({"item": items[rows], "fact": frame[name][rows]}).drop_nulls()
                before = self._seen[name]
                try:
                    seen = (part if before is None else pl.concat([before, part])).unique()
                    differs = len(seen) > seen["item"].n_unique()
                except PolarsError:  # of a type that cannot be compared
                    differs = True
                if differs:
                    del self._seen[name]
                    break
                self._seen[name] = seen

    def renumber(self, new: Ints) -> None:
        """Item i is ``new[i]`` from now on; of two that become one the first is believed."""
        for name, seen in self._seen.items():
            if seen is not None:
                item = pl.Series("item", new[seen["item"].to_numpy()])
                self._seen[name] = seen.with_columns(item).unique(
                    "item", keep="first", maintain_order=True
                )

    def table(self, items: Ints, *, typed: bool) -> pl.DataFrame:
        """What is known of ``items`` (N,), the numbers given to `add`; N rows.

        A column that is the same for all items, or seen once for each, proves nothing and is
        left out.
        """
        asked = pl.Series(items)
        out = {}
        for name, seen in self._seen.items():
            if seen is None or seen["fact"].n_unique() < 2 or len(seen) == self._events:
                continue
            column = Ids(seen["fact"]).decode(Ids(seen["item"]).encode(asked))
            out[name] = column if typed else as_numbers(column)
        return pl.DataFrame(out)


@dataclass(frozen=True)
class Listed:
    """A table with a row for each item (or user), in the order of their numbers."""

    frame: pl.DataFrame  # (N, columns), null where it knows nothing
    missing: pl.Series  # the ids it does not know
    left_out: dict[str, int]  # rows that found no place, by why
    name: str
    role: str

    @property
    def notes(self) -> list[str]:
        n = len(self.frame) - len(self.missing)
        why = ", ".join(f"{n:,} rows {why}" for why, n in self.left_out.items() if n)
        said = f"{self.name} knows {n:,} of {len(self.frame):,} {self.role}s"
        return [f"{said}; left out {why}" if why else said]


def beside(source: Any, ids: Ids, role: str, column: str, encoding: str) -> Listed:
    """The table ``source`` of items or users (``role``), put in the order of ``ids``.

    Its ids are in the column that is called like that of the events, ``column``, or as one would
    call it. Of several rows for one id the first counts. Raises `DataError` if it knows none.
    """
    table = open_table(source, encoding=encoding)
    name = f"the {role} table {table.name}"
    frame, broken = whole(table)
    key = column if column in frame.columns else _key(frame.columns, role, name)
    ours = texts(frame[key])
    keys, _ = names(ours.drop_nulls(), as_text=table.typed and frame[key].dtype == pl.String)
    frame = frame.filter(ours.is_not_null()).drop(key)
    at = ids.encode(keys)
    known = np.flatnonzero(at != PAD)
    if len(known) == 0:
        raise DataError(
            f"{name} knows none of the {role}s of the events: its {key!r} is like {_some(keys)}, "
            f"theirs like {_some(ids.values)}"
        )
    place = np.full(len(ids), PAD)
    place[at[known[::-1]]] = known[::-1]
    there = place != PAD
    if not table.typed:
        frame = frame.with_columns(as_numbers(each) for each in frame if each.dtype == pl.String)
    index = pl.select(pl.when(pl.Series(there)).then(pl.Series(place))).to_series()
    return Listed(
        frame.select(pl.all().gather(index)),
        ids.values.filter(pl.Series(~there)),
        {
            f"about {role}s without events": len(keys) - len(known),
            f"with no {role} id": len(ours) - len(keys),
            "for the second time": len(known) - int(there.sum()),
            "that are broken": len(broken),
        },
        name,
        role,
    )


def catalogue(table: pl.DataFrame, n_items: int) -> tuple[pl.DataFrame, list[str]]:
    """With the usual columns under their usual names, a title always, and what was renamed.

    `title` and `text` are text, `genres` is a list of text, `year` a whole number.

    >>> catalogue(pl.DataFrame({"Name": ["Heat"], "genre": ["Crime|Drama"]}), 1)[0].row(0)
    ('Heat', ['Crime', 'Drama'])
    """
    said = []
    for target, others in KNOWN.items():
        found = [name for other in others.split() for name in table.columns if fold(name) == other]
        if found and target not in table.columns:
            table = table.rename({found[0]: target})
            said.append(f"catalogue: column {found[0]!r} is the {target}")
    if "title" not in table.columns:
        unknown = pl.Series("title", [None], dtype=pl.String).new_from_index(0, n_items)
        table = (
            pl.concat([table, unknown.to_frame()], how="horizontal")
            if table.width
            else unknown.to_frame()
        )
    table = table.with_columns(
        table[name].cast(pl.String, strict=False)
        for name in ("title", "text")
        if name in table.columns and not table[name].dtype.is_nested()
    )
    for name in ("genres", "year"):  # lists are of genres, and of no years
        kind = table.schema.get(name, pl.String())
        inner = kind.inner if isinstance(kind, pl.List) and name == "genres" else kind
        if inner.is_nested():
            table = table.drop(name)
            said.append(f"catalogue: column {name!r} is left out, since it holds {kind}")
    if "genres" in table.columns:
        table = table.with_columns(_listed(table["genres"]))
    if "year" in table.columns:
        table = table.with_columns(
            pl.col("year").cast(pl.Float64, strict=False).cast(pl.Int32, strict=False)
        )
    return table, said


def _listed(column: pl.Series) -> pl.Series:
    """Genres as lists: from lists, or from text separated by bars or commas."""
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String))
    text = column.cast(pl.String).str.strip_chars("[] ").str.replace(NO_GENRES, "", literal=True)
    between = "|" if text.str.contains("|", literal=True).any() else ","
    part = pl.element().str.strip_chars(" '\"")
    return text.str.split(between).list.eval(part.filter(part != ""))


def as_numbers(column: pl.Series) -> pl.Series:
    """Text out of a file as whole numbers or numbers, if all of it looks it."""
    if column.null_count() == len(column):
        return column
    if column.str.contains(WHOLE).all():
        return column.str.replace(r"\.0*$", "").cast(pl.Int64)
    return column.cast(pl.Float64) if column.str.contains(NUMBER).all() else column


def _key(columns: Sequence[str], role: str, where: str) -> str:
    for group in (*NAMES[role], "id"):
        for name in columns:
            if fold(name) in group.split():
                return name
    raise MissingColumn(f"{role}_id", where, columns)


def _some(ids: pl.Series) -> str:
    return ", ".join(repr(each) for each in ids.drop_nulls().head(3))
