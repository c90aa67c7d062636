"""The terms of a variational bound, and sums in full precision."""

from __future__ import annotations

import torch
from torch import Tensor

from .rows import Rows

__all__ = ["gaussian_kl", "multinomial", "whole"]


def multinomial(logits: Tensor, x: Rows) -> Tensor:
    """-sum_i x_ui log softmax(logits_u)_i, the mean over u. ``logits`` (B, N)."""
    logits = whole(logits)
    chosen = logits[x.rows, x.items].sum()
    return ((x.lengths * logits.logsumexp(1)).sum() - chosen) / len(x)


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL( N(mean, exp(log_variance)) || N(0, I) ), summed over D, the mean over B. Both (B, D)."""
    kl = (log_variance.exp() + mean.square() - 1 - log_variance) / 2
    return kl.sum(1).mean()


def whole(x: Tensor) -> Tensor:
    """In full precision: half is for the net, not for sums of what comes out of it."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
