"""The smooth confusion matrix: how much of what is said is right, as a share and not as a yes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..model import at_least
from ._base import Loss

__all__ = ["TINY", "Confused", "Confusion", "Sloped"]

TINY = 1e-16  # in a denominator: where nothing is true and nothing said to be


@dataclass(frozen=True, eq=False)
class Confusion:
    """(C,), (B,) or (): for each class, each row, or all together."""

    tp: Tensor
    fp: Tensor
    fn: Tensor
    tn: Tensor


@dataclass(kw_only=True, eq=False)
class Confused(Loss):
    """1 - a score of the smooth confusion matrix. A loss gives `said` and `score`."""

    input: Literal["logits", "probabilities"] = "logits"  # what u is
    average: Literal["macro", "micro", "samples"] = "macro"

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        u = s if self.input == "logits" else s.sigmoid()
        said = self.said(u)
        counts = there if weights is None else there * weights
        true, false = y * counts, (1 - y) * counts
        parts = (said * true, said * false, (1 - said) * true, (1 - said) * false)
        if self.average == "micro":
            found = Confusion(*(each.sum() for each in parts))
        else:
            over = 0 if self.average == "macro" else 1
            found = Confusion(*(each.sum(over) for each in parts))
        score = self.score(found)
        return 1 - score.sum() / max(score.numel(), 1)

    def said(self, u: Tensor) -> Tensor:
        """How much it is said to be true."""
        raise NotImplementedError

    def score(self, found: Confusion) -> Tensor:
        raise NotImplementedError


@dataclass(kw_only=True, eq=False)
class Sloped(Confused):
    beta: float = 1.0  # how steep the sigmoid is
    eta: float = 0.0  # how far it is moved: u = -eta is where a yes and a no are level

    def __post_init__(self) -> None:
        at_least(self, "beta", self.beta, 0, above=True)

    def said(self, u: Tensor) -> Tensor:
        return (self.beta * (u + self.eta)).sigmoid()
