"""Calibration: the list has the kinds in the shares that the history has.

    argmax over what is left of   (1 - trade) r_i - trade KL( p || q' ),   q' = (1 - mix) q + mix p

p is the mix of kinds of what the user chose and q that of the picks with i among them; an item with
several kinds counts for each in equal parts. Who chose nothing of a known kind has no p, and gets
the order of the scores.

Source:  Steck, "Calibrated Recommendations", RecSys 2018.
Checked: against the divergence written out for each candidate, pick by pick,
         tests/rerank/test_calibrated.py
Differs: the divergence of a step is that of the mean over the picks, all weighing the same, as in
         the paper's experiments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import rel_entr

from ..model import at_least, between
from ..types import Floats, Ints
from ._greedy import ByKinds, Gain

__all__ = ["Calibrated"]


@dataclass(kw_only=True, eq=False)
class Calibrated(ByKinds):
    reason: ClassVar[str] = "to have the kinds of the history in their shares"

    trade: float = 0.5  # 0 is the order of the scores, 1 is calibration alone
    mix: float = 0.01  # share of p in q', so that nothing in it is zero

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self, "trade", self.trade, 0, 1)
        at_least(self, "mix", self.mix, 0, above=True)
        between(self, "mix", self.mix, 0, 1, below=True)

    def among(self, mixes: Floats, relevance: Floats, wanted: Floats) -> Gain:
        row = np.arange(len(mixes))
        total = np.zeros_like(wanted)
        p = wanted[:, None, :]

        def gain(last: Ints | None) -> Floats:
            nonlocal total
            if last is not None:
                total = total + mixes[row, last]
            q = total[:, None, :] + mixes
            size = q.sum(2, keepdims=True)
            q = q / np.where(size > 0, size, 1)
            off = rel_entr(p, (1 - self.mix) * q + self.mix * p).sum(2)
            out: Floats = (1 - self.trade) * relevance - self.trade * off
            return out

        return gain
