"""What is known of the items (and of the people): tables beside the events, and columns in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from ..errors import DataError, MissingColumn
from ..types import PAD, Ids
from ._columns import NAMES, fold
from ._ids import WHOLE, names, texts
from ._tables import open_table, whole

__all__ = ["Facts", "catalogue", "joined"]

KNOWN = {  # the name in the catalogue: what else it may be called
    "title": "title name itemname itemtitle movietitle producttitle producttitle headline",
    "genres": "genres genre categories tags",
    "text": "text description plot overview abstract summary synopsis",
    "year": "year releaseyear publicationyear originalpublicationyear",
}
NO_GENRES = "(no genres listed)"  # how MovieLens writes an empty list


class Facts:
    """Columns of the events that never differ between two events of one item."""

    def __init__(self, columns: Sequence[str]):
        self._seen: dict[str, pl.DataFrame | None] = dict.fromkeys(columns)

    @property
    def columns(self) -> list[str]:
        return list(self._seen)

    def add(self, items: NDArray[np.uint32], frame: pl.DataFrame) -> None:
        """Some events: their items (n,) by number, and their columns."""
        for name in self.columns:
            for rows in (slice(0, 10_000), slice(10_000, None)):  # most that differ soon do
                part = pl.DataFrame({"item": items[rows], "fact": frame[name][rows]}).drop_nulls()
                before = self._seen[name]
                try:
                    seen = (part if before is None else pl.concat([before, part])).unique()
                except PolarsError:  # a type that cannot be compared
                    del self._seen[name]
                    break
                if len(seen) > seen["item"].n_unique():
                    del self._seen[name]
                    break
                self._seen[name] = seen

    def table(self, items: NDArray[np.uint32]) -> pl.DataFrame:
        """What is known of ``items`` (N,), the numbers that were given to `add`; N rows.

        A column that is the same everywhere says nothing and is left out.
        """
        out = pl.DataFrame({"item": items})
        for name, seen in self._seen.items():
            if seen is not None and (seen["fact"].n_unique() > 1):
                out = out.join(seen.rename({"fact": name}), on="item", how="left", maintain_order="left")
        return out.drop("item")
...
