"""Gini: how unequally the items share the slots; 0 if all alike, 1 if one item has them all.

    sum_j (2 j - n - 1) p_(j)  /  (n - 1)

p_(j) is the j-th smallest share of the filled slots (the first k of all slates), over the n items
that could have been recommended: the pool of the requests, or the whole catalogue without one.
Items that are never shown are in it, with 0. One number for all requests.

Source:  Shani, Gunawardana, "Evaluating Recommendation Systems", Recommender Systems Handbook 2011,
         on item space coverage.
Checked: against the mean difference of all pairs, tests/metrics/test_gini.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import exposure

__all__ = ["Gini"]


@dataclass(frozen=True, kw_only=True)
class Gini:
    """In [0, 1]; NaN if nothing was shown, or there are fewer than two items."""

    best: ClassVar[str] = "low"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # ()
        shown = np.sort(exposure(seen, self.k))
        n, total = len(shown), shown.sum()
        if n < 2 or not total:
            return np.array(np.nan)
        return np.array((2 * np.arange(1, n + 1) - n - 1) @ (shown / total) / (n - 1))
