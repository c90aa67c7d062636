"""NDCG: gain discounted by log rank, as a share of the best that was possible.

    sum_{r <= k} g(r) / log2(r + 1),  over the same sum in the ideal order

    gain "binary": g = 1 for what was chosen;  "linear": g = its value;  "exponential": 2^value - 1

The ideal order has min(k, what was chosen) places, so a perfect slate of fewer choices than k is 1.
What was chosen more than once has the sum of its values; below 0 a value counts as 0.

Source:  Jarvelin, Kekalainen, "Cumulated Gain-Based Evaluation of IR Techniques", TOIS 2002
         (linear gain); Burges et al., "Learning to Rank Using Gradient Descent", ICML 2005
         (exponential gain).
Checked: against the sums written out, tests/metrics/test_ndcg.py
Differs: from Jarvelin and Kekalainen, who do not discount the first two ranks, in discounting by
         log2(r + 1) from the first, as everyone has since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._gain import Gain, check_gain, dcg, ideal_dcg
from ._slots import ratio

__all__ = ["NDCG"]


@dataclass(frozen=True, kw_only=True)
class NDCG:
    """In [0, 1]; NaN for a request that chose nothing afterwards, or nothing of any worth."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10
    gain: Gain = "binary"

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        check_gain(self, self.gain)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return ratio(dcg(seen, self.k, self.gain), ideal_dcg(seen, self.k, self.gain))
