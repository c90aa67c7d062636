"""NDCG: gain discounted by log rank, as a share of the best that was possible.

    sum_{r <= k} g(r) / log2(r + 1),  over the same sum in the ideal order

    gain "binary": g = 1 for what was chosen;  "linear": g = its value;  "exponential": 2^value - 1

The ideal order has min(k, what was chosen) places, so a perfect slate of few choices is 1.

Source:  Jarvelin, Kekalainen, "Cumulated Gain-Based Evaluation of IR Techniques", TOIS 2002
         (linear); Burges et al., "Learning to Rank Using Gradient Descent", ICML 2005 (exponential).
Checked: against the sums written out, tests/metrics/test_ndcg.py
Differs: from Jarvelin and Kekalainen, who do not discount the first two ranks, in discounting by
         log2(r + 1) from the first, as everyone has since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..evidence import Evidence
from ..types import Floats
from ._gain import dcg, gained, ideal

__all__ = ["NDCG"]


@dataclass(frozen=True, kw_only=True)
class NDCG:
    """In [0, 1]; NaN for a request that chose nothing afterwards, or nothing of any worth."""

    k: int = 10
    gain: Literal["binary", "linear", "exponential"] = "binary"

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        best = dcg(ideal(seen, self.k, self.gain))
        got = dcg(gained(seen, self.k, self.gain))
        return np.asarray(np.divide(got, best, out=np.full(len(best), np.nan), where=best > 0))
