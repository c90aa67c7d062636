"""What chance gives: lists as long as those that were shown, from what they were chosen from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..types import PAD, Ints, Mask, Slate

__all__ = ["by_chance"]

CELLS = 1 << 22  # candidates looked at at once


def by_chance(seen: Evidence, draws: int, seed: int) -> Iterator[Slate]:
    """``draws`` times a slate whose lists are as long as those of ``seen``, or as there are
    candidates: the candidates of each request, or the pool of them all, or the catalogue, drawn
    without replacement. A draw is the same whatever the number of them.
    """
    for number in range(draws):
        rng = np.random.default_rng([seed, number])
        if seen.offered is not None:
            items = _of_each(seen.offered, seen.slate.filled, rng)
        else:
            pool = seen.queries.pool
            n = seen.truth.n_items
            among = np.arange(n) if pool is None else np.flatnonzero(pool)
            items = _of_all(among, seen.slate.filled, rng)
        scores = np.where(items == PAD, -np.inf, -np.arange(items.shape[1])).astype(np.float32)
        yield Slate(items.astype(np.int32), scores)


def _of_each(offered: Slate, there: Mask, rng: np.random.Generator) -> Ints:  # (B, K)
    b, width = offered.items.shape
    k = min(there.shape[1], width)
    out = np.full(there.shape, PAD, np.int64)
    size = max(1, CELLS // max(width, 1))
    for at in range(0, b, size):
        part = offered.items[at : at + size]
        key = np.where(part == PAD, np.inf, rng.random(part.shape))
        out[at : at + size, :k] = np.take_along_axis(part, _least(key, k), 1)
    return _as_long(out, there)


def _of_all(among: Ints, there: Mask, rng: np.random.Generator) -> Ints:  # (B, K)
    """Of a pool many times as large as a list, lists are drawn until no item is in one twice."""
    b, width = there.shape
    k, n = min(width, len(among)), len(among)
    out = np.full(there.shape, PAD, np.int64)
    if k == 0:
        return out
    if n < 4 * k * k:
        size = max(1, CELLS // n)
        for at in range(0, b, size):
            rows = min(size, b - at)
            out[at : at + size, :k] = among[_least(rng.random((rows, n)), k)]
        return _as_long(out, there)
    drawn = rng.integers(n, size=(b, k))
    again = np.flatnonzero(_twice(drawn))
    while len(again):
        drawn[again] = rng.integers(n, size=(len(again), k))
        again = again[_twice(drawn[again])]
    out[:, :k] = among[drawn]
    return _as_long(out, there)


def _twice(drawn: Ints) -> Mask:  # (B,)
    ordered = np.sort(drawn, axis=1)
    return np.asarray((ordered[:, 1:] == ordered[:, :-1]).any(1))


def _least(key: np.ndarray[tuple[int, ...], np.dtype[np.float64]], k: int) -> Ints:
    """Columns of the k least of each row, in their order."""
    n = key.shape[1]
    columns = np.argpartition(key, k - 1, axis=1)[:, :k] if 0 < k < n else np.argsort(key, axis=1)
    columns = columns[:, :k]
    order = np.argsort(np.take_along_axis(key, columns, 1), axis=1)
    return np.take_along_axis(columns, order, 1)


def _as_long(items: Ints, there: Mask) -> Ints:
    """As many of each row as ``there`` has, counted from the first."""
    long = there.sum(1)[:, None]
    return np.where(np.arange(items.shape[1]) < long, items, PAD)
