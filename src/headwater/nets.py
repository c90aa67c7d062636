"""Blocks that three or more models use."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding_bag

from .rows import Rows

__all__ = ["Bag"]


class Bag(nn.Module):
    """A linear layer whose input is sparse: the sum of the vectors of what is in it.

    Counted by multiplications it is the share of the matrix that is not zero of `nn.Linear`.
    """

    def __init__(self, n_items: int, size: int):
        super().__init__()
        bound = n_items**-0.5  # where nn.Linear starts
        self.weight = nn.Parameter(torch.empty(n_items, size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(size).uniform_(-bound, bound))

    def forward(self, x: Rows, *, normalize: bool = False, drop: float = 0.0) -> Tensor:  # (B, D)
        """W'x + b; x first scaled to length one, then with a share ``drop`` of it left out."""
        weights = torch.ones(len(x.items), device=x.items.device)
        if normalize:
            weights = x.lengths.clamp(min=1).rsqrt()[x.rows]
        if drop:
            weights = dropout(weights, drop, self.training)
        found = embedding_bag(
            x.items, self.weight, x.start[:-1], mode="sum", per_sample_weights=weights
        )
        return found + self.bias
