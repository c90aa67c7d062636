"""Pairwise: what was chosen, or is true, above what is not. Also called ranking loss.

    sum over i with y_i = 1, j with y_j = 0 of  l(s_i - s_j),   over their number
    l(x) = log(1 + exp(-x))   "logistic"        l(x) = max(0, 1 - x)   "hinge"

Then the mean over the rows that have such pairs; weights are those of i.

Source:  Burges, Shaked, Renshaw, et al., "Learning to Rank Using Gradient Descent", ICML 2005; of
         labels Zhang, Zhou, "Multilabel Neural Networks with Applications to Functional Genomics
         and Text Categorization", TKDE 2006, whose l is exp(-x).
Checked: against the sums written out; where l counts pairs it is scikit-learn's
         label_ranking_loss, tests/losses/test_rows.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import relu, softplus

from ._base import Loss, mean_over_rows, pairs

__all__ = ["Pairwise"]


@dataclass(kw_only=True, eq=False)
class Pairwise(Loss):
    surrogate: Literal["logistic", "hinge"] = "logistic"

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        behind = s[:, None, :] - s[:, :, None]  # [b, i, j]: how far i is behind j
        each = softplus(behind) if self.surrogate == "logistic" else relu(1 + behind)
        if weights is not None:
            each = each * weights[:, :, None]
        some = pairs(y, there)
        number = some.sum((1, 2))
        return mean_over_rows((each * some).sum((1, 2)) / number.clamp(min=1), number > 0)
