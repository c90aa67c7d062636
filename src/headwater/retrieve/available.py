"""Available: only what is still there; the rest is learned from and never recommended.

    slate(r) = first(r) out of the items whose column `by` is not true

What people chose before it was taken away still says what they like.

Source:  Headwater's own.
Checked: tests/retrieve/test_available.py
Differs: in nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError
from ..model import Model, Recommender, learned
from ..types import Dataset, Queries, Slate

__all__ = ["Available"]


@dataclass(kw_only=True, eq=False)
class Available(Model):
    """`DataError` for a column that is not of yes and no; a catalogue without it has all items."""

    first: Recommender
    by: str = "removed"  # the catalogue's column of what is gone

    gone_: np.ndarray = learned()  # (N,) bool

    def lessons(self, data: Dataset) -> Iterator[tuple[Model, Dataset]]:
        table = data.catalog.table
        self.gone_ = np.zeros(len(data.items), bool)
        if self.by in table.columns:
            column = table[self.by].fill_null(False)
            if str(column.dtype) != "Boolean":
                raise DataError(f"{self.by!r} says what is gone, yes or no; it is {column.dtype}")
            self.gone_ = column.to_numpy()
        yield from super().lessons(data)

    def recommend(self, queries: Queries, k: int, *, filter_seen: bool = True) -> Slate:
        pool = ~self.gone_ if queries.pool is None else queries.pool & ~self.gone_
        return self.first.recommend(replace(queries, pool=pool), k, filter_seen=filter_seen)
