"""What was said of items or people, name by name, as columns of a type each."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from ._pictures import STILLS

__all__ = ["in_columns"]


def in_columns(rows: list[dict[str, Any]], key: str, notes: list[str]) -> pl.DataFrame:
    """``rows`` as a table, without their stills. Where values of a name are of several types those
    of the commonest are taken, and ``notes`` say so: what is said of one item must not keep
    everybody from a new model, or a page from whoever looks."""
    names = [n for n in dict.fromkeys(name for row in rows for name in row) if n != STILLS]
    columns = []
    for name in names:
        shapes = [_shape(row.get(name)) for row in rows]
        often = Counter(shape for shape in shapes if shape is not None)
        best = often.most_common(1)[0][0] if often else None
        odd = [at for at, shape in enumerate(shapes) if shape not in (None, best)]
        if odd:
            notes.append(
                f"{name!r} of {len(odd):,} of {len(rows):,} by {key} is left out: that of "
                f"{rows[odd[0]][key]!r} is {_said(shapes[odd[0]])}, and most are {_said(best)}"
            )
        values = [
            row.get(name) if shape == best else None
            for row, shape in zip(rows, shapes, strict=True)
        ]
        kept = [{name: value} for value in _alike(values)]
        try:
            columns.append(pl.from_dicts(kept, infer_schema_length=None))
        except (PolarsError, TypeError, OverflowError) as error:
            notes.append(f"{name!r} by {key} is left out: {str(error).splitlines()[0]}")
    return pl.concat(columns, how="horizontal")


def _shape(value: Any) -> Any:
    """What may stand in one column: numbers, texts, lists of either, ...; None fits everywhere."""
    if value is None:
        return None
    if isinstance(value, list):
        inner = {_shape(each) for each in value} - {None}
        return ("list", *sorted(map(str, inner))) if inner else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def _alike(values: list[Any]) -> list[Any]:
    """Whole numbers as floats where any is one: Polars would cut the others off."""
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    if not any(isinstance(each, float) for each in flat):
        return values

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(each) for each in value]
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return [one(value) for value in values]


def _said(shape: Any) -> str:
    return " of ".join(shape) if isinstance(shape, tuple) else str(shape)
