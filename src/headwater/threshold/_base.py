"""What all rules share: the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import DataError, NotFitted
from ..model import Model
from ..types import Floats, Mask

__all__ = ["Threshold", "cuts"]


@dataclass(kw_only=True, eq=False)
class Threshold(Model):
    """A rule gives `rule`, and `learn` where it has something to learn."""

    def tune(self, scores: Floats, y: Mask) -> Self:
        """Learn from ``scores`` (n, C) of examples whose classes ``y`` (n, C) are known, and that
        what made the scores has not learned from."""
        scores, y = np.asarray(scores, np.float64), np.asarray(y) > 0
        if scores.ndim != 2 or scores.shape != y.shape or not scores.size:
            raise DataError(
                f"{type(self).__name__} is tuned on scores and truths of one shape (examples, "
                f"classes), at least one; got {scores.shape} and {y.shape}"
            )
        if np.isnan(scores).any():
            raise DataError(f"{type(self).__name__}: some scores are NaN")
        self.learn(scores, y)
        return self

    def learn(self, scores: Floats, y: Mask) -> None:
        pass

    def __call__(self, scores: Floats) -> Mask:
        """Which classes are said of each example: (n, C) bool."""
        return self.rule(np.asarray(scores, np.float64))

    def rule(self, scores: Floats) -> Mask:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except NotFitted:
            raise NotFitted(
                f"{type(self).__name__} has no {name} yet: call tune(scores, y) first, or "
                "tune(data, items) of the head that it is part of"
            ) from None


def cuts(scores: Floats, y: Mask) -> tuple[Floats, Floats]:
    """Of one column of scores (n,): every cut between two of them, from the highest, and the F1 of
    what is above it. The first is above all, the last below all."""
    order = np.argsort(-scores, kind="stable")
    s, true = scores[order], np.cumsum(y[order])
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)  # of each run of equals
    between = np.append((s[last[:-1]] + s[last[:-1] + 1]) / 2, -np.inf)
    f1 = 2 * true[last] / (last + 1 + y.sum()) if len(s) else np.zeros(0)
    return np.append(np.inf, between), np.append(0.0, f1)
