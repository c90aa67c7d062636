"""Per class: for each class the threshold with its highest F1.

All cuts between two scores are tried. Of equals the highest; a class that no example has is said
above every score, which is never.

Source:  Yang, "A Study on Thresholding Strategies for Text Categorization", SIGIR
         2001: its SCut.
Checked: against loops over all thresholds, tests/threshold/test_threshold.py
Differs: ``least_f1`` is the paper's fbr: a class whose best F1 is below it is said above the
         highest score that was seen only, since a threshold that is good by chance would say it far
         too often. It is 0 here: none is held back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import between, learned
from ..types import Floats, Mask
from ._base import Threshold, cuts

__all__ = ["PerClass"]


@dataclass(kw_only=True, eq=False)
class PerClass(Threshold):
    least_f1: float = 0.0

    at_: np.ndarray = learned()  # (C,)

    def __post_init__(self) -> None:
        between(self, "least_f1", self.least_f1, 0, 1)

    def learn(self, scores: Floats, y: Mask) -> None:
        self.at_ = np.full(scores.shape[1], np.inf)
        for c in np.flatnonzero(y.any(0)):
            at, f1 = cuts(scores[:, c], y[:, c])
            best = f1.argmax()
            self.at_[c] = at[best] if f1[best] >= self.least_f1 else scores[:, c].max()

    def rule(self, scores: Floats) -> Mask:
        found: Mask = scores > self.at_
        return found
