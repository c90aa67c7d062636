"""xQuAD: each kind that somebody cares for should be met, and is worth less once it has been.

    argmax over what is left of
        (1 - trade) r_i + trade sum_a p(a | u) P(i | a) prod_{j picked} (1 - P(j | a))

p(a | u) is the share of kind a in the history, P(i | a) is r_i for the kinds that i has and 0 for
the others.

Source:  Santos, Macdonald, Ounis, "Exploiting Query Reformulations for Web Search Result
         Diversification", WWW 2010; aspects and their shares for recommendation after Vargas,
         Castells, Vallet, "Intent-Oriented Diversity in Recommender Systems", SIGIR 2011.
Checked: against the sums and products written out, pick by pick, tests/rerank/test_xquad.py
Differs: P(i | a) is a chance that i is good, with r in [0, 1]; Vargas et al. make it add up to one
         over all items of a, after which no pick ever satisfies a kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import between
from ..types import Floats, Ints
from ._greedy import ByKinds, Gain, chance

__all__ = ["XQuAD"]


@dataclass(kw_only=True, eq=False)
class XQuAD(ByKinds):
    trade: float = 0.5  # 0 is the order of the scores

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self, "trade", self.trade, 0, 1)

    def among(self, mixes: Floats, relevance: Floats, wanted: Floats) -> Gain:
        row = np.arange(len(mixes))
        meets = (mixes > 0) * chance(relevance)[:, :, None]  # (B, K, kinds) P(i | a)
        open_ = wanted.copy()

        def gain(last: Ints | None) -> Floats:
            nonlocal open_
            if last is not None:
                open_ = open_ * (1 - meets[row, last])
            new = (meets @ open_[:, :, None])[:, :, 0]
            out: Floats = (1 - self.trade) * relevance + self.trade * new
            return out

        return gain
