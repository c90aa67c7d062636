"""Poly-1: binary cross-entropy whose first term, as a series in 1 - p_t, has another weight.

    - log p_t + epsilon (1 - p_t),   p_t = p = sigmoid(s) where y is 1, and 1 - p where it is 0

Source:  Leng, Tan, Liu, et al., "PolyLoss: A Polynomial Expansion Perspective of Classification
         Loss Functions", ICLR 2022. arXiv:2204.12511
Checked: against the formula in numpy; with epsilon 0 it is bce, tests/losses/test_rows.py
Differs: the paper has a softmax over classes; here each class is on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from ..model import at_least
from ._base import Loss, mean

__all__ = ["Poly"]


@dataclass(kw_only=True, eq=False)
class Poly(Loss):
    epsilon: float = 1.0

    def __post_init__(self) -> None:
        at_least(self, "epsilon", self.epsilon, -1)

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        wrong, right = s.sigmoid(), (-s).sigmoid()  # 1 - p_t where y is 0, and where it is 1
        each = y * (softplus(-s) + self.epsilon * right)
        each = each + (1 - y) * (softplus(s) + self.epsilon * wrong)
        return mean(each, there, weights)
