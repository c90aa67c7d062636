"""The verbs: what every method shares.

Hyper-parameters are dataclass fields, `fit` fills the learned ones, and a method file holds only
the method: chunks, masks, ties, errors and shapes are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from .errors import BadParameter, DataError, NotFitted
from .types import PAD, Dataset, Floats, Histories, Ints, Mask, Queries, Slate

__all__ = [
    "Model",
    "Ranker",
    "Recommender",
    "Scorer",
    "Stage",
    "at_least",
    "best",
    "between",
    "learned",
    "top",
]

SAMPLE = 64  # scores of a row by which `top` sees whether many are equal
BLOCK = 32  # scores of which `top` looks at the largest first
LEVEL = 4096  # scores of which it looks first for those that are equal
CELLS = 1 << 24  # most scores in memory at once: (requests of a chunk) x N, 64 MiB of float32


def learned() -> Any:
    """Declare a field that `fit` fills, and that is saved with the model. Its name ends in `_`."""
    return field(init=False, repr=False, metadata={"learned": True})


@dataclass(kw_only=True, eq=False)
class Model:
    """Base of everything that learns. Subclasses are dataclasses and give `fit` or `epochs`; what
    is made of other models gives neither: they learn, one after the other."""

    learns_from_impressions: ClassVar[bool] = False

    def fit(self, data: Dataset) -> Self:
        """Learn from ``data``; forgets whatever was learned before."""
        if self.composed:
            for part, mine in self.lessons(data):
                part.fit(mine)
            return self
        for _ in self.epochs(data):
            pass
        return self

    def lessons(self, data: Dataset) -> Iterator[tuple[Model, Dataset]]:
        """The models that are fields, each with what it learns from. Whoever goes through them fits
        each before the next is asked for: a later one may learn from what an earlier one does."""
        for part in self.parts():
            yield part, data

    @property
    def composed(self) -> bool:
        """Whether it is made of other models, and nothing else of it learns."""
        own = type(self).fit is Model.fit and type(self).epochs is Model.epochs
        return own and bool(self.parts())

    def epochs(self, data: Dataset) -> Iterator[float]:
        """Learn step by step: yields the loss after each epoch, and can be used at every yield."""
        raise NotImplementedError(f"{type(self).__name__} gives neither fit nor epochs")

    @property
    def address(self) -> str:
        """Where the method lives, and its name in a flow file: ``retrieve.matrix.ease``."""
        return type(self).__module__.removeprefix(f"{__package__}.")

    @property
    def fitted(self) -> bool:
        """Whether everything that is learned, here and in the models that are fields, is there."""
        own = [f.name for f in fields(self) if f.metadata.get("learned")]
        return all(name in self.__dict__ for name in own) and all(m.fitted for m in self.parts())

    def fresh(self) -> Self:
        """A copy that has learned nothing, of the model and of the models that are its fields."""

        def copied(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(copied(each) for each in value)
            return value.fresh() if isinstance(value, Model) else value

        return replace(
            self, **{f.name: copied(getattr(self, f.name)) for f in fields(self) if f.init}
        )

    def parts(self) -> list[Model]:
        """The models among the fields, in their order."""
        values = [getattr(self, f.name) for f in fields(self) if f.init]
        flat = [v for value in values for v in (value if isinstance(value, tuple) else (value,))]
        return [v for v in flat if isinstance(v, Model)]

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_"):
            raise NotFitted(f"{type(self).__name__} has no {name} yet: call fit(data) first")
        made = getattr(type(self), name, None)
        if isinstance(made, property) and made.fget is not None:
            made.fget(self)  # it looked at something not learned yet: say which
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


@runtime_checkable
class Recommender(Protocol):
    """From requests to a slate out of the whole catalogue."""

    def recommend(self, queries: Queries, k: int, *, filter_seen: bool = True) -> Slate:
        """The k best items of each request, without those in its history if ``filter_seen``."""
        ...


@runtime_checkable
class Stage(Protocol):
    """From a slate to a better one: rankers, re-rankers, filters, thumbnails are all this."""

    def __call__(self, queries: Queries, slate: Slate) -> Slate: ...


class Scorer(Model):
    """A recommender that scores every item; it only has to give `scores`."""

    predicts_values: ClassVar[bool] = False  # whether scores are on the scale of the values given

    def scores(self, queries: Queries) -> Floats:  # (B, N)
        """Higher is better; -inf is never recommended; never NaN."""
        raise NotImplementedError

    def score(self, queries: Queries, items: Ints) -> Floats:  # (B, K) -> (B, K)
        """The scores of just ``items`` (B, K), -inf where PAD. Out of those of all, if the method
        has no shorter way."""
        found = np.take_along_axis(self.scores(queries), np.maximum(items, 0), 1)
        return np.where(items == PAD, -np.inf, found)

    def similarity(self, items: Ints, n_items: int) -> Floats:  # (n, N)
        """How like each of ``items`` (n,) every item is: what those who chose just it would get."""
        one = np.arange(len(items))
        past = Histories.of(one, items, n_rows=len(items), n_items=n_items)
        nobody = np.full(len(items), PAD, np.int32)
        return self.scores(Queries(past, nobody, np.zeros(len(items), np.int64)))

    def masked(self, part: Queries, filter_seen: bool) -> Floats:  # (B, N)
        """`scores` after the checks, with -inf for what may not be recommended."""
        s = self.scores(part)
        expected = (len(part), part.history.n_items)
        if s.shape != expected or (s.size and np.isnan(s.min())):
            problem = "NaN" if s.shape == expected else f"shape {s.shape}"
            raise DataError(
                f"{type(self).__name__}.scores gave {problem}; it must be {expected} without NaN. "
                "If the queries come from another Dataset, fit on that one."
            )
        s = s.copy() if s.dtype.kind == "f" else s.astype(np.float64)  # which has a -inf
        if part.pool is not None:
            np.copyto(s, -np.inf, where=~part.pool)
        if filter_seen:
            s[part.history.rows, part.history.items] = -np.inf
        return s

    def recommend(self, queries: Queries, k: int, *, filter_seen: bool = True) -> Slate:
        """The k best items of each request, without those in its history if ``filter_seen``.

        Of equals the lower index; the slate has min(k, N) slots.
        """
        at_least(self, "k", k, 1)
        n = queries.history.n_items
        slates = [Slate(np.zeros((0, min(k, n)), np.int32), np.zeros((0, min(k, n)), np.float32))]
        for part in queries.chunks(chunk(n)):
            slates.append(best(self.masked(part, filter_seen), k))
        return Slate.stack(slates)


class Ranker(Model):
    """A stage that scores every candidate and sorts by it; it only has to give `logits`."""

    reason: ClassVar[str] = "by its features"  # why it moves items, for people

    @property
    def says_chances(self) -> bool:
        """Whether sigmoid(logit) is how likely a candidate is to be chosen."""
        return False

    def logits(self, queries: Queries, slate: Slate) -> Floats:  # (B, K)
        raise NotImplementedError

    def __call__(self, queries: Queries, slate: Slate) -> Slate:
        if not slate.items.size:
            return slate
        step = max(1, CELLS // (self.cells(slate.items.shape[1]) or 1))
        parts = []
        for at in range(0, len(slate), step):
            part = slate[at : at + step]
            found = self.logits(queries[at : at + step], part)
            bad = found.shape != part.items.shape or np.isnan(found[part.filled]).any()
            if bad:
                problem = f"shape {found.shape}" if found.shape != part.items.shape else "NaN"
                raise DataError(
                    f"{type(self).__name__}.logits gave {problem}; it must be {part.items.shape} "
                    "without NaN"
                )
            s = np.where(part.filled, found, -np.inf).astype(np.float32)
            parts.append(replace(part, scores=s).take(top(s, s.shape[1])))
        return Slate.stack(parts)

    def cells(self, width: int) -> int:
        """About how many numbers are in memory for a request with ``width`` candidates."""
        return 256 * width


def chunk(n_items: int) -> int:
    """How many requests are scored at once, so that (requests, N) stays within 64 MiB."""
    return max(1, min(1024, CELLS // max(n_items, 1)))


def top(scores: Floats, k: int) -> Ints:  # (B, k)
    """Columns of the k largest of each row, best first; of equals, the lower index.

    >>> top(np.array([[1.0, 3.0, 3.0, 2.0]]), 3)
    array([[1, 2, 3]])
    """
    b, n = scores.shape
    k = min(k, n)
    if scores.dtype.kind != "f":  # the least integer has no negative
        scores = scores.astype(np.float64)
    if k == n or b == 0:
        return np.argsort(-scores, axis=1, kind="stable")[:, :k]
    blocks = n // BLOCK
    if blocks < 2 * k:
        return _top_by_partition(scores, k)
    # The k-th largest of the blocks' maxima is at most the k-th largest score: few reach it.
    most = scores[:, : blocks * BLOCK].reshape(b, BLOCK, blocks).max(1)  # (b, blocks)
    floor = _least(most, k)
    reach = scores >= floor[:, None]
    many = _often(reach)
    tied = many > 16 * k  # one level of many equals
    out = np.empty((b, k), np.int64)
    for at in np.flatnonzero(tied):
        out[at] = _top_of_level(scores[at], floor[at], k)
    if tied.all():
        return out
    reach[tied] = False
    many[tied] = 0
    row, column = np.divmod(np.flatnonzero(reach), n)
    slot = np.arange(len(row)) - (np.cumsum(many) - many)[row]
    found = np.full((b, int(many.max())), -np.inf, scores.dtype)
    where = np.zeros(found.shape, np.int64)
    found[row, slot], where[row, slot] = scores[row, column], column
    order = np.argsort(-found[~tied], axis=1, kind="stable")[:, :k]
    out[~tied] = np.take_along_axis(where[~tied], order, 1)
    return out


def _top_of_level(scores: Floats, floor: Any, k: int) -> Ints:  # (n,) -> (k,)
    """`top` of one row, whose k-th largest is at least ``floor``, and many are that."""
    sure = np.flatnonzero(scores > floor)
    short = k - len(sure)
    if short <= 0:
        only: Ints = _top_by_partition(scores[None], k)[0]
        return only
    sure = sure[np.argsort(-scores[sure], kind="stable")]
    n = LEVEL  # of which enough are on the level, mostly
    while True:
        level = np.flatnonzero(scores[:n] == floor)[:short]
        if len(level) == short:
            return np.concatenate([sure, level])
        n *= 8


def _often(mask: Mask) -> Ints:  # (B, n) -> (B,)
    """How many of each row are true: far faster than to add them up."""
    return np.fromiter(map(np.count_nonzero, mask), np.int64, len(mask))


def _top_by_partition(scores: Floats, k: int) -> Ints:
    floor = _least(scores, k)
    sure = scores > floor[:, None]  # fewer than k in each row
    level = scores == floor[:, None]  # these share the rest of the places, the lowest index first
    short = k - _often(sure)
    for row in np.flatnonzero(_often(level) > short):
        level[row, np.flatnonzero(level[row])[short[row] :]] = False
    at = np.flatnonzero(sure | level).reshape(len(scores), k) % scores.shape[1]
    order = np.argsort(-np.take_along_axis(scores, at, 1), axis=1, kind="stable")
    return np.take_along_axis(at, order, 1)


def _least(scores: Floats, k: int) -> Floats:  # (B, n) -> (B,)
    """The k-th largest of each row. Where many are equal, as the zeros of who knows few items are,
    numpy takes ten times as long: those are only counted."""
    n = scores.shape[1]
    some = np.sort(scores[:, :: max(1, n // SAMPLE)], axis=1)
    level = some[:, some.shape[1] // 2]
    many = (some == level[:, None]).mean(1) > 0.25
    out = np.empty(len(scores), scores.dtype)
    if not many.all():
        few = scores if not many.any() else scores[~many]
        out[~many] = np.partition(few, n - k, axis=1)[:, n - k]
    for row in np.flatnonzero(many):
        out[row] = _least_beside(level[row], scores[row], k)
    return out


def _least_beside(level: Any, scores: Floats, k: int) -> Any:
    """The k-th largest of ``scores`` (n,), many of which are ``level``."""
    above = scores[scores > level]
    if len(above) >= k:
        return np.partition(above, len(above) - k)[len(above) - k]
    k -= len(above) + int(np.count_nonzero(scores == level))
    if k <= 0:
        return level
    below = scores[scores < level]
    return np.partition(below, len(below) - k)[len(below) - k]


def best(scores: Floats, k: int) -> Slate:  # (B, N) -> (B, min(k, N))
    """The k best of each row as a slate; what scores -inf is not on it."""
    columns = top(scores, k)
    found = np.take_along_axis(scores, columns, 1)
    items = np.where(np.isneginf(found), PAD, columns).astype(np.int32)
    return Slate(items, found.astype(np.float32))


def at_least(model: object, name: str, value: float, least: float, *, above: bool = False) -> None:
    """Raise `BadParameter` unless ``value`` >= ``least`` (> if ``above``)."""
    if not (value > least if above else value >= least):
        sign = "above" if above else "at least"
        raise BadParameter(f"{type(model).__name__}: {name} must be {sign} {least}, got {value!r}")


def between(
    model: object, name: str, value: float, low: float, high: float, *, below: bool = False
) -> None:
    """Raise `BadParameter` unless ``low`` <= ``value`` <= ``high`` (< if ``below``)."""
    if not (low <= value < high if below else low <= value <= high):
        to = "to below" if below else "to"
        raise BadParameter(
            f"{type(model).__name__}: {name} must be from {low} {to} {high}, got {value!r}"
        )
