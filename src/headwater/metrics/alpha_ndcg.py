"""alpha-NDCG: a slot is worth the kinds that it brings, and a kind less each time it comes again.

    sum_{r <= k} 1 / log2(r + 1)  sum_{a of slot r} (1 - alpha)^(hits of a before)
    over the same sum in the best order;  the a of a slot are the kinds of what was hit there

The best order is found greedily, from what was chosen afterwards, as is usual: to find it exactly
is hard. Of what brings as much now, the one comes first whose kinds are rarer in what is left.

Source:  Clarke, Kolla, Cormack, Vechtomova, Ashkan, Buttcher, MacKinnon, "Novelty and Diversity in
         Information Retrieval Evaluation", SIGIR 2008.
Checked: slot by slot, tests/metrics/test_alpha_ndcg.py
Differs: what was chosen is taken to be good for every kind that it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least, between
from ..types import PAD, Floats, Ints
from ._gain import discounts
from ._slots import ratio

__all__ = ["AlphaNDCG"]

RARE = 1e-7  # of equals the one with the rarer kinds, whatever the numbers of the items
CELLS = 1 << 22  # most (request, choice, kind) in memory at once


@dataclass(frozen=True, kw_only=True)
class AlphaNDCG:
    """In [0, 1], a little above where the greedy order is not the best; 0 for an empty slate.

    NaN for a request that chose nothing of a known kind afterwards.
    """

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 2)

    k: int = 10
    alpha: float = 0.5  # how much less a kind is worth when it comes again
    by: str = "genres"  # a column of the catalogue, of categories or of lists of them

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        between(self, "alpha", self.alpha, 0, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        kinds = seen.data.catalog.multi_hot(self.by)
        table = np.vstack([kinds.toarray(), np.zeros((1, kinds.shape[1]))])  # the last: no item
        items = np.where(seen.hits, seen.slate.items, PAD)[:, : self.k]
        chosen = padded(seen)
        got, most = np.zeros(len(seen)), np.zeros(len(seen))
        step = max(1, CELLS // max(1, chosen.shape[1] * table.shape[1]))
        for at in range(0, len(seen), step):
            part = slice(at, at + step)
            got[part] = self.gained(table[items[part]])
            most[part] = self.gained(table[chosen[part]], ideal=True)
        return ratio(got, most)

    def gained(self, brings: Floats, *, ideal: bool = False) -> Floats:  # (B, K, kinds) -> (B,)
        """In the order given, or in the greedily best one."""
        b, width, kinds = brings.shape
        worth = np.ones((b, kinds))  # (1 - alpha)^(times a kind came)
        total = np.zeros(b)
        free = np.ones((b, width), bool)
        row = np.arange(b)
        for slot, discount in enumerate(discounts(min(self.k, width))):
            if ideal:
                value = (brings @ worth[:, :, None])[:, :, 0]
                left = (brings * free[:, :, None]).sum(1)  # (B, kinds) how often each is left
                rare = (brings @ (1 / np.maximum(left, 1))[:, :, None])[:, :, 0]
                pick = np.where(free, value + RARE * rare, -1).argmax(1)
                free[row, pick] = False
            else:
                pick = np.full(b, slot)
            mine = brings[row, pick]
            total += discount * (mine * worth).sum(1)
            worth = np.where(mine > 0, worth * (1 - self.alpha), worth)
        return total


def padded(seen: Evidence) -> Ints:  # (B, most choices)
    """What each request went on to choose, PAD where there is no more."""
    chosen = seen.chosen
    number = np.diff(chosen.indptr)
    out = np.full((len(seen), int(number.max(initial=0))), PAD, np.int64)
    row = np.repeat(np.arange(len(seen)), number)
    out[row, np.arange(len(row)) - chosen.indptr[row]] = chosen.indices
    return out
