"""What is known of users and items as numbers that a net can read: once, for training and serving.

A field is a category (a code), kinds (several codes) or numbers. Code 0 is whatever is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zlib import crc32

import numpy as np
import polars as pl

from .errors import MissingColumn
from .features import described, unit_rows
from .types import Dataset, Ids

__all__ = ["Field", "fields_of", "hashed"]

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing that is known, of the users or of the items."""

    name: str
    of: Literal["user", "item"]
    kind: Literal["category", "kinds", "numbers"]
    size: int  # codes, with that of the unknown; or how many numbers
    rows: int  # users and one for strangers, or items
    events: int = 0  # codes in all rows together, of "kinds"
    own: bool = False  # the number of the user or the item itself

    @property
    def key(self) -> str:
        """What its arrays are called in a net, where a name has no dots."""
        if self.own:
            return f"{self.of}_id"
        quoted = self.name.replace("%", "%25").replace(".", "%2e")  # a net's names have no dots
        return f"{self.of}_column_{quoted}"


def fields_of(
    data: Dataset,
    *,
    item_columns: Sequence[str] | None = None,
    user_columns: Sequence[str] | None = None,
    vectors: Sequence[str] = (),
    most_codes: int = 100_000,
) -> tuple[list[Field], Arrays]:
    """The fields of ``data``, and their arrays by ``key``: ``codes`` (rows,) int64 of a category,
    ``start`` (rows + 1,) and ``codes`` of kinds, ``numbers`` (rows, size) float32.

    The number of a user or an item is a field too. Of the columns of `Dataset.people` and of the
    catalogue None takes all that can be read: lists and texts that repeat are kinds and categories,
    numbers become of mean 0 and deviation 1, with a column that says where they are missing.
    ``vectors`` are names in `Catalog.vectors`. A field of more than ``most_codes`` different values
    is hashed into that many.
    """
    made: list[Field] = []
    arrays: Arrays = {}

    def add(field: Field, **columns: np.ndarray) -> None:
        made.append(field)
        arrays.update({f"{field.key}_{name}": column for name, column in columns.items()})

    n_users, n_items = len(data.users), len(data.items)
    sides: tuple[tuple[Literal["user", "item"], int, int], ...] = (
        ("user", n_users, n_users + 1),
        ("item", n_items, n_items),
    )
    for of, n, rows in sides:
        codes = np.arange(1, rows + 1)
        codes[n:] = 0  # the stranger
        if n > most_codes:
            codes = np.where(codes > 0, hashed(codes, most_codes), 0)
        size = min(n, most_codes) + 1
        own = Field(name="id", of=of, kind="category", size=size, rows=rows, own=True)
        add(own, codes=codes)
        table = data.catalog.table if of == "item" else data.people
        asked = item_columns if of == "item" else user_columns
        if table is None:
            if asked:
                raise MissingColumn(asked[0], "what is known of the users", [])
            continue
        for name in _columns(table, asked, of):
            _add_column(add, of, name, table[name], rows, most_codes)
    for name in vectors:
        if name not in data.catalog.vectors:
            raise MissingColumn(name, "the catalogue's vectors", list(data.catalog.vectors))
        x = unit_rows(described(data.catalog, name)).astype(np.float32)
        field = Field(
            name=f"{name} vector", of="item", kind="numbers", size=x.shape[1], rows=len(x)
        )
        add(field, numbers=x)
    return made, arrays


def hashed(values: Any, most: int) -> np.ndarray:
    """Codes from 1 to ``most``, the same in every process and on every machine."""
    texts = (str(value).encode() for value in np.asarray(values).tolist())
    return np.array([crc32(text) % most + 1 for text in texts], np.int64)


def _columns(table: pl.DataFrame, asked: Sequence[str] | None, of: str) -> list[str]:
    if asked is None:
        return [name for name in table.columns if _readable(table[name])]
    for name in asked:
        if name not in table.columns:
            raise MissingColumn(name, f"what is known of the {of}s", table.columns)
    return list(asked)


def _readable(column: pl.Series) -> bool:
    kind = column.dtype
    if kind.is_numeric() or kind == pl.Boolean:
        return column.n_unique() > 1
    if kind == pl.List(pl.String):
        return bool(column.list.len().sum())
    if kind in (pl.String, pl.Categorical):
        known = column.drop_nulls()
        return len(known) > 0 and 2 * known.n_unique() <= len(known)
    return False


def _add_column(
    add: Any, of: Any, name: str, column: pl.Series, rows: int, most_codes: int
) -> None:
    kind = column.dtype
    if kind.is_numeric() or kind == pl.Boolean:
        x = column.cast(pl.Float64).to_numpy()
        known = np.isfinite(x)
        mean, spread = (x[known].mean(), x[known].std()) if known.any() else (0.0, 1.0)
        out = np.zeros((rows, 2), np.float32)
        out[: len(x), 0] = np.where(known, (x - mean) / (spread or 1), 0)
        out[: len(x), 1] = ~known
        out[len(x) :, 1] = 1
        add(Field(name=name, of=of, kind="numbers", size=2, rows=rows), numbers=out)
        return
    if kind.is_nested():
        lengths = np.zeros(rows, np.int64)
        lengths[: len(column)] = column.list.len().fill_null(0).to_numpy()
        flat = column.filter(column.list.len() > 0).explode().cast(pl.String)
        codes, size = _codes(flat, most_codes)
        start = np.concatenate([[0], np.cumsum(lengths)])
        field = Field(name=name, of=of, kind="kinds", size=size, rows=rows, events=len(codes))
        add(field, start=start, codes=codes)
        return
    codes = np.zeros(rows, np.int64)
    codes[: len(column)], size = _codes(column.cast(pl.String), most_codes)
    add(Field(name=name, of=of, kind="category", size=size, rows=rows), codes=codes)


def _codes(values: pl.Series, most: int) -> tuple[np.ndarray, int]:
    """A code for each of the texts, 0 where there is none; and how many codes there are."""
    known = values.drop_nulls().unique().sort()
    if len(known) > most:
        out = hashed(values.fill_null(""), most)
        out[values.is_null().to_numpy()] = 0
        return out, most + 1
    if not len(known):
        return np.zeros(len(values), np.int64), 1
    return Ids(known).encode(values).astype(np.int64) + 1, len(known) + 1
