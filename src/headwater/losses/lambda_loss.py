"""LambdaLoss: pairwise, each pair worth what it matters to NDCG.

    sum over i, j with y_i > y_j of  w_ij log2( 1 + exp(-sigma (s_i - s_j)) )
    w_ij = |G_i - G_j| |1 / D(r_i) - 1 / D(r_j)|                             "lambdarank"
         = |G_i - G_j| |1 / D(|r_i - r_j|) - 1 / D(|r_i - r_j| + 1)|         "ndcg_loss2"
         = the first of these + mu times the second                          "ndcg_loss2++"
    G_i = (2^y_i - 1) / DCG of the best order,   D(r) = log2(1 + r),   r ranks by s, from 1

Ranks have no gradient. Then the mean over the rows that have anything with y above 0.

Source:  Wang, Li, Golbandi, Bendersky, Najork, "The LambdaLoss Framework for Ranking Metric
         Optimization", CIKM 2018; lambdarank after Burges, Ragno, Le, "Learning to Rank with
         Nonsmooth Cost Functions", NIPS 2006.
Checked: against the sums written out, tests/losses/test_rows.py
Differs: in nothing; of equal scores the earlier has the better rank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..model import at_least
from ._base import Loss, mean_over_rows, pairs
from ._ranks import discount, gains, ideal

__all__ = ["LambdaLoss"]


@dataclass(kw_only=True, eq=False)
class LambdaLoss(Loss):
    scheme: Literal["lambdarank", "ndcg_loss2", "ndcg_loss2++"] = "ndcg_loss2++"
    sigma: float = 1.0
    mu: float = 10.0

    def __post_init__(self) -> None:
        at_least(self, "sigma", self.sigma, 0, above=True)
        at_least(self, "mu", self.mu, 0)

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        gain = gains(y, there)
        best = ideal(gain)
        some = best > 0
        worth = self.worth(s, gain / best.where(some, 1)[:, None], there)
        each = worth * softplus(self.sigma * (s[:, None, :] - s[:, :, None])) / math.log(2)
        if weights is not None:
            each = each * weights[:, :, None]
        return mean_over_rows((each * pairs(y, there)).sum((1, 2)), some)

    @torch.no_grad()
    def worth(self, s: Tensor, gain: Tensor, there: Tensor) -> Tensor:  # (B, K, K)
        order = s.masked_fill(~there, -torch.inf).argsort(dim=1, descending=True, stable=True)
        rank = (order.argsort(1) + 1).to(s.dtype)
        gap = (gain[:, :, None] - gain[:, None, :]).abs()
        at = discount(rank)
        swap = (at[:, :, None] - at[:, None, :]).abs()
        if self.scheme == "lambdarank":
            return gap * swap
        apart = (rank[:, :, None] - rank[:, None, :]).abs().clamp(min=1)
        near = discount(apart) - discount(apart + 1)
        return gap * near if self.scheme == "ndcg_loss2" else gap * (swap + self.mu * near)
