"""Smooth ranks, and what NDCG is made of."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["discount", "gains", "ideal", "smooth_ranks"]


def smooth_ranks(s: Tensor, there: Tensor, temperature: float) -> Tensor:  # (B, K)
    """1 + sum over the others j of sigmoid((s_j - s_i) / temperature): the rank of i as it goes to
    0, of no meaning for what is not there."""
    above = ((s[:, None, :] - s[:, :, None]) / temperature).sigmoid()
    above = above * there[:, None, :]
    return 1 + above.sum(2) - above.diagonal(dim1=1, dim2=2)


def discount(rank: Tensor) -> Tensor:
    return 1 / (rank + 1).log2()


def gains(y: Tensor, there: Tensor) -> Tensor:  # (B, K)
    return (2**y - 1) * there


def ideal(gain: Tensor) -> Tensor:  # (B,)
    """The DCG of the best order."""
    rank = torch.arange(1, gain.shape[1] + 1, device=gain.device, dtype=gain.dtype)
    return (gain.sort(1, descending=True).values * discount(rank)).sum(1)
