"""Calibration: how far the mix of a list is from that of what the person had chosen before.

    divergence( P, Q ),  P(c) ~ sum over the history of  w(recency) kinds_ic
                         Q(c) ~ sum over the list of     w(rank) kinds_ic

w is 1 / rank, the newest of the history being first. By category it is calibration of topics; by a
column of numbers, such as complexity, in bins of the history.

Context   the history of each request, latest first, discounted as the list is.
Undefined without a history or a list of which anything is known; by numbers also where the history
          has no two that differ.

Source:  Vrijenhoek et al., RADio, RecSys 2022, arXiv:2209.13520, eq. of Calibration, after Steck,
         "Calibrated Recommendations", RecSys 2018.
Checked: list by list against dictionaries and SciPy's jensenshannon, the bins against
         scikit-learn's, tests/metrics/test_normative.py; against RADio's way of it
         (benchmarks/peers/radio.py), tests/metrics/test_normative_benchmark.py
Differs: ranks are normalised by exact sums, and shares of bins are not rounded to three digits; one
         number alone makes no bins, where the released code puts everything into one and finds no
         divergence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy.sparse import csr_array

from ..evidence import Evidence
from ..types import Mask
from ._divergence import FromContext, read

__all__ = ["Calibration"]


@dataclass(frozen=True, kw_only=True)
class Calibration(FromContext):
    """0 for a list that is as the history is."""

    best: ClassVar[str] = "none"

    by: str = "category"

    def context(self, seen: Evidence, keep: Mask | None) -> csr_array:
        return read(seen, self.discount, keep)
