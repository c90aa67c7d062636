"""The loop that re-rankers share: pick the best, look again, pick the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array

from ..features import Scale, scaled, shares, taste, vectors
from ..model import Model, at_least, learned
from ..types import PAD, Dataset, Floats, Ints, Mask, Queries, Slate

Gain = Callable[[Ints | None], Floats]
"""What each candidate (B, K) would add now, told which slot (B,) of each row was picked last."""

Compiled = tuple[str, tuple[Any, ...]]
"""The name of a kernel in `_kernels`, and its arguments up to ``filled``."""

CELLS = 1 << 24  # most numbers that describe the candidates of one chunk of requests

LOWEST = -1e12  # a gain of -inf is still better than no candidate
TINY = 1e-12  # a length below this is none
LEVEL = 1e-9  # what a slot further down takes off a gain, so that equals stay in order


@dataclass(kw_only=True, eq=False)
class Greedy(Model):
    """A stage that picks the first ``k`` slots one after the other; the rest keep their order.

    The scores move with their items and are not changed: a re-ranker behind a re-ranker looks at
    the scores again, not at the order that the first one made.
    """

    reason: ClassVar[str] = "for variety"  # why it moves items, for people

    k: int = 20  # slots that are picked with care
    scale: Scale = "minmax"  # scores, in each request: to [0, 1], to mean 0 and deviation 1, or not

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)

    def wide(self) -> int:
        """How many numbers describe a candidate."""
        raise NotImplementedError

    def gain(self, queries: Queries, slate: Slate, relevance: Floats) -> Gain:
        raise NotImplementedError

    def order(self, queries: Queries, slate: Slate, relevance: Floats) -> Ints:  # (B, K)
        return greedy(self.gain(queries, slate, relevance), slate.filled, self.k)

    def __call__(self, queries: Queries, slate: Slate) -> Slate:
        width = slate.items.shape[1]
        step = max(1, CELLS // max(1, width * self.wide()))
        orders: list[Ints] = [np.zeros((0, width), np.int64)]
        for at in range(0, len(slate), step):
            asked, part = queries, slate
            if step < len(slate):
                asked, part = queries[at : at + step], slate[at : at + step]
            relevance = np.maximum(scaled(part, self.scale), LOWEST)
            orders.append(self.order(asked, part, relevance))
        return slate.take(np.concatenate(orders))


@dataclass(kw_only=True, eq=False)
class ByVectors(Greedy):
    """What compares candidates by their vectors."""

    personal: ClassVar[bool] = False  # whether it matters who asks

    by: str | None = None  # a vector or a column of the catalogue; None: who chose them
    size: int = 32  # of the vectors, where ``by`` is None

    vectors_: np.ndarray = learned()  # (N, D) float32, rows of length one

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "size", self.size, 1)

    def fit(self, data: Dataset) -> Self:
        self.vectors_ = vectors(data, self.by, self.size)
        return self

    def wide(self) -> int:
        return int(self.vectors_.shape[1])

    def order(self, queries: Queries, slate: Slate, relevance: Floats) -> Ints:  # (B, K)
        x = self.vectors_[slate.items]
        if not slate.filled.all():
            x *= slate.filled[:, :, None]
        interest = self.interest(queries) if self.personal else np.zeros((len(x), 0))
        return self.picks(x, relevance, interest, slate.filled, self.k)

    def picks(
        self, x: Floats, relevance: Floats, interest: Floats, filled: Mask, k: int
    ) -> Ints:  # (B, K)
        """The order of candidates that ``x`` (B, K, D) describes in rows of length one, for people
        whose mean vectors are ``interest`` (B, D)."""
        fast = kernels()
        if fast is None:
            exact = x.astype(np.float64)
            exact /= np.maximum(np.linalg.norm(exact, axis=2, keepdims=True), TINY)
            return greedy(self.among(exact, relevance, self.length(interest)), filled, k)
        x = np.ascontiguousarray(x, np.float32)
        name, arguments = self.compiled(x, relevance, self.length(interest), k)
        order = np.empty(filled.shape, np.int64)
        getattr(fast, name)(*arguments, filled, k, order)
        return order

    def interest(self, queries: Queries) -> Floats:  # (B, D)
        """The mean vector of each history."""
        history = queries.history
        total = np.asarray(history.matrix() @ self.vectors_, np.float64)
        return total / np.maximum(history.lengths, 1)[:, None]

    def length(self, interest: Floats) -> Floats:  # (B, D)
        """The interest as `among` takes it."""
        return interest

    def among(self, x: Floats, relevance: Floats, interest: Floats) -> Gain:
        """``x`` (B, K, D) describes the candidates, ``interest`` (B, D) who asks."""
        raise NotImplementedError

    def compiled(self, x: Floats, relevance: Floats, interest: Floats, k: int) -> Compiled:
        """The kernel that does the same, and what it takes."""
        raise NotImplementedError


@dataclass(kw_only=True, eq=False)
class ByKinds(Greedy):
    """What counts kinds: genres, topics, any column of the catalogue."""

    by: str = "genres"  # a column of the catalogue, of categories or of lists of them

    shares_: csr_array = learned()  # (N, kinds) the mix of kinds of each item, adding up to one

    def fit(self, data: Dataset) -> Self:
        self.shares_ = shares(data.catalog, self.by)
        return self

    def wide(self) -> int:
        return int(self.shares_.shape[1])

    def gain(self, queries: Queries, slate: Slate, relevance: Floats) -> Gain:
        b, k = slate.items.shape
        mixes = self.shares_[np.where(slate.filled, slate.items, 0).ravel()].toarray()
        mixes = mixes.reshape(b, k, self.wide()) * slate.filled[:, :, None]
        return self.among(mixes, relevance, taste(queries.history, self.shares_))

    def among(self, mixes: Floats, relevance: Floats, wanted: Floats) -> Gain:
        """``mixes`` (B, K, kinds) of the candidates, ``wanted`` (B, kinds) by who asks."""
        raise NotImplementedError


def kernels() -> Any:
    """The module of the compiled loops; None where there is no numba."""
    if find_spec("numba") is None:
        return None
    from . import _kernels

    return _kernels


def greedy(gain: Gain, filled: Mask, k: int) -> Ints:  # (B, K)
    """The order that has first what was picked, k times the best, then the rest as it was.

    Of equals the earlier slot. Empty slots are PAD, at the end.
    """
    b, width = filled.shape
    row = np.arange(b)
    number = filled.sum(1)
    least = int(number.min(initial=width))
    slots = np.arange(width)
    place = np.where(filled, slots + width, 2 * width)  # after all that is picked
    closed = np.where(filled, -LEVEL * slots, -np.inf)  # of equals the earlier
    last: Ints | None = None
    for slot in range(min(k, int(number.max(initial=0)))):
        last = (np.maximum(gain(last), LOWEST) + closed).argmax(1)
        closed[row, last] = -np.inf
        if slot < least:
            place[row, last] = slot
        else:  # some have no candidate left
            more = slot < number
            place[row[more], last[more]] = slot
    order = place.argsort(axis=1, kind="stable")
    return order if least == width else np.where(np.take_along_axis(filled, order, 1), order, PAD)


def alike(x: Floats, row: Ints, last: Ints) -> Floats:  # (B, K)
    """The products of all candidates with the last pick of their request."""
    if len(x) == 1:  # one request at a time is what a server asks for, and numpy's calls are dear
        products: Floats = (x[0] @ x[0, last[0]])[None]
        return products
    return np.asarray((x @ x[row, last][:, :, None])[:, :, 0])


def chance(relevance: Floats) -> Floats:  # (B, K)
    """Relevance as a chance that somebody likes it; one where all candidates are as good."""
    known = relevance.clip(0, 1)
    same: Floats = np.where(known.any(1, keepdims=True), known, 1)
    return same
