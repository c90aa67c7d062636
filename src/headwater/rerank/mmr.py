"""MMR: each next item is the best that is not too much like one that is already there.

    argmax over what is left of   trade r_i - (1 - trade) max_{j picked} cos(x_i, x_j)

r is the score on a common scale, x a vector of the item. The first pick is the best by r. The
largest similarity so far is kept, so that K picks of N candidates cost O(K N D).

Source:  Carbonell, Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents
         and Producing Summaries", SIGIR 1998.
Checked: against the definition, pick by pick, tests/rerank/test_mmr.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import between
from ..types import Floats, Ints
from ._greedy import ByVectors, Compiled, Gain, alike

__all__ = ["MMR"]


@dataclass(kw_only=True, eq=False)
class MMR(ByVectors):
    trade: float = 0.7  # 1 is the order of the scores, 0 is variety alone

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self, "trade", self.trade, 0, 1)

    def among(self, x: Floats, relevance: Floats, interest: Floats) -> Gain:  # noqa: ARG002
        row = np.arange(len(x))
        good = self.trade * relevance
        near: Floats | None = None

        def gain(last: Ints | None) -> Floats:
            nonlocal near
            if last is None:
                return good
            now = alike(x, row, last)
            near = now if near is None else np.maximum(near, now, out=near)
            return good - (1 - self.trade) * near

        return gain

    def compiled(
        self,
        x: Floats,
        relevance: Floats,
        interest: Floats,  # noqa: ARG002
        k: int,  # noqa: ARG002
    ) -> Compiled:
        good = self.trade * relevance
        return "nearest", (x, good, 1 - self.trade, False)
