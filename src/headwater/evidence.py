"""What a metric may look at: one argument, the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from .types import PAD, Dataset, Floats, Histories, Ints, Mask, Queries, Slate

__all__ = ["Evidence", "Metric"]

ROWS = 1 << 16  # requests looked up at once


@dataclass(frozen=True, eq=False)
class Evidence:
    """Requests, what was answered, and what each of them went on to choose.

    The last columns are there for metrics that name them in a class variable ``needs``:
    they cost a look at the score of every item, so `evaluate` fills them only when asked. A rank
    is 1 for the best candidate. Ranks and predictions are NaN for what was chosen without having
    been a candidate.
    """

    queries: Queries  # B requests
    slate: Slate  # (B, K) what was answered
    truth: Histories  # B rows: what each of them went on to choose
    data: Dataset  # what was known when it was answered
    ranks: Floats | None = None  # (truth events,) place among all candidates, ties at their mean
    candidates: Floats | None = None  # (B,) how many items could have been recommended
    predicted: Floats | None = None  # (truth events,) the score of what was chosen
    chances: csr_array | None = None  # (B, N) of each candidate, how likely it is to be chosen
    offered: Slate | None = None  # (B, K') what the answer was chosen from, if each had its own

    def __len__(self) -> int:
        return len(self.queries)

    @cached_property
    def chosen(self) -> csr_array:  # (B, N) float32
        """What each request went on to choose: an item once, its values summed."""
        return self.truth.matrix(binary=False)

    @cached_property
    def found(self) -> Ints:  # (B, K)
        """Which entry of ``chosen`` each slot holds; PAD if it holds nothing that was chosen."""
        out = np.full(self.slate.items.shape, PAD, np.int64)
        for at in range(0, len(out), ROWS):
            filled = self.slate.filled[at : at + ROWS]
            row = np.nonzero(filled)[0] + at
            out[at : at + ROWS][filled] = lookup(
                self.chosen, row, self.slate.items[at : at + ROWS][filled]
            )
        return out

    @cached_property
    def hits(self) -> Mask:  # (B, K)
        """Whether each slot holds something that was chosen, whatever it was worth."""
        hits: Mask = self.found != PAD
        return hits

    @cached_property
    def gains(self) -> Floats:  # (B, K) float32
        """What each slot was worth to the one who asked; 0 if it was not chosen."""
        out = np.zeros(self.hits.shape, np.float32)
        out[self.hits] = self.chosen.data[self.found[self.hits]]
        return out

    @cached_property
    def wanted(self) -> Floats:  # (B,)
        """How many different items each request went on to choose."""
        return np.diff(self.chosen.indptr).astype(np.float64)

    @cached_property
    def counts(self) -> Floats:  # (N,)
        """How many of the users of ``data`` chose each item."""
        return np.bincount(self.data.log.matrix().indices, minlength=self.truth.n_items).astype(
            np.float64
        )


Metric = Callable[[Evidence], Floats]
"""(B,) float, NaN where a request has no answer to it; or (), one number for them all."""


def lookup(x: csr_array, rows: Ints, columns: Ints) -> Ints:  # (n,)
    """Which entry of the sorted ``x`` is in row ``rows`` (n,) and column ``columns`` (n,).

    PAD where there is none. The rows must not fall.

    >>> x = csr_array(np.array([[0, 7, 0], [0, 0, 8]]))
    >>> lookup(x, np.array([0, 1, 1]), np.array([1, 1, 2]))
    array([ 0, -1,  1])
    """
    if not len(rows):
        return np.zeros(0, np.int64)
    first, last = rows[0], rows[-1] + 1
    start = x.indptr[first : last + 1]
    have = np.repeat(np.arange(first, last), np.diff(start)) * x.shape[1]
    have += x.indices[start[0] : start[-1]]
    want = rows * x.shape[1] + columns
    at = np.searchsorted(have, want)
    return np.where(np.append(have, PAD)[at] == want, start[0] + at, PAD)
