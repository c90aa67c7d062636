"""Intervals and paired tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..types import Floats

__all__ = ["TESTS", "bootstrap", "holm", "interval", "paired_p", "resampled"]

TESTS = ("bootstrap", "t", "wilcoxon")
LEVEL = 0.95
CELLS = 1 << 22  # most draws of the bootstrap in memory at once


def interval(values: Floats, *, normal: bool) -> tuple[float, float]:
    """The 95 % interval of the mean of ``values`` (n,), by the normal or Student's t distribution.

    NaN for fewer than two values.
    """
    n = len(values)
    if n < 2:
        return np.nan, np.nan
    half = (1 + LEVEL) / 2
    wide = special.ndtri(half) if normal else special.stdtrit(n - 1, half)
    error = float(wide * values.std(ddof=1) / np.sqrt(n))
    return float(values.mean()) - error, float(values.mean()) + error


def paired_p(differences: Floats, test: str) -> float:
    """The two-sided p that the ``differences`` (n,) are centred at 0; NaN for fewer than two.

    "t" is the paired t test, "wilcoxon" the signed rank test without the pairs that are equal. Both
    are 1 where no pair differs; t is 0 where all differ by the same.
    """
    n = len(differences)
    if n < 2:
        return float("nan")
    if not differences.any():
        return 1.0
    if test == "wilcoxon":
        from scipy import stats  # half a second to import

        return float(stats.wilcoxon(differences).pvalue)
    error = differences.std(ddof=1) / np.sqrt(n)
    return float(2 * special.stdtr(n - 1, -abs(differences.mean()) / error)) if error else 0.0


def bootstrap(
    differences: Floats, *, resamples: int, seed: int
) -> tuple[Floats, Floats, Floats]:  # (columns,) each
    """Low and high end of the 95 % percentile interval of the means of the columns, and their p.

    ``differences`` is (n, columns), NaN where a pair is undefined: of each column the defined ones
    are drawn again, with replacement. p is twice the smaller share of resampled means on either
    side of 0, the original counted in, so it is below 0.05 about where the interval misses 0.
    """
    known = ~np.isnan(differences)  # (n, columns)
    low, high, p = np.full((3, differences.shape[1]), np.nan)
    groups, of = np.unique(known, axis=1, return_inverse=True)  # columns that can share the draws
    for i in range(groups.shape[1]):
        at = np.flatnonzero(of.ravel() == i)
        some = differences[np.ix_(groups[:, i], at)]
        if len(some) < 2:
            continue
        means = resampled(some, resamples, np.random.default_rng(seed))
        low[at], high[at] = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        sides = np.minimum((means <= 0).sum(0), (means >= 0).sum(0))
        p[at] = np.minimum(2 * (sides + 1) / (resamples + 1), 1)
    return low, high, p


def resampled(
    values: Floats, resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:  # (n, columns) -> (resamples, columns)
    n = len(values)
    size = max(1, min(resamples, CELLS // n))
    means = np.empty((resamples, values.shape[1]))
    for at in range(0, resamples, size):
        part = means[at : at + size]
        draws = rng.integers(n, size=(len(part), n))
        draws += np.arange(len(part))[:, None] * n
        times = np.bincount(draws.ravel(), minlength=len(part) * n).reshape(len(part), n)
        part[:] = times.astype(np.float64) @ values / n
    return means


def holm(p: Sequence[float] | Floats) -> Floats:  # (n,)
    """Holm's correction for n tests; NaN is no test and stays.

    Source:  Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Stat. 1979.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    given = np.asarray(p, np.float64)
    out = np.full(given.shape, np.nan)
    order = np.argsort(given)[: (~np.isnan(given)).sum()]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1)
    return out
