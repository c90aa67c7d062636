"""Looking at the first k slots of every slate, for the metrics that share how they do it."""

from __future__ import annotations

import numpy as np

from ..evidence import Evidence
from ..types import PAD, Floats


def count_hits(seen: Evidence, k: int) -> Floats:  # (B,)
    """How many of the first k slots hold something that was chosen."""
    return seen.hits[:, :k].sum(1).astype(np.float64)


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, and NaN where there is no whole."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def where_chosen(values: Floats, seen: Evidence) -> Floats:  # (B,)
    """The values (B,), and NaN for a request that chose nothing afterwards."""
    return np.where(seen.wanted > 0, values, np.nan)


def mean_over_slots(values: Floats, seen: Evidence, k: int) -> Floats:  # (N,) -> (B,)
    """Mean value of the items in the first k slots; NaN for an empty slate."""
    items, filled = seen.slate.items[:, :k], seen.slate.filled[:, :k]
    each = np.append(values, 0)[np.where(filled, items, len(values))]
    return ratio(each.sum(1), filled.sum(1))


def exposure(seen: Evidence, k: int) -> Floats:  # (N,), or as many as the pool has
    """In the first k slots of how many slates each item stands; of the pool, if there is one."""
    items = seen.slate.items[:, :k]
    shown = np.bincount(items[items != PAD], minlength=seen.truth.n_items).astype(np.float64)
    return shown if seen.queries.pool is None else shown[seen.queries.pool]
