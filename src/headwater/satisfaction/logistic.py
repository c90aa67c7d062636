"""Logistic regression: the log-odds of satisfaction are linear in what was done.

    log p / (1 - p) = b_0 + sum_k b_k x_k  [+ sum_j c_j i_j]

    minimise  -log-likelihood + l2 / 2 sum_k (s_k b_k)^2

x are the behaviours, s_k the deviation of column k; with ``intents``, i_j is whether they had come
for intent j.

Source:  Benedict, Odijk, de Rijke, "Intent-Satisfaction Modeling: From Music to Video Streaming",
         ACM TORS 2023: equations 4.2 and 4.3 of the thesis.
Checked: slopes and intervals against statsmodels' Logit, tests/satisfaction/test_regressions.py
Differs: an intent is a column of its own, where the released code has one category for the whole
         answer, "new / genre", which a test fold may never have seen. A time until something that
         never happened is not 0: it stands at the mean of the others, and a column ``no_...`` says
         that it never did. Answers count by their weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ..glm import effective, newton, with_one, without_scale
from ..model import at_least, learned
from ..types import Floats, Mask, Sessions
from ..visits import Coefficient, Observed, came_for

__all__ = ["Logistic"]


@dataclass(kw_only=True, eq=False)
class Logistic(Observed):
    intents: bool = False  # look at why they came too
    l2: float = 0.0  # shrinks the slopes, of columns on one scale; 0 is maximum likelihood

    intents_: str = learned()  # their names, as JSON; none without ``intents``
    slopes_: np.ndarray = learned()  # (1 + P + J,) intercept first; P columns on one scale
    covariance_: np.ndarray = learned()  # (1 + P + J, 1 + P + J)

    def __post_init__(self) -> None:
        at_least(self, "l2", self.l2, 0)

    def learn(self, answers: Sessions, y: Mask) -> None:
        self.intents_ = json.dumps(answers.intent_names if self.intents else ())
        x = with_one(self._with_intents(self.begin(answers), answers))
        precision = np.full(x.shape[1], self.l2)
        precision[0] = 0
        self.slopes_, self.covariance_ = newton(x, y * 1.0, effective(answers.weights), precision)

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        x = with_one(self._with_intents(self.looks(sessions), sessions))
        return np.asarray(expit(x @ self.slopes_))

    def coefficients(self) -> list[Coefficient]:
        """Intercept and slopes, for a unit more of each column as it is."""
        why = tuple(json.loads(self.intents_))
        mean = np.append(self.mean_, np.zeros(len(why)))
        deviation = np.append(self.deviation_, np.ones(len(why)))
        names = (*self.columns, *why)
        return without_scale(names, self.slopes_, self.covariance_, mean, deviation)

    def _with_intents(self, x: Floats, sessions: Sessions) -> Floats:
        return (
            np.column_stack([x, came_for(sessions, tuple(json.loads(self.intents_)))])
            if self.intents
            else x
        )
