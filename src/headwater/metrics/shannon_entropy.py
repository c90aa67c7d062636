"""Shannon entropy of what is shown: how many bits it takes to say which item a slot holds.

    - sum_i p_i log2 p_i

p_i is the share of item i in the filled slots (the first k of all slates). Normalised, the sum is
divided by log2 n, what n items shown alike would have: the pool of the requests, or the whole
catalogue without one. One number for all requests.

Source:  Shani, Gunawardana, "Evaluating Recommendation Systems", Recommender Systems Handbook 2011,
         on item space coverage.
Checked: against scipy.stats.entropy, tests/metrics/test_shannon_entropy.py
Differs: in the base, 2, which the source leaves open, and in `normalise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import entr

from ..evidence import Evidence
from ..model import at_least
from ..types import Floats
from ._slots import exposure

__all__ = ["ShannonEntropy"]


@dataclass(frozen=True, kw_only=True)
class ShannonEntropy:
    """At least 0, normalised in [0, 1]; NaN if nothing was shown.

    Normalised, it is also NaN if there are fewer than two items.
    """

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, np.inf)

    k: int = 10
    normalise: bool = False  # as a share of the most that is possible

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def __call__(self, seen: Evidence) -> Floats:  # ()
        shown = exposure(seen, self.k)
        n, total = len(shown), shown.sum()
        if not total or (self.normalise and n < 2):
            return np.array(np.nan)
        return np.array(entr(shown / total).sum() / np.log(n if self.normalise else 2))
