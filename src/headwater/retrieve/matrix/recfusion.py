"""RecFusion: give back the history, and each noised copy of it, from the copy alone.

    z_0 = x,   z_t = sqrt(1 - b_t) z_{t-1} + sqrt(b_t) e,   e ~ N(0, I),   t = 1 ... T
    minimise   1/2 |x - f(z_1)|^2  +  c/2 |f(z_T)|^2  +  sum_t 1/2 exp(-b_t) |z_t - f(z_t)|^2
    averaged over users;   c = 1 - (1 - sqrt(1 - b_1))^2 / b_1, and 1 where b_1 is 0
    f(z) = tanh(W_3 h + u_3),   h = g(... g(z)),   g = PReLU of a linear layer

The layers in the middle are one and the same, ``depth`` times. When asked, the scores are f(x): one
pass over the history as it is, without noise and without steps.

Source:  RecFusion, chapter 2 of a thesis on diffusion for recommendation, and Benedict, Odijk,
         de Rijke, Moens, "RecFusion: A Binomial Diffusion Process for 1D Data for Recommendation",
         2023. arXiv:2306.08947; the loss and the shared middle layer from the released code.
Checked: the loss, for given weights and noise, against the formula written out in numpy, for every
         schedule; the number of weights against the thesis's Table 2.6, 1,410,218 of them for 3,416
         items, tests/retrieve/matrix/test_recfusion.py; and papers/results/thesis-2.5.json
Differs: from the code in the last batch of an epoch, which there is filled up with other users.
         From a diffusion model in much: what f is to give back is what it is given, not the step
         before; exp(-b) stands where 1/b would; f is not told t. The numbers depend on which epoch
         is kept, see papers/results/thesis-2.5.json.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ...rows import Rows
from ._recfusion import Steps, again

__all__ = ["RecFusion"]


@dataclass(kw_only=True, eq=False)
class RecFusion(Steps):
    def build(self) -> nn.Module:
        return self.net(nn.Tanh())

    def loss(self, net: nn.Module, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        whole = x.dense()
        z = self.noised(whole)
        h = net(z)
        first = (whole - h[0]).square().sum(1) / 2
        loss: Tensor = (first + again(z, h, self.betas())).mean()
        return loss

    def answer(self, net: nn.Module, x: Rows) -> Tensor:
        scores: Tensor = net(x.dense())
        return scores
