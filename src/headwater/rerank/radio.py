"""RADio re-ranking: lists moved until their mix is as far from a context as is wanted.

    argmax over what is left of   (1 - trade) r_i - trade off( divergence( P, Q_i ) )

    Q_i(c) ~ past(c) + sum over the picks, and i, of  w(rank) kinds_c
    off(d) = low - d below the range, d - high above it, 0 within:  low = high = 0 is as near as can

r is the score on a common scale, w the discount of the metric, and P the mix of the context: the
``history`` of who asks, the ``pool`` of candidates, the ``platform`` (all that was put before
anybody, or chosen where nobody logged that; `update` tells the latest), or a ``mix`` that is given.
So `metrics.calibration` moves with the history, `metrics.activation`, `metrics.representation` and
`metrics.alternative_voices` with the pool, `metrics.fragmentation` with the platform's mix of
stories: lists near to it are near to each other. Whose context is empty gets the order of the
scores.

With a ``window`` past(c) is what the person was shown in so many days, as the history and what is
known to be declined tell, each list of k items counting as one now, and half as much for every
``half_life`` days: what a person sees over a week is moved, not each list alone. One list moves the
mix of n by an n-th, so off(d) then counts n times.

Source:  ours: the step that section 6 of the thesis behind RADio leaves open (Vrijenhoek et al.,
         "RADio", RecSys 2022. arXiv:2209.13520), by the greedy loop of Steck, "Calibrated
         Recommendations", RecSys 2018.
Checked: pick by pick against the divergence written out for each candidate, and that dials move the
         metrics, tests/rerank/test_radio.py
Differs: with divergence kl, one discount for all and P the history it is Steck's, but for his form
         of smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
from scipy.sparse import csr_array

from ..divergence import (
    ALPHA,
    DAY,
    DIVERGENCES,
    Bins,
    Discount,
    Divergence,
    Feature,
    among,
    check,
    check_mix,
    feature,
    given_mix,
    of_items,
    past,
    rank_weights,
    smooth,
    upper,
)
from ..errors import BadParameter, DataError
from ..model import at_least, between, learned
from ..types import PAD, Dataset, Floats, Histories, Impressions, Ints, Queries, Slate
from ._greedy import LOWEST, Gain, Greedy, kernels

__all__ = ["RADio"]

CONTEXTS = ("history", "pool", "platform", "mix")


@dataclass(kw_only=True, eq=False)
class RADio(Greedy):
    reason: ClassVar[str] = "to keep to the norms of the platform"

    by: str = "category"  # a column of the catalogue: of kinds, of lists of them, or of numbers
    to: Literal["history", "pool", "platform", "mix"] = "pool"
    mix: dict[str, float] | None = None  # where ``to`` is mix: what each kind should have
    trade: float = 0.5  # 0 is the order of the scores, 1 is the norm alone
    low: float = 0.0  # of the divergence that is wanted
    high: float = 0.0
    divergence: Divergence = "jensen_shannon"
    discount: Discount = "reciprocal"  # what places count
    alpha: float = ALPHA
    only: tuple[str, str] | None = None  # a column and its value: only these items count
    absolute: bool = False  # numbers without their sign, as `metrics.activation` has them
    bins: int = 5  # of numbers
    edges: Bins = "width"
    window: float | None = None  # days of what the person was shown that count as well
    half_life: float | None = None  # days after which it counts half; None: never

    shares_: csr_array = learned()  # (N, C); no columns for numbers
    numbers_: np.ndarray = learned()  # (N,) float64; empty for kinds
    counted_: np.ndarray = learned()  # (N,) uint8: which items count
    platform_: np.ndarray = learned()  # (N,) float64: how often each was put before anybody
    mix_: np.ndarray = learned()  # (C,) float64, empty if none is given

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, self.divergence, self.alpha, self.discount, self.bins, self.edges)
        between(self, "trade", self.trade, 0, 1)
        between(self, "low", self.low, 0, upper(self.divergence, self.alpha))
        at_least(self, "high", self.high, self.low)
        if self.to not in CONTEXTS:
            raise BadParameter(f"RADio: to is one of {', '.join(CONTEXTS)}; got {self.to!r}")
        check_mix(self, self.to, self.mix)
        for name in ("window", "half_life"):
            if getattr(self, name) is not None:
                at_least(self, name, getattr(self, name), 0, above=True)
        if self.half_life is not None and self.window is None:
            raise BadParameter("RADio: half_life needs a window, in days")

    def fit(self, data: Dataset) -> Self:
        made = feature(data.catalog, self.by, absolute=self.absolute)
        n = len(data.items)
        keep = among(data.catalog, self.only)
        self.shares_ = csr_array((n, 0)) if made.shares is None else made.shares
        self.numbers_ = np.zeros(0) if made.numbers is None else made.numbers
        self.counted_ = np.ones(n, np.uint8) if keep is None else keep.astype(np.uint8)
        self.platform_ = np.bincount(data.log.items, minlength=n).astype(np.float64)
        if data.impressions is not None:
            self.update(data.impressions)
        self.mix_ = np.zeros(0)
        if self.mix is not None:
            self.mix_ = given_mix(data.catalog, self.by, self.mix)
        return self

    def update(self, impressions: Impressions) -> Self:
        """From now on the platform is what ``impressions`` put before people."""
        slate = impressions.slate
        often = np.bincount(slate.items[slate.filled], minlength=len(self.counted_))
        self.platform_ = often.astype(np.float64)
        return self

    @property
    def feature(self) -> Feature:
        numbers = len(self.numbers_) > 0
        return Feature(
            shares=None if numbers else self.shares_,
            numbers=self.numbers_ if numbers else None,
            bins=self.bins,
            edges=self.edges,
        )

    def wide(self) -> int:
        most = int(np.diff(self.shares_.indptr).max(initial=1)) if len(self.shares_.data) else 1
        return 16 * most

    def context(self, queries: Queries, slate: Slate) -> csr_array:  # (B or 1, N)
        keep = self.counted_ > 0
        if self.to == "history":
            return past(queries.history, discount=self.discount, keep=keep)
        if self.to == "platform":
            found = of_items(self.platform_ > 0, keep)
            found.data = self.platform_[found.indices]
            return found
        if queries.pool is not None:
            return of_items(queries.pool, keep)
        there = slate.filled & keep[slate.items]
        start = np.concatenate([[0], np.cumsum(there.sum(1))])
        items = slate.items[there].astype(np.int64)
        return csr_array((np.ones(len(items)), items, start), shape=(len(slate), len(keep)))

    def shown(self, queries: Queries) -> csr_array:  # (B, N)
        """What each was shown before, as the histories tell."""
        b, n = len(queries), queries.history.n_items
        out = csr_array((b, n))
        if self.window is None:
            return out
        each = rank_weights(np.arange(1, self.k + 1), self.discount).mean()
        for h in (queries.history, queries.declined):
            if h is None or not len(h.items):
                continue
            if not h.timed:
                raise DataError(
                    "RADio: a window is in days, and these histories have no times: leave window "
                    "out, or give requests whose events have them"
                )
            out = out + self._since(h, queries.now, float(each))
        return csr_array(out)

    def _since(self, h: Histories, now: Ints, each: float) -> csr_array:
        assert self.window is not None
        age = now[h.rows] - h.times
        there = (age >= 0) & (age < self.window * DAY) & (self.counted_[h.items] > 0)
        weight = np.full(len(age), each)
        if self.half_life is not None:
            weight *= 0.5 ** (np.maximum(age, 0) / (self.half_life * DAY))
        part = (weight[there], (h.rows[there], h.items[there].astype(np.int64)))
        return csr_array(part, shape=(len(h), h.n_items))

    def order(self, queries: Queries, slate: Slate, relevance: Floats) -> Ints:  # (B, K)
        fast = kernels()
        if fast is None:
            return super().order(queries, slate, relevance)
        state = self.state(queries, slate)
        order = np.empty(slate.items.shape, np.int64)
        fast.mixes(
            state.p,
            state.codes,
            state.parts,
            state.total,
            state.counted,
            state.defined,
            state.lists,
            rank_weights(np.arange(1, self.k + 1), self.discount),
            list(DIVERGENCES).index(self.divergence),
            DIVERGENCES[self.divergence][1],
            self.alpha,
            self.trade,
            self.low,
            self.high,
            relevance,
            slate.filled,
            self.k,
            order,
        )
        return order

    def gain(self, queries: Queries, slate: Slate, relevance: Floats) -> Gain:
        state = self.state(queries, slate)
        number = state.lists[:, None]

        def gain(last: Ints | None) -> Floats:
            if last is not None:
                state.pick(last)
            far = state.divergences()
            off = np.maximum(self.low - far, 0) + np.maximum(far - self.high, 0)
            off[~state.defined] = 0
            out = (1 - self.trade) * relevance - self.trade * number * off
            return np.where(relevance > LOWEST, out, LOWEST)  # whatever the dial says

        return gain

    def state(self, queries: Queries, slate: Slate) -> _State:
        b, k = slate.items.shape
        counted = slate.filled & (self.counted_[slate.items] > 0)
        items = np.where(slate.filled, slate.items, 0)
        made = self.feature
        if made.numbers is None:
            given = len(self.mix_) > 0
            p = self.mix_[None] if given else made.mix(self.context(queries, slate))[0]
            shares = _rows(self.shares_, np.where(counted, items, PAD).ravel())
            before = csr_array((b, self.shares_.shape[1]))
            if self.window is not None:
                before = csr_array(self.shown(queries) @ self.shares_)
            return _local(csr_array(p), shares, before, counted, self)
        context = self.context(queries, slate)
        p, inner = made.mix(context)
        inner = np.broadcast_to(inner, (b, inner.shape[1]))
        value = self.numbers_[items]
        known = counted & ~np.isnan(value) & ~np.isnan(inner[:, :1])
        at = (value[:, :, None] >= inner[:, None, :]).sum(2)
        flat = csr_array(
            (np.ones(known.sum()), (np.flatnonzero(known.ravel()), at[known])),
            shape=(b * k, inner.shape[1] + 1),
        )
        before = made.binned(self.shown(queries), inner)
        return _local(p, flat, before, counted, self)


@dataclass(eq=False)
class _State:
    """The picks so far. Kinds are numbered anew in each request, those of its candidates and of
    what was shown before; the last column holds what the context has besides."""

    p: Floats  # (B, C)
    codes: Ints  # (B, K, M)
    parts: Floats  # (B, K, M) 0 where an item has no more kinds
    total: Floats  # (B, C) of what was shown, and of the picks
    counted: np.ndarray  # (B, K) bool: takes a place
    defined: np.ndarray  # (B,) bool: whether there is a context
    model: RADio
    rank: Ints = field(init=False)  # (B,) of the next
    lists: Floats = field(init=False)  # (B,) how many this one and what was shown before make

    def __post_init__(self) -> None:
        self.rank = np.ones(len(self.p), np.int64)
        one = rank_weights(np.arange(1, self.model.k + 1), self.model.discount).sum()
        self.lists = 1 + self.total.sum(1) / one
        b, k, m = self.codes.shape
        self.known = self.parts.any(2)
        self.beside = np.take_along_axis(self.p, self.codes.reshape(b, -1), 1).reshape(b, k, m)

    def pick(self, last: Ints) -> None:
        row = np.arange(len(last))
        weight = rank_weights(self.rank, self.model.discount)
        np.add.at(
            self.total,
            (row[:, None], self.codes[row, last]),
            weight[:, None] * self.parts[row, last],
        )
        self.rank = self.rank + self.counted[row, last]

    def divergences(self) -> Floats:  # (B, K)
        """Of the list with each candidate next. One of which nothing is known leaves it as it is;
        an empty list it makes what the others do on the mean, so that it is no way out."""
        cell, rooted = DIVERGENCES[self.model.divergence]
        alpha = self.model.alpha
        size = self.total.sum(1)
        weight = rank_weights(self.rank, self.model.discount)

        def cells(p: Floats, total: Floats, size: Floats) -> Floats:
            return cell(*smooth(p, total / size, alpha))

        grown = (size + weight)[:, None]
        each = cells(self.p, self.total, grown)  # (B, C), were the candidate of no kind
        b, k, m = self.codes.shape
        flat = self.codes.reshape(b, -1)
        here = np.take_along_axis(self.total, flat, 1).reshape(b, k, m)
        more = cells(
            self.beside, here + weight[:, None, None] * self.parts, grown[:, :, None]
        ) - np.take_along_axis(each, flat, 1).reshape(b, k, m)
        found = each.sum(1)[:, None] + np.where(self.parts > 0, more, 0).sum(2)
        if not self.known.all():
            still = cells(self.p, self.total, np.where(size > 0, size, 1)[:, None]).sum(1)
            usual = np.where(self.known, found, 0).sum(1) / np.maximum(self.known.sum(1), 1)
            alone = np.where(size > 0, still, usual)
            found = np.where(self.known, found, alone[:, None])
        out: Floats = np.sqrt(found.clip(0)) if rooted else found.clip(0)
        return out


def _rows(x: csr_array, rows: Ints) -> csr_array:
    """The ``rows`` of ``x``, empty where PAD; for a few of them, far faster than an index."""
    number = np.where(rows == PAD, 0, x.indptr[rows + 1] - x.indptr[rows])
    start = np.concatenate([[0], np.cumsum(number)])
    at = np.arange(start[-1]) + np.repeat(x.indptr[rows] - start[:-1], number)
    return csr_array((x.data[at], x.indices[at], start), shape=(len(rows), x.shape[1]))


def _local(
    p: csr_array, shares: csr_array, shown: csr_array, counted: np.ndarray, model: RADio
) -> _State:
    """From the mixes ``p`` (B or 1, C) of contexts, ``shares`` (B * K, C) of candidates and what
    was ``shown`` (B, C) before."""
    b, k = counted.shape
    c = p.shape[1]
    number = np.diff(shares.indptr)
    slot = np.repeat(np.arange(b * k), number)
    m = int(number.max(initial=1))
    place = np.arange(len(slot)) - np.repeat(shares.indptr[:-1], number)
    shown_row = np.repeat(np.arange(b), np.diff(shown.indptr))
    keys = np.concatenate([slot // k * c + shares.indices, shown_row * c + shown.indices])
    kinds, at = np.unique(keys, return_inverse=True)
    row = kinds // c
    first = np.searchsorted(row, np.arange(b))
    local = at - first[keys // c]
    wide = int(np.bincount(row, minlength=1).max(initial=0)) + 1

    codes = np.zeros((b * k, m), np.int64)
    parts = np.zeros((b * k, m))
    codes[slot, place], parts[slot, place] = local[: len(slot)], shares.data
    total = np.zeros((b, wide))
    total[shown_row, local[len(slot) :]] = shown.data
    mixes = np.zeros((b, wide))
    one = p.shape[0] == 1
    p.sort_indices()
    p_row = np.repeat(np.arange(p.shape[0]), np.diff(p.indptr))
    key = p_row * c + p.indices
    asked = kinds % c if one else kinds
    found = np.searchsorted(key, asked)
    hit = np.append(key, PAD)[found] == asked
    mixes[row[hit], (np.arange(len(kinds)) - first[row])[hit]] = p.data[found[hit]]
    size = np.asarray(p.sum(1)).ravel()
    size = np.broadcast_to(size, (b,))
    mixes[:, -1] = np.maximum(size - mixes.sum(1), 0)
    return _State(
        p=mixes,
        codes=codes.reshape(b, k, m),
        parts=parts.reshape(b, k, m),
        total=total,
        counted=counted,
        defined=size > 0,
        model=model,
    )
