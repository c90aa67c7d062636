"""Multilevel: one logistic regression, whose intercept differs from intent to intent.

    log p / (1 - p) = b_0 + sum_k b_k x_k + sum_j z_j u_j,    u_j ~ N(0, spread^2)

z_j is 1 / (number of intents) for the intents of a session and 0 for others: a session that came
for several has the mean of what they add (multiple membership). ``membership: sum`` adds it all up.
(b, spread) maximise the likelihood with u integrated out by Laplace's approximation, at the mode of
v where u = spread v:

    -2 log L  ~  deviance + |v|^2 + log det( spread^2 Z' W Z + I ),   W = diag(p (1 - p))

Source:  Benedict, Odijk, de Rijke, "Intent-Satisfaction Modeling: From Music to Video Streaming",
         ACM TORS 2023: equation 4.5 of the thesis, which asks lme4's glmer for one node. Bates,
         Maechler, Bolker, Walker, "Fitting Linear Mixed-Effects Models Using lme4", J. Stat.
         Software 2015. Browne, Goldstein, Rasbash, "Multiple membership multiple classification
         (MMMC) models", Statistical Modelling 2001.
Checked: the likelihood against quadrature of the integral, the estimates against a quadrature of
         25 nodes and on real ratings, tests/satisfaction/test_multilevel.py
Differs: the released code has an intercept for each whole answer, "new / genre", of which a test
         fold may have some that nobody has seen. Who said no intent, or one that is new, has u = 0.
         Answers with unequal weights count for as many as Kish's effective number of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, diags_array
from scipy.special import expit

from ..errors import DataError
from ..glm import deviance, effective, newton, with_one, without_scale
from ..model import learned
from ..types import Floats, Mask, Sessions
from ..visits import Coefficient, Observed, came_for, membership

__all__ = ["Multilevel"]

STEP = 1e-4  # of the differences that give the curvature at the optimum
ROWS = 4096

Members = Floats | csr_array  # sparse where there are many groups


@dataclass(kw_only=True, eq=False)
class Multilevel(Observed):
    membership: Literal["mean", "sum"] = "mean"

    intents_: str = learned()  # their names, as JSON
    slopes_: np.ndarray = learned()  # (1 + P,) intercept first
    covariance_: np.ndarray = learned()  # (1 + P, 1 + P)
    spread_: float = learned()  # the standard deviation of the intents' intercepts
    intercepts_: np.ndarray = learned()  # (J,) u at its mode

    def learn(self, answers: Sessions, y: Mask) -> None:
        if not answers.intents.any():
            raise DataError("Multilevel: nobody said why they came, so intents cannot differ")
        self.intents_ = json.dumps(answers.intent_names)
        x = with_one(self.begin(answers))
        found = laplace(x, self._member(answers), y * 1.0, effective(answers.weights))
        self.slopes_, self.covariance_, self.spread_, self.intercepts_ = found

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        came_for(sessions, tuple(json.loads(self.intents_)))
        logit = with_one(self.looks(sessions)) @ self.slopes_
        return np.asarray(expit(logit + self._member(sessions) @ self.intercepts_))

    def coefficients(self) -> list[Coefficient]:
        """Intercept and slopes, for a unit more of each column as it is."""
        return without_scale(
            self.columns, self.slopes_, self.covariance_, self.mean_, self.deviation_
        )

    def _member(self, sessions: Sessions) -> Floats:  # (S, J)
        mean = self.membership == "mean"
        return membership(sessions.intents) if mean else sessions.intents.astype(np.float64)


def laplace(
    x: Floats, z: Members, y: Floats, weights: Floats
) -> tuple[Floats, Floats, float, Floats]:
    """Slopes (P,), their covariance, the spread and the intercepts (J,) that maximise Laplace's
    approximation, for columns ``x`` (S, P) and memberships ``z`` (S, J)."""
    p = x.shape[1]
    fixed, _ = newton(x, y, weights, np.zeros(p))
    mode: Floats = np.zeros(z.shape[1])

    def objective(at: Floats) -> tuple[float, Floats]:
        nonlocal mode
        worth, slope, mode = marginal(x, z, y, weights, at[:-1], float(at[-1]), mode)
        return worth, slope

    starts = [np.append(fixed, spread) for spread in (0.1, 0.3, 1.0)]
    start = min(starts, key=lambda at: objective(at)[0])
    found = optimize.minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None)] * p + [(0.0, None)],
        options={"ftol": 1e-12, "gtol": 1e-6, "maxiter": 1000},
    )
    at, spread = found.x, float(found.x[-1])
    objective(at)
    intercepts = spread * mode
    free = p + 1 if spread > STEP else p  # at its bound the spread is no longer looked for
    bend = np.empty((free, free))
    for k in range(free):
        aside = np.zeros(p + 1)
        aside[k] = STEP
        rise = objective(at + aside)[1] - objective(at - aside)[1]
        bend[k] = rise[:free] / (4 * STEP)  # half the curvature
    covariance = np.linalg.pinv((bend + bend.T) / 2, rcond=1e-12, hermitian=True)
    return at[:p], covariance[:p, :p], spread, intercepts


def marginal(
    x: Floats, z: Members, y: Floats, weights: Floats, b: Floats, spread: float, mode: Floats
) -> tuple[float, Floats, Floats]:
    """-2 log likelihood with v integrated out by Laplace; its slope (P + 1,) in b and spread; and
    the mode of v (J,), looked for from ``mode`` on."""
    offset = x @ b

    def joint(v: Floats) -> float:
        return deviance(offset + spread * (z @ v), y, weights) + float(v @ v)

    worth = joint(mode)
    for _ in range(100):
        p = expit(offset + spread * (z @ mode))
        slope = spread * (z.T @ (weights * (y - p))) - mode
        move = cho_solve(_factor(z, weights * p * (1 - p), spread), slope)
        if np.abs(move).max(initial=0) < 1e-10:
            break
        size = 1.0
        while (tried := joint(mode + size * move)) > worth + 1e-9 and size > 1e-6:
            size /= 2
        mode, worth = mode + size * move, tried
    p = expit(offset + spread * (z @ mode))
    off, curve = weights * (y - p), weights * p * (1 - p)
    factor = _factor(z, curve, spread)
    worth = joint(mode) + 2 * float(np.log(np.diag(factor[0])).sum())
    inverse = cho_solve(factor, np.eye(z.shape[1]))
    own = _quadratic(z, inverse)  # (S,) z' H^-1 z
    skew = spread**2 * curve * (1 - 2 * p) * own  # how log det H moves with a session's log-odds
    by_b = -spread * inverse @ (z.T @ (curve[:, None] * x))  # (J, P) how the mode moves with b
    by_spread = inverse @ (z.T @ off - spread * (z.T @ (curve * (z @ mode))))  # (J,)
    pulled = spread * (z.T @ skew)  # (J,)
    in_b = -2 * (x.T @ off) + x.T @ skew + by_b.T @ pulled
    in_spread = (
        -2 * float((z @ mode) @ off)
        + 2 * spread * float(curve @ own)
        + float(skew @ (z @ mode))
        + float(pulled @ by_spread)
    )
    return worth, np.append(in_b, in_spread), mode


def _factor(z: Members, curvature: Floats, spread: float) -> tuple[Floats, bool]:
    """Cholesky's factor of  spread^2 Z' W Z + I."""
    if isinstance(z, csr_array):
        bend = spread**2 * (z.T @ (diags_array(curvature) @ z)).toarray()
    else:
        bend = spread**2 * ((z.T * curvature) @ z)
    bend[np.diag_indices_from(bend)] += 1
    found: tuple[Floats, bool] = cho_factor(bend, lower=True)
    return found


def _quadratic(z: Members, inverse: Floats) -> Floats:  # (S,)
    """z_s' inverse z_s of every row, some rows at once."""
    if not isinstance(z, csr_array):
        return np.asarray(((z @ inverse) * z).sum(1))
    out = np.empty(z.shape[0])
    for at in range(0, len(out), ROWS):
        part = z[at : at + ROWS]
        out[at : at + ROWS] = part.multiply(part @ inverse).sum(1)
    return out
