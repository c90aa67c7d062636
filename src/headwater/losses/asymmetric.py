"""Asymmetric loss: focal, with one power for what is true and another, and a margin, for the rest.

    - y (1 - p)^gamma_positive log p  -  (1 - y) p_m^gamma_negative log(1 - p_m)
    p = sigmoid(s),   p_m = max(p - margin, 0)

What is false and below the margin costs nothing. The powers are weights: there is no gradient
through them unless ``through_weights``.

Source:  Ben-Baruch, Ridnik, Zamir, et al., "Asymmetric Loss For Multi-Label Classification", ICCV
         2021. arXiv:2009.14119; its released code leaves out the gradient of the weights.
Checked: against the formula in numpy, and its gradient against that with the weights held fixed,
         tests/losses/test_rows.py
Differs: the mean over what is there, where the released code has the sum: that changes what a
         learning rate means. ``gamma_positive`` is 0 as in the paper; the thesis has 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from ..model import at_least, between
from ._base import Loss, mean

__all__ = ["Asymmetric"]

TINY = 1e-8


@dataclass(kw_only=True, eq=False)
class Asymmetric(Loss):
    gamma_positive: float = 0.0
    gamma_negative: float = 4.0
    margin: float = 0.05
    through_weights: bool = False

    def __post_init__(self) -> None:
        at_least(self, "gamma_positive", self.gamma_positive, 0)
        at_least(self, "gamma_negative", self.gamma_negative, 0)
        between(self, "margin", self.margin, 0, 1, below=True)

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        p, log_not = s.sigmoid(), logsigmoid(-s)
        if self.margin:
            log_not = ((-s).sigmoid() + self.margin).clamp(max=1).log()
        known = p if self.through_weights else p.detach()
        true = (1 - known).clamp(min=TINY) ** self.gamma_positive
        false = (known - self.margin).clamp(min=TINY) ** self.gamma_negative
        each = -y * true * logsigmoid(s) - (1 - y) * false * log_not
        return mean(each, there, weights)
