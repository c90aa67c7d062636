"""Random: every item of the training data is as likely to come first as any other.

    score(request, i) = hash(seed, user, history, i) in [0, 1),  minus 1 if nobody ever chose i

A hash instead of a stream of random numbers, so that a request gets the same list whatever else
is asked in the same batch.

Source:  the baseline of any comparison; the hash is the finaliser of SplitMix64, Steele, Lea,
         Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
Checked: every place is uniform over the items, tests/retrieve/matrix/test_random.py; and the table
         of the thesis on MovieLens-1M, papers/results/thesis-2.5.json
Differs: from a baseline that draws among the training items alone in putting the others last,
         where that one cannot show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...model import Scorer, learned
from ...types import Dataset, Floats, Mask, Queries

__all__ = ["Random"]


@dataclass(kw_only=True, eq=False)
class Random(Scorer):
    seed: int = 0

    known_: Mask = learned()  # (N,) whether anybody chose it

    def fit(self, data: Dataset) -> Self:
        self.known_ = np.bincount(data.log.items, minlength=data.log.n_items) > 0
        return self

    def scores(self, queries: Queries) -> Floats:
        h = queries.history
        each = mix(h.items.astype(np.uint64) + np.uint64(1))
        past = np.zeros(len(queries), np.uint64)
        np.add.at(past, h.rows, each)  # the order of the history does not matter
        row = mix(mix(queries.user.astype(np.uint64)) ^ past ^ mix(np.uint64(self.seed)))
        item = mix(np.arange(h.n_items, dtype=np.uint64))
        bits = mix(row[:, None] ^ item) >> np.uint64(40)  # 24 bits, what a float32 can hold
        return bits.astype(np.float32) / np.float32(1 << 24) - ~self.known_


def mix(x: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """64 bits to 64 bits, every bit of the answer depending on every bit of ``x``."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)))
