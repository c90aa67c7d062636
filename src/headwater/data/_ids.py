"""Ids of any type as whole numbers or text, and numbers for them while a table is read."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import DataError

__all__ = ["Codes", "names", "texts"]

MISSING = ["", "nan", "NaN", "NAN", "NaT", "null", "NULL", "None", "<NA>"]
WHOLE = r"^(0|-?[1-9][0-9]{0,17})(\.0*)?$"  # not 007, which is a name


class Codes:
    """Numbers for the values of a column, in batches; each different value is kept once."""

    def __init__(self) -> None:
        self._kept = pl.Series([], dtype=pl.Categorical(pl.Categories.random()))

    def add(self, column: pl.Series) -> NDArray[np.uint32]:
        """The codes of a batch of text without nulls; equal values, equal codes, for good."""
        return column.cast(self._kept.dtype).to_physical().to_numpy()

    @property
    def values(self) -> pl.Series:
        """The text that each code stands for."""
        return self._kept.dtype.categories.to_series().rename("id")  # type: ignore[attr-defined]


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
    if kind.is_float():
        frame = column.rename("id").to_frame()
        whole = pl.col("id").cast(pl.Int64, strict=False)
        text = pl.when(pl.col("id") == whole).then(whole.cast(pl.String))
        finite = text.otherwise(pl.col("id").cast(pl.String))
        return frame.select(pl.when(pl.col("id").is_finite()).then(finite)).to_series()
    text = column.cast(pl.String).str.strip_chars().rename("id")
    return text.to_frame().select(pl.when(~pl.col("id").is_in(MISSING)).then("id")).to_series()


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
