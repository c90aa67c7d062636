"""Serendipity: which share of the k slots was chosen, and nobody would have expected there.

    | (first k slots  -  expected)  and  chosen afterwards |  /  k

Expected is what a popularity recommender would have shown in k slots: of the pool, without what is
in the history, the items that most users of the data chose, and of equals the lower index. What is
in the history is expected too.

Source:  Ge, Delgado-Battenfeld, Jannach, "Beyond Accuracy: Evaluating Recommender Systems by
         Coverage and Serendipity", RecSys 2010; as a share of the list in Kotkov, Wang,
         Veijalainen, "A Survey of Serendipity in Recommender Systems", Knowl.-Based Syst. 2016.
Checked: against sets, request by request, tests/metrics/test_serendipity.py
Differs: in the primitive model, which the source leaves open, and in dividing by k where a slate
         has fewer than k items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from ..evidence import Evidence, lookup
from ..model import at_least
from ..types import PAD, Floats, Histories, Ints
from ._slots import where_chosen

__all__ = ["Serendipity"]


@dataclass(frozen=True, kw_only=True)
class Serendipity:
    """In [0, 1]; 0 for an empty slate; NaN for a request that chose nothing afterwards."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        n = seen.truth.n_items
        pool = np.ones(n, bool) if seen.queries.pool is None else seen.queries.pool
        order = np.lexsort((-seen.counts, ~pool))  # the pool first, most popular first
        place = np.empty(n, np.int64)  # (N,) of each item in that order
        place[order] = np.arange(n)

        row, slot = np.nonzero(seen.hits[:, : self.k])
        item = seen.slate.items[row, slot]
        past = had(seen.queries.history, place)
        popular = pool[item] & (place[item] < reach(past, self.k)[row])
        known = lookup(past, row, place[item]) != PAD
        surprises = np.bincount(row[~popular & ~known], minlength=len(seen))
        return where_chosen(surprises / self.k, seen)


def had(history: Histories, place: Ints) -> csr_array:  # (B, N)
    """What is in each history, a column a place."""
    ones = np.ones(len(history.items), np.int8)
    shape = (len(history), len(place))
    x = csr_array((ones, place[history.items], history.start.copy()), shape=shape)
    x.sum_duplicates()  # in place
    return x


def reach(past: csr_array, k: int) -> Ints:  # (B,)
    """How many places one has to go through to find k that are not in the history."""
    row = np.repeat(np.arange(past.shape[0]), np.diff(past.indptr))
    free = past.indices - (np.arange(past.nnz) - past.indptr[row])  # places before it not in there
    return k + np.bincount(row[free < k], minlength=past.shape[0])
