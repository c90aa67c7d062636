"""Shares and means of what people do, with intervals that hold each person together.

    r = sum_u c_u / sum_u n_u,    its interval that of the mean of  r + (c_u - r n_u) / mean n

of people u, by Student's t (`headwater.evaluation`). What one person does is no independent
evidence, however much it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ...evaluation import interval
from ...types import Floats

__all__ = ["by", "rate"]

ROUNDING = 1e-12


def rate(done: Floats, of: Floats, *, share: bool = True) -> dict[str, float | int | None]:
    """How much was ``done`` (people,) for each ``of`` (people,): mean, low and high end of the
    95 % interval, and how many people that is of; None where it cannot be told.

    A ``share`` is from 0 to 1. Of m people who are all alike, nobody having done it or all, up to
    1 - 0.025^(1/m) of all may be others.

    >>> rate(np.array([1.0, 0.0, 2.0]), np.array([10.0, 10.0, 10.0]))["mean"]
    0.1
    """
    some = np.asarray(of) > 0
    c, n = np.asarray(done, np.float64)[some], np.asarray(of, np.float64)[some]
    found: dict[str, float | int | None] = {"mean": None, "low": None, "high": None}
    found["people"] = people = len(n)
    if not people:
        return found
    mean = float(c.sum() / n.sum())
    found["mean"] = mean
    if people < 2:
        return found
    each = mean + (c - mean * n) / n.mean()
    if np.ptp(each) > ROUNDING:
        low, high = interval(each, normal=False)
    elif share:
        others = 1 - 0.025 ** (1 / people)
        low, high = mean - others, mean + others
    else:
        return found
    found["low"], found["high"] = max(0.0, low), min(1.0, high) if share else high
    return found


def by(
    rows: pl.DataFrame, keys: Sequence[str], done: str, of: str, *, share: bool = True
) -> dict[Any, dict[str, float | int | None]]:
    """`rate` of each value of ``keys``, of ``rows`` with user_id and the columns to sum."""
    each = rows.group_by(*keys, "user_id").agg(
        pl.col(done).sum().cast(pl.Float64).alias("c"), pl.col(of).sum().cast(pl.Float64).alias("n")
    )
    if not keys:
        return {(): rate(each["c"].to_numpy(), each["n"].to_numpy(), share=share)}
    return {
        key: rate(part["c"].to_numpy(), part["n"].to_numpy(), share=share)
        for key, part in each.partition_by(keys, as_dict=True).items()
    }
