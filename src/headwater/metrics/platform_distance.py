"""Platform distance: how far the mix of a list is from that of all lists together.

    divergence( P, Q ),  Q the mix of the list,  P(c) ~ sum over all lists of  w(rank) kinds_ic

Each list counts alike in P. With a window Q is what a person was shown over days: how far somebody
lives from what the platform shows on the whole.

Context   the lists of all requests; bins of numbers are made of their items, each once.
Undefined without a list of which anything is known; by numbers also where no two differ.

Source:  section 5.7 of the thesis behind RADio (Vrijenhoek et al., RecSys 2022, arXiv:2209.13520).
Checked: list by list against dictionaries and SciPy's jensenshannon,
         tests/metrics/test_normative.py
Differs: in nothing; the thesis describes it in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from ..divergence import divergences
from ..evidence import Evidence
from ..types import Floats
from ._divergence import Mixed

__all__ = ["PlatformDistance"]


@dataclass(frozen=True, kw_only=True)
class PlatformDistance(Mixed):
    """0 where everybody is shown the same."""

    best: ClassVar[str] = "none"

    by: str = "category"

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        total = np.zeros(seen.truth.n_items)
        for _, bag in self.parts(seen):
            size = np.asarray(bag.sum(1)).ravel()
            total += (1 / np.where(size > 0, size, 1)) @ bag
        every = csr_array(total[None])
        made = self.feature(seen)
        values: list[Floats] = [np.zeros(0)]
        for _, bag in self.parts(seen):
            values.append(divergences(*made.mixes(every, bag), self.divergence, self.alpha))
        return np.concatenate(values)
