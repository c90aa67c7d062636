"""Bayesian, per intent: a posterior of a logistic regression for each reason to come.

    y_s ~ Bernoulli(p_j),   log p_j / (1 - p_j) = b_j0 + sum_k b_jk x_sk,   sessions with intent j
    b_j0 ~ Student-t(3, 0, 2.5),   b_jk ~ N(0, prior_scale^2)
    p = mean over draws of p_j, and over the intents j of a session

x are the behaviours less their means, over their deviations, of all answers. A session that came
for several intents is in the posterior of each; who said none has the mean of all intents, and so
has an intent that no answer had. NUTS draws from the posteriors; intents know nothing of each
other (`hierarchical` is where they do).

Source:  Benedict, Odijk, de Rijke, "Intent-Satisfaction Modeling: From Music to Video Streaming",
         ACM TORS 2023: the analysis behind the half-eyes of chapter 4 of the thesis; Buerkner,
         "brms: An R Package for Bayesian Multilevel Models Using Stan", J. Stat. Software 2017,
         which it asks.
Checked: the density against the formula in numpy, posteriors and leaving one out against
         quadrature, 95 % intervals against planted slopes, tests/satisfaction/test_bayesian.py
Differs: brms' slopes are flat, which has no posterior where a column tells good from bad without a
         fault, as it does for rare intents: here N(0, 2.5^2) for a deviation of each column, which
         hardly tells on columns that vary. Columns are centred at the mean of all answers, not of
         an intent's. The released code takes for intent j only sessions with no other answer;
         ``alone`` does that. An answer counts by its weight, as a power of its likelihood, all of
         an intent for as many as Kish's effective number of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpyro
from jax import numpy as jnp
from numpyro import distributions as dist

from ..errors import DataError
from ..glm import effective
from ..model import learned
from ..types import Floats, Mask, Sessions
from ._drawn import Drawn, mean_chance
from ._nuts import padded

__all__ = ["Bayesian"]


@dataclass(kw_only=True, eq=False)
class Bayesian(Drawn):
    alone: bool = False  # learn an intent from those who came for nothing else

    answers_: np.ndarray = learned()  # (J,) how many each learned from

    def learn(self, answers: Sessions, y: Mask) -> None:
        x = self.begin_with_intents(answers)
        masks = [self.those_of(name, answers) for name in self.intents]
        self.answers_ = np.array([mask.sum() for mask in masks])
        if not self.answers_.any():
            raise DataError(
                f"Bayesian: none of {len(answers):,} answers names one intent alone: learn from "
                "all that name it, alone=False"
            )
        rows = len(padded(np.empty((int(self.answers_.max()), 0))))  # all compile once
        scale = np.asarray(self.prior_scale)
        problems = [
            (
                padded(x[mask], rows),
                padded(y[mask], rows),
                padded(effective(answers.weights[mask]), rows),
                scale,
            )
            for mask in masks
        ]
        chains = self.sampler()(model, problems, dense=(("intercept", "slopes"),))
        self.draws_ = np.stack(
            [
                np.concatenate([one.values["intercept"][..., None], one.values["slopes"]], -1)
                for one in chains
            ],
            axis=2,
        )
        self.end(chains)

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        x, came = self.looks_with_intents(sessions)
        known = self.answers_ > 0
        came = came * known
        came[came.sum(1) == 0] = known
        draws = self.draws_.reshape(-1, *self.draws_.shape[2:]).astype(np.float64)
        total = np.zeros(len(sessions))
        for j in np.flatnonzero(known):
            rows = np.flatnonzero(came[:, j])
            total[rows] += mean_chance(x[rows], draws[:, j])
        return np.asarray(total / came.sum(1))

    def posteriors(self) -> Iterator[tuple[str, int, Floats]]:
        for j, name in enumerate(self.intents):
            yield name, int(self.answers_[j]), self.draws_[:, :, j]

    def those_of(self, name: str, answers: Sessions) -> Mask:  # (S,)
        mine = answers.intents[:, self.intents.index(name)]
        return np.asarray(mine & (answers.intents.sum(1) == 1) if self.alone else mine)

    def log_odds(self, name: str, sessions: Sessions) -> Floats:  # (S, chains, draws)
        x, _ = self.looks_with_intents(sessions)
        draws = self.draws_[:, :, self.intents.index(name)].astype(np.float64)
        return np.asarray(np.einsum("sc,mdc->smd", x, draws, optimize=True))


def model(x: Any, y: Any, weights: Any, scale: Any) -> None:
    """Of columns ``x`` (S, 1 + P) with a one in front, answers ``y`` (S,) and ``weights`` (S,)."""
    intercept = numpyro.sample("intercept", dist.StudentT(3, 0, 2.5))
    prior = dist.Normal(0, scale).expand([x.shape[1] - 1]).to_event(1)
    slopes = numpyro.sample("slopes", prior)
    logit = x @ jnp.append(intercept, slopes)
    numpyro.factor("answers", weights @ (y * logit - jnp.logaddexp(0, logit)))
