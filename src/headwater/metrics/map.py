"""MAP: the mean of the precisions at the ranks of the hits, misses counting as 0.

    sum_{r <= k} hit(r) * (hits in the first r) / r   /   min(k, items chosen afterwards)

One value a request (average precision); the mean of them is the M.

Source:  McFee, Bertin-Mahieux, Ellis, Lanckriet, "The Million Song Dataset Challenge", WWW 2012
         Companion: average precision cut at k, over min(k, what was chosen).
Checked: against the sum, slot by slot, tests/metrics/test_map.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import ratio, sum_by_row

__all__ = ["MAP"]


@dataclass(frozen=True, kw_only=True)
class MAP:
    """In [0, 1]; 0 for an empty slate; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        row, slot = np.nonzero(seen.hits[:, : self.k])
        before = np.searchsorted(row, row)  # hits of the requests above
        precision = (np.arange(len(row)) - before + 1) / (slot + 1)
        total = sum_by_row(row, precision, len(seen))
        return ratio(total, np.minimum(self.k, seen.wanted))
