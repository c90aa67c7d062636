"""Fallback: ask the first; where it knows nothing of somebody, or too little, ask the second.

    slate(r) = second(r)      if history(r) has fewer than `least` items, or the first thinks the
                              same of all items
    slate(r) = first(r), then what second(r) has besides      otherwise

`path` of the slate says which of the two produced each slot. It is what one puts around everything
else, so that nobody gets an empty list, and nobody takes a guess for an opinion.

Source:  the cascade of Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 2002.
Checked: tests/retrieve/test_fallback.py
Differs: Burke's cascade refines ties of the first by the second; here ties are kept in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import Model, Recommender, at_least
from ..types import PAD, Queries, Slate
from ._paths import merged

__all__ = ["Fallback"]


@dataclass(kw_only=True, eq=False)
class Fallback(Model):
    first: Recommender
    then: Recommender
    least: int = 1  # items of history that the first needs

    def __post_init__(self) -> None:
        at_least(self, "least", self.least, 0)

    def recommend(self, queries: Queries, k: int, *, filter_seen: bool = True) -> Slate:
        one = self.first.recommend(queries, k, filter_seen=filter_seen)
        two = self.then.recommend(queries, k, filter_seen=filter_seen)
        paths, names = merged([(self.first, one), (self.then, two)])
        asks = self.asks_first(queries, one)
        items = np.concatenate([np.where(asks[:, None], one.items, PAD), two.items], 1)
        scores = np.concatenate([one.scores, two.scores], 1)
        both = Slate(items, scores, path=np.concatenate(paths, 1), paths=names)
        width = min(k, queries.history.n_items)
        return both.take(unrepeated(items, width))

    def asks_first(self, queries: Queries, slate: Slate) -> np.ndarray:  # (B,) bool
        """Whether the first has an opinion about each request."""
        high = slate.scores.max(1, initial=-np.inf)
        low = np.where(slate.filled, slate.scores, np.inf).min(1, initial=np.inf)
        opinion = (high > low) | (slate.filled.sum(1) == 1)
        return np.asarray((queries.history.lengths >= self.least) & opinion)


def unrepeated(items: np.ndarray, k: int) -> np.ndarray:  # (B, k) slots, PAD at the end
    """The first k slots of each row that are filled and hold an item for the first time."""
    b, width = items.shape
    order = np.argsort(items, axis=1, kind="stable")
    ranked = np.take_along_axis(items, order, 1)
    again = np.zeros((b, width), bool)
    again[:, 1:] = ranked[:, 1:] == ranked[:, :-1]
    drop = np.empty((b, width), bool)
    np.put_along_axis(drop, order, again | (ranked == PAD), 1)
    slots = np.argsort(drop, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(drop, slots, 1), PAD, slots)
