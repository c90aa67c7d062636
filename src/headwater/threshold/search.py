"""Search: one threshold, that with the highest F1.

Tried are all cuts between two scores where that is at most ``steps``, else as many of them, evenly
spread over the scores. Of equals the highest.

Source:  Lipton, Elkan, Naryanaswamy, "Optimal Thresholding of Classifiers to Maximize F1 Measure",
         ECML PKDD 2014. arXiv:1402.1892
Checked: against scikit-learn's f1_score at every cut, tests/threshold/test_threshold.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..model import at_least, learned
from ..types import Floats, Mask
from ._base import Threshold

__all__ = ["Search"]


@dataclass(kw_only=True, eq=False)
class Search(Threshold):
    average: Literal["micro", "macro", "weighted", "samples"] = "micro"
    steps: int = 500

    at_: float = learned()

    def __post_init__(self) -> None:
        at_least(self, "steps", self.steps, 1)

    def learn(self, scores: Floats, y: Mask) -> None:
        have = np.unique(scores)[::-1]
        tried = np.append((have[:-1] + have[1:]) / 2, have[-1] - 1)
        if len(tried) > self.steps:
            tried = tried[np.linspace(0, len(tried) - 1, self.steps).round().astype(int)]
        worth = [self.f1(scores > at, y) for at in tried]
        self.at_ = float(tried[int(np.argmax(worth))])

    def f1(self, said: Mask, y: Mask) -> float:
        """0 where nothing is true and nothing said."""
        over = {"micro": None, "samples": 1}.get(self.average, 0)
        both, all_, true = (each.sum(over) for each in (said & y, said, y))
        f1 = 2 * both / np.maximum(all_ + true, 1)
        if self.average == "weighted":
            return float((f1 * true).sum() / max(true.sum(), 1))
        return float(np.mean(f1))

    def rule(self, scores: Floats) -> Mask:
        return scores > self.at_
