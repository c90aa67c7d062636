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


def in_bins(
    p: Floats, y: Mask | Floats, bins: int, weights: Floats | None = None
) -> Chances:  # (3, bins)
    """How many chances are in each bin of equal width, their sum, and how many were chosen; by
    their weights (n,), if there are any."""
    at = np.minimum((p * bins).astype(int), bins - 1)
    w = np.ones(len(p)) if weights is None else weights
    return np.stack([np.bincount(at, weights=each, minlength=bins) for each in (w, w * p, w * y)])
