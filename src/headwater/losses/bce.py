"""Binary cross-entropy: each candidate or class on its own.

    - w y log sigmoid(s) - (1 - y) log(1 - sigmoid(s)),   the mean over what is there

w is ``positive_weight``: above 1 what is true counts more, where little of it is.

Source:  as old as logistic regression: Cox, "The Regression Analysis of Binary Sequences", JRSS B
         1958.
Checked: against the formula in numpy and scikit-learn's log_loss, tests/losses/test_rows.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ..model import at_least
from ._base import Loss, mean

__all__ = ["BCE"]


@dataclass(kw_only=True, eq=False)
class BCE(Loss):
    positive_weight: float = 1.0

    def __post_init__(self) -> None:
        at_least(self, "positive_weight", self.positive_weight, 0, above=True)

    @property
    def says_chances(self) -> bool:
        return self.positive_weight == 1

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        more = None if self.positive_weight == 1 else s.new_tensor(self.positive_weight)
        each = binary_cross_entropy_with_logits(s, y, reduction="none", pos_weight=more)
        return mean(each, there, weights)
