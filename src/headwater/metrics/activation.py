"""Activation: how far a list is from the pool in how strongly its texts speak to the emotions.

    divergence( P, Q ),  P(b) ~ number of |polarity| of the pool in bin b
                         Q(b) ~ sum over the list of  w(rank)  in bin b

Bins of equal width from the least to the largest |polarity| of the pool; w is 1 / rank.

Context   what the list was chosen from, all alike.
Undefined without a list, or a pool with two different numbers.

Source:  Vrijenhoek et al., RADio, RecSys 2022, arXiv:2209.13520, eq. of Activation.
Checked: list by list against dictionaries and SciPy's jensenshannon, the bins against
         scikit-learn's, tests/metrics/test_normative.py; against RADio's way of it
         (benchmarks/peers/radio.py), tests/metrics/test_normative_benchmark.py
Differs: in exact sums of ranks, and shares of bins that are not rounded to three digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy.sparse import csr_array

from ..evidence import Evidence
from ..types import Mask
from ._divergence import FromContext, offered

__all__ = ["Activation"]


@dataclass(frozen=True, kw_only=True)
class Activation(FromContext):
    """0 for a list as emotional as what it was chosen from."""

    best: ClassVar[str] = "none"
    absolute: ClassVar[bool] = True

    by: str = "sentiment"

    def context(self, seen: Evidence, keep: Mask | None) -> csr_array:
        return offered(seen, keep)
