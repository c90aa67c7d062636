"""Focal loss: binary cross-entropy where what is already known counts little.

    - a_t (1 - p_t)^gamma log p_t,   p_t = p = sigmoid(s) where y is 1, and 1 - p where it is 0

a_t is alpha where y is 1 and 1 - alpha where it is 0; with alpha None it is 1 for both.

Source:  Lin, Goyal, Girshick, He, Dollar, "Focal Loss for Dense Object Detection", ICCV 2017.
         arXiv:1708.02002
Checked: against the formula in numpy; with gamma 0 it is bce, tests/losses/test_rows.py
Differs: the mean over what is there; the paper divides by the number of objects in a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from ..model import at_least, between
from ._base import Loss, mean

__all__ = ["Focal"]


@dataclass(kw_only=True, eq=False)
class Focal(Loss):
    gamma: float = 2.0
    alpha: float | None = 0.25

    def __post_init__(self) -> None:
        at_least(self, "gamma", self.gamma, 0)
        if self.alpha is not None:
            between(self, "alpha", self.alpha, 0, 1)

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        log_p, log_not = logsigmoid(s), logsigmoid(-s)
        true, false = (1.0, 1.0) if self.alpha is None else (self.alpha, 1 - self.alpha)
        each = -true * y * (self.gamma * log_not).exp() * log_p
        each = each - false * (1 - y) * (self.gamma * log_p).exp() * log_not
        return mean(each, there, weights)
