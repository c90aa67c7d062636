"""What all losses share: a mask, weights, full precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..likelihoods import whole
from ..model import Model

__all__ = ["Loss", "filled", "mean", "mean_over_rows", "pairs"]


@dataclass(kw_only=True, eq=False)
class Loss(Model):
    """Rows are requests and columns their candidates, or rows are examples and columns classes.

    A loss gives `of`, for which all is there and in full precision. It learns nothing itself.
    """

    @property
    def says_chances(self) -> bool:
        """Whether sigmoid(logit) is a chance where the loss is least."""
        return False

    def __call__(
        self,
        logits: Tensor,
        y: Tensor,
        there: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """All (B, K): ``y`` is 1 where it was chosen, or is true, and 0 elsewhere; what is not
        ``there`` counts nothing; ``weights`` say what the rest counts. Of the mean over the batch.
        """
        s, there = filled(logits, there)
        return self.of(s, y.to(s.dtype), there, weights)

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        raise NotImplementedError


def filled(logits: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor]:
    """In full precision, and 0 where nothing is ``there``: 0 times -inf would be NaN."""
    s = whole(logits)
    if there is None:
        return s, torch.ones_like(s, dtype=torch.bool)
    return s.masked_fill(~there, 0), there


def mean(each: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
    """Of what each candidate or class costs (B, K), over those that are there; 0 of none."""
    if weights is not None:
        each = each * weights
    return each[there].sum() / there.sum().clamp(min=1)


def mean_over_rows(each: Tensor, counts: Tensor) -> Tensor:
    """Of (B,), over the rows that ``counts`` (B,) names; 0 if there are none."""
    return (each * counts).sum() / counts.sum().clamp(min=1)


def pairs(y: Tensor, there: Tensor) -> Tensor:  # (B, K, K)
    """1 where the first of two has more of ``y`` than the second, and both are there."""
    both = there[:, :, None] & there[:, None, :]
    return (y[:, :, None] > y[:, None, :]) & both
