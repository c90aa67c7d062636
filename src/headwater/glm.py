"""Logistic regression by Newton's method, for models of sessions and for their weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from scipy.special import expit, ndtri

from .types import Floats
from .visits import Coefficient

__all__ = ["deviance", "effective", "newton", "with_one", "without_scale"]

CERTAIN = 15.0  # log-odds beyond which a chance is 3e-7 from certain

log = logging.getLogger("headwater")


def newton(
    x: Floats, y: Floats, weights: Floats, precision: Floats, steps: int = 100
) -> tuple[Floats, Floats]:
    """The slopes (P,) that minimise  deviance(x b, y) / 2 + sum_p precision_p b_p^2 / 2, and their
    covariance (P, P), the inverse C of the curvature there.

    Where ``weights`` differ they are of a sample, not counts of repeats, and the covariance is
    C (sum_s g_s g_s') C, of the slope g_s of each row (Huber, White). Columns that others make up
    share what is theirs, by the pseudo-inverse. Where the two classes can be told apart without a
    fault there is no minimum: it stops where the chances are 1e-8 from certain, and warns.
    """
    b = np.zeros(x.shape[1])
    worth = _objective(x, y, weights, precision, b)
    for _ in range(steps):
        p = expit(x @ b)
        slope = x.T @ (weights * (y - p)) - precision * b
        bend = _bend(x, weights * p * (1 - p), precision)
        move = np.linalg.lstsq(bend, slope, rcond=1e-12)[0]
        size = 1.0
        while (tried := _objective(x, y, weights, precision, b + size * move)) > worth + 1e-12:
            size /= 2
            if size < 1e-6:
                break
        else:
            b = b + size * move
            done = worth - tried < 1e-10 * (1 + abs(worth))
            worth = tried
            if not done:
                continue
        break
    p = expit(x @ b)
    bend = _bend(x, weights * np.maximum(p * (1 - p), 1e-8), precision)
    covariance = np.linalg.pinv(bend, rcond=1e-12, hermitian=True)
    if np.abs(x @ b).max(initial=0) > CERTAIN:
        log.warning(
            "%d of %d answers are foretold without doubt, which they are only where there are too "
            "few for %d columns: the slopes mean nothing; a penalty (l2) or fewer columns help",
            int((np.abs(x @ b) > CERTAIN).sum()),
            len(y),
            x.shape[1],
        )
    if np.ptp(weights):
        each = x * (weights * (y - p))[:, None]
        covariance = covariance @ (each.T @ each) @ covariance
    return b, covariance


def _objective(x: Floats, y: Floats, weights: Floats, precision: Floats, b: Floats) -> float:
    return (deviance(x @ b, y, weights) + float(precision @ b**2)) / 2


def _bend(x: Floats, curvature: Floats, precision: Floats) -> Floats:
    bend: Floats = (x.T * curvature) @ x
    bend[np.diag_indices_from(bend)] += precision
    return bend


def deviance(logit: Floats, y: Floats, weights: Floats) -> float:
    """-2 log-likelihood of ``y`` (S,) given the log-odds (S,)."""
    return float(2 * weights @ np.logaddexp(0, np.where(y > 0, -logit, logit)))


def effective(weights: Floats) -> Floats:
    """``weights`` (S,) on the scale on which they add up to Kish's effective number of answers,
    (sum w)^2 / sum w^2: of equal ones the number of them."""
    square = float((weights.astype(np.float64) ** 2).sum())
    return np.asarray(weights * (weights.sum() / square if square else 1.0), np.float64)


def with_one(x: Floats) -> Floats:  # (S, P) -> (S, P + 1)
    """With a column of ones in front, for the intercept."""
    return np.column_stack([np.ones(len(x)), x])


def without_scale(
    names: Sequence[str], b: Floats, covariance: Floats, mean: Floats, deviation: Floats
) -> list[Coefficient]:
    """The intercept and the slopes for columns as they were, x = mean + deviation * scaled.

    ``b`` is (P + 1,), ``covariance`` (P + 1, P + 1); intervals are Wald's.
    """
    turn = np.diag(np.append(1.0, 1 / deviation))
    turn[0, 1:] = -mean / deviation
    raw = turn @ b
    wide = float(ndtri(0.975)) * np.sqrt(np.diag(turn @ covariance @ turn.T).clip(0))
    return [
        Coefficient(name, float(at), float(at - w), float(at + w))
        for name, at, w in zip(("intercept", *names), raw, wide, strict=True)
    ]
