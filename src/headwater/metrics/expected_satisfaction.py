"""Expected satisfaction: how satisfied whoever goes down the list is likely to be.

    worth_i = ( sum of the values of the choices of i + strength m ) / ( choices of i + strength )

    sum_{r <= k} persistence^(r - 1) worth_{i_r}  /  sum_{r <= k} persistence^(r - 1)

over the filled slots r; m is the mean of all values. Values are how satisfying the sessions were
in which people chose (`data.worth.valued`), or ratings; whoever looks at a slot goes on to the next
with the chance ``persistence``. It looks at the slate alone, not at what was chosen afterwards, so
that it can be asked of a list that nobody has seen.

Source:  rank-biased precision (Moffat, Zobel, "Rank-Biased Precision for Measurement of Retrieval
         Effectiveness", TOIS 2008), with the mean of each item, shrunk to that of all, as the gain.
Checked: slot by slot, and against true satisfaction in a made-up world,
         tests/metrics/test_expected_satisfaction.py
Differs: rank-biased precision is not normalised by the slots that there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least, between
from ..types import Floats
from ._slots import ratio

__all__ = ["ExpectedSatisfaction"]


@dataclass(frozen=True, kw_only=True)
class ExpectedSatisfaction:
    """On the scale of the values; NaN for an empty slate, and where nobody has chosen anything."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    k: int = 10
    persistence: float = 0.8
    strength: float = 10.0  # choices that the mean of all counts as

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        between(self, "persistence", self.persistence, 0, 1)
        at_least(self, "strength", self.strength, 0, above=True)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        log = seen.data.log
        mean = log.values.mean(dtype=np.float64) if len(log.values) else np.nan
        total = np.bincount(log.items, weights=log.values, minlength=log.n_items)
        often = np.bincount(log.items, minlength=log.n_items)
        worth = (total + self.strength * mean) / (often + self.strength)
        filled = seen.slate.filled[:, : self.k]
        items = np.where(filled, seen.slate.items[:, : self.k], 0)
        looked = np.where(filled, self.persistence ** np.arange(filled.shape[1]), 0.0)
        if not len(worth):
            return np.full(len(seen), np.nan)
        return ratio((looked * worth[items]).sum(1), looked.sum(1))
