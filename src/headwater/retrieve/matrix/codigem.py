"""CODIGEM: noise a history step by step; a net for every step back, and one for the last.

    z_0 = x,   q(z_i | z_{i-1}) = N( sqrt(1 - b) z_{i-1}, b I ),   i = 1 ... T
    minimise   KL - RE, averaged over users, with one draw of z_1 ... z_T for each
    RE = log N( x; d(z_1), I )
    KL = log q(z_T | z_{T-1}) - log N( z_T; 0, I )
         + sum_{i < T} log q(z_i | z_{i-1}) - log N( z_i; m_i(z_{i+1}), s_i(z_{i+1})^2 )

d ends in tanh. When asked, the scores are d(x), of the history without noise.

Source:  Walker, Zhong, Zhang, Gao, Zhou, "Recommendation via Collaborative Diffusion Generative
         Model", KSEM 2022; the start of the weights and ``released_pairing`` from the authors'
         code, ``tied`` from the port that the RecFusion thesis measured.
Checked: the loss, for given weights and noise, against the formula written out in numpy, for T of
         2, 3 and 4 and both pairings; the number of weights, tied, against the thesis's Table 2.6,
         5,603,886 of them for 3,416 items, tests/retrieve/matrix/test_codigem.py
Differs: the code takes sqrt(1 - b) z_i for the mean of z_i itself in log q, which no weight is in.
         Its noise at test time is off unless asked for, and then the same for everybody: an answer
         must not depend on who else asks. `fit` runs all epochs; the authors keep the best by
         validation Recall@50. The nets m_i and s_i share no weight with d, so with any T and any
         pairing they take time and change no answer: d alone is a denoising autoencoder. As the
         paper has it, it is far above what the thesis prints, see papers/results/thesis-2.5.json; a
         state of the port compared everybody with the reconstruction of the first of the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ...model import at_least
from ...rows import Rows
from ...train import Train
from ._autoencoder import Autoencoder
from ._diffusion import Gaussian, betas

__all__ = ["CODIGEM"]


@dataclass(kw_only=True, eq=False)
class CODIGEM(Autoencoder):
    hidden_size: int = 200
    depth: int = 4  # hidden layers of each net after its first
    noise_steps: int = 3  # T
    beta: float = 1e-4  # variance of the noise of a step
    tied: bool = False  # the hidden layers after the first are one and the same
    released_pairing: bool = False  # z_i beside what is made for z_{T-i}, as in the authors' code
    test_noise: bool = False  # the scores are d(z_1) instead of d(x)
    how: Train = Train(n_epochs=100, batch_size=200, learning_rate=1e-3, optimizer="adamax")

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "beta", self.beta, 0, above=True)
        self.process()

    def process(self) -> Gaussian:
        return Gaussian(betas("constant", self.noise_steps, self.beta, self.beta))

    def build(self) -> nn.Module:
        return Net(self.n_items_, self.hidden_size, self.depth, self.noise_steps - 1, self.tied)

    def loss(self, net: Net, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        z = [x.dense()]
        z += self.process().chain(z[0])  # z[i] is z_i
        loss = -log_normal(z[0], net.decoder(z[1])) - log_normal(z[-1])
        for before, now in pairwise(z):
            loss += log_normal(now, (1 - self.beta) ** 0.5 * before, math.log(self.beta))
        for i in range(1, self.noise_steps):
            made_for = self.noise_steps - i if self.released_pairing else i
            mean, log_variance = net.back[made_for - 1](z[made_for + 1]).chunk(2, 1)
            loss -= log_normal(z[i], mean, log_variance)
        return loss.mean()

    def answer(self, net: Net, x: Rows) -> Tensor:
        whole = x.dense()
        if self.test_noise:
            chance = torch.Generator().manual_seed(self.how.seed)
            noise = torch.randn(x.n_items, generator=chance).to(whole.device)
            whole = (1 - self.beta) ** 0.5 * whole + self.beta**0.5 * noise
        scores: Tensor = net.decoder(whole)
        return scores


class Net(nn.Module):
    def __init__(self, n_items: int, hidden: int, depth: int, steps: int, tied: bool):
        super().__init__()

        def layers(n_out: int) -> nn.Sequential:
            once = [(nn.Linear(hidden, hidden), nn.PReLU()) for _ in range(1 if tied else depth)]
            middle = once * depth if tied else once
            return nn.Sequential(
                nn.Linear(n_items, hidden),
                nn.PReLU(),
                *(layer for pair in middle for layer in pair),
                nn.Linear(hidden, n_out),
            )

        back = [layers(2 * n_items) for _ in range(steps)]
        for net in back:
            for p in net[0].parameters():
                nn.init.normal_(p, std=1e-4)
        self.back = nn.ModuleList(back)  # number i - 1 goes from z_{i+1} to z_i
        self.decoder = layers(n_items).append(nn.Tanh())


def log_normal(
    z: Tensor, mean: Tensor | float = 0.0, log_variance: Tensor | float = 0.0
) -> Tensor:  # (B,)
    spread = torch.as_tensor(log_variance, dtype=z.dtype, device=z.device)
    square = (z - mean).square() * (-spread).exp()
    return -(square + spread + math.log(2 * math.pi)).sum(1) / 2
