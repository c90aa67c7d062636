"""RecFusion-Bin: flip bits step by step, and learn the way back, bits to bits.

    q(x_t = 1 | x_{t-1}) = (1 - b_t) x_{t-1} + b_t p     p is where it ends, by ``toward``:
      activity   p_i, the share of people who chose item i: each item keeps its mean
      coin       1/2
      nothing    0, with b_t / 2 for b_t: a one lives through a step with chance 1 - b_t / 2
    p(x_{t-1} | x_t) = sum_{x_0} q(x_{t-1} | x_t, x_0) p(x_0 | x_t)
    p(x_0 = 1 | x_t) = s(f(x_t, t))
    minimise   BCE(x_0, s(f(x_1, 1)))
               +  sum_{t=2..T} KL( q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t) )
    summed over items, averaged over users;  s is the sigmoid, f(x, t) is f(x + Z_t) as in
    RecFusion-T, without a tanh; ``timed = False`` leaves Z_t out

It is the bound on -log p(x_0), but for KL( q(x_T | x_0) || p(x_T) ), which no weight is in. Up to
T = 8 all t are added up; above, one t is drawn for each user, all alike, and counts T times. The
scores are the logits f(x, 1): one pass over the history as it is.

``released = True`` minimises what the released code does. With z_1 ... z_T the chain of bits,
h_t = s(f(z_t, t)), and c as in RecFusion:

    100 mean |x - h_1|  +  c/2 |h_T|^2  +  sum_t 1/2 exp(-b_t) |z_t - h_t|^2

The first term, a mean over users and items, is the cross-entropy with its arguments swapped: the
data is in the logarithm, which is cut at -100. The others are the Gaussian terms, on bits. A coin
is then a flip with chance b_t. The code has no "activity", and no time: ``timed = False``.

Source:  RecFusion, chapter 2 of a thesis on diffusion for recommendation, and Benedict, Odijk,
         de Rijke, Moens, "RecFusion: A Binomial Diffusion Process for 1D Data for Recommendation",
         2023. arXiv:2306.08947; the process and its posterior after Sohl-Dickstein, Weiss,
         Maheswaranathan, Ganguli, "Deep Unsupervised Learning using Nonequilibrium
         Thermodynamics", ICML 2015. arXiv:1503.03585
Checked: both losses, for given weights and bits, against the formulas written out in numpy; that
         the bound is one, against -log p(x_0) by adding up all ways; that one t for each user is
         right on average, tests/retrieve/matrix/test_recfusion_bin.py; the process by simulation,
         tests/retrieve/matrix/test_diffusion.py
Differs: the thesis's closed form of q(x_t | x_0) and its bound are wrong (a factor too many; a
         sign; x_0 and x_1 exchanged). Both are right here. Its net does not know t. Right, it comes
         near RecFusion; as released, it stays below popularity: papers/results/thesis-2.2.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...model import learned
from ...rows import Rows
from ...types import Dataset, Floats
from ._diffusion import Bernoulli
from ._recfusion import Steps, Timed, again

__all__ = ["RecFusionBin"]

ALL_STEPS = 8  # up to so many, no t is drawn


@dataclass(kw_only=True, eq=False)
class RecFusionBin(Steps):
    toward: Literal["activity", "coin", "nothing"] = "activity"  # where the bits end
    timed: bool = True  # whether the net knows t
    released: bool = False  # minimise what the released code does

    share_: Floats = learned()  # (N,) float32, the share of people who chose the item

    def build(self) -> nn.Module:
        net = self.net(nn.Identity())
        return Timed(net, self.n_items_, "input") if self.timed else net

    def epochs(self, data: Dataset) -> Iterator[float]:
        x = data.log.matrix()
        people = max(1, int(np.count_nonzero(data.log.lengths)))
        self.share_ = (x.sum(0) / people).astype(np.float32)
        yield from super().epochs(data)

    def process(self, device: torch.device) -> Bernoulli:
        b = self.betas()
        if self.toward == "activity":
            return Bernoulli(b, torch.from_numpy(self.share_).to(device))
        if self.toward == "nothing":
            return Bernoulli(b / 2, torch.zeros((), device=device))
        return Bernoulli(2 * b if self.released else b, torch.full((), 0.5, device=device))

    def loss(self, net: nn.Module, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        whole, steps = x.dense(), self.noise_steps
        process = self.process(whole.device)
        if self.released:
            return self.released_loss(net, whole, process)
        if steps > ALL_STEPS:
            t = torch.randint(1, steps + 1, (len(whole),), device=whole.device)
            return steps * self.term(net, whole, process, t)
        every = [torch.full((1,), t, device=whole.device) for t in range(1, steps + 1)]
        return torch.stack([self.term(net, whole, process, t) for t in every]).sum()

    def term(self, net: nn.Module, x: Tensor, process: Bernoulli, t: Tensor) -> Tensor:
        xt = torch.bernoulli(process.marginal(x, t))
        return process.divergence(xt, x, self.logits(net, xt, t), t).mean()

    def released_loss(self, net: nn.Module, x: Tensor, process: Bernoulli) -> Tensor:
        z = torch.stack(process.chain(x))
        h = self.logits(net, z, torch.arange(1, len(z) + 1, device=x.device)[:, None]).sigmoid()
        return 100 * (x - h[0]).abs().mean() + again(z, h, self.betas()).mean()

    def logits(self, net: nn.Module, x: Tensor, t: Tensor) -> Tensor:
        out: Tensor = net(x, t) if self.timed else net(x)
        return out.float()

    def answer(self, net: nn.Module, x: Rows) -> Tensor:
        whole = x.dense()
        return self.logits(net, whole, torch.ones(1, dtype=torch.int64, device=whole.device))
