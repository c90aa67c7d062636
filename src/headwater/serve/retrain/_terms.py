"""What a retraining is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import BadParameter

__all__ = ["GUARDS", "LATENCY", "Terms"]

LATENCY = "latency"  # the guard that is no metric
GUARDS: Mapping[str, float] = {"CatalogCoverage@10": 0.05, LATENCY: 2.0}


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is fitted, and when it is good enough.

    ``guards`` are tolerated losses by metric, and under "latency" by which factor the p95 of single
    requests may grow; what is better neither high nor low, such as Calibration, may change by that
    much, either way. None is `GUARDS`.
    """

    method: Any = None  # a name, tree, flow file or model; None: that of the live model
    settings: Mapping[str, Any] = field(default_factory=dict)  # on top of the method's
    window: float = 7.0  # days held out, at most
    least: int = 30  # requests to judge by
    metric: str = "NDCG@10"
    tolerance: float = 0.02
    guards: Mapping[str, float] | None = None
    worth: bool = False  # clicks are worth the predicted satisfaction of their visit
    seed: int = 0  # of the intervals

    def __post_init__(self) -> None:
        for name in ("window", "least"):
            if not getattr(self, name) > 0 or not math.isfinite(getattr(self, name)):
                raise BadParameter(f"{name} must be above 0, got {getattr(self, name)}")
        given = {"tolerance": self.tolerance, **(self.guards or {})}
        for name, value in given.items():
            if not (math.isfinite(value) and value >= 0):
                raise BadParameter(f"the loss tolerated of {name} is at least 0, got {value}")
