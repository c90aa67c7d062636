"""MRR: one over the rank of the first hit, 0 if the first k slots have none.

    1 / min { r <= k : slot r holds something that was chosen }

One value a request; the mean of them is the M.

Source:  Voorhees, "The TREC-8 Question Answering Track Report", TREC 1999.
Checked: slot by slot, tests/metrics/test_mrr.py
Differs: in nothing; the track looked at k = 5 answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import where_chosen

__all__ = ["MRR"]


@dataclass(frozen=True, kw_only=True)
class MRR:
    """In [0, 1]; 0 for an empty slate; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        row, slot = np.nonzero(seen.hits[:, : self.k])
        hit, first = np.unique(row, return_index=True)
        out = np.zeros(len(seen))
        out[hit] = 1 / (slot[first] + 1)
        return where_chosen(out, seen)
