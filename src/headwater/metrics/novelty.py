"""Novelty: how surprising it is that somebody should have chosen what is shown, in bits.

    mean over the filled ones of the first k slots of  log2( users / users who chose the item )

An item that nobody has chosen counts as if one had.

Source:  Zhou, Kuscsik, Liu, Medo, Wakeling, Zhang, "Solving the Apparent Diversity-Accuracy Dilemma
         of Recommender Systems", PNAS 2010 (surprisal, or novelty).
Checked: slot by slot, tests/metrics/test_novelty.py
Differs: in the items that nobody has chosen, which the paper's data do not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import mean_over_slots

__all__ = ["Novelty"]


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """In [0, log2(users)] bits; NaN for an empty slate."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, np.inf)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        users = max(len(seen.data.log), 1)
        return mean_over_slots(np.log2(users / seen.counts.clip(1)), seen, self.k)
