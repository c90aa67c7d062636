"""Thompson sampling of pictures: each as often as it may well be the best, for people of a kind.

    theta_sg ~ Beta(n r + clicks_sg, n (1 - r) + shown_sg - clicks_sg)
    chance of s = P( theta_sg is the highest of its item's )

g is the kind that a person's history has most of, or none; r is the click rate of all pictures and
n the ``prior``, in showings. The chance is computed, not estimated: that of a picture is the mean,
over the quantiles of its theta, of the chance that all others are below.

Source:  Thompson, "On the Likelihood that One Unknown Probability Exceeds Another in View of the
         Evidence of Two Samples", Biometrika 1933; with contexts as cells as in Chapelle, Li, "An
         Empirical Evaluation of Thompson Sampling", NIPS 2011.
Checked: its chances against draws, and that it finds the best picture of a simulated platform,
         tests/thumbnail/test_thompson.py
Differs: one cell a kind, in the place of a model of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import betainc, betaincinv

from ..features import taste
from ..model import at_least, learned
from ..types import Dataset, Floats, Impressions, Ints, Mask, numbered
from ._picker import Picker, shown

__all__ = ["Thompson"]

NODES = 128  # quantiles


@dataclass(kw_only=True, eq=False)
class Thompson(Picker):
    prior: float = 10.0  # showings

    rate_: float = learned()
    clicks_: np.ndarray = learned()  # (S, C + 1) float64, the last column for people of no kind
    shown_: np.ndarray = learned()  # (S, C + 1) float64

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "prior", self.prior, 0, above=True)

    def fit(self, data: Dataset) -> Self:
        super().fit(data)
        shape = (len(self.scores_), self.scores_.shape[1] + 1)
        self.clicks_, self.shown_ = np.zeros(shape), np.zeros(shape)
        self.rate_ = 0.5
        return self if data.impressions is None else self.update(data.impressions)

    def update(self, impressions: Impressions) -> Self:
        """Learn from what came of more pictures, besides what is known already."""
        rows, slots = shown(impressions)
        slate = impressions.slate
        if len(rows):
            assert slate.creative is not None
            still = numbered(self.start_, slate.items[rows, slots], slate.creative[rows, slots])
            cell = still, self.cell(taste(impressions.queries.history, self.shares_))[rows]
            np.add.at(self.shown_, cell, 1)
            np.add.at(self.clicks_, cell, impressions.clicks[rows, slots])
            self.rate_ = float((self.clicks_.sum() + 1) / (self.shown_.sum() + 2))
        return self

    @staticmethod
    def cell(taste: Floats) -> Ints:  # (B, C) -> (B,)
        none = np.zeros((len(taste), 1))
        first: Ints = np.append(taste, none, axis=1).argmax(1)
        return np.where(taste.any(1), first, taste.shape[1])

    def odds(self, taste: Floats, number: Ints, free: Mask) -> Floats:
        b, k, m = free.shape
        if not m:
            return np.zeros(free.shape)
        cell = np.broadcast_to(self.cell(taste)[:, None], (b, k)).ravel()
        first = np.where(free.any(2), number[..., 0], -1).ravel()  # names the item
        at, back = np.unique(
            np.stack([first, cell]), axis=1, return_index=True, return_inverse=True
        )[1:]
        number, free = number.reshape(-1, m)[at], free.reshape(-1, m)[at]
        where = number, cell[at][:, None]
        hits, misses = self.clicks_[where], self.shown_[where] - self.clicks_[where]
        a, b_ = self.prior * self.rate_ + hits, self.prior * (1 - self.rate_) + misses
        found: Floats = best(a, b_, free)[back.ravel()].reshape(b, k, m)
        return found


def best(a: Floats, b: Floats, free: Mask) -> Floats:  # (n, M) each
    """The chance of each of the free to have the highest of Beta(a, b)."""
    n, m = free.shape
    u = (np.arange(NODES) + 0.5) / NODES
    at = betaincinv(a[..., None], b[..., None], u)  # (n, M, nodes)
    below = np.ones((n, m, NODES))
    for other in range(m):
        under = betainc(a[:, other, None, None], b[:, other, None, None], at)
        under[:, other] = 1
        below *= np.where(free[:, other, None, None], under, 1)
    odds = below.mean(2) * free
    total = odds.sum(1, keepdims=True)
    return np.asarray(odds / np.where(total > 0, total, 1), np.float64)
