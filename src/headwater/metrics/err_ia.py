"""ERR-IA: how soon somebody is satisfied who may have come for any of their kinds.

    sum_a p(a)  sum_{r <= k} 1/r  R_ra  prod_{j < r} (1 - R_ja)

p is the mix of kinds in the history, and R_ra = 1/2 where slot r holds a hit of kind a, else 0: the
(2^g - 1) / 2^g of a grade g of one.

Source:  Chapelle, Ji, Liao, Velipasaoglu, Lai, Wu, "Intent-Based Diversification of Web Search
         Results: Metrics and Algorithms", Information Retrieval 2011; ERR from Chapelle, Metzler,
         Zhang, Grinspan, CIKM 2009.
Checked: kind by kind, tests/metrics/test_err_ia.py
Differs: the history says what somebody may have come for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..features import shares, taste
from ..model import at_least
from ..types import Floats
from ._slots import where_chosen

__all__ = ["ERRIA"]

STOPS = 0.5  # chance that a hit satisfies


@dataclass(frozen=True, kw_only=True)
class ERRIA:
    """In [0, 1); NaN for who chose nothing afterwards, or nothing of a known kind before."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10
    by: str = "genres"  # a column of the catalogue, of categories or of lists of them

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        kinds = seen.data.catalog.multi_hot(self.by)
        came_for = taste(seen.queries.history, shares(seen.data.catalog, self.by))
        open_ = np.ones_like(came_for)  # (B, kinds) chance that nothing has satisfied yet
        total = np.zeros(len(seen))
        for slot in range(min(self.k, seen.slate.items.shape[1])):
            hit = np.flatnonzero(seen.hits[:, slot])
            has = kinds[seen.slate.items[hit, slot]].toarray() > 0
            mine = np.where(has, STOPS * open_[hit], 0)
            total[hit] += (came_for[hit] * mine).sum(1) / (slot + 1)
            open_[hit] -= mine
        known = came_for.any(1) if came_for.shape[1] else np.zeros(len(seen), bool)
        return where_chosen(np.where(known, total, np.nan), seen)
