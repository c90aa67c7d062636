"""Popularity bias: how popular what is shown is, on average (ARP).

    mean over the filled ones of the first k slots of  (users who chose the item) / users

Source:  Yin, Cui, Li, Yao, Chen, "Challenging the Long Tail Recommendation", VLDB 2012; named
         average recommendation popularity in Abdollahpouri, Burke, Mobasher, "Managing
         Popularity Bias in Recommender Systems with Personalized Re-ranking", FLAIRS 2019.
Checked: slot by slot, tests/metrics/test_popularity_bias.py
Differs: in dividing by the number of users, so that data of different sizes compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import mean_over_slots

__all__ = ["PopularityBias"]


@dataclass(frozen=True, kw_only=True)
class PopularityBias:
    """In [0, 1]; NaN for an empty slate."""

    best: ClassVar[str] = "low"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return mean_over_slots(seen.counts / max(len(seen.data.log), 1), seen, self.k)
