"""Calibrated recall: how many of the hits that were possible in k slots were made.

    hits in the first k  /  min(k, items chosen afterwards)

Whoever hits with every slot gets 1, however much was chosen. An item chosen more than once counts
once.

Source:  Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering",
         WWW 2018 (there Recall@R). arXiv:1802.05814
Checked: against sets, request by request, tests/metrics/test_calibrated_recall.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import count_hits, ratio

__all__ = ["CalibratedRecall"]


@dataclass(frozen=True, kw_only=True)
class CalibratedRecall:
    """In [0, 1]; 0 for an empty slate; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return ratio(count_hits(seen, self.k), np.minimum(self.k, seen.wanted))
