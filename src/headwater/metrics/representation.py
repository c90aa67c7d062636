"""Representation: how far the parties named in a list are from those named in the pool.

    divergence( P, Q ),  P(c) ~ sum over the pool of  parties_ic
                         Q(c) ~ sum over the list of  w(rank) parties_ic

parties_i are the shares of the parties among the mentions in item i, adding up to one; w is
1 / rank. Any column of kinds will do: genres for films, countries for music.

Context   what the list was chosen from, all alike.
Undefined where the list, or the pool, names none.

Source:  Vrijenhoek et al., RADio, RecSys 2022, arXiv:2209.13520, eq. of Representation.
Checked: list by list against dictionaries and SciPy's jensenshannon,
         tests/metrics/test_normative.py; against RADio's way of it (benchmarks/peers/radio.py),
         tests/metrics/test_normative_benchmark.py
Differs: all parties of a person's mention count, where the released code takes the first of an
         unordered set. It looks at articles of the category news alone: only=("category", "news").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy.sparse import csr_array

from ..evidence import Evidence
from ..types import Mask
from ._divergence import FromContext, offered

__all__ = ["Representation"]


@dataclass(frozen=True, kw_only=True)
class Representation(FromContext):
    """0 for a list that gives parties the room that they have in what it was chosen from."""

    best: ClassVar[str] = "none"

    by: str = "parties"

    def context(self, seen: Evidence, keep: Mask | None) -> csr_array:
        return offered(seen, keep)
