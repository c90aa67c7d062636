"""PM-2: seats go to kinds as in a parliament, in proportion to what somebody chose before.

    quotient of kind a   v_a / (2 s_a + 1);   the largest quotient, of a*, has the next seat
    argmax over what is left of   trade quotient_a* P(i | a*)
                                  + (1 - trade) sum_{a not a*} quotient_a P(i | a)
    then every kind of the pick gets its part of the seat:  s_a += P(i | a) / sum_b P(i | b)

v_a is the share of kind a in the history, P(i | a) is r_i for the kinds that i has and 0 for the
others. Of candidates that are worth the same the earlier one comes first.

Source:  Dang, Croft, "Diversity by Proportionality: An Election-Based Approach to Search Result
         Diversification", SIGIR 2012.
Checked: against the election written out, pick by pick, tests/rerank/test_pm2.py
Differs: the history votes, in place of the reformulations of a query.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..model import between
from ..types import Floats, Ints
from ._greedy import ByKinds, Gain, chance

__all__ = ["PM2"]


@dataclass(kw_only=True, eq=False)
class PM2(ByKinds):
    reason: ClassVar[str] = "to give every kind its seats"

    trade: float = 0.5  # 1: a pick is judged by the kind alone that has the seat

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self, "trade", self.trade, 0, 1)

    def among(self, mixes: Floats, relevance: Floats, wanted: Floats) -> Gain:
        row = np.arange(len(mixes))
        meets = (mixes > 0) * chance(relevance)[:, :, None]  # (B, K, kinds) P(i | a)
        seats = np.zeros_like(wanted)

        def gain(last: Ints | None) -> Floats:
            nonlocal seats
            if last is not None:
                given = meets[row, last]
                whole = given.sum(1, keepdims=True)
                seats = seats + given / np.where(whole > 0, whole, 1)
            quotient = wanted / (2 * seats + 1)
            weight = (1 - self.trade) * quotient
            if quotient.shape[1]:
                first = quotient.argmax(1)
                weight[row, first] = self.trade * quotient[row, first]
            out: Floats = (meets @ weight[:, :, None])[:, :, 0]
            return out

        return gain
