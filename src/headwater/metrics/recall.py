"""Recall: which share of what was chosen is in the first k slots.

    hits in the first k  /  items chosen afterwards

An item chosen more than once counts once. With more than k choices, 1 is out of reach: that is
what calibrated recall is for.

Source:  Herlocker, Konstan, Terveen, Riedl, "Evaluating Collaborative Filtering Recommender
         Systems", TOIS 2004.
Checked: against sets, request by request, tests/metrics/test_recall.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import count_hits, ratio

__all__ = ["Recall"]


@dataclass(frozen=True, kw_only=True)
class Recall:
    """In [0, 1]; 0 for an empty slate; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return ratio(count_hits(seen, self.k), seen.wanted)
