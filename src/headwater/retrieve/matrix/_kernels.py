"""What the compiled methods share: how they draw and solve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiled import kernel
from ...types import Floats

__all__ = ["STEP", "begin_of", "below", "mix", "solve"]

STEP = 0x9E3779B97F4A7C15  # of SplitMix64's state, from one number to the next
JUMP = 0xD1342543DE82EF95  # from the first number of one draw to that of the next
SMALLEST = 1e-13  # of a pivot, as a share of its diagonal: nothing is left in that direction


@kernel
def begin_of(seed: int, draw: int) -> Any:
    """Where the random numbers of one draw begin (uint64)."""
    return np.uint64(seed) + np.uint64(draw) * np.uint64(JUMP)


@kernel
def mix(state: Any, n: int) -> Any:
    """64 random bits (uint64): number ``n`` of those that begin at ``state`` (SplitMix64)."""
    z = state + np.uint64(n + 1) * np.uint64(STEP)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def below(n: int, bits: Any) -> int:
    """One of range(n), all equally likely, from 64 random bits (uint64)."""
    return int(np.int64(bits >> np.uint64(11)) * 2.0**-53 * n)


@kernel
def solve(a: Floats, b: Floats) -> None:
    """Solve a z = b by Cholesky, into ``b``; ``a``, of which the lower triangle counts, is lost.

    A direction in which ``a`` is singular gets nothing.
    """
    size = len(b)
    for r in range(size):
        row, whole = a[r], a[r, r]
        for c in range(r):
            other, rest = a[c], row[c]
            for k in range(c):
                rest -= row[k] * other[k]
            row[c] = rest * other[c]
        rest, aim = whole, b[r]
        for k in range(r):
            rest -= row[k] * row[k]
            aim -= row[k] * b[k]
        row[r] = 1 / np.sqrt(rest) if rest > SMALLEST * whole else 0.0  # inverted: used twice
        b[r] = aim * row[r]
    for r in range(size - 1, -1, -1):
        row = a[r]
        b[r] *= row[r]
        for k in range(r):
            b[k] -= row[k] * b[r]
