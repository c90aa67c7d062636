"""What was said to be how likely, and what came of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..evidence import Evidence, lookup
from ..types import PAD, Floats, Ints, Mask
from ._needs import needed

Chances = NDArray[np.float64]


def said_and_done(metric: object, seen: Evidence) -> tuple[Ints, Chances, Chances]:  # (n,) each
    """Of every candidate: its request, its chance, and 1 if it was chosen."""
    chances: Any = needed(metric, seen, "chances")
    row = np.repeat(np.arange(len(seen)), np.diff(chances.indptr))
    chosen = lookup(seen.chosen, row, chances.indices) != PAD
    return row, np.asarray(chances.data, np.float64), chosen.astype(np.float64)


def in_bins(p: Floats, y: Mask | Floats, bins: int) -> Chances:  # (3, bins)
    """How many chances are in each bin of equal width, their sum, and how many were chosen."""
    at = np.minimum((p * bins).astype(int), bins - 1)
    return np.stack([np.bincount(at, weights=w, minlength=bins) for w in (None, p, y)])
