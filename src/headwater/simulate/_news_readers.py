"""Readers made up: what they like, what they are shown, and what of it they take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..errors import DataError
from ..types import Floats, Ints, Mask
from ._news_articles import DAY, IS_POLITICAL, SUBCATEGORIES, Articles, drawn, shares

__all__ = ["Likes", "Readers", "Shelf", "chances", "clicked", "distinct"]

POOL = 2 * DAY  # seconds that an article may be shown for
HALF = 0.7  # days in which an article loses a factor e of its draw
CHUNK = 1 << 19  # draws at once


@dataclass(frozen=True, eq=False)
class Readers:
    tastes: NDArray[np.float32]  # (U, S) shares of the subcategories
    level: Floats  # (U,) the difficulty that each likes best
    politics: Floats  # (U,) interest in politics, mean 0, deviation 1
    read: Ints  # (U,) articles before the first request

    @classmethod
    def of(cls, n: int, median: float, newcomers: float, rng: np.random.Generator) -> Readers:
        read = np.rint(median * np.exp(1.1 * rng.normal(size=n))).astype(np.int64).clip(1, 500)
        read[rng.random(n) < newcomers] = 0
        politics = rng.normal(size=n)
        base = np.sqrt(shares())
        base = base * np.exp(0.8 * politics[:, None] * IS_POLITICAL)
        base /= base.sum(1, keepdims=True)
        broad = 1.5 * (1 + read) ** 0.5  # who reads more likes more things
        drawn_ = rng.standard_gamma(broad[:, None] * base) + 1e-12
        return cls(
            tastes=(drawn_ / drawn_.sum(1, keepdims=True)).astype(np.float32),
            level=0.8 * rng.normal(size=n),
            politics=politics,
            read=read,
        )

    def __len__(self) -> int:
        return len(self.level)


@dataclass(frozen=True, eq=False)
class Likes:
    """How much somebody likes an article, in log-odds without the intercept."""

    readers: Readers
    articles: Articles
    taste: float
    heat: float
    level: float
    age: float

    def own(self, user: Ints, at: Ints) -> Floats:
        """What is of the person alone: taste and reading level."""
        sub = self.articles.subcategory[at]
        liking = np.log1p(len(SUBCATEGORIES) * self.readers.tastes[user, sub])
        off = self.readers.level[user] - self.articles.difficulty[at]
        return np.asarray(self.taste * liking - self.level * off**2)

    def __call__(self, user: Ints, at: Ints, now: Ints) -> Floats:
        days = (now - self.articles.published[at]) / DAY
        of_all = self.heat * self.articles.attractiveness[at] - self.age * days
        return self.own(user, at) + of_all


@dataclass(frozen=True, eq=False)
class Shelf:
    """What may be shown at a time: articles of the last two days."""

    articles: Articles
    readers: Readers
    shares: tuple[float, float, float]  # by popularity, by taste, by chance
    popular: float  # how heavy the tail of popularity is

    ends: Floats  # (N + 1,) sums of the draws of the articles in order of time
    by_part: Ints  # (N,) articles by subcategory, then time
    key: Ints  # (N,) of those, subcategory and time as one number

    @classmethod
    def of(
        cls,
        articles: Articles,
        readers: Readers,
        shares: tuple[float, float, float],
        popular: float,
    ) -> Shelf:
        since = (articles.published - articles.published[-1]) / (HALF * DAY)
        draw = np.exp(popular * articles.attractiveness + since)
        by_part = np.lexsort((articles.published, articles.subcategory))
        key = articles.subcategory[by_part] * SPAN + articles.published[by_part]
        ends = np.concatenate([[0.0], np.cumsum(draw)])
        return cls(articles, readers, shares, popular, ends, by_part, key)

    def propose(
        self, user: Ints, now: Ints, m: int, rng: np.random.Generator
    ) -> NDArray[np.int32]:  # (B, m)
        """Articles out by ``now``, with repeats."""
        low = np.searchsorted(self.articles.published, now - POOL, side="right")[:, None]
        high = np.searchsorted(self.articles.published, now, side="right")[:, None]
        if (low == high).any():
            raise DataError(
                "NewsWorld: at some time nothing had come out for two days; n_articles must be "
                "larger, or days and before smaller"
            )
        n = np.round(np.cumsum(self.shares[:2]) * m).astype(int)
        b, n_popular, n_taste = len(user), int(n[0]), int(n[1] - n[0])
        u = rng.random((b, n_popular))
        mass = self.ends[low] + u * (self.ends[high] - self.ends[low])
        popular = np.searchsorted(self.ends, mass, side="right") - 1
        popular = popular.clip(low, high - 1)
        chance = low + (rng.random((b, m - n_popular)) * (high - low)).astype(np.int64)
        part = drawn(self.readers.tastes[user], np.repeat(np.arange(b)[:, None], n_taste, 1), rng)
        first = np.searchsorted(self.key, part * SPAN + now[:, None] - POOL, side="right")
        last = np.searchsorted(self.key, part * SPAN + now[:, None], side="right")
        place = first + (rng.random(part.shape) * (last - first)).astype(np.int64)
        liked = self.by_part[np.minimum(place, len(self.by_part) - 1)]
        chance[:, :n_taste] = np.where(last > first, liked, chance[:, :n_taste])
        return np.concatenate([popular, chance], axis=1).astype(np.int32)


SPAN = 1 << 34  # more than any time


def distinct(items: Ints, k: Ints, allowed: Mask, rng: np.random.Generator) -> NDArray[np.int32]:
    """(B, max k) the first ``k`` (B,) of each row that are ``allowed``, each once, mixed; -1 behind
    where there are fewer."""
    order = np.argsort(items, axis=1, kind="stable")
    sorted_ = np.take_along_axis(items, order, 1)
    again = np.zeros(items.shape, bool)
    np.put_along_axis(again, order[:, 1:], sorted_[:, 1:] == sorted_[:, :-1], 1)
    keep = allowed & ~again
    # proposals come kind by kind: which of them stay is left to chance, as is their order
    place = np.where(keep, rng.random(items.shape, dtype=np.float32), 2)
    first = np.argsort(place, axis=1)[:, : int(k.max())]
    there = np.take_along_axis(place, first, 1) < 2
    there &= np.arange(first.shape[1]) < k[:, None]
    return np.where(there, np.take_along_axis(items, first, 1), -1).astype(np.int32)


def chances(logits: Floats) -> Floats:  # (B, K)
    """Of a click on each where clicks are independent but for this, that there is one at least:

    p_i / (1 - prod_j (1 - p_j)),  p = sigmoid(logits), 0 where -inf
    """
    p = expit(logits)
    none = np.log1p(-np.minimum(p, 1 - 1e-12)).sum(1, keepdims=True)
    return np.asarray(p / -np.expm1(none))


def clicked(logits: Floats, rng: np.random.Generator) -> Mask:  # (B, K)
    """Clicks with these `chances`: the first that is clicked, then each behind it alone."""
    p = expit(logits)
    log_none = np.cumsum(np.log1p(-np.minimum(p, 1 - 1e-12)), axis=1)
    some = -np.expm1(log_none)  # (B, K) a click on this slot or before
    u = rng.random((len(p), 1)) * some[:, -1:]
    first = (some <= u).sum(1, keepdims=True).clip(0, p.shape[1] - 1)
    place = np.arange(p.shape[1])
    out = (rng.random(p.shape) < p) & (place > first)
    np.put_along_axis(out, first, True, 1)
    return np.asarray(out)
