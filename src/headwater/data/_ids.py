"""Ids of any type as whole numbers or text, and numbers for them while a table is read."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import DataError
from ..types import Ids

__all__ = ["Codes", "names", "numbered", "texts"]

MISSING = ["", "nan", "NaN", "NAN", "NaT", "null", "NULL", "None", "<NA>"]
WHOLE = r"^(0|-?[1-9][0-9]{0,17})(\.0*)?$"  # not 007, which is a name


class Codes:
    """Numbers for the values of a column, in batches; each different value is kept once."""

    def __init__(self) -> None:
        self._known = pl.Series([], dtype=pl.Categorical)  # polars forgets what nobody holds

    def __len__(self) -> int:
        return len(self._known)

    def add(self, column: pl.Series) -> NDArray[np.uint32]:
        """The codes of a batch of text without nulls; equal values, equal codes, with gaps."""
        coded = column.cast(pl.Categorical)
        self._known = pl.concat([self._known, coded.unique()]).unique()
        return coded.to_physical().to_numpy()

    def closed(self) -> tuple[pl.Series, NDArray[np.int32]]:
        """Every value once, sorted; and by code, the place of its value there."""
        values = self._known.cast(pl.String)
        order = values.arg_sort()
        codes = self._known.to_physical().gather(order).to_numpy()
        place = np.full(codes.max(initial=0) + 1, -1, np.int32)
        place[codes] = np.arange(len(codes))
        return values.gather(order), place


def texts(column: pl.Series) -> pl.Series:
    """Every id as text, null where there is none. What pandas made 1.0 is 1.

    >>> texts(pl.Series([1.0, float("nan"), 2.5])).to_list()
    ['1', None, '2.5']
    """
    kind = column.dtype
    if kind.is_nested() or kind in (pl.Binary, pl.Object):
        raise DataError(
            f"column {column.name!r} holds {kind}; ids must be numbers or text. "
            "Use one row for each event (DataFrame.explode)"
        )
    there = pl.col("id").is_not_null()
    frame = column.rename("id").to_frame()
    if kind.is_float():
        there = pl.col("id").is_finite()
        whole = pl.col("id").cast(pl.Int64, strict=False)
        frame = frame.with_columns(whole=whole.cast(pl.String), same=whole == pl.col("id"))
        text = pl.when("same").then("whole").otherwise(pl.col("id").cast(pl.String))
    else:
        text = pl.col("id").cast(pl.String).str.strip_chars()
    frame = frame.select(id=pl.when(there).then(text))
    return frame.select(pl.when(~pl.col("id").is_in(MISSING)).then("id"))["id"]


def names(values: pl.Series, *, as_text: bool) -> tuple[pl.Series, str]:
    """The ids that the texts ``values`` stand for, Int64 or String, and what there is to say.

    They are whole numbers if all of them look it, unless they came ``as_text``.

    >>> names(pl.Series(["10", "2.0"]), as_text=False)[0].to_list()
    [10, 2]
    >>> names(pl.Series(["007", "2"]), as_text=False)[0].to_list()
    ['007', '2']
    """
    looks = values.str.contains(WHOLE)
    if as_text or not looks.all():
        if as_text or not looks.any():
            return values, ""
        return values, (
            f"some are whole numbers ({values.filter(looks)[0]}) and some are not "
            f"({values.filter(~looks)[0]!r}): all are kept as text"
        )
    dotted = values.str.contains(".", literal=True)
    said = "written with a decimal point (1.0), read as whole numbers" if dotted.any() else ""
    return values.str.replace(r"\.0*$", "").cast(pl.Int64), said


def numbered(values: pl.Series, rng: np.random.Generator, *, as_text: bool) -> Ids:
    """The different ids of ``values`` in a random order, which they alone and ``rng`` decide."""
    found, _ = names(values.unique(), as_text=as_text)
    found = found.unique().sort()
    return Ids(found.gather(rng.permutation(len(found))))
