"""Intra-list distance: how different the items of a slate are from each other.

    mean over all pairs i < j of the filled ones of the first k slots of  distance(i, j)

    distance "cosine": 1 - x_i'x_j / (|x_i| |x_j|);  "jaccard": 1 - |A_i and A_j| / |A_i or A_j|

x is a vector of the catalogue, or the 0/1 row of a column of categories or of lists of them, and A
the set of these. An item without a category, or with a vector of zeros, is left out.

Source:  Smyth, McClave, "Similarity vs. Diversity", ICCBR 2001 (mean over pairs); Ziegler, McNee,
         Konstan, Lausen, "Improving Recommendation Lists Through Topic Diversification", WWW 2005
         (the same turned round: intra-list similarity, a sum).
Checked: pair by pair, tests/metrics/test_intra_list_distance.py
Differs: from Ziegler et al. in the mean, and in the distance, which is theirs over a taxonomy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.sparse import csr_array

from ..errors import BadParameter
from ..evidence import Evidence
from ..features import described, unit_rows
from ..model import at_least
from ..types import Catalog, Floats, Ints
from ._slots import ratio, sum_by_row

__all__ = ["IntraListDistance"]

CELLS = 1 << 18  # most pairs in memory at once


@dataclass(frozen=True, kw_only=True)
class IntraListDistance:
    """In [0, 1], up to 2 for vectors; NaN for a slate of fewer than two described items."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 2)

    k: int = 10
    by: str = "genres"  # a vector of the catalogue, or a column of categories or lists of them
    distance: Literal["cosine", "jaccard"] = "cosine"

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        if self.distance not in ("cosine", "jaccard"):
            raise BadParameter(
                f"IntraListDistance: distance must be cosine or jaccard; got {self.distance!r}"
            )

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        x = self.features(seen.data.catalog)
        described = np.append(abs(x).sum(1) > 0, False)  # the last is for an empty slot
        items, filled = seen.slate.items[:, : self.k], seen.slate.filled[:, : self.k]
        filled = described[np.where(filled, items, len(described) - 1)]
        alike = np.zeros(len(seen))
        pairs = cosines if self.distance == "cosine" else overlaps
        step = max(1, CELLS // max(items.shape[1] ** 2, 1))
        for at in range(0, len(seen), step):
            part = slice(at, at + step)
            row = np.nonzero(filled[part])[0]
            alike[part] = pairs(x, items[part][filled[part]], row, len(filled[part]))
        m = filled.sum(1).astype(np.float64)
        return ratio((m * m - alike).clip(0), m * (m - 1))  # an item is at 0 from itself

    def features(self, catalog: Catalog) -> Any:  # (N, D), dense or sparse
        """What is compared: rows of length one for cosines, of 0 and 1 for Jaccard."""
        if self.by in catalog.vectors and self.distance == "jaccard":
            raise BadParameter(
                f"IntraListDistance: jaccard compares sets and {self.by!r} is a vector; "
                "take distance='cosine'"
            )
        x = described(catalog, self.by)
        return unit_rows(x) if self.distance == "cosine" else x


def cosines(x: Any, items: Ints, row: Ints, n_rows: int) -> Floats:  # (n_rows,)
    """The sum over all pairs of a row, an item with itself too: |sum of the unit vectors|^2."""
    every = csr_array((np.ones(len(items)), (row, items)), shape=(n_rows, x.shape[0]))
    total = every @ x
    squares: Floats = (total * total).sum(1)
    return squares


def overlaps(x: csr_array, items: Ints, row: Ints, n_rows: int) -> Floats:  # (n_rows,)
    """The sum of Jaccard similarities over all pairs of a row, an item with itself too."""
    sets = x[items]
    size = sizes(sets)
    kind = np.repeat(row, size) * x.shape[1] + sets.indices  # a row's kinds are its own
    known, kind = np.unique(kind, return_inverse=True)
    sets = csr_array((sets.data, kind, sets.indptr), shape=(len(items), len(known)))
    both = sets @ sets.T
    first = np.repeat(np.arange(len(items)), sizes(both))
    either = size[first] + size[both.indices] - both.data
    return sum_by_row(row[first], both.data / either, n_rows)


def sizes(x: csr_array) -> Ints:
    """How many entries each row has."""
    return np.diff(x.indptr)
