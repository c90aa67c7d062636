"""Per intent: a logistic regression for each reason to come.

    log p_j / (1 - p_j) = b_j0 + sum_k b_jk x_k,   of the sessions with intent j
    p = mean of p_j over the intents of a session

Who said none is judged by one regression on all sessions, and so is an intent that fewer than
``least`` answers have of either kind.

Source:  Benedict, Odijk, de Rijke, "Intent-Satisfaction Modeling: From Music to Video Streaming",
         ACM TORS 2023: equation 4.4 of the thesis.
Checked: each part against a logistic regression of its rows, tests/satisfaction/test_regressions.py
Differs: the released code takes for intent j only sessions with no other answer; ``alone`` does
         that. Neither says what to do with several intents: here, the mean.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ..glm import effective, newton, with_one, without_scale
from ..model import at_least, learned
from ..types import Floats, Mask, Sessions
from ..visits import Coefficient, Observed, came_for, of_intents

__all__ = ["PerIntent"]


@dataclass(kw_only=True, eq=False)
class PerIntent(Observed):
    alone: bool = False  # learn an intent from those who came for nothing else
    least: int = 20  # answers of either kind that it takes to learn an intent alone
    l2: float = 0.0  # shrinks the slopes, of columns on one scale; 0 is maximum likelihood

    intents_: str = learned()  # their names, as JSON
    slopes_: np.ndarray = learned()  # (J + 1, 1 + P) the last of all sessions
    covariance_: np.ndarray = learned()  # (J + 1, 1 + P, 1 + P)
    pooled_: np.ndarray = learned()  # (J + 1,) bool: too few answers, so that of all

    def __post_init__(self) -> None:
        at_least(self, "least", self.least, 1)
        at_least(self, "l2", self.l2, 0)

    def learn(self, answers: Sessions, y: Mask) -> None:
        x, truth = with_one(self.begin(answers)), y * 1.0
        weights = effective(answers.weights)
        precision = np.full(x.shape[1], self.l2)
        precision[0] = 0
        self.intents_ = json.dumps(answers.intent_names)
        j = len(answers.intent_names)
        self.slopes_ = np.empty((j + 1, x.shape[1]))
        self.covariance_ = np.empty((j + 1, x.shape[1], x.shape[1]))
        self.pooled_ = np.zeros(j + 1, bool)
        everybody = newton(x, truth, weights, precision)
        self.slopes_[j], self.covariance_[j] = everybody
        for intent in range(j):
            mine = answers.intents[:, intent]
            if self.alone:
                mine = mine & (answers.intents.sum(1) == 1)
            yes, no = int((mine & y).sum()), int((mine & ~y).sum())
            self.pooled_[intent] = min(yes, no) < self.least
            found = everybody
            if not self.pooled_[intent]:
                found = newton(x[mine], truth[mine], weights[mine], precision)
            self.slopes_[intent], self.covariance_[intent] = found

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        came = came_for(sessions, tuple(json.loads(self.intents_)))
        each = expit(with_one(self.looks(sessions)) @ self.slopes_.T)  # (S, J + 1)
        return of_intents(each[:, :-1], came, each[:, -1])

    def coefficients(self) -> dict[str, list[Coefficient]]:
        """Of each intent with enough answers, for a unit more of each column as it is."""
        return {
            name: without_scale(
                self.columns, self.slopes_[j], self.covariance_[j], self.mean_, self.deviation_
            )
            for j, name in enumerate(json.loads(self.intents_))
            if not self.pooled_[j]
        }
