"""Blend: several recommenders answer, and their lists become one.

    rank    score(i) = sum_m w_m / (offset + rank_m(i))                    reciprocal rank fusion
    score   score(i) = sum_m w_m (s_m(i) - least_m) / (most_m - least_m)   over the slate of m

    an item that a list does not hold gets nothing from it

`path` of the slate says to which recommender each slot owes most.

Source:  Cormack, Clarke, Buettcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual
         Rank Learning Methods", SIGIR 2009 (offset 60); Fox, Shaw, "Combination of Multiple
         Searches", TREC-2 1994 (the sum of scaled scores, CombSUM).
Checked: item by item against the sums, tests/retrieve/test_blend.py
Differs: in the weights, which neither has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import BadParameter
from ..model import Model, Recommender, at_least
from ..types import PAD, Floats, Queries, Slate
from ._paths import merged

__all__ = ["Blend"]


@dataclass(kw_only=True, eq=False)
class Blend(Model):
    recommenders: tuple[Recommender, ...]
    weights: tuple[float, ...] | None = None  # one for each; None is 1 for each
    by: Literal["rank", "score"] = "rank"
    offset: float = 60.0  # the paper's: how little the first places differ
    width: int = 100  # how many each is asked for, at least

    def __post_init__(self) -> None:
        if not self.recommenders:
            raise BadParameter("Blend: recommenders must not be empty")
        if self.weights is not None and len(self.weights) != len(self.recommenders):
            raise BadParameter(
                f"Blend: {len(self.recommenders)} recommenders and {len(self.weights)} weights"
            )
        if self.weights is not None and min(self.weights) < 0:
            raise BadParameter(f"Blend: weights must be at least 0, got {self.weights}")
        at_least(self, "offset", self.offset, 0)
        at_least(self, "width", self.width, 1)

    def recommend(self, queries: Queries, k: int, *, filter_seen: bool = True) -> Slate:
        at_least(self, "k", k, 1)
        deep = max(k, self.width)
        slates = [m.recommend(queries, deep, filter_seen=filter_seen) for m in self.recommenders]
        paths, names = merged(list(zip(self.recommenders, slates, strict=True)))
        weights = self.weights or (1.0,) * len(slates)
        parts = [w * self.worth(s) for w, s in zip(weights, slates, strict=True)]
        items = np.concatenate([s.items for s in slates], 1)
        width = min(k, queries.history.n_items)
        return summed(items, np.concatenate(parts, 1), np.concatenate(paths, 1), names, width)

    def worth(self, slate: Slate) -> Floats:  # (B, K), 0 where PAD
        """What one recommender gives to each item of its slate."""
        if self.by == "rank":
            rank = 1 / (self.offset + 1 + np.arange(slate.items.shape[1]))
            return np.asarray(np.where(slate.filled, rank, 0))
        low = np.where(slate.filled, slate.scores, np.inf).min(1, keepdims=True, initial=np.inf)
        high = slate.scores.max(1, keepdims=True, initial=-np.inf)
        spread = np.where(high > low, high - low, 1)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(slate.filled, (slate.scores - low) / spread, 0))


def summed(
    items: np.ndarray, worth: Floats, path: np.ndarray, names: tuple[str, ...], k: int
) -> Slate:
    """The k items of each row (B, K) with the greatest sum of ``worth``; of equals, the lower."""
    b, width = items.shape
    row = np.repeat(np.arange(b), width)
    item, w, p = items.ravel(), worth.ravel(), path.ravel()
    keep = item != PAD
    row, item, w, p = row[keep], item[keep], w[keep], p[keep]
    order = np.lexsort((-w, item, row))  # the greatest share of each item first
    row, item, w, p = row[order], item[order], w[order], p[order]
    first = np.append(True, (row[1:] != row[:-1]) | (item[1:] != item[:-1]))[: len(row)]
    at = np.flatnonzero(first)
    total = np.add.reduceat(w, at) if len(at) else w
    row, item, p = row[at], item[at], p[at]
    order = np.lexsort((item, -total, row))
    row, item, p, total = row[order], item[order], p[order], total[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(b))[row]
    out = Slate(
        items=np.full((b, k), PAD, np.int32),
        scores=np.full((b, k), -np.inf, np.float32),
        path=np.full((b, k), PAD, np.int8),
        paths=names,
    )
    fits = place < k
    where = (row[fits], place[fits])
    assert out.path is not None
    out.items[where], out.scores[where], out.path[where] = item[fits], total[fits], p[fits]
    return out
