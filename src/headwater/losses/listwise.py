"""Listwise: softmax cross-entropy, all candidates or classes of a row against each other.

    - log( exp(s_i) / sum_j exp(s_j) ),   the mean over the i with y_i = 1

Then the mean over the rows that have any.

Source:  Cao, Qin, Liu, Tsai, Li, "Learning to Rank: From Pairwise Approach to Listwise Approach",
         ICML 2007, its top-one form.
Checked: against the sums written out, tests/losses/test_rows.py
Differs: y is 0 or 1, so each of what is true has the same share.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ._base import Loss, mean_over_rows

__all__ = ["Listwise"]


@dataclass(kw_only=True, eq=False)
class Listwise(Loss):
    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        s = s.masked_fill(~there, -torch.inf)
        each = (s.logsumexp(1, keepdim=True) - s).masked_fill(~there, 0)
        true = ((y > 0) & there).to(each.dtype)
        if weights is not None:
            each = each * weights
        number = true.sum(1)
        return mean_over_rows((each * true).sum(1).div(number.clamp(min=1)), number > 0)
