"""What the compiled methods share: spreading rows over threads, random numbers, one linear solve.

The kernels are compiled with numba, release the lock of the interpreter, and are spread over plain
threads: so they can be called from several threads at once, as a server does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit

PIECES = 8  # for each thread, so that none waits long for the slowest
FAST = {"reassoc", "contract", "nsz", "arcp"}  # sums in any order; NaN and infinity stay true


def cores(threads: int) -> int:
    """How many threads ``threads`` asks for: 0 is one for each core."""
    if threads:
        return threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(kernel: Callable[..., Any], n: int, threads: int, *arguments: Any) -> list[Any]:
    """What ``kernel(first, last, *arguments)`` gives for each piece of range(n), in order."""
    threads = min(cores(threads), n)
    if threads <= 1:
        return [kernel(0, n, *arguments)]
    size = -(-n // (threads * PIECES))
    with ThreadPoolExecutor(threads) as pool:
        firsts = range(0, n, size)
        return list(pool.map(lambda at: kernel(at, min(at + size, n), *arguments), firsts))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def scramble(state):
    """The next state of a stream of random numbers (SplitMix64) and 32 random bits of it."""
    state += np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, (z ^ (z >> np.uint64(31))) >> np.uint64(32)
