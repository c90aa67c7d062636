"""What a metric may look at: one argument, the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .types import PAD, Dataset, Floats, Histories, Mask, Queries, Slate

__all__ = ["Evidence", "Metric"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Requests, what was answered, and what each of them went on to choose.

    The last three columns are there for metrics that name them in a class variable ``needs``:
    they cost a look at the score of every item, so `evaluate` fills them only when asked.
    """

    queries: Queries  # B requests
    slate: Slate  # (B, K) what was answered
    truth: Histories  # B rows: what each of them went on to choose
    data: Dataset  # what was known when it was answered
    ranks: Floats | None = None  # (truth events,) place among all candidates, ties at their mean
    candidates: Floats | None = None  # (B,) how many items could have been recommended
    predicted: Floats | None = None  # (truth events,) the score of what was chosen

    def __len__(self) -> int:
        return len(self.queries)

    @cached_property
    def gains(self) -> Floats:  # (B, K) float32
        """What each slot was worth to the one who asked; 0 if it was not chosen."""
        worth = self.truth.matrix(binary=False)
        row = np.arange(len(self.queries))
        have = np.repeat(row, np.diff(worth.indptr)) * self.truth.n_items + worth.indices
        want = row[:, None] * self.truth.n_items + self.slate.items
        at = np.searchsorted(have, want).clip(max=max(len(have) - 1, 0))
        chosen = self.slate.filled & (np.append(have, PAD)[at] == want)
        return np.where(chosen, np.append(worth.data, 0)[at], 0).astype(np.float32)

    @cached_property
    def hits(self) -> Mask:  # (B, K)
        """Whether each slot holds something that was chosen, whatever it was worth."""
        chosen = self.truth.matrix()
        row = np.arange(len(self.queries))
        have = np.repeat(row, np.diff(chosen.indptr)) * self.truth.n_items + chosen.indices
        want = row[:, None] * self.truth.n_items + self.slate.items
        return self.slate.filled & np.isin(want, have)

    @cached_property
    def wanted(self) -> Floats:  # (B,)
        """How many different items each request went on to choose."""
        return np.diff(self.truth.matrix().indptr).astype(np.float64)

    @cached_property
    def counts(self) -> Floats:  # (N,)
        """How many of the users of ``data`` chose each item."""
        return np.bincount(self.data.log.matrix().indices, minlength=self.truth.n_items).astype(
            np.float64
        )


Metric = Callable[[Evidence], Floats]
"""(B,) float, NaN where a request has no answer to it; or (), one number for them all."""
