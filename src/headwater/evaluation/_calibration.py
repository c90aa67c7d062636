"""How often it happens, where something was said to be so and so likely."""

from __future__ import annotations

from typing import Any

import polars as pl
from scipy.stats import binomtest

from ..data.split import Split
from ..metrics._chances import in_bins, said_and_done
from ..metrics.calibration_error import CalibrationError
from ..types import Floats, Mask
from ._asking import collect

__all__ = ["binned", "calibration"]


def calibration(model: Any, split: Split, *, bins: int = 10) -> pl.DataFrame:
    """A row for each bin of equal width that has a candidate in it, of a fitted ranker.

    ``from`` and ``to`` are its ends, ``said`` the mean chance that was said, ``chosen`` the share
    that was chosen, ``candidates`` their number. ``low`` to ``high`` is its 95 % interval after
    Wilson, as if candidates of one request had nothing to do with each other. `DataError` where the
    split has no candidates or the model says no chances. `report.calibration_plot` draws it.
    """
    metric = CalibrationError(bins=bins)
    seen, _ = collect(model, split, [metric])
    _, p, y = said_and_done(metric, seen)
    return binned(p, y, bins)


def binned(p: Floats, y: Mask | Floats, bins: int) -> pl.DataFrame:
    """The same of chances ``p`` (n,) and what came true ``y`` (n,)."""
    rows = []
    for at, (n, said, done) in enumerate(in_bins(p, y, bins).T):
        if n:
            ends = binomtest(int(done), int(n)).proportion_ci(method="wilson")
            rows.append(
                {
                    "from": at / bins,
                    "to": (at + 1) / bins,
                    "said": said / n,
                    "chosen": done / n,
                    "low": float(ends.low),
                    "high": float(ends.high),
                    "candidates": int(n),
                }
            )
    return pl.DataFrame(rows)
