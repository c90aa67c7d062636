"""What RecFusion and its variants share: the settings, the net, the time, parts of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ...train import Train
from ...types import Floats
from ._autoencoder import Autoencoder
from ._diffusion import Gaussian, Schedule, betas

TIME_SIZE = 128  # numbers that a t is spread into


@dataclass(kw_only=True, eq=False)
class Noised(Autoencoder):
    noise_steps: int = 2  # T
    schedule: Schedule = "quadratic"
    first_beta: float = 1e-4
    last_beta: float = 0.1
    how: Train = Train(n_epochs=200, batch_size=200, learning_rate=1e-4)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.betas()

    def betas(self) -> Floats:  # (T,)
        return betas(self.schedule, self.noise_steps, self.first_beta, self.last_beta)


@dataclass(kw_only=True, eq=False)
class Steps(Noised):
    hidden_size: int = 200
    depth: int = 2  # how often the middle layer is passed

    def noised(self, x: Tensor) -> Tensor:  # (T, B, N)
        """z_1 ... z_T."""
        return torch.stack(Gaussian(self.betas()).chain(x))

    def net(self, last: nn.Module, *, outputs: int = 1) -> nn.Sequential:
        """Linear and PReLU; ``depth`` times the same linear and PReLU; linear and ``last``."""
        n, hidden = self.n_items_, self.hidden_size
        middle = [nn.Linear(hidden, hidden), nn.PReLU()] * self.depth
        return nn.Sequential(
            nn.Linear(n, hidden), nn.PReLU(), *middle, nn.Linear(hidden, outputs * n), last
        )


class Timed(nn.Module):
    """A net that is told t: f(x + Z_t), or f(x) + Z_t, with Z_t linear in waves of t."""

    def __init__(self, net: nn.Module, n_items: int, embed: Literal["input", "output"]):
        super().__init__()
        self.net = net
        self.time = nn.Linear(TIME_SIZE, n_items)
        self.embed = embed

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (..., N), t (...)."""
        z = self.time(waves(t))
        out: Tensor = self.net(x + z) if self.embed == "input" else self.net(x) + z
        return out


def waves(t: Tensor) -> Tensor:  # (...) -> (..., TIME_SIZE)
    """Sines, then cosines, of t in waves from 2 pi to 20,000 pi long."""
    half = TIME_SIZE // 2
    at = t[..., None] * 1e4 ** (-torch.arange(half, device=t.device) / (half - 1))
    return torch.cat([at.sin(), at.cos()], -1)


def shrink(b: Floats) -> Floats:
    """1 - (1 - sqrt(1 - b))^2 / b, and 1 where b is 0."""
    out: Floats = 1 - b / (1 + (1 - b) ** 0.5) ** 2
    return out


def again(z: Tensor, h: Tensor, b: Floats) -> Tensor:  # (B,)
    """c/2 |h_T|^2 + sum_t 1/2 exp(-b_t) |z_t - h_t|^2, for z and h (T, B, N)."""
    weights = torch.tensor(-b, device=z.device, dtype=z.dtype).exp()
    steps = (weights[:, None] * (z - h).square().sum(2)).sum(0)
    last = float(shrink(b[0])) * h[-1].square().sum(1)
    return (last + steps) / 2
