"""Log-loss: how surprising what was chosen is, given how likely each candidate was said to be.

    - mean over the candidates of   y log p + (1 - y) log(1 - p)

Source:  the logarithmic score of Good, "Rational Decisions", JRSS B 1952.
Checked: against scikit-learn, tests/metrics/test_log_loss.py
Differs: p is kept away from 0 and 1 by 1e-7, which is what a float32 can tell from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..types import Floats
from ._chances import said_and_done
from ._slots import ratio, sum_by_row

__all__ = ["LogLoss"]

LEAST = 1e-7


@dataclass(frozen=True, kw_only=True)
class LogLoss:
    """At least 0; 0.69 says a half of everything. NaN for a request without candidates."""

    best: ClassVar[str] = "low"
    bounds: ClassVar[tuple[float, float]] = (0, np.inf)
    needs: ClassVar[tuple[str, ...]] = ("chances",)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        row, p, y = said_and_done(self, seen)
        p = p.clip(LEAST, 1 - LEAST)
        loss = -(y * np.log(p) + (1 - y) * np.log1p(-p))
        return ratio(sum_by_row(row, loss, len(seen)), np.bincount(row, minlength=len(seen)))
