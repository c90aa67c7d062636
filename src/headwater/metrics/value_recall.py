"""Value recall: which share of the watch time, or of any worth, is in the first k slots.

    worth of the hits in the first k  /  worth of all that was chosen afterwards

The worth of an item is the sum of its values: seconds watched, money spent. Below 0 it counts as 0.

Source:  recall (Herlocker, Konstan, Terveen, Riedl, TOIS 2004) with weights, as platforms report
         by watch time.
Checked: against sums, request by request, tests/metrics/test_value_recall.py
Differs: there is no paper to differ from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import ratio, sum_by_row

__all__ = ["ValueRecall"]


@dataclass(frozen=True, kw_only=True)
class ValueRecall:
    """In [0, 1]; NaN for a request whose choices were worth nothing, or that made none."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        chosen = seen.chosen
        worth = np.maximum(chosen.data.astype(np.float64), 0)
        row = np.repeat(np.arange(len(seen)), np.diff(chosen.indptr))
        gained = np.maximum(seen.gains[:, : self.k].astype(np.float64), 0).sum(1)
        return ratio(gained, sum_by_row(row, worth, len(seen)))
