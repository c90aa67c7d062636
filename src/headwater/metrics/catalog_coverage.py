"""Catalogue coverage: which share of the items at least one slate shows in its first k slots.

    | union of the first k slots of all slates |  /  | what could have been recommended |

What could have been recommended is the pool of the requests, or the whole catalogue without one.
One number for all requests, and the more of them, the higher: compare on the same requests only.

Source:  Ge, Delgado-Battenfeld, Jannach, "Beyond Accuracy: Evaluating Recommender Systems by
         Coverage and Serendipity", RecSys 2010 (catalog coverage).
Checked: against a set, tests/metrics/test_catalog_coverage.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import exposure

__all__ = ["CatalogCoverage"]


@dataclass(frozen=True, kw_only=True)
class CatalogCoverage:
    """In [0, 1]; NaN if nobody asked, or nothing could have been recommended."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)

    k: int = 10

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # ()
        shown = exposure(seen, self.k) > 0
        return np.array(shown.mean() if len(seen) and len(shown) else np.nan)
