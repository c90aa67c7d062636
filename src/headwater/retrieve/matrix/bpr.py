"""BPR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import BadParameter
from ...model import Scorer, at_least, learned
from ...types import Dataset, Floats, Ints, Queries
from ._factors import check_items, cosine, start
from ._kernels import STEP, below, cores, kernel, mix, spread

__all__ = ["BPR"]

BLOCK = 64  # draws that are looked up together, so that memory is asked for early


@kernel
def _place(u: int, i: int, n: int) -> int:
    """A bit out of n, a power of two, for the pair (u, i)."""
    pair = (np.uint64(u) << np.uint64(32)) | np.uint64(i)
    return np.int64((pair * np.uint64(STEP) >> np.uint64(20)) & np.uint64(n - 1))


@kernel
def _mark(indptr: Ints, indices: Ints, marks: Ints) -> None:
    n = 8 * len(marks)
    for u in range(len(indptr) - 1):
        for at in range(indptr[u], indptr[u + 1]):
            bit = _place(u, indices[at], n)
            marks[bit >> 3] |= np.uint8(1 << (bit & 7))


@kernel
def _marked(marks: Ints, u: int, i: int) -> bool:
    bit = _place(u, i, 8 * len(marks))
    return (marks[bit >> 3] >> (bit & 7)) & 1 == 1


@kernel
def _holds(indices: Ints, begin: int, end: int, j: int) -> bool:
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if indices[middle] < j:
            low = middle + 1
        else:
            high = middle
    return low < end and indices[low] == j


@kernel
def _learn(
    first: int,
    last: int,
    seed: int,
    indptr: Ints,
    indices: Ints,
    rows: Ints,
    marks: Ints,
    users: Floats,
    items: Floats,
    bias: Floats,
    learning_rate: float,
    regularization: float,
    hinge: bool,
    biased: bool,
) -> float:
    n_items, size = items.shape
    rate, decay = np.float32(learning_rate), np.float32(1 - learning_rate * regularization)
    who, better, worse = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    total, product = 0.0, 1.0
    for at in range(first, last, BLOCK):
        n = min(BLOCK, last - at)
        for b in range(n):
            state = np.uint64(seed) + np.uint64(at + b) * np.uint64(0xD1342543DE82EF95)
            state = mix(state)
            event = below(len(rows), mix(state))
            u = rows[event]
            i = indices[event]
            begin, end = indptr[u], indptr[u+1]
            if end - begin == n_items:
                i = -1
            j = -1
            while i >= 0:
                state += np.uint64(STEP)
                j = below(n_items, mix(state))
                if not _marked(marks, u, j) or not _holds(indices, begin, end, j):
                    break
            who[b], better[b], worse[b] = u, i, j
        for b in range(n):
            if better[b] < 0:
                continue
            i, j = better[b], worse[b]
            p, q, s = users[who[b]], items[i], items[j]
            x = bias[i] - bias[j]
            for d in range(size):
                x += p[d] * (q[d] - s[d])
            if hinge:
                g = np.float32(1.0) if x < 1 else np.float32(0.0)
                total += max(1 - x, 0)
            else:
                g = np.float32(1) / (np.float32(1) + np.exp(x))
                product *= 1 - np.float64(g)
                if product < 1e-200:
                    total -= np.log(product)
                    product = 1.0
            g *= rate
            for d in range(size):
                old, up, down = p[d], q[d], s[d]
                p[d] = decay * old + g * (up - down)
                q[d] = decay * up + g * old
                s[d] = decay * down - g * old
            if biased:
                bias[i] = decay * bias[i] + g
                bias[j] = decay * bias[j] - g
    return total - np.log(product)
