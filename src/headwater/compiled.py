"""How what is compiled is compiled, and spread over threads.

Kernels let go of the interpreter's lock and are spread over plain threads, so that several
requests may be answered at once, as a server does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from numba import njit

__all__ = ["cores", "kernel", "spread"]

Function = TypeVar("Function", bound=Callable[..., Any])

PIECES = 8  # for each thread, so that none waits long for the slowest


def kernel(function: Function) -> Function:
    """Compile ``function`` when it is first called, and keep the result on disk.

    Sums may be taken in any order, so that they use the whole width of the processor; NaN and
    infinity keep their meaning.
    """
    fast = {"reassoc", "contract", "nsz", "arcp"}
    compiled: Function = njit(cache=True, nogil=True, fastmath=fast, error_model="numpy")(function)
    return compiled


def cores(threads: int) -> int:
    """How many threads ``threads`` asks for: 0 is one for each core."""
    if threads:
        return threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(function: Callable[..., Any], n: int, threads: int, *arguments: Any) -> list[Any]:
    """What ``function(first, last, *arguments)`` gives for each piece of range(n), in order."""
    threads = min(cores(threads), n)
    if threads <= 1:
        return [function(0, n, *arguments)]
    size = -(-n // (threads * PIECES))
    with ThreadPoolExecutor(threads) as pool:
        firsts = range(0, n, size)
        return list(pool.map(lambda at: function(at, min(at + size, n), *arguments), firsts))
