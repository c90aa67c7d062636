"""What the factor models share: where factors start, what is alike, what a request may hold."""

from __future__ import annotations

import numpy as np

from ...errors import DataError
from ...types import Floats, Ints

__all__ = ["check_items", "cosine", "gram", "start"]

ROWS = 1 << 16  # that are taken to float64 at once


def start(rng: np.random.Generator, n: int, size: int, scale: float) -> Floats:  # (n, D)
    """Normal numbers of width ``scale``, float32."""
    return rng.standard_normal((n, size), np.float32) * np.float32(scale)


def gram(factors: Floats) -> Floats:  # (n, D) -> (D, D)
    """F'F in float64."""
    total = np.zeros((factors.shape[1], factors.shape[1]))
    for at in range(0, len(factors), ROWS):
        part = factors[at : at + ROWS].astype(np.float64)
        total += part.T @ part
    return total


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
