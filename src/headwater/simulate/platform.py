"""A platform made up, of which it is known what satisfies: what lures people is not what they then
like, so that whoever learns from clicks learns to lure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from ..model import at_least, between
from ..types import (
    Catalog,
    Dataset,
    Floats,
    Histories,
    Ids,
    Impressions,
    Ints,
    Mask,
    Queries,
    Sessions,
    Slate,
)

__all__ = ["Platform"]

INTENTS = ("familiar", "discover")  # something of one's own kind, or of another
BEHAVIOURS = (
    "num_plays",
    "time_to_first_play",
    "num_strips",
    "num_searches",
    "session_length",
)
BEGIN, APART = 1_704_067_200, 600  # seconds, from the start of a session to that of the next
CUTS = np.array([-2.0, -1.0, 0.0, 1.5])  # between the five levels, in log-odds


@dataclass(frozen=True, kw_only=True)
class Platform:
    """People with a taste for one of a few kinds, who come for it or for something else, and items
    that have a kind, a lure and a quality.

    Of a list, somebody who came for intent j clicks each item alone, with log-odds

        -1.5 + taste_j(u, kind of i) + lure lure_i

    and is satisfied (4 or 5) with log-odds  0.2 + the mean of  quality quality_i + taste_j / 2
    over what was clicked, or -1.5 where nothing was. Levels, the length of the session and searches
    follow that. Lure and quality have nothing to do with each other. 20 % are asked, and half of
    them answer.
    """

    n_users: int = 400
    n_items: int = 150
    n_kinds: int = 6
    n_sessions: int = 6000
    k: int = 8  # items of a list, drawn by lot
    lure: float = 1.0
    quality: float = 1.2
    asked: float = 0.2
    answers: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_users", "n_items", "n_sessions", "k"):
            at_least(self, name, getattr(self, name), 1)
        at_least(self, "n_kinds", self.n_kinds, 2)
        for name in ("asked", "answers"):
            between(self, name, getattr(self, name), 0, 1)
        between(self, "k", self.k, 1, self.n_items)

    @cached_property
    def kind(self) -> Ints:  # (N,)
        return np.arange(self.n_items) % self.n_kinds

    @cached_property
    def items(self) -> Floats:  # (2, N) lure and quality
        return np.random.default_rng([self.seed, 1]).normal(size=(2, self.n_items))

    @cached_property
    def own(self) -> Ints:  # (U,) the kind that each person likes
        return np.random.default_rng([self.seed, 2]).integers(self.n_kinds, size=self.n_users)

    def taste(self, user: Ints, intent: Ints, items: Ints) -> Floats:  # (B, K)
        mine = self.own[user][:, None] == self.kind[items]
        familiar = (intent == 0)[:, None]
        return np.where(mine == familiar, np.where(familiar, 1.5, 0.5), -0.5)

    def clicks(self, user: Ints, intent: Ints, items: Ints) -> Floats:  # (B, K)
        """How likely each is clicked."""
        lure = self.lure * self.items[0][items]
        return np.asarray(expit(-1.5 + self.taste(user, intent, items) + lure))

    def mood(self, user: Ints, intent: Ints, items: Ints, clicked: Mask) -> Floats:  # (B,)
        """The log-odds that somebody is satisfied who clicked these."""
        each = self.quality * self.items[1][items] + self.taste(user, intent, items) / 2
        several = clicked.sum(1)
        mean = (each * clicked).sum(1) / np.maximum(several, 1)
        return np.where(several > 0, 0.2 + mean, -1.5)

    def satisfaction(
        self, user: Ints, intent: Ints, items: Ints, *, n_draws: int = 50, seed: int = 0
    ) -> Floats:  # (B,)
        """How likely each is satisfied with the list of ``items`` (B, K), a mean over draws of what
        is clicked; the draws of a slot are the same for any list."""
        chance = self.clicks(user, intent, items)
        rng = np.random.default_rng([self.seed, 3, seed])
        total = np.zeros(len(user))
        for _ in range(n_draws):
            clicked = rng.random(chance.shape) < chance
            total += expit(self.mood(user, intent, items, clicked))
        return total / n_draws

    def log(self) -> Dataset:
        """What the platform knows: lists drawn by lot and clicks as impressions and events, and a
        session of each list, some with answers."""
        rng = np.random.default_rng([self.seed, 4])
        n = self.n_sessions
        user = rng.integers(self.n_users, size=n)
        intent = (rng.random(n) < 0.4).astype(np.int64)
        items = rng.random((n, self.n_items)).argpartition(self.k - 1, axis=1)[:, : self.k]
        clicked = rng.random(items.shape) < self.clicks(user, intent, items)
        start = BEGIN + np.arange(n) * APART
        sessions = self._sessions(user, intent, items, clicked, start, rng)
        row, slot = np.nonzero(clicked)
        log = Histories.of(
            user[row],
            items[row, slot],
            n_rows=self.n_users,
            n_items=self.n_items,
            times=start[row] + 1 + slot,
        )
        who = user.astype(np.int32)
        shown = Impressions(
            queries=Queries(log.before(who, start), who, start),
            slate=Slate(
                items.astype(np.int32),
                np.broadcast_to(-np.arange(self.k, dtype=np.float32), items.shape).copy(),
                propensity=np.full(items.shape, 1 / self.n_items, np.float32),
            ),
            clicks=clicked.astype(np.float32),
        )
        table = pl.DataFrame({"genres": [[f"kind {kind}"] for kind in self.kind]})
        return Dataset(
            users=Ids(pl.Series(range(self.n_users))),
            items=Ids(pl.Series(range(self.n_items))),
            log=log,
            catalog=Catalog(table),
            impressions=shown,
            sessions=sessions,
        )

    def _sessions(
        self,
        user: Ints,
        intent: Ints,
        items: Ints,
        clicked: Mask,
        start: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Sessions:
        n = len(user)
        mood = self.mood(user, intent, items, clicked)
        feels = mood + rng.logistic(size=n)
        level = 1 + (feels[:, None] > CUTS).sum(1)
        plays = clicked.sum(1)
        watched = np.exp(5 + 0.5 * feels + 0.5 * rng.normal(size=n)) * plays
        length = np.rint(30 + watched.clip(0, 7_200) + rng.exponential(60, n))
        first = np.where(plays > 0, np.rint(rng.random(n) * 20), np.nan)
        searches = rng.poisson(np.exp(-0.5 - 0.4 * feels).clip(0, 20))
        strips = rng.poisson(6, n)
        shown = rng.random(n) < self.asked
        said = shown & (rng.random(n) < self.answers)
        came = np.stack([intent == 0, intent == 1], 1) & said[:, None]
        return Sessions(
            ids=pl.Series([f"session {i}" for i in range(n)]),
            user=user.astype(np.int32),
            start=start,
            seconds=length.astype(np.float32),
            behaviours=np.stack([plays, first, strips, searches, length], 1).astype(np.float32),
            names=BEHAVIOURS,
            censored=("time_to_first_play",),
            intents=came,
            intent_names=INTENTS,
            satisfaction=np.where(said, level, 0).astype(np.int8),
            shown=shown,
            weights=np.ones(n, np.float32),
        )

    def requests(self, data: Dataset, n: int, seed: int = 0) -> tuple[Queries, Ints]:
        """People who come after all that is in the log, and why they do (n,)."""
        rng = np.random.default_rng([self.seed, 5, seed])
        user = rng.integers(self.n_users, size=n)
        intent = (rng.random(n) < 0.4).astype(np.int64)
        asked = data.queries(user, now=BEGIN + self.n_sessions * APART)
        return asked, intent

    def told(self, queries: Queries, intent: Ints) -> Queries:
        """``queries`` of people who say why they come."""
        return replace(queries, intents=np.eye(len(INTENTS), dtype=np.float32)[intent])
