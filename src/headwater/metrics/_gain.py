"""What a slot is worth, and what the best order would have been worth: for DCG and NDCG."""

from __future__ import annotations

import numpy as np

from ..evidence import Evidence
from ..types import Floats, Mask


def worth(values: Floats | Mask, gain: str) -> Floats:
    """Gains of chosen items from their values; 0 stays 0 for what was not chosen."""
    if gain == "exponential":
        return np.exp2(values.astype(np.float64)) - 1
    return values.astype(np.float64)


def gained(seen: Evidence, k: int, gain: str) -> Floats:  # (B, k)
    """The gain of each of the first k slots."""
    values = seen.hits if gain == "binary" else seen.gains
    return worth(values[:, :k], gain)


def ideal(seen: Evidence, k: int, gain: str) -> Floats:  # (B, k)
    """The gains of the best order of what was chosen, 0 where there was no more to choose."""
    chosen = seen.truth.matrix(binary=gain == "binary")
    row = np.repeat(np.arange(chosen.shape[0]), np.diff(chosen.indptr))
    order = np.lexsort((-chosen.data, row))
    place = np.arange(len(row)) - chosen.indptr[row]
    keep = place < k
    out = np.zeros((chosen.shape[0], k))
    out[row[keep], place[keep]] = worth(chosen.data[order][keep], gain)
    return out


def dcg(gains: Floats) -> Floats:  # (B, k) -> (B,)
    return np.asarray((gains / np.log2(np.arange(2, gains.shape[1] + 2))).sum(1))
