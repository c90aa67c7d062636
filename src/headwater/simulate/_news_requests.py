"""What readers of made-up news had read, and then asked for, were shown and clicked.

Articles are in the numbers of the order in which they came out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..errors import BadParameter
from ..types import PAD, Floats, Histories, Ints
from ._news_articles import DAY
from ._news_readers import CHUNK, Likes, Shelf, chances, clicked, distinct

__all__ = ["LEAST", "MOST", "Shown", "histories", "intercept_of", "requests"]

PILOT = 2_000  # requests that the intercept is found on
PROPOSED = 12  # articles that each of a history was chosen from
LEAST, MOST = 10, 60  # candidates of a request
CANDIDATES = (3.4, 0.6)  # of the log of how many there are
DRAWS = 2 * MOST  # proposals that candidates are taken from


@dataclass(frozen=True, eq=False)
class Shown:
    """Requests in order of time."""

    user: Ints  # (B,)
    now: NDArray[np.int64]  # (B,)
    items: NDArray[np.int32]  # (B, MOST)
    clicks: NDArray[np.bool_]  # (B, MOST)
    chances: NDArray[np.float32]  # (B, MOST) of a click


def histories(shelf: Shelf, likes: Likes, begin: int, end: int, seed: int) -> Histories:
    """What everybody read from ``begin`` to ``end``: of a few articles that were proposed to them
    the one they liked best."""
    readers, n = shelf.readers, len(shelf.articles)
    more = np.where(readers.read > 0, np.ceil(1.2 * readers.read) + 2, 0).astype(np.int64)
    user = np.repeat(np.arange(len(readers)), more)
    now = np.random.default_rng([seed, 5]).integers(begin, max(end, begin + 1), len(user))
    chosen = np.empty(len(user), np.int64)
    size = CHUNK // PROPOSED
    for at in range(0, len(user), size):
        rng = np.random.default_rng([seed, 6, at])
        who, when = user[at : at + size], now[at : at + size]
        some = shelf.propose(who, when, PROPOSED, rng)
        liked = likes(who[:, None], some, when[:, None]) + rng.gumbel(size=some.shape)
        chosen[at : at + size] = some[np.arange(len(some)), liked.argmax(1)]
    _, once = np.unique(user * n + chosen, return_index=True)
    once = np.random.default_rng([seed, 7]).permutation(once)
    once = once[np.argsort(user[once], kind="stable")]
    place = np.arange(len(once)) - np.searchsorted(user[once], user[once])
    once = once[place < readers.read[user[once]]]
    return Histories.of(user[once], chosen[once], n_rows=len(readers), n_items=n, times=now[once])


@dataclass(frozen=True, eq=False)
class _Asked:
    """Requests, by person and then time."""

    user: Ints  # (B,)
    now: NDArray[np.int64]  # (B,)
    k: Ints  # (B,) how many candidates

    @classmethod
    def of(cls, n: int, read: Ints, begin: int, end: int, seed: int) -> _Asked:
        rng = np.random.default_rng([seed, 8])
        often = (3.0 + read) ** 0.4
        user = rng.choice(len(read), n, p=often / often.sum())
        now = rng.integers(begin, end, n)
        order = np.lexsort((now, user))
        mean, spread = CANDIDATES
        k = np.rint(np.exp(mean + spread * rng.normal(size=n))).astype(np.int64)
        return cls(user[order], now[order], k.clip(LEAST, MOST))

    def __getitem__(self, rows: Ints) -> _Asked:
        return _Asked(self.user[rows], self.now[rows], self.k[rows])

    def shown(self, shelf: Shelf, read: Ints, rng: np.random.Generator) -> NDArray[np.int32]:
        """(B, K) candidates, none of which is in ``read``: person and article, as sorted numbers
        u N + i."""
        some = shelf.propose(self.user, self.now, DRAWS, rng)
        key = self.user[:, None] * len(shelf.articles) + some
        found = np.append(read, -1)[np.searchsorted(read, key)] == key
        return distinct(some, self.k, ~found, rng)

    def logits(self, likes: Likes, items: Ints) -> Floats:  # (B, K)
        plain = likes(self.user[:, None], items, self.now[:, None])
        return np.where(items == PAD, -np.inf, plain)


def intercept_of(shelf: Shelf, likes: Likes, asked: _Asked, share: float, seed: int) -> float:
    """The one with which a ``share`` of what is shown is clicked."""
    rng = np.random.default_rng([seed, 10])
    some = asked[rng.integers(0, len(asked.user), PILOT)]
    shown = some.shown(shelf, np.zeros(0, np.int64), rng)
    plain = some.logits(likes, shown)

    def clicks(intercept: float) -> float:
        return float(chances(plain + intercept).sum() / (shown != PAD).sum())

    least = clicks(-30.0)
    if share <= least:
        raise BadParameter(
            f"NewsWorld: clicks={share} of what is shown is less than one click a request; "
            f"clicks must be more than {least:.3f}"
        )
    return float(brentq(lambda intercept: clicks(intercept) - share, -30.0, 30.0))


def requests(
    shelf: Shelf,
    likes: Likes,
    past: Histories,
    *,
    n: int,
    begin: int,
    end: int,
    share: float,
    seed: int,
) -> tuple[Shown, float]:
    """``n`` requests from ``begin`` to ``end``, and the intercept of the log-odds of a click.

    Drawn are everybody's first requests, then all second ones, and so on, since nobody is shown
    what they have read.
    """
    asked = _Asked.of(n, shelf.readers.read, begin, end, seed)
    intercept = intercept_of(shelf, likes, asked, share, seed)
    items = np.full((n, MOST), PAD, np.int32)
    chance = np.zeros((n, MOST), np.float32)
    clicks = np.zeros((n, MOST), bool)
    late = past.times >= begin - 2 * DAY
    read = np.sort(past.rows[late] * past.n_items + past.items[late])
    turn = np.arange(n) - np.searchsorted(asked.user, asked.user)
    for number in range(int(turn.max()) + 1):
        mine = np.flatnonzero(turn == number)
        new = [read]
        for at in range(0, len(mine), CHUNK // DRAWS):
            rows = mine[at : at + CHUNK // DRAWS]
            rng = np.random.default_rng([seed, 9, number, at])
            shown = asked[rows].shown(shelf, read, rng)
            logits = intercept + asked[rows].logits(likes, shown)
            took = clicked(logits, rng)
            width = shown.shape[1]
            items[rows, :width] = shown
            chance[rows, :width] = chances(logits)
            clicks[rows, :width] = took
            row, slot = np.nonzero(took)
            new.append(asked.user[rows][row] * past.n_items + shown[row, slot])
        read = np.sort(np.concatenate(new))
    order = np.argsort(asked.now, kind="stable")
    found = Shown(asked.user[order], asked.now[order], items[order], clicks[order], chance[order])
    return found, intercept
