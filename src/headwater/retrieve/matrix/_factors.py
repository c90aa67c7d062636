"""What the factor models share: where factors start, what is alike, what a request may hold."""

from __future__ import annotations

import numpy as np

from ...compiled import kernel, spread
from ...errors import DataError
from ...types import Floats, Ints

__all__ = ["check_items", "cosine", "gram", "start"]

ROWS = 1 << 12  # that are summed by one thread


def start(rng: np.random.Generator, n: int, size: int, scale: float) -> Floats:  # (n, D)
    """Normal numbers of width ``scale``, float32."""
    return rng.standard_normal((n, size), np.float32) * np.float32(scale)


def gram(factors: Floats, threads: int) -> Floats:  # (n, D) -> (D, D)
    """F'F in float64, the same for any number of threads.

    Not left to BLAS, whose own threads go on spinning and take the processor from ours.
    """
    blocks = -(-len(factors) // ROWS)
    parts = np.zeros((blocks, factors.shape[1], factors.shape[1]))
    spread(_gram, blocks, threads, factors, parts)
    total: Floats = parts.sum(0)
    return total + np.tril(total, -1).T


@kernel
def _gram(first: int, last: int, factors: Floats, parts: Floats) -> None:
    """The lower triangle of F'F of each block of rows, four rows at a time."""
    n, size = factors.shape
    for block in range(first, last):
        part = parts[block]
        end = min((block + 1) * ROWS, n)
        at = block * ROWS
        while at < end:
            a = factors[at].astype(np.float64)
            b = factors[at + 1].astype(np.float64) if at + 1 < end else np.zeros(size)
            c = factors[at + 2].astype(np.float64) if at + 2 < end else np.zeros(size)
            d = factors[at + 3].astype(np.float64) if at + 3 < end else np.zeros(size)
            for i in range(size):
                row = part[i]
                w, x, y, z = a[i], b[i], c[i], d[i]
                for j in range(i + 1):
                    row[j] += w * a[j] + x * b[j] + y * c[j] + z * d[j]
            at += 4


def cosine(factors: Floats, items: Ints) -> Floats:  # (N, D), (n,) -> (n, N)
    """Cosines of the factors of ``items`` with those of every item; 0 with a factor of length 0."""
    length = np.linalg.norm(factors, axis=1, keepdims=True)
    unit = np.divide(factors, length, out=np.zeros_like(factors), where=length > 0)
    alike: Floats = unit[items] @ unit.T
    return alike


def check_items(model: object, learned: int, asked: int) -> None:
    """Raise `DataError` unless both know the same items: a kernel does not look."""
    if learned != asked:
        raise DataError(
            f"{type(model).__name__} was fitted on {learned} items and is asked about {asked}. "
            "If the queries come from another Dataset, fit on that one."
        )
