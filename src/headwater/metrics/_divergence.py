"""What the normative metrics share: a feature of items, a context, how far lists are from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array, vstack

from ..divergence import (
    ALPHA,
    Bins,
    Discount,
    Divergence,
    Feature,
    among,
    check,
    divergences,
    feature,
    listed,
    of_items,
    past,
    upper,
    windowed,
)
from ..errors import BadParameter, DataError
from ..evidence import Evidence
from ..model import at_least
from ..types import Floats, Mask

__all__ = ["FromContext", "Mixed", "offered", "read"]

ROWS = 1 << 15  # requests looked at at once


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """A metric gives ``by``, the column of the catalogue, and what it does with mixes of it."""

    best: ClassVar[str] = "none"  # norms say what is wanted
    absolute: ClassVar[bool] = False  # whether numbers lose their sign

    k: int | None = 10  # None: all slots
    by: str
    divergence: Divergence = "jensen_shannon"
    discount: Discount = "reciprocal"  # what places count
    only: tuple[str, str] | None = None  # a column and its value: only these items count
    alpha: float = ALPHA  # how much of the other each of two mixes takes
    bins: int = 5  # of a column of numbers
    edges: Bins = "width"  # of its bins, in the context; "quantile", or the inner edges
    window: float | None = None  # days of lists of a person that count; None: the one alone
    half_life: float | None = None  # days after which a list counts half; None: never

    def __post_init__(self) -> None:
        if self.k is not None:
            at_least(self, "k", self.k, 1)
        check(self, self.divergence, self.alpha, self.discount, self.bins, self.edges)
        for name in ("window", "half_life"):
            if getattr(self, name) is not None:
                at_least(self, name, getattr(self, name), 0, above=True)
        if self.half_life is not None and self.window is None:
            raise BadParameter(f"{type(self).__name__}: half_life needs a window, in days")

    @property
    def bounds(self) -> tuple[float, float]:
        return 0, upper(self.divergence, self.alpha)

    def feature(self, seen: Evidence) -> Feature:
        return feature(
            seen.data.catalog,
            self.by,
            bins=self.bins,
            edges=self.edges,
            absolute=self.absolute,
        )

    def keep(self, seen: Evidence) -> Mask | None:
        return among(seen.data.catalog, self.only)

    def lists(self, seen: Evidence, keep: Mask | None) -> csr_array:  # (B, N)
        n = seen.truth.n_items
        return listed(seen.slate, n, k=self.k, discount=self.discount, keep=keep)

    def parts(self, seen: Evidence) -> Iterator[tuple[Evidence, csr_array]]:
        """The evidence in parts that fit into memory, each with the bag of its lists."""
        keep = self.keep(seen)
        whole = None
        if self.window is not None:
            asked = seen.queries
            if len(asked) and not asked.now.any():
                raise DataError(
                    f"{type(self).__name__}: a window is in days, and nobody knows when these "
                    "requests were made: leave window out, or give their times"
                )
            bag = self.lists(seen, keep)
            whole = windowed(bag, asked.user, asked.now, self.window, self.half_life)
        for at in range(0, len(seen), ROWS):
            rows = slice(at, at + ROWS)
            part = replace(
                seen,
                queries=seen.queries[rows],
                slate=seen.slate[rows],
                offered=None if seen.offered is None else seen.offered[rows],
            )
            yield part, self.lists(part, keep) if whole is None else whole[rows]

    def mixes(self, seen: Evidence) -> csr_array:  # (B, C)
        """The mixes of the lists alone, for what compares them with each other. Numbers are in the
        bins of all lists together, in which an item counts once."""
        made = self.feature(seen)
        bags = [bag for _, bag in self.parts(seen)]
        if not bags:
            return csr_array((0, 1), dtype=np.float64)
        bag = vstack(bags, format="csr")
        together = csr_array(bag.sum(0)[None] if len(seen) else np.zeros((1, bag.shape[1])))
        return made.mixes(together, csr_array(bag))[1]


@dataclass(frozen=True, kw_only=True)
class FromContext(Mixed):
    """A metric gives `context`, a bag of (B, N), or of (1, N) for all alike."""

    def context(self, seen: Evidence, keep: Mask | None) -> csr_array:
        raise NotImplementedError

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        made, keep = self.feature(seen), self.keep(seen)
        values: list[Floats] = [np.zeros(0)]
        for part, bag in self.parts(seen):
            p, q = made.mixes(self.context(part, keep), bag)
            values.append(divergences(p, q, self.divergence, self.alpha))
        return np.concatenate(values)


def read(seen: Evidence, discount: Discount, keep: Mask | None) -> csr_array:  # (B, N)
    """What each had chosen before."""
    return past(seen.queries.history, discount=discount, keep=keep)


def offered(seen: Evidence, keep: Mask | None) -> csr_array:  # (B, N) or (1, N)
    """What the answer was chosen from: the candidates of each request, or the pool of them all, or
    the catalogue. All count alike."""
    n = seen.truth.n_items
    if seen.offered is not None:
        return listed(seen.offered, n, k=None, discount="none", keep=keep)
    pool = seen.queries.pool
    return of_items(np.ones(n, bool) if pool is None else pool, keep)
