"""Clustering coefficient: how much the items of a slate clump, where those alike are linked.

    3 triangles / pairs of links that meet in an item

in the graph of the first k slots, in which two items are linked if they share a kind. 0 where
nothing clumps; 1 where whatever is linked to the same item is linked to each other.

Source:  Newman, Watts, Strogatz, "Random graph models of social networks", PNAS 2002 (transitivity)
         on lists of items. Li, Si, Tang, et al., "Contextual Distillation Model for Diversified
         Recommendation", KDD 2024, arXiv:2406.09021, report a figure of that name from their
         platform (Table 4).
Checked: against networkx, tests/metrics/test_clustering_coefficient.py
Differs: the CDM paper gives no formula; this is ours, and so is the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import ratio

__all__ = ["ClusteringCoefficient"]

CELLS = 1 << 22  # most pairs of slots, and of slots and kinds, in memory at once


@dataclass(frozen=True, kw_only=True)
class ClusteringCoefficient:
    """In [0, 1]; NaN for a slate in which no item is linked to two others."""

    best: ClassVar[str] = "low"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10
    by: str = "genres"  # a column of the catalogue, of categories or of lists of them

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        kinds = seen.data.catalog.multi_hot(self.by)
        items, filled = seen.slate.items[:, : self.k], seen.slate.filled[:, : self.k]
        b, k = items.shape
        triangles, triples = np.zeros(b), np.zeros(b)
        step = max(1, CELLS // max(k * max(k, kinds.shape[1]), 1))
        for at in range(0, b, step):
            part = slice(at, at + step)
            here = np.where(filled[part], items[part], 0).ravel()
            shape = (*filled[part].shape, kinds.shape[1])
            has = kinds[here].toarray().reshape(shape) * filled[part][:, :, None]
            linked = (has @ has.transpose(0, 2, 1) > 0).astype(np.float64)
            linked[:, range(k), range(k)] = 0
            closed = np.einsum("bij,bji->b", linked @ linked, linked)  # each triangle six times
            degree = linked.sum(2)
            triangles[part], triples[part] = closed / 2, (degree * (degree - 1)).sum(1) / 2
        return ratio(triangles, triples)
