"""Calibrated: what another model says, so that it happens as often as is said.

    p = sigmoid(a + b logit q),   b >= 0

q is what the model says of people whom it has not learned from: they are dealt to ``folds``, and
(a, b) minimise the log loss of what the models of the other folds say. Then it learns from all.
Where that b would be below 0 the model tells nothing of people it has not learned from, and b is 0.

Source:  Platt, "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized
         Likelihood Methods", 1999; on log-odds, Kull, Silva Filho, Flach, "Beyond sigmoids", 2017.
Checked: that overconfident trees become calibrated and keep their order, and (a, b) against
         scikit-learn, tests/satisfaction/test_boosted.py
Differs: without Platt's softened targets: with hundreds of answers they change nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from ..glm import newton, with_one
from ..model import at_least, learned
from ..types import Floats, Mask, Sessions
from ..visits import Around, dealt

__all__ = ["Calibrated"]

log = logging.getLogger("headwater")

CERTAIN = 1e-6  # chances are not nearer to 0 and 1 than this


@dataclass(kw_only=True, eq=False)
class Calibrated(Around):
    folds: int = 5
    seed: int = 0

    line_: np.ndarray = learned()  # (2,) a and b

    def __post_init__(self) -> None:
        at_least(self, "folds", self.folds, 2)

    def learn(self, answers: Sessions, y: Mask) -> None:
        model = self.base.settled(answers, y)
        fold = dealt(answers, y, self.folds, self.seed)
        said = np.empty(len(y))
        for i in range(self.folds):
            other = model.fresh()
            other.learn(answers[fold != i], y[fold != i])
            said[fold == i] = other.chances(answers[fold == i])
        x = with_one(_log_odds(said)[:, None])
        truth, weights = y * 1.0, answers.weights.astype(np.float64)
        self.line_, _ = newton(x, truth, weights, np.zeros(2))
        if self.line_[1] < 0:
            rate, _ = newton(x[:, :1], truth, weights, np.zeros(1))
            self.line_ = np.append(rate, 0.0)
            log.warning(
                "Calibrated: %r tells nothing of people it has not learned from: everybody has the "
                "same chance",
                self.base,
            )
        self.base.learn(answers, y)

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        said = _log_odds(self.base.chances(sessions))
        return np.asarray(expit(with_one(said[:, None]) @ self.line_))


def _log_odds(chances: Floats) -> Floats:
    return np.asarray(logit(np.clip(chances, CERTAIN, 1 - CERTAIN)))
