"""The U-Net and the loss of RecFusion's two variants with one; only what is an image differs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, silu

from ...model import at_least
from ...rows import Rows
from ._diffusion import Gaussian
from ._recfusion import TIME_SIZE, Noised, shrink, waves

Conv = type[nn.Conv1d] | type[nn.Conv2d]


@dataclass(kw_only=True, eq=False)
class UNetFusion(Noised):
    """A method gives `build` and `together`, and `alone` where that is something else."""

    width: int = 1  # channels; twice as many in the middle
    noise_steps: int = 3  # T

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "width", self.width, 1)
        at_least(self, "noise_steps", self.noise_steps, 2)  # h_1 is made from z_2

    def process(self) -> Gaussian:
        return Gaussian(self.betas())

    def together(self, net: nn.Module, x: Tensor, t: int) -> Tensor:  # (B, N), both
        """What the net makes of a batch to learn from."""
        raise NotImplementedError

    def alone(self, net: nn.Module, x: Tensor, t: int) -> Tensor:  # (B, N), both
        """What it makes of each row as if there were no other."""
        return self.together(net, x, t)

    def loss(self, net: nn.Module, x: Rows, step: int) -> Tensor:  # noqa: ARG002
        whole, process = x.dense(), self.process()
        z = process.chain(whole)  # z[i] is z_{i+1}
        h = {i: self.together(net, z[i], i) for i in range(1, self.noise_steps)}
        c = shrink(process.betas).tolist()
        loss = (whole - h[1]).square() + c[0] * h[self.noise_steps - 1].square()
        for i in range(2, self.noise_steps - 1):
            loss = loss + c[i - 1] * h[i].square()
        out: Tensor = loss.sum(1).mean() / 2
        return out

    def answer(self, net: nn.Module, x: Rows) -> Tensor:
        return self.alone(net, x.dense(), 1)


class UNet(nn.Module):
    """Two levels, the lower at half the resolution; of images (B, 1, ...), the same size out."""

    def __init__(self, conv: Conv, width: int):
        super().__init__()
        wide, times = 2 * width, 4 * width
        self.time = nn.Sequential(nn.Linear(TIME_SIZE, times), nn.GELU(), nn.Linear(times, times))
        self.stem = conv(1, width, 7, padding=3)
        self.down = Block(conv, width, width, times)
        self.shrink = conv(width, width, 4, stride=2, padding=1)
        self.low = Block(conv, width, width, times)
        self.widen = conv(width, wide, 3, padding=1)
        self.middle = nn.ModuleList(Block(conv, wide, wide, times) for _ in range(2))
        self.low_up = Block(conv, wide + width, wide, times)
        self.grow = conv(wide, width, 3, padding=1)
        self.up = Block(conv, width + width, width, times)
        self.top = conv(width, width, 3, padding=1)
        self.end = Block(conv, width + width, width, times)
        self.out = conv(width, 1, 1)

    def forward(self, x: Tensor, t: int) -> Tensor:
        space = x.shape[2:]
        x = pad(x, [edge for n in reversed(space) for edge in (0, n % 2)])
        if x.shape[-1] < 4:  # at half of that there would be nothing to take a deviation of
            x = pad(x, (0, 4 - x.shape[-1]))
        e = self.time(waves(torch.tensor(t, device=x.device)))
        stem = self.stem(x)
        down = self.down(stem, e)
        low = self.low(self.shrink(down), e)
        h = self.widen(low)
        for block in self.middle:
            h = block(h, e)
        h = self.low_up(torch.cat([h, low], 1), e)
        h = self.grow(interpolate(h, scale_factor=2.0))
        h = self.top(self.up(torch.cat([h, down], 1), e))
        out: Tensor = self.out(self.end(torch.cat([h, stem], 1), e))
        for axis, n in enumerate(space, 2):
            out = out.narrow(axis, 0, n)
        return out


class Block(nn.Module):
    """Twice a convolution, a norm and SiLU, the first told t; and around both, the input."""

    def __init__(self, conv: Conv, n_in: int, n_out: int, times: int):
        super().__init__()
        self.first, self.second = conv(n_in, n_out, 3, padding=1), conv(n_out, n_out, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(1, n_out) for _ in range(2))
        self.time = nn.Linear(times, 2 * n_out)
        self.around = conv(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        shape = (-1, *[1] * (x.dim() - 2))
        scale, shift = (part.view(shape) for part in self.time(silu(e)).chunk(2))
        h = silu(self.norms[0](self.first(x)) * (scale + 1) + shift)
        out: Tensor = silu(self.norms[1](self.second(h))) + self.around(x)
        return out
