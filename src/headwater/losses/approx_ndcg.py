"""ApproxNDCG: 1 - NDCG, with ranks that are smooth in the scores.

    rank_i = 1 + sum_{j != i} sigmoid( (s_j - s_i) / temperature )
    1 - sum_i (2^y_i - 1) / log2(1 + rank_i),  over the same sum in the best order

Then the mean over the rows that have anything with y above 0.

Source:  Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information
         Retrieval Measures", Information Retrieval 2010.
Checked: against the sums written out, and as the temperature falls against scikit-learn's
         ndcg_score, tests/losses/test_rows.py
Differs: in nothing; the paper's alpha is 1 / temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..model import at_least
from ._base import Loss, mean_over_rows
from ._ranks import discount, gains, ideal, smooth_ranks

__all__ = ["ApproxNDCG"]


@dataclass(kw_only=True, eq=False)
class ApproxNDCG(Loss):
    temperature: float = 1.0

    def __post_init__(self) -> None:
        at_least(self, "temperature", self.temperature, 0, above=True)

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        gain = gains(y, there)
        best = ideal(gain)
        if weights is not None:
            gain = gain * weights
        dcg = (gain * discount(smooth_ranks(s, there, self.temperature))).sum(1)
        some = best > 0
        return mean_over_rows(1 - dcg / best.where(some, 1), some)
