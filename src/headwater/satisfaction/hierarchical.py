"""Hierarchical: what intents have in common is learned too, and each leans on the others.

    y_s ~ Bernoulli(p),   log p / (1 - p) = sum_j z_sj (b_j0 + sum_k b_jk x_sk)
    b_jk ~ N(mu_k, sigma_k^2),   mu_0 ~ Student-t(3, 0, 2.5),   mu_k ~ N(0, prior_scale^2),
    sigma_k ~ half-N(spread_scale^2)

x are the behaviours less their means, over their deviations; z_sj is 1 / (number of intents) for
the intents j of a session: it has the mean of what they say (multiple membership). Who said none
has mu. An intent with few answers is drawn towards the others, the more so the less those differ.
NUTS draws b_jk as mu_k + sigma_k e_jk with e_jk ~ N(0, 1).

Source:  Benedict, Odijk, de Rijke, "Intent-Satisfaction Modeling: From Music to Video Streaming",
         ACM TORS 2023: equation 4.6 of the thesis. Betancourt, Girolami, "Hamiltonian Monte Carlo
         for Hierarchical Models", 2013, arXiv:1312.0906: e instead of b.
Checked: the density against the formula in numpy, the posterior against Laplace's approximation
         and a quadrature, 95 % intervals against planted slopes,
         tests/satisfaction/test_hierarchical.py
Differs: the released code fits each intent on its own, which is `bayesian`. The source names no
         priors for mu and sigma, and does not say what to do with several intents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpyro
from jax import numpy as jnp
from numpyro import distributions as dist
from scipy.special import expit

from ..glm import effective
from ..model import at_least, learned
from ..types import Floats, Mask, Sessions
from ..visits import membership
from ._drawn import Drawn, parts
from ._nuts import padded

__all__ = ["Hierarchical"]

EVERYTHING = "all intents"


@dataclass(kw_only=True, eq=False)
class Hierarchical(Drawn):
    spread_scale: float = 1.0  # of sigma, of columns on one scale
    target_accept: float = 0.95  # sigma near 0 takes short steps

    answers_: int = learned()
    centre_: np.ndarray = learned()  # (chains, draws, 1 + P) mu, columns on one scale
    spread_: np.ndarray = learned()  # (chains, draws, 1 + P) sigma

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "spread_scale", self.spread_scale, 0, above=True)

    def learn(self, answers: Sessions, y: Mask) -> None:
        x = self.begin_with_intents(answers)
        self.answers_ = len(answers)
        problem = (
            padded(x),
            padded(y),
            padded(effective(answers.weights)),
            padded(membership(answers.intents)),
            np.asarray(self.prior_scale),
            np.asarray(self.spread_scale),
        )
        (chains,) = self.sampler()(model, [problem], dense=(("intercept", "slopes"),))
        drawn = chains.values
        self.centre_ = np.concatenate([drawn["intercept"][..., None], drawn["slopes"]], -1)
        self.spread_ = drawn["spread"]
        self.draws_ = self.centre_[:, :, None] + self.spread_[:, :, None] * drawn["apart"]
        self.end([chains])

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        out = np.empty(len(sessions))
        for rows in parts(len(sessions), self.n_chains * self.n_draws):
            out[rows] = expit(self.log_odds(EVERYTHING, sessions[rows])).mean((1, 2))
        return out

    def centre(self) -> Floats:
        """The draws of mu, (chains, draws, 1 + P), for a unit more of each column as it is."""
        return self._in_units(self.centre_)

    def posteriors(self) -> Iterator[tuple[str, int, Floats]]:
        flat = self.draws_.reshape(*self.draws_.shape[:2], -1)
        yield EVERYTHING, self.answers_, np.concatenate([self.centre_, self.spread_, flat], -1)

    def those_of(self, name: str, answers: Sessions) -> Mask:  # (S,)
        del name  # there is one
        return np.ones(len(answers), bool)

    def log_odds(self, name: str, sessions: Sessions) -> Floats:  # (S, chains, draws)
        del name  # there is one
        x, came = self.looks_with_intents(sessions)
        member = membership(came)
        nobody = came.sum(1) == 0
        out = np.zeros((len(x), *self.draws_.shape[:2]))
        out[nobody] = np.einsum("sc,mdc->smd", x[nobody], self.centre_, optimize=True)
        for j in range(member.shape[1]):
            rows = np.flatnonzero(came[:, j])
            each = np.einsum("sc,mdc->smd", x[rows], self.draws_[:, :, j], optimize=True)
            out[rows] += member[rows, j, None, None] * each
        return out


def model(x: Any, y: Any, weights: Any, member: Any, scale: Any, spread_scale: Any) -> None:
    """Of columns ``x`` (S, 1 + P) with a one in front, answers ``y`` (S,), ``weights`` (S,) and
    ``member`` (S, J), whose rows add up to 1, or to 0 for no intent."""
    width = x.shape[1]
    intercept = numpyro.sample("intercept", dist.StudentT(3, 0, 2.5))
    slopes = numpyro.sample("slopes", dist.Normal(0, scale).expand([width - 1]).to_event(1))
    spread = numpyro.sample("spread", dist.HalfNormal(spread_scale).expand([width]).to_event(1))
    shape = (member.shape[1], width)
    apart = numpyro.sample("apart", dist.Normal(0, 1).expand(shape).to_event(2))
    logit = x @ jnp.append(intercept, slopes) + ((x @ (spread * apart).T) * member).sum(1)
    numpyro.factor("answers", weights @ (y * logit - jnp.logaddexp(0, logit)))
