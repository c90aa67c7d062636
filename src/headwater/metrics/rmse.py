"""RMSE: root of the mean squared difference between the predicted and the given value.

    sqrt( mean over all events of (value - predicted)^2 )

One number for all requests: the mean is over what was chosen, not over those who chose, so whoever
rated more weighs more. What could not be recommended (outside the pool) is left out.

Source:  Herlocker, Konstan, Terveen, Riedl, "Evaluating Collaborative Filtering Recommender
         Systems", TOIS 2004.
Checked: event by event, tests/metrics/test_rmse.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..types import Floats
from ._needs import mistakes

__all__ = ["RMSE"]


@dataclass(frozen=True, kw_only=True)
class RMSE:
    """At least 0; infinite if a model scores what was chosen -inf; NaN if nothing was chosen."""

    best: ClassVar[str] = "low"
    bounds: ClassVar[tuple[float, float]] = (0, np.inf)
    needs: ClassVar[tuple[str, ...]] = ("predicted",)

    def __call__(self, seen: Evidence) -> Floats:  # ()
        wrong = np.square(mistakes(self, seen))
        return np.array(np.sqrt(wrong.mean()) if len(wrong) else np.nan)
