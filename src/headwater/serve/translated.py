"""A model asked in the numbers of other data than those that it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..facade import Fitted
from ..types import PAD, Dataset, Histories, Ints, Mask, Queries, Slate

__all__ = ["Translated"]


@dataclass(frozen=True, eq=False)
class Translated:
    """A model that speaks of its own users and items, for requests that speak of those of ``data``.

    What it does not know it cannot recommend, and what ``data`` does not know it may not.
    """

    fitted: Fitted
    data: Dataset  # the training part of the split

    @cached_property
    def _there(self) -> tuple[Ints, Ints]:  # (N,), (N' + 1,)
        """Its number of each item of ``data``, and the way back; PAD for those that are not."""
        mine = self.fitted.data.items
        there = mine.encode(self.data.items.values)
        back = np.full(len(mine) + 1, PAD, np.int32)  # the last is PAD's own
        known = there != PAD
        back[there[known]] = np.flatnonzero(known)
        return there, back

    def asked(self, queries: Queries) -> Queries:
        """The same requests in its own numbers."""
        there, back = self._there
        mine = self.fitted.data
        users = self.data.users.decode(queries.user)
        past = queries.history
        known = past.where(there[past.items] != PAD)
        history = Histories(
            start=known.start,
            items=there[known.items].astype(np.int32),
            times=known.times,
            values=known.values,
            n_items=len(mine.items),
        )
        pool: Mask = back[:-1] != PAD
        if queries.pool is not None:
            pool = pool & queries.pool[back[:-1]]
        numbers = mine.users.encode(users)
        return Queries(history, numbers, queries.now, pool=pool)

    def recommend(self, queries: Queries, k: int, *, filter_seen: bool = True) -> Slate:
        _, back = self._there
        slate = self.fitted.model.recommend(self.asked(queries), k, filter_seen=filter_seen)
        items = back[np.where(slate.filled, slate.items, len(back) - 1)].astype(np.int32)
        scores = np.where(items == PAD, -np.inf, slate.scores).astype(np.float32)
        order = np.argsort(items == PAD, axis=1, kind="stable")
        return Slate(items, scores).take(order)
