"""RecFusion-Var: RecFusion whose net also says how sure it is of each number.

    z_0 = x,   z_t = sqrt(1 - b_t) z_{t-1} + sqrt(b_t) e,   e ~ N(0, I),   t = 1 ... T
    m_t, v_t = f(z_t),   f as in RecFusion with 2 N outputs and no tanh
    minimise   1/2 |x - m_1|^2  -  sum_t log N( z_t; m_t, exp(v_t) )
             = 1/2 |x - m_1|^2  +  sum_t 1/2 sum_i ( v_ti + exp(-v_ti) (z_ti - m_ti)^2 )  + constant
    averaged over users, without the constant

The scores are m of f(x): one pass over the history as it is. The loss can fall below 0. It has no
bottom where z_1 is x (b_1 = 0): an item that nobody chose is then known for sure.

Source:  RecFusion, chapter 2 of a thesis on diffusion for recommendation, and Benedict, Odijk,
         de Rijke, Moens, "RecFusion: A Binomial Diffusion Process for 1D Data for Recommendation",
         2023. arXiv:2306.08947; the loss from the released code.
Checked: the loss, for given weights and noise, against the formula written out in numpy, for every
         schedule, tests/retrieve/matrix/test_recfusion_var.py
Differs: in nothing from the code, but for terms of its loss that no weight is in. A step is to give
         back what it is given, not the step before; see RecFusion. It ends a little above
         popularity: papers/results/thesis-2.2.json.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ...rows import Rows
from ._recfusion import Steps

__all__ = ["RecFusionVar"]


@dataclass(kw_only=True, eq=False)
class RecFusionVar(Steps):
    def build(self) -> nn.Module:
        return self.net(nn.Identity(), outputs=2)

    def loss(self, net: nn.Module, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        whole = x.dense()
        z = self.noised(whole)
        mean, log_variance = net(z).float().chunk(2, 2)
        first = (whole - mean[0]).square().sum(1)
        again = (log_variance + (z - mean).square() * (-log_variance).exp()).sum((0, 2))
        loss: Tensor = ((first + again) / 2).mean()
        return loss

    def answer(self, net: nn.Module, x: Rows) -> Tensor:
        scores: Tensor = net(x.dense()).chunk(2, 1)[0]
        return scores
