"""MAE: mean absolute difference between the predicted and the given value.

    mean over all events of |value - predicted|

One number for all requests: the mean is over what was chosen, not over those who chose, so whoever
rated more weighs more. What could not be recommended (outside the pool) is left out.

Source:  Herlocker, Konstan, Terveen, Riedl, "Evaluating Collaborative Filtering Recommender
         Systems", TOIS 2004.
Checked: event by event, tests/metrics/test_mae.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..types import Floats
from ._needs import mistakes

__all__ = ["MAE"]


@dataclass(frozen=True, kw_only=True)
class MAE:
    """At least 0; infinite if a model scores what was chosen -inf; NaN if nothing was chosen."""

    best: ClassVar[str] = "low"
    bounds: ClassVar[tuple[float, float]] = (0, np.inf)
    needs: ClassVar[tuple[str, ...]] = ("predicted",)

    def __call__(self, seen: Evidence) -> Floats:  # ()
        wrong = np.abs(mistakes(self, seen))
        return np.array(wrong.mean() if len(wrong) else np.nan)
