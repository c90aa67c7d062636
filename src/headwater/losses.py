"""Losses that models minimise: tensors in, a scalar out, the mean over the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from .rows import Rows

__all__ = ["gaussian_kl", "listwise", "multinomial", "pairwise", "pointwise", "whole"]


def multinomial(logits: Tensor, x: Rows) -> Tensor:
    """-sum_i x_ui log softmax(logits_u)_i, the mean over u. ``logits`` (B, N)."""
    logits = whole(logits)
    chosen = logits[x.rows, x.items].sum()
    return ((x.lengths * logits.logsumexp(1)).sum() - chosen) / len(x)


def pointwise(
    logits: Tensor, clicks: Tensor, there: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy of each candidate, the mean over those that are ``there``.

    All (B, K); ``weights`` multiply the terms.
    """
    each = binary_cross_entropy_with_logits(whole(logits), clicks, reduction="none")
    if weights is not None:
        each = each * weights
    return each[there].mean()


def pairwise(
    logits: Tensor, clicks: Tensor, there: Tensor, weights: Tensor | None = None
) -> Tensor:
    """-log sigmoid(s_i - s_j) for each i clicked and j not, the mean over the pairs of a request,
    then over the requests that have any. All (B, K); ``weights`` are those of i."""
    s = whole(logits)
    pairs = ((clicks > 0) & there)[:, :, None] & ((clicks == 0) & there)[:, None, :]
    each = softplus(s[:, None, :] - s[:, :, None])
    if weights is not None:
        each = each * weights[:, :, None]
    number = pairs.sum((1, 2))
    mean = (each * pairs).sum((1, 2)) / number.clamp(min=1)
    return mean.sum() / (number > 0).sum().clamp(min=1)


def listwise(
    logits: Tensor, clicks: Tensor, there: Tensor, weights: Tensor | None = None
) -> Tensor:
    """-log softmax(s)_i over the candidates of a request, the mean over its clicks, then over the
    requests that have any. All (B, K); ``weights`` multiply the terms."""
    s = whole(logits).masked_fill(~there, -torch.inf)
    each = (s.logsumexp(1, keepdim=True) - s).masked_fill(~there, 0)
    clicked = ((clicks > 0) & there).to(each.dtype)
    if weights is not None:
        each = each * weights
    number = clicked.sum(1)
    return (each * clicked).sum(1).div(number.clamp(min=1)).sum() / (number > 0).sum().clamp(min=1)


def whole(x: Tensor) -> Tensor:
    """In full precision: half is for the net, not for sums of what comes out of it."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL( N(mean, exp(log_variance)) || N(0, I) ), summed over D, the mean over B. Both (B, D)."""
    kl = (log_variance.exp() + mean.square() - 1 - log_variance) / 2
    return kl.sum(1).mean()
