"""Calibration error: how far what was said to be likely is from how often it happened.

    sum over bins of   n_bin / n  | mean p - share chosen |,   bins of equal width in p

Source:  the ECE of Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using
         Bayesian Binning", AAAI 2015; Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern
         Neural Networks", ICML 2017. arXiv:1706.04599
Checked: bin by bin, tests/metrics/test_calibration_error.py
Differs: of two classes that of being chosen is looked at, not the likelier of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._chances import in_bins, said_and_done

__all__ = ["CalibrationError"]


@dataclass(frozen=True, kw_only=True)
class CalibrationError:
    """In [0, 1]; NaN if there is no candidate. One number for all requests."""

    best: ClassVar[str] = "low"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    needs: ClassVar[tuple[str, ...]] = ("chances",)

    bins: int = 10

    def __post_init__(self) -> None:
        at_least(self, "bins", self.bins, 1)

    def __call__(self, seen: Evidence) -> Floats:  # ()
        _, p, y = said_and_done(self, seen)
        n, said, done = in_bins(p, y, self.bins)
        return np.array(abs(said - done).sum() / n.sum() if n.any() else np.nan)
