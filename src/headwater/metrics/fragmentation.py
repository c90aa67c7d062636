"""Fragmentation: how far the stories in one person's list are from those in others'.

    mean over other requests j of  divergence( P_j, Q ),  P_j the mix of stories in the list of j

Both are discounted by rank. With kl the mean of both directions. Of up to ``pairs`` others all are
compared; of more, the requests are put in a seeded random order, and each is compared with those
``pairs`` different steps further on, so that every list is as often one's own as another's.

Context   the lists of other people, cut at k as the list is.
Undefined without a list that has a story, or another person's.

Source:  Vrijenhoek et al., RADio, RecSys 2022, arXiv:2209.13520, eq. of Fragmentation; the
         interval: Hoeffding, "A Class of Statistics with Asymptotically Normal Distribution",
         Annals of Mathematical Statistics 1948.
Checked: pair by pair against dictionaries and SciPy's jensenshannon, that a sample is
         right on average, how often the interval covers, tests/metrics/test_normative.py; against
         RADio's way of it (benchmarks/peers/radio.py), tests/metrics/test_normative_benchmark.py
Differs: the released code compares with 5 requests at random, that person's own among them, whose
         lists it does not cut, and takes kl in one direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtri

from ..divergence import divergences
from ..evidence import Evidence
from ..model import at_least, between
from ..types import PAD, Floats, Ints
from ._divergence import Mixed
from ._slots import ratio

__all__ = ["Fragmentation"]


@dataclass(frozen=True, kw_only=True)
class Fragmentation(Mixed):
    """0 where all see the same stories. A sample depends on the order of the requests."""

    best: ClassVar[str] = "none"

    by: str = "story"
    pairs: int = 20  # others that each is compared with
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "pairs", self.pairs, 1)
        at_least(self, "seed", self.seed, 0)

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        total, number = np.zeros(len(seen)), np.zeros(len(seen))
        for one, _, value in self.compared(seen):
            total += np.bincount(one, value, minlength=len(seen))
            number += np.bincount(one, minlength=len(seen))
        return np.minimum(ratio(total, number), self.bounds[1])  # of rounding

    def interval(self, seen: Evidence, level: float = 0.95) -> tuple[float, float, float]:
        """The mean over all pairs compared, and the interval around it in which that over all
        people like these is. A person is in many pairs, and with several requests in more, so the
        mean of `__call__` is less certain than its values look."""
        between(self, "level", level, 0, 1)
        b, user = len(seen), seen.queries.user.astype(np.int64)
        user = np.where(user == PAD, user.max(initial=0) + 1 + np.arange(b), user)
        who = np.unique(user, return_inverse=True)[1]
        total: Floats = np.zeros(b)
        number: Floats = np.zeros(b)
        for one, other, value in self.compared(seen):
            for end in (one, other):
                total += np.bincount(end, value, minlength=b)
                number += np.bincount(end, minlength=b)
        total = np.bincount(who, total).astype(np.float64)
        number = np.bincount(who, number).astype(np.float64)
        some = number > 0
        if some.sum() < 2:
            return np.nan, np.nan, np.nan
        mean = total.sum() / number.sum()
        pull = 2 * (total[some] - mean * number[some]) / number[some].mean()
        off = ndtri((1 + level) / 2) * pull.std(ddof=1) / np.sqrt(some.sum())
        return float(mean), float(max(mean - off, 0)), float(min(mean + off, self.bounds[1]))

    def compared(self, seen: Evidence) -> Iterator[tuple[Ints, Ints, Floats]]:
        """Requests, others, and the divergence of their lists, where there is one."""
        mixes, who, b = self.mixes(seen), seen.queries.user, len(seen)
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(b)
        steps = np.arange(1, b)
        if len(steps) > self.pairs:
            steps = rng.choice(steps, self.pairs, replace=False)
        ordered = csr_array(mixes[order])
        user = who[order]
        for step in steps:
            at = (np.arange(b) + step) % b
            other = csr_array(ordered[at])
            both = self.divergence == "kl"  # the others are symmetric
            value = divergences(other, ordered, self.divergence, self.alpha, both=both)
            apart = ~np.isnan(value) & ((user == PAD) | (user != user[at]))
            yield order[apart], order[at[apart]], value[apart]
