"""Category coverage: which share of the kinds the first k slots show.

    | union of the kinds in the first k slots |  /  | kinds in the catalogue |

over "requests": the union over all slates, one number for all requests, and the more of them, the
higher: compare on the same requests only. Over "lists": of each slate alone.

Source:  the CC@K of Li, Si, Tang, et al., "Contextual Distillation Model for Diversified
         Recommendation", KDD 2024. arXiv:2406.09021, whose figures can only be over all requests.
Checked: against sets, tests/metrics/test_category_coverage.py
Differs: in nothing; kinds of the catalogue that no item in reach has count all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.sparse import csr_array

from ..errors import BadParameter
from ..evidence import Evidence
from ..model import at_least
from ..types import Floats

__all__ = ["CategoryCoverage"]


@dataclass(frozen=True, kw_only=True)
class CategoryCoverage:
    """In [0, 1]; NaN if nobody asked, or the catalogue knows no kinds."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10
    by: str = "genres"  # a column of the catalogue, of categories or of lists of them
    over: Literal["requests", "lists"] = "requests"

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        if self.over not in ("requests", "lists"):
            raise BadParameter(f"CategoryCoverage: over is requests or lists; got {self.over!r}")

    def __call__(self, seen: Evidence) -> Floats:  # () or (B,)
        kinds = seen.data.catalog.multi_hot(self.by)
        filled = seen.slate.filled[:, : self.k]
        row, items = np.nonzero(filled)[0], seen.slate.items[:, : self.k][filled]
        shape = (len(seen), kinds.shape[0])
        found = csr_array((np.ones(len(items)), (row, items)), shape=shape) @ kinds
        n = kinds.shape[1]
        if self.over == "requests":
            return np.array(len(np.unique(found.indices)) / n if len(seen) and n else np.nan)
        return np.diff(found.indptr) / n if n else np.full(len(seen), np.nan)
