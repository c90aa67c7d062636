"""Looking at the first k slots of every slate, for the metrics that share how they do it."""

from __future__ import annotations

import numpy as np

from ..evidence import Evidence
from ..types import PAD, Floats, Ints, Mask


def count_hits(seen: Evidence, k: int) -> Floats:  # (B,)
    """How many of the first k slots hold something that was chosen."""
    hits: Floats = seen.hits[:, :k].sum(1, dtype=np.float64)
    return hits


def sum_by_row(row: Ints, values: Floats, n_rows: int) -> Floats:  # (n_rows,)
    """Sum of the values (n,) of each row, ``row`` (n,) saying which is whose."""
    return np.bincount(row, values, minlength=n_rows).astype(np.float64, copy=False)


def ratio(part: Floats | Ints, whole: Floats | Ints) -> Floats:
    """part / whole, and NaN where there is no whole."""
    out = np.full(len(whole), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def where_chosen(values: Floats | Mask, seen: Evidence) -> Floats:  # (B,)
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
