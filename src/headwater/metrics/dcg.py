"""DCG: gain of the first k slots, discounted by log rank.

    sum_{r <= k} g(r) / log2(r + 1)

    gain "binary": g = 1 for what was chosen;  "linear": g = its value;  "exponential": 2^value - 1

What was chosen more than once has the sum of its values; below 0 a value counts as 0.

Source:  Jarvelin, Kekalainen, "Cumulated Gain-Based Evaluation of IR Techniques", TOIS 2002
         (linear gain); Burges et al., "Learning to Rank Using Gradient Descent", ICML 2005
         (exponential gain).
Checked: against the sum written out, tests/metrics/test_dcg.py
Differs: from Jarvelin and Kekalainen, who do not discount the first two ranks, in discounting by
         log2(r + 1) from the first, as everyone has since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._gain import Gain, check_gain, dcg
from ._slots import where_chosen

__all__ = ["DCG"]


@dataclass(frozen=True, kw_only=True)
class DCG:
    """At least 0; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, np.inf)

    k: int = 10
    gain: Gain = "binary"

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        check_gain(self, self.gain)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return where_chosen(dcg(seen, self.k, self.gain), seen)
