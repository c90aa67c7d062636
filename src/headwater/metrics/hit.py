"""Hit: whether anything that was chosen is in the first k slots. Its mean is the hit rate.

    1 if there is a hit in the first k, else 0

Source:  Deshpande, Karypis, "Item-Based Top-N Recommendation Algorithms", TOIS 2004 (hit rate).
Checked: against sets, request by request, tests/metrics/test_hit.py
Differs: in allowing more than the one held-out item of the paper: one of them is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import count_hits, where_chosen

__all__ = ["Hit"]


@dataclass(frozen=True, kw_only=True)
class Hit:
    """0 or 1; 0 for an empty slate; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return where_chosen(count_hits(seen, self.k) > 0, seen)
