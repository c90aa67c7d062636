"""Alternative voices: how far a list is from the pool in whom it lets speak.

    divergence( P, Q ),  P(c) ~ sum over the pool of  voices_ic
                         Q(c) ~ sum over the list of  w(rank) voices_ic

c is minority or majority; voices_i are their shares among the mentions in item i; w is 1 / rank.

Context   what the list was chosen from, all alike.
Undefined where the list, or the pool, names nobody.

Source:  Vrijenhoek et al., RADio, RecSys 2022, arXiv:2209.13520, eq. of Alternative Voices.
Checked: list by list against dictionaries and SciPy's jensenshannon,
         tests/metrics/test_normative.py; against RADio's way of it (benchmarks/peers/radio.py),
         tests/metrics/test_normative_benchmark.py
Differs: the released code looks only at articles that name both, of the category news:
         both=True, only=("category", "news"). If these name nobody in the pool it finds no
         divergence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy.sparse import csr_array

from ..divergence import Feature, feature
from ..evidence import Evidence
from ..types import Mask
from ._divergence import FromContext, offered

__all__ = ["AlternativeVoices"]


@dataclass(frozen=True, kw_only=True)
class AlternativeVoices(FromContext):
    """0 for a list that lets minorities speak as much as what it was chosen from."""

    best: ClassVar[str] = "none"

    by: str = "voices"
    both: bool = False  # whether only items that name every kind count

    def feature(self, seen: Evidence) -> Feature:
        return feature(
            seen.data.catalog, self.by, bins=self.bins, edges=self.edges, whole=self.both
        )

    def context(self, seen: Evidence, keep: Mask | None) -> csr_array:
        return offered(seen, keep)
