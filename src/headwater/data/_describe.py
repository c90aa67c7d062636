"""What is in a dataset, in numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from ..types import Catalog, Dataset, Ints

__all__ = ["describe"]


def describe(data: Dataset) -> dict[str, Any]:
    """Counts, density, activity, popularity, span and catalogue of ``data``, ready for JSON.

    ``density`` is the share of all (user, item) pairs that happened, ``repeats`` the events after
    the first of their pair; ``first`` and ``last`` are in UTC, and not there without times;
    ``known`` is the share of the items of which each column of the catalogue knows something, and
    ``labels`` says of each column of lists how many kinds there are, and how many an item has.

    >>> from headwater.data.toy import checkers
    >>> told = describe(checkers(4)[0])
    >>> told["users"], told["events"], told["density"], told["items per user"]
    (4, 4, 0.25, {'min': 1, 'median': 1.0, 'max': 1})
    """
    history = data.log
    pairs = history.matrix()
    told: dict[str, Any] = {
        "users": len(data.users),
        "items": len(data.items),
        "events": len(history.items),
        "density": pairs.nnz / max(len(data.users) * len(data.items), 1),
        "repeats": len(history.items) - pairs.nnz,
        "items per user": _spread(np.diff(pairs.indptr)),
        "users per item": _spread(np.bincount(pairs.indices, minlength=len(data.items))),
    }
    values = np.unique(history.values)
    if len(values) > 1:
        told["values"] = {
            "min": float(values[0]),
            "mean": float(history.values.mean(dtype=np.float64)),
            "max": float(values[-1]),
        }
    if history.timed:
        ends = history.times.min(), history.times.max()
        first, last = (datetime.fromtimestamp(int(end), UTC).isoformat(" ")[:19] for end in ends)
        told |= {"first": first, "last": last}
    if history.kinds is not None:
        often = np.bincount(history.kinds, minlength=len(data.kinds))
        told["kinds"] = dict(zip(data.kinds, often.tolist(), strict=True))
    table = data.catalog.table
    told["known"] = {name: 1 - table[name].null_count() / len(table) for name in table.columns}
    lists = [name for name, kind in table.schema.items() if kind == pl.List(pl.String)]
    if lists:
        told["labels"] = {name: _labels(data.catalog, name) for name in lists}
    if data.people is not None:
        told["people"] = data.people.columns
    return told


def _labels(catalog: Catalog, column: str) -> dict[str, float]:
    kinds = catalog.multi_hot(column)
    return {"kinds": kinds.shape[1], "per item": kinds.nnz / kinds.shape[0]}


def _spread(counts: Ints) -> dict[str, float]:
    return {
        "min": int(counts.min(initial=counts.max(initial=0))),
        "median": float(np.median(counts)) if len(counts) else 0.0,
        "max": int(counts.max(initial=0)),
    }
