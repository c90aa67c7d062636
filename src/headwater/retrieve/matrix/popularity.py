"""Popularity: what most people chose, ever, lately, or the more the later.

    score(i) = sum over the events (u, i, t) of  w(age),   age = newest event - t, in days

    w = 1                          all time
    w = 1 if age <= days           in a window
    w = 2^(-age / half_life)       with decay

A person who chose an item twice counts once, with the newest of the events.

Source:  the baseline of any comparison; the window and the decay as in Ji, Sun, Zhang, Li,
         "A Re-visit of the Popularity Baseline in Recommender Systems", SIGIR 2020.
Checked: against counting by hand, tests/retrieve/matrix/test_popularity.py; and the table of the
         thesis on MovieLens-1M, papers/results/thesis-2.5.json
Differs: from Ji et al., whose decay is per month of training data, in being continuous.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ...errors import BadParameter, DataError
from ...model import Scorer, at_least, learned
from ...types import Dataset, Floats, Queries

__all__ = ["Popularity"]

DAY = 86_400


@dataclass(kw_only=True, eq=False)
class Popularity(Scorer):
    """
    >>> from headwater.data.toy import histories, world
    >>> data = world(histories([(0, 1), (1, 1), (1, 2)], n_rows=2, n_items=3))
    >>> Popularity().fit(data).weight_
    array([0., 2., 1.], dtype=float32)
    """

    days: float | None = None  # how far back; None is for ever
    half_life: float | None = None  # days in which an event loses half its weight; None is never

    weight_: Floats = learned()  # (N,) float32

    def __post_init__(self) -> None:
        if self.days is not None:
            at_least(self, "days", self.days, 0, above=True)
        if self.half_life is not None:
            at_least(self, "half_life", self.half_life, 0, above=True)
        if self.days is not None and self.half_life is not None:
            raise BadParameter("Popularity: give days or half_life, not both")

    def fit(self, data: Dataset) -> Self:
        log = data.log
        if (self.days or self.half_life) and not log.timed:
            raise DataError("Popularity: days and half_life need times, and the events have none")
        if self.days is None and self.half_life is None:
            people = np.bincount(log.matrix().indices, minlength=log.n_items)
            self.weight_ = people.astype(np.float32)
            return self
        key = log.rows * log.n_items + log.items
        newest = np.lexsort((log.times, key))  # the last of each run of equal keys
        key = key[newest]
        once = newest[np.append(key[1:] != key[:-1], True)] if len(key) else newest
        age = (log.times.max(initial=0) - log.times[once]) / DAY
        if self.days is not None:
            w = (age <= self.days).astype(float)
        else:
            w = np.exp2(-age / self.half_life)
        weight = np.bincount(log.items[once], weights=w, minlength=log.n_items)
        self.weight_ = weight.astype(np.float32)
        return self

    def scores(self, queries: Queries) -> Floats:
        return np.broadcast_to(self.weight_, (len(queries), len(self.weight_)))
