"""Noise that is added step by step, and what is known of the way back: Gaussian and Bernoulli.

    Gaussian   q(x_t | x_{t-1}) = N( sqrt(1 - b_t) x_{t-1}, b_t I )
               q(x_t | x_0)     = N( sqrt(a_t) x_0, (1 - a_t) I ),   a_t = prod_{s <= t} (1 - b_s)
               q(x_{t-1} | x_t, x_0) = N( m, v I ),   v = b_t (1 - a_{t-1}) / (1 - a_t)
               m = ( sqrt(a_{t-1}) b_t x_0 + sqrt(1 - b_t) (1 - a_{t-1}) x_t ) / (1 - a_t)

    Bernoulli  q(x_t = 1 | x_{t-1}) = (1 - b_t) x_{t-1} + b_t p
               q(x_t = 1 | x_0)     = a_t x_0 + (1 - a_t) p
               q(x_{t-1} = 1 | x_t, x_0) by Bayes' rule, exactly
               p is where it ends: 1/2, or the share of people who chose the item, or 0 (ones only
               ever go out)

t runs from 1 to T; the arrays of a process are indexed by t - 1.

Source:  Sohl-Dickstein, Weiss, Maheswaranathan, Ganguli, "Deep Unsupervised Learning using
         Nonequilibrium Thermodynamics", ICML 2015. arXiv:1503.03585; Ho, Jain, Abbeel, "Denoising
         Diffusion Probabilistic Models", NeurIPS 2020. arXiv:2006.11239; the cosine schedule of
         Nichol, Dhariwal, ICML 2021. arXiv:2102.09672
Checked: marginals and posteriors of both against simulation, at several t of every schedule,
         tests/retrieve/matrix/test_diffusion.py
Differs: the thesis behind RecFusion prints a closed form of the Bernoulli marginal that has one
         factor a_t too many; it fails the simulation, and this one passes. Its one-way process,
         in which a one lives through a step with chance 1 - b_t / 2, is p = 0 with half the betas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ...errors import BadParameter
from ...types import Floats

Schedule = Literal["constant", "linear", "quadratic", "cosine", "sohl-dickstein"]


def betas(schedule: Schedule, steps: int, first: float, last: float) -> Floats:  # (T,)
    """b_1 ... b_T: from ``first`` to ``last``; cosine and sohl-dickstein need only T.

    >>> betas("quadratic", 3, 0.0, 0.1).round(3).tolist()
    [0.0, 0.025, 0.1]
    >>> betas("sohl-dickstein", 4, 0, 0).round(3).tolist()
    [0.25, 0.333, 0.5, 1.0]
    """
    if steps < 1:
        raise BadParameter(f"the number of noise steps must be at least 1, got {steps}")
    if not 0 <= first <= 1 or not 0 <= last <= 1:
        raise BadParameter(f"betas are shares of noise, from 0 to 1; got {first} and {last}")
    t = np.arange(1, steps + 1)
    if schedule == "constant":
        return np.full(steps, float(last))
    if schedule == "linear":
        return np.linspace(first, last, steps)
    if schedule == "quadratic":
        return np.square(np.linspace(first**0.5, last**0.5, steps))
    if schedule == "sohl-dickstein":
        end: Floats = 1 / (steps - t + 1.0)
        return end
    kept: Floats = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.clip(1 - kept[1:] / kept[:-1], 0, 0.999)


@dataclass(frozen=True, eq=False)
class Gaussian:
    betas: Floats  # (T,)

    @property
    def kept(self) -> Floats:  # (T + 1,) a_0 = 1, ..., a_T
        return np.concatenate([[1.0], np.cumprod(1 - self.betas)])

    def chain(self, x: Tensor) -> list[Tensor]:
        """x_1 ... x_T, each from the one before."""
        out = [x]
        for b in self.betas:
            noise = torch.randn_like(x)
            out.append(float(1 - b) ** 0.5 * out[-1] + float(b) ** 0.5 * noise)
        return out[1:]

    def marginal(self, x0: Tensor, t: int) -> tuple[Tensor, float]:
        """Mean and variance of x_t given x_0."""
        a = float(self.kept[t])
        return a**0.5 * x0, 1 - a

    def posterior(self, xt: Tensor, x0: Tensor, t: int) -> tuple[Tensor, float]:
        """Mean and variance of x_{t-1} given x_t and x_0; at t = 1 that is x_0 itself."""
        b, before, now = float(self.betas[t - 1]), float(self.kept[t - 1]), float(self.kept[t])
        if now == 1:  # nothing was added yet
            return xt, 0.0
        to_x0 = before**0.5 * b / (1 - now)
        to_xt = (1 - b) ** 0.5 * (1 - before) / (1 - now)
        return to_x0 * x0 + to_xt * xt, b * (1 - before) / (1 - now)


@dataclass(frozen=True, eq=False)
class Bernoulli:
    """Every x is (B, N). A t is one number for all rows, or (B,), one for each."""

    betas: Floats  # (T,)
    end: Tensor  # () or (N,): p

    @property
    def kept(self) -> Floats:  # (T + 1,)
        return np.concatenate([[1.0], np.cumprod(1 - self.betas)])

    def step(self, x: Tensor, t: int | Tensor) -> Tensor:
        """The chance of a one at t, given x_{t-1}."""
        b = self._of(np.append(0, self.betas), t)
        return (1 - b) * x + b * self.end

    def chain(self, x: Tensor) -> list[Tensor]:
        """x_1 ... x_T, each from the one before, all 0 or 1."""
        out = [x]
        for t in range(1, len(self.betas) + 1):
            out.append(torch.bernoulli(self.step(out[-1], t)))
        return out[1:]

    def marginal(self, x0: Tensor, t: int | Tensor) -> Tensor:
        """The chance of a one at t, given x_0."""
        a = self._of(self.kept, t)
        return a * x0 + (1 - a) * self.end

    def posterior(self, xt: Tensor, x0: Tensor, t: int | Tensor) -> Tensor:
        """The chance of a one at t - 1, given x_t and x_0.

        x_0 may be P(x_0 = 1 | x_t), what a net makes of x_t. The answer is then the mean of both
        posteriors, weighed by it: P(x_{t-1} = 1 | x_t), as right as the guess is. A chance of
        x_0 = 1 that does not know x_t must be brought up to date by Bayes' rule first.

        An x_0 that x_t cannot come from has no posterior; q(x_{t-1} | x_0) stands in for it. A
        right guess gives it no weight.
        """
        none, one = _by(xt, self.back(t))[1].unbind(0)
        chance: Tensor = x0 * one + (1 - x0) * none
        return chance

    def divergence(self, xt: Tensor, x0: Tensor, logits: Tensor, t: int | Tensor) -> Tensor:  # (B,)
        """KL( q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t) ), summed over the items.

        p is `posterior` for P(x_0 = 1 | x_t) = sigmoid(logits). At t = 1, where x_{t-1} is x_0,
        this is the binary cross-entropy of x_0 and sigmoid(logits).
        """
        back = self.back(t)
        none, one = _by(xt, back).unbind(1)
        q = torch.where(x0 > 0.5, one, none)  # (2, B, N)
        none, one = _by(xt, back.clamp(min=1e-37).log()).unbind(1)  # no log 0: its weight q is 0
        log_p = torch.logaddexp(none + logsigmoid(-logits), one + logsigmoid(logits))
        out: Tensor = (torch.xlogy(q, q) - q * log_p).sum((0, 2))
        return out

    def back(self, t: int | Tensor) -> Tensor:
        """P(x_{t-1} | x_t, x_0) for all values of the three, indexed so: (2, 2, 2, 1 or B, N)."""
        p, r = self.end, 1 - self.end
        b, keep = self._of(np.append(0, self.betas), t), self._of(np.append(0, 1 - self.betas), t)
        a, gone = (self._of(np.append(0, each[:-1]), t) for each in (self.kept, 1 - self.kept))
        # Of each chance and its complement, neither as 1 minus the other where that may be near 0.
        now = ((1 - b * p, b * p), (b * r, keep + b * p))  # [x_{t-1}][x_t]
        before = ((1 - gone * p, gone * p), (gone * r, a + gone * p))  # [x_0][x_{t-1}]
        found = [torch.stack([_bayes(now, before, xt, x0) for x0 in (0, 1)], 1) for xt in (0, 1)]
        return torch.stack(found, 1)

    def _of(self, values: Floats, t: int | Tensor) -> Tensor:  # (1 or B, 1)
        where = torch.as_tensor(t, device=self.end.device).reshape(-1, 1)
        return torch.as_tensor(values, dtype=self.end.dtype, device=self.end.device)[where]


Pairs = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]


def _bayes(now: Pairs, before: Pairs, xt: int, x0: int) -> Tensor:  # (2, 1 or B, N)
    prior = torch.stack(before[x0])
    joint = prior * torch.stack((now[0][xt], now[1][xt]))
    total = joint.sum(0)
    return torch.where(total > 0, joint / total.clamp(min=1e-37), prior)


def _by(xt: Tensor, back: Tensor) -> Tensor:  # (2, 2, B, N)
    """What `Bernoulli.back` has for this x_t: by x_{t-1} and x_0."""
    return torch.where(xt > 0.5, back[:, 1], back[:, 0])
