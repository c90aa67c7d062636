"""How far one mix of kinds is from another, and the mixes of histories, pools and lists.

A *bag* is a csr_array (B, N) that says how much each item counts in each row. A `Feature` turns the
bags of a context and of lists into mixes, csr_arrays (B, C) whose rows add up to one, and
`divergences` compares them row by row:

    p' = (1 - alpha) p + alpha q,   q' = (1 - alpha) q + alpha p        p the context, q the list

    kl                sum_c p' log2(p' / q')
    jensen_shannon    sqrt( (KL(p' || m) + KL(q' || m)) / 2 ),   m = (p' + q') / 2
    hellinger         sqrt( sum_c (sqrt(p') - sqrt(q'))^2 / 2 )
    total_variation   sum_c |p' - q'| / 2
    any f             sum_c q' f(p' / q'),   f convex, f(1) = 0

Source: Vrijenhoek, Benedict, Gutierrez Granada, Odijk, de Rijke, "RADio: Rank-Aware Divergence
        Metrics to Measure Normative Diversity in News Recommendations", RecSys 2022.
        arXiv:2209.13520; Hellinger and total variation: Liese, Vajda, "On Divergences and
        Informations in Statistics and Information Theory", IEEE Trans. Inf. Theory 2006.
Checked: each against its f, closed forms and loops, tests/test_divergence.py
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import rel_entr, xlog1py

from .errors import BadParameter, DataError, UnknownName
from .model import at_least, between
from .types import Catalog, Floats, Histories, Ints, Mask, Slate

__all__ = [
    "ALPHA",
    "DISCOUNTS",
    "DIVERGENCES",
    "Bins",
    "Discount",
    "Divergence",
    "Feature",
    "among",
    "check",
    "check_mix",
    "divergence",
    "divergences",
    "feature",
    "given_mix",
    "listed",
    "of_items",
    "past",
    "rank_weights",
    "upper",
    "windowed",
]

Divergence = Literal["jensen_shannon", "kl", "hellinger", "total_variation"]
Discount = Literal["reciprocal", "log", "none"]  # 1 / rank, 1 / log2(rank + 1), 1
Bins = Literal["width", "quantile"] | tuple[float, ...]
Cell = Callable[[Floats, Floats], Floats]
Settings = ParamSpec("Settings")
Made = TypeVar("Made")

ALPHA = 0.001  # RADio's: how much of the other each mix takes, so that nothing in it is zero
DISCOUNTS = ("reciprocal", "log", "none")
DAY = 86_400


def _js(p: Floats, q: Floats) -> Floats:
    m = (p + q) / 2
    off = np.divide(p - q, p + q, out=np.zeros_like(m), where=m > 0)  # p = m (1 + off)
    out: Floats = m * (xlog1py(1 + off, off) + xlog1py(1 - off, -off)) / (2 * np.log(2))
    return out  # where p and q are near, rel_entr(p, m) would lose the digits that the root shows


def _kl(p: Floats, q: Floats) -> Floats:
    out: Floats = rel_entr(p, q) / np.log(2)
    return out


def _hellinger(p: Floats, q: Floats) -> Floats:
    out: Floats = (np.sqrt(p) - np.sqrt(q)) ** 2 / 2
    return out


def _variation(p: Floats, q: Floats) -> Floats:
    out: Floats = np.abs(p - q) / 2
    return out


DIVERGENCES: dict[str, tuple[Cell, bool]] = {  # of each kind, and whether the root is taken
    "jensen_shannon": (_js, True),
    "kl": (_kl, False),
    "hellinger": (_hellinger, True),
    "total_variation": (_variation, False),
}


def check(owner: object, how: str, alpha: float, discount: str, bins: int, edges: Bins) -> None:
    """Raise `BadParameter` for what is no divergence, no discount, no share or makes no bins."""
    if how not in DIVERGENCES:
        names = ", ".join(DIVERGENCES)
        raise BadParameter(f"{type(owner).__name__}: divergence is one of {names}; got {how!r}")
    if discount not in DISCOUNTS:
        names = ", ".join(DISCOUNTS)
        raise BadParameter(f"{type(owner).__name__}: discount is one of {names}; got {discount!r}")
    between(owner, "alpha", alpha, 0, 0.5, below=True)
    if how == "kl":  # or a kind that only the context has would be infinitely far
        at_least(owner, "alpha", alpha, 0, above=True)
    at_least(owner, "bins", bins, 2)
    rising = isinstance(edges, tuple) and len(edges) > 0 and np.isfinite(edges).all()
    rising = rising and (np.diff(edges) > 0).all()
    if not rising and edges not in ("width", "quantile"):
        raise BadParameter(
            f"{type(owner).__name__}: edges is width, quantile, or the inner edges of the bins in "
            f"rising order; got {edges!r}"
        )


def upper(how: str, alpha: float) -> float:
    """The value for two mixes that have nothing in common, above which there is none."""
    one, none = np.ones(1), np.zeros(1)
    return float(divergence(np.stack([one, none], 1), np.stack([none, one], 1), how, alpha)[0])


def divergence(
    p: Floats, q: Floats, how: str | Callable[[Floats], Floats], alpha: float = ALPHA
) -> Floats:  # (B, C) and (B, C) -> (B,)
    """Of each row; ``how`` is a name, or any convex f with f(1) = 0, told p' / q'.

    Rows must add up to one; of a row of zeros, in either, NaN. Kinds that neither has count 0.

    >>> divergence(np.array([[1.0, 0]]), np.array([[0, 1.0]]), "jensen_shannon").round(5)
    array([0.99428])
    >>> divergence(np.array([[1.0, 0]]), np.array([[0.5, 0.5]]), lambda t: (t - 1) ** 2, 0)
    array([1.])
    """
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    undefined = (p.sum(-1) == 0) | (q.sum(-1) == 0)
    cell, rooted = DIVERGENCES[how] if isinstance(how, str) else (_perspective(how), False)
    total = cell(*smooth(p, q, alpha)).sum(-1).clip(0)
    return np.where(undefined, np.nan, np.sqrt(total) if rooted else total)


def smooth(p: Floats, q: Floats, alpha: float) -> tuple[Floats, Floats]:
    return (1 - alpha) * p + alpha * q, (1 - alpha) * q + alpha * p


def _perspective(f: Callable[[Floats], Floats]) -> Cell:
    def cell(p: Floats, q: Floats) -> Floats:
        there = q > 0
        if (p[~there] > 0).any():
            raise DataError("f(p / q) where q is 0 and p is not: take an alpha above 0")
        ratio = np.divide(p, q, out=np.ones_like(p), where=there)
        return np.where(there, q * f(ratio), 0)

    return cell


def divergences(
    p: csr_array, q: csr_array, how: str, alpha: float, *, both: bool = False
) -> Floats:  # (B,)
    """`divergence` of the mixes ``p`` and ``q``, (B, C) each; ``p`` may have one row for all.

    NaN where a row of either is empty. With ``both`` the mean of it and that of q and p. Only what
    is in a row is looked at, so C may be large.
    """
    b = q.shape[0]
    if p.shape[0] == 1 and b != 1:
        p = _repeated(p, b)
    n_p, n_q = np.diff(p.indptr), np.diff(q.indptr)
    p_at, q_at = csr_array(p.multiply(_ones(q))), csr_array(_ones(p).multiply(q))  # what both have
    shared = np.diff(p_at.indptr)
    row = np.repeat(np.arange(b), shared)
    # of the rest only its sum counts: every kind of divergence is as large as what it is of
    only_p = np.where(shared < n_p, 1 - np.bincount(row, p_at.data, minlength=b), 0)
    only_q = np.where(shared < n_q, 1 - np.bincount(row, q_at.data, minlength=b), 0)
    cell, rooted = DIVERGENCES[how]
    one, none = np.ones(1), np.zeros(1)

    def total(p_at: Floats, q_at: Floats, only_p: Floats, only_q: Floats) -> Floats:
        found = only_p * cell(*smooth(one, none, alpha)) + only_q * cell(*smooth(none, one, alpha))
        found += np.bincount(row, cell(*smooth(p_at, q_at, alpha)), minlength=b)
        return np.sqrt(found.clip(0)) if rooted else found.clip(0)

    found = total(p_at.data, q_at.data, only_p, only_q)
    if both:
        found = (found + total(q_at.data, p_at.data, only_q, only_p)) / 2
    found = np.minimum(found, upper(how, alpha))  # of rounding
    return np.where((n_p == 0) | (n_q == 0), np.nan, found)


def _ones(x: csr_array) -> csr_array:
    return csr_array((np.ones(len(x.data)), x.indices, x.indptr), shape=x.shape)


def _repeated(x: csr_array, b: int) -> csr_array:
    """The one row of ``x``, b times."""
    n = len(x.indices)
    return csr_array(
        (np.tile(x.data, b), np.tile(x.indices, b), np.arange(b + 1) * n), shape=(b, x.shape[1])
    )


def rank_weights(rank: Ints, discount: str) -> Floats:
    """What a place counts, the first being 1."""
    if discount == "reciprocal":
        return 1 / np.asarray(rank, np.float64)
    if discount == "log":
        return 1 / np.log2(np.asarray(rank, np.float64) + 1)
    return np.ones(np.shape(rank))


def listed(
    slate: Slate, n_items: int, *, k: int | None, discount: str, keep: Mask | None = None
) -> csr_array:  # (B, N)
    """The bag of the first ``k`` slots, all if None. Of these only items that ``keep`` (N,) names
    count, and places are counted among them.

    >>> slate = Slate(np.array([[2, 0, -1]], np.int32), np.zeros((1, 3), np.float32))
    >>> listed(slate, 3, k=2, discount="reciprocal").toarray()
    array([[0.5, 0. , 1. ]])
    """
    items, there = slate.items[:, :k], slate.filled[:, :k]
    if keep is not None:
        there = there & keep[items]
    start = np.concatenate([[0], np.cumsum(there.sum(1))])
    rank = np.cumsum(there, axis=1, dtype=np.int64)[there]
    return csr_array(
        (rank_weights(rank, discount), items[there].astype(np.int64), start),
        shape=(len(items), n_items),
    )


def past(history: Histories, *, discount: str, keep: Mask | None = None) -> csr_array:  # (B, N)
    """The bag of a history: its places are counted from the newest event."""
    if keep is not None:
        history = history.where(keep[history.items])
    weights = rank_weights(history.recency, discount)
    return csr_array(
        (weights, history.items.astype(np.int64), history.start),
        shape=(len(history), history.n_items),
    )


def of_items(there: Mask, keep: Mask | None = None) -> csr_array:  # (1, N)
    """The bag, in one row for all requests, of the items ``there`` (N,), all alike."""
    found = np.flatnonzero(there if keep is None else there & keep)
    return csr_array((np.ones(len(found)), found, [0, len(found)]), shape=(1, len(there)))


def once(
    make: Callable[Concatenate[Catalog, Settings], Made],
) -> Callable[Concatenate[Catalog, Settings], Made]:
    """``make``, doing its work once for a catalogue and settings, while there is the catalogue."""
    made: WeakKeyDictionary[Catalog, dict[Any, Made]] = WeakKeyDictionary()

    @wraps(make)
    def remembered(catalog: Catalog, /, *settings: Settings.args, **named: Settings.kwargs) -> Made:
        have = made.setdefault(catalog, {})
        key = settings, tuple(sorted(named.items()))
        if key not in have:
            have[key] = make(catalog, *settings, **named)
        return have[key]

    return remembered


@once
def among(catalog: Catalog, only: tuple[str, str] | None) -> Mask | None:  # (N,)
    """Which items have the value ``only[1]`` in the column ``only[0]``; None: all count."""
    if only is None:
        return None
    column, value = only
    kinds = catalog.kinds(column)
    called = [str(each) for each in kinds]
    if str(value) not in called:
        raise UnknownName(f"value in the column {column!r}", value, called)
    return np.asarray(catalog.multi_hot(column)[:, [called.index(str(value))]].toarray()[:, 0] > 0)


def check_mix(owner: object, to: str, mix: Mapping[str, float] | None) -> None:
    """Raise `BadParameter` unless ``mix`` is there where ``to`` is mix, and has shares."""
    name = type(owner).__name__
    if (mix is not None) != (to == "mix"):
        raise BadParameter(f"{name}: to='mix' and mix={{kind: share, ...}} go together")
    if mix is not None and not (min(mix.values(), default=0) >= 0 < sum(mix.values()) < math.inf):
        raise BadParameter(
            f"{name}: shares in mix must be numbers of at least 0, and one above; got {mix}"
        )


def given_mix(catalog: Catalog, by: str, mix: Mapping[str, float]) -> Floats:  # (C,)
    """The shares that ``mix`` gives the kinds of the column ``by``, adding up to one."""
    if catalog.column(by).dtype.is_numeric():
        raise BadParameter(f"mix speaks of kinds, and {by!r} is a column of numbers")
    kinds = [str(each) for each in catalog.kinds(by)]
    for each in mix:
        if each not in kinds:
            raise UnknownName(f"kind in the column {by!r}", each, kinds)
    out = np.array([float(mix.get(each, 0)) for each in kinds])
    shares: Floats = out / out.sum()
    return shares


def windowed(
    bag: csr_array, user: Ints, now: Ints, days: float, half_life: float | None
) -> csr_array:  # (B, N)
    """Of each request the bag of all that its user was shown in the last ``days``, up to it.

    Every list counts in full, or half as much for each ``half_life`` days that it is old; that of a
    request whose user is unknown is on its own.
    """
    b = len(user)
    who = np.where(user < 0, user.max(initial=0) + 1 + np.arange(b), user).astype(np.int64)
    order = np.lexsort((now, who))
    low = int(now.min(initial=0))
    span = int(now.max(initial=0)) - low + 1
    reach = math.ceil(min(days * DAY, span))  # what is less than `days` old counts
    key = who[order] * (2 * span) + span + (now[order] - low)  # a window stays with its user
    first = np.searchsorted(key, key - reach, side="right")
    last = np.searchsorted(key, key, side="right")
    start = np.concatenate([[0], np.cumsum(last - first)])
    at = np.arange(start[-1]) + np.repeat(first - start[:-1], last - first)
    row = np.repeat(order, last - first)
    other = order[at]
    weight = np.ones(len(other))
    if half_life is not None:
        weight = 0.5 ** ((now[row] - now[other]) / (half_life * DAY))
    size = np.asarray(bag.sum(1)).ravel()
    weight = np.divide(weight, size[other], out=np.zeros(len(other)), where=size[other] > 0)
    return csr_array(csr_array((weight, (row, other)), shape=(b, b)) @ bag)


@dataclass(frozen=True, eq=False)
class Feature:
    """What is counted of items: kinds, or numbers in bins. Exactly one of the two is there.

    Bins of equal ``width`` reach from the least to the largest number of each context, those by
    ``quantile`` hold about as many of its items each; numbers beyond are in the outermost. A tuple
    gives the inner edges. A number that is an edge is in the bin above it. A context that has no
    two different numbers makes no bins, and is empty.
    """

    shares: csr_array | None = None  # (N, C) rows that add up to one, or are empty
    numbers: NDArray[np.float64] | None = None  # (N,) NaN where nobody knows
    bins: int = 5
    edges: Bins = "width"

    @property
    def known(self) -> Mask:  # (N,)
        """Of which items anything is known."""
        if self.shares is not None:
            return np.asarray(np.diff(self.shares.indptr) > 0)
        assert self.numbers is not None
        return ~np.isnan(self.numbers)

    def mixes(self, context: csr_array, lists: csr_array) -> tuple[csr_array, csr_array]:
        """The mixes (B or 1, C) and (B, C) of a context and of lists, bags both.

        Items of which nothing is known do not count; a row without any other is empty.
        """
        p, inner = self.mix(context)
        if self.shares is not None:
            return p, _normal(csr_array(lists @ self.shares))
        inner = np.broadcast_to(inner, (lists.shape[0], inner.shape[1]))
        return p, _normal(self.binned(lists, inner))

    def mix(self, context: csr_array) -> tuple[csr_array, Floats]:
        """The mixes (B, C) of a context, and the inner edges of its bins, (B, bins - 1): NaN where
        it has no two different numbers, without columns for kinds."""
        if self.shares is not None:
            return _normal(csr_array(context @ self.shares)), np.zeros((context.shape[0], 0))
        row, value, _ = self._numbers(context)
        inner = self.inner(row, value, context.shape[0])
        return _normal(self.binned(context, inner)), inner

    def binned(self, bag: csr_array, inner: Floats) -> csr_array:  # (B, bins)
        """What each bin of a bag holds; nothing where there are no edges."""
        n_rows, c = bag.shape[0], inner.shape[1] + 1
        row, value, weight = self._numbers(bag)
        some = ~np.isnan(inner[row, 0])
        row, value, weight = row[some], value[some], weight[some]
        at = np.zeros(len(row), np.int64)
        for j in range(c - 1):
            at += value >= inner[row, j]
        total = np.bincount(row * c + at, weight, minlength=n_rows * c)
        return csr_array(total.reshape(n_rows, c).astype(np.float64))

    def inner(self, row: Ints, value: Floats, n_rows: int) -> Floats:  # (n_rows, bins - 1)
        """The inner edges for each row of a context, ``value`` (n,) in ``row`` (n,), which does not
        fall; NaN where there are no two different numbers."""
        if isinstance(self.edges, tuple):
            return np.broadcast_to(np.array(self.edges, np.float64), (n_rows, len(self.edges)))
        out = np.full((n_rows, self.bins - 1), np.nan)
        number = np.bincount(row, minlength=n_rows)
        some = np.flatnonzero(number)
        if not len(some):
            return out
        start = np.concatenate([[0], np.cumsum(number)])
        low = np.minimum.reduceat(value, start[some])
        high = np.maximum.reduceat(value, start[some])
        differ = low < high
        some, low, high = some[differ], low[differ], high[differ]
        part = np.arange(1, self.bins)
        if self.edges == "width":
            out[some] = low[:, None] + part * ((high - low) / self.bins)[:, None]
            return out
        ordered = value[np.lexsort((value, row))]
        place = (number[some] - 1)[:, None] * part / self.bins
        below = place.astype(np.int64)
        one = ordered[start[some][:, None] + below]
        two = ordered[np.minimum(start[some][:, None] + below + 1, start[some + 1][:, None] - 1)]
        out[some] = one + (two - one) * (place - below)
        return out

    def _numbers(self, bag: csr_array) -> tuple[Ints, Floats, Floats]:
        assert self.numbers is not None
        row = np.repeat(np.arange(bag.shape[0]), np.diff(bag.indptr))
        value = self.numbers[bag.indices]
        known = ~np.isnan(value)
        return row[known], value[known], bag.data[known]


def _normal(x: csr_array) -> csr_array:
    """Rows that add up to one; those of zeros stay."""
    x.sum_duplicates()
    size = np.asarray(x.sum(1)).ravel()
    x.data = x.data / np.repeat(np.where(size > 0, size, 1), np.diff(x.indptr))
    return x


@once
def feature(
    catalog: Catalog,
    by: str,
    *,
    bins: int = 5,
    edges: Bins = "width",
    absolute: bool = False,
    whole: bool = False,
) -> Feature:
    """The column ``by`` of the catalogue as a `Feature`: numbers in bins, or kinds.

    In a column of lists an item's kinds weigh by how often they are in its list. With ``absolute``
    numbers lose their sign, and with ``whole`` only items that have every kind count.
    """
    column = catalog.column(by)
    if column.dtype.is_numeric():
        values = column.cast(float).to_numpy().astype(np.float64)
        numbers = np.where(np.isfinite(values), np.abs(values) if absolute else values, np.nan)
        return Feature(numbers=numbers, bins=bins, edges=edges)
    if absolute:
        raise DataError(
            f"{by!r} is a column of {column.dtype}, and numbers are needed: headwater enrich adds "
            "a column of sentiment"
        )
    counts = catalog.multi_hot(by, repeats=True).astype(np.float64)
    if whole:
        has_all = np.diff(counts.indptr) == counts.shape[1]
        counts = csr_array(counts.multiply(has_all[:, None]))
        counts.eliminate_zeros()
    return Feature(shares=_normal(counts))
