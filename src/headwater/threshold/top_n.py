"""Top n: as many classes as an example seems to have, the highest scores first.

    n_b = round( w' sorted scores of b + w_0 ),  at least ``least``;  w by ridge regression

Source:  Tang, Rajan, Narayanan, "Large Scale Multi-Label Classification via MetaLabeler", WWW 2009,
         its form by scores.
Checked: against scikit-learn's Ridge, tests/threshold/test_threshold.py
Differs: the paper chooses n with a support vector machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import at_least, learned
from ..types import Floats, Mask
from ._base import Threshold

__all__ = ["TopN"]


@dataclass(kw_only=True, eq=False)
class TopN(Threshold):
    l2: float = 1.0
    least: int = 1  # classes of an example

    weights_: np.ndarray = learned()  # (C + 1,) the last is w_0

    def __post_init__(self) -> None:
        at_least(self, "l2", self.l2, 0)
        at_least(self, "least", self.least, 0)

    def learn(self, scores: Floats, y: Mask) -> None:
        x, n = np.sort(scores, axis=1)[:, ::-1], y.sum(1)
        at, mean = x.mean(0), n.mean()
        gram = (x - at).T @ (x - at) + self.l2 * np.eye(x.shape[1])
        w = np.linalg.lstsq(gram, (x - at).T @ (n - mean), rcond=None)[0]
        self.weights_ = np.append(w, mean - at @ w)

    def counts(self, scores: Floats) -> Floats:  # (n,)
        """How many classes each example seems to have, not rounded."""
        x = np.sort(np.asarray(scores, np.float64), axis=1)[:, ::-1]
        found: Floats = x @ self.weights_[:-1] + self.weights_[-1]
        return found

    def rule(self, scores: Floats) -> Mask:
        n = np.clip(np.rint(self.counts(scores)), self.least, scores.shape[1])
        place = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
        found: Mask = place < n[:, None]
        return found
