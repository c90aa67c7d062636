"""Precision: which share of the k slots holds something that was chosen.

    hits in the first k  /  k

An empty slot is a miss, so a slate that is too short is no advantage.

Source:  Herlocker, Konstan, Terveen, Riedl, "Evaluating Collaborative Filtering Recommender
         Systems", TOIS 2004.
Checked: against sets, request by request, tests/metrics/test_precision.py
Differs: in dividing by k where a slate has fewer than k items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import count_hits, where_chosen

__all__ = ["Precision"]


@dataclass(frozen=True, kw_only=True)
class Precision:
    """In [0, 1]; 0 for an empty slate; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return where_chosen(count_hits(seen, self.k) / self.k, seen)
