"""Chance that depends on the request and the item alone, whatever else is in the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .types import PAD, Ints, Queries

__all__ = ["dice"]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # the step of SplitMix64


def dice(seed: int, queries: Queries, items: Ints) -> NDArray[np.float64]:  # (B, K)
    """A number from 0 to below 1 that request and item decide alone, whatever the batch; of equal
    requests of people nobody has seen also which of them it is, in the order of the batch."""
    past = np.cumsum(_mixed(queries.history.items.astype(np.uint64)), dtype=np.uint64)
    ends = np.concatenate([np.zeros(1, np.uint64), past])[queries.history.start]
    who = _mixed(queries.user.astype(np.int64).astype(np.uint64)) ^ np.diff(ends)
    when = _mixed(who ^ queries.now.astype(np.int64).astype(np.uint64))
    again = np.where(queries.user == PAD, repeats(when), 0).astype(np.uint64)
    stream = (when ^ np.uint64(seed)) + again * GOLDEN
    key = _mixed(stream)[:, None] ^ items.astype(np.int64).astype(np.uint64)
    found: Any = (_mixed(key) >> np.uint64(11)) * 2.0**-53
    return np.asarray(found, np.float64)


def repeats(keys: NDArray[Any]) -> Ints:
    """How often each of ``keys`` (B,) came before.

    >>> repeats(np.array([7, 5, 7, 7, 5]))
    array([0, 0, 1, 2, 1])
    """
    order = np.argsort(keys, kind="stable")
    _, first, number = np.unique(keys[order], return_index=True, return_counts=True)
    out = np.zeros(len(keys), np.int64)
    out[order] = np.arange(len(keys)) - np.repeat(first, number)
    return out


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014."""
    x = x + GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
