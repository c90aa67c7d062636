"""RecFusion-T: RecFusion whose net is told how many steps of noise it is given.

    z_0 = x,   z_t = sqrt(1 - b_t) z_{t-1} + sqrt(b_t) e,   e ~ N(0, I),   t = 1 ... T
    h_t = f(z_t + Z_t)  for embed = "input",   h_t = f(z_t) + Z_t  for embed = "output"
    Z_t = W [sin(t w_1) ... sin(t w_64), cos(t w_1) ... cos(t w_64)] + v,   w_k = 10,000^(-(k-1)/63)

    minimise, averaged over users
    input    1/2 |x - h_1|^2  +  c_1/2 |h_T|^2  +  sum_{t=1..T} 1/2 exp(-b_t) |z_t - h_t|^2
    output   1/2 |x - h_1|^2  +  c_1/2 |h_T|^2  +  sum_{t=2..T-1} c_t/2 |h_t|^2
    c_t = 1 - (1 - sqrt(1 - b_t))^2 / b_t, and 1 where b_t is 0;   f as in RecFusion

"input" has the loss of RecFusion, and its scores are f(x + Z_1). "output" is what the released code
does: no step but the first learns to give anything back, the others are only drawn to 0, and the
scores are f(x) + Z_2, the embedding of the second step.

Source:  RecFusion, chapter 2 of a thesis on diffusion for recommendation, and Benedict, Odijk,
         de Rijke, Moens, "RecFusion: A Binomial Diffusion Process for 1D Data for Recommendation",
         2023. arXiv:2306.08947; the time and the loss of "output" from the released code.
Checked: both losses, for given weights and noise, against the formulas written out in numpy, for
         every schedule, tests/retrieve/matrix/test_recfusion_t.py
Differs: the code counts t from 0 while it trains, and asks at its 1, which is the second step; here
         t is counted from 1, and "output" asks at 2. "input" asks at 1, the least noise, and has
         RecFusion's loss, where the code keeps the loss of "output". So "input" is level with
         RecFusion, and "output" is far below popularity: papers/results/thesis-2.2.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ...rows import Rows
from ._recfusion import Steps, Timed, again, shrink

__all__ = ["RecFusionT"]


@dataclass(kw_only=True, eq=False)
class RecFusionT(Steps):
    embed: Literal["input", "output"] = "input"  # where the time is added; "output" as released

    def build(self) -> nn.Module:
        return Timed(self.net(nn.Tanh()), self.n_items_, self.embed)

    def loss(self, net: nn.Module, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        whole, b = x.dense(), self.betas()
        z = self.noised(whole)
        h = net(z, torch.arange(1, len(z) + 1, device=z.device)[:, None])
        loss = (whole - h[0]).square().sum(1) / 2
        if self.embed == "input":
            loss = loss + again(z, h, b)
        else:
            loss = loss + float(shrink(b[0])) / 2 * h[-1].square().sum(1)
            for t in range(1, len(z) - 1):
                loss = loss + float(shrink(b[t])) / 2 * h[t].square().sum(1)
        mean: Tensor = loss.mean()
        return mean

    def answer(self, net: nn.Module, x: Rows) -> Tensor:
        whole = x.dense()
        t = torch.tensor(1 if self.embed == "input" else 2, device=whole.device)
        scores: Tensor = net(whole, t)
        return scores
