"""Small worlds with a known right answer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from ..types import Catalog, Dataset, Histories, Ids, Queries, Sessions, Stills

__all__ = ["blocks", "checkers", "histories", "visits", "world"]


def histories(pairs: Iterable[tuple[int, int]], n_rows: int, n_items: int) -> Histories:
    """From (row, item) pairs, in the order given; one second apart, from second 1."""
    at = np.asarray(list(pairs), int).reshape(-1, 2)
    seconds = np.arange(1, len(at) + 1)
    return Histories.of(at[:, 0], at[:, 1], n_rows=n_rows, n_items=n_items, times=seconds)


def world(log: Histories, *, topics: int = 2, size: int = 4, seed: int = 0) -> Dataset:
    """A dataset around ``log``, with made-up titles, topics, vectors of ``size`` numbers, and up to
    three pictures of each item."""
    rng = np.random.default_rng(seed)
    n = log.n_items
    table = pl.DataFrame(
        {
            "title": [f"item {i}" for i in range(n)],
            "topic": [f"t{i % topics}" for i in range(n)],
            "genres": [[f"g{i % topics}"] for i in range(n)],
        },
        schema={"title": pl.String, "topic": pl.String, "genres": pl.List(pl.String)},
    )
    vectors = {"text": rng.normal(size=(n, size)).astype(np.float32)}
    kinds = tuple(f"g{t}" for t in range(min(topics, n)))
    number = np.arange(n) % 3 + 1  # pictures of an item
    stills = Stills(
        start=np.append(0, np.cumsum(number)),
        scores=rng.random((number.sum(), len(kinds)), np.float32),
        kinds=kinds,
        names=pl.Series(
            [f"{i}-{j}.jpg" for i in range(n) for j in range(number[i])], dtype=pl.String
        ),
        spoils=np.arange(number.sum()) % 7 == 6,
    )
    return Dataset(
        users=Ids(pl.Series(range(len(log)), dtype=pl.Int64)),
        items=Ids(pl.Series(range(n), dtype=pl.Int64)),
        log=log,
        catalog=Catalog(table, vectors, stills),
    )


def checkers(n: int) -> tuple[Dataset, Queries]:
    """n users, n items: even users chose the even items, odd the odd, each all but its own number.

    So the one thing to recommend to user u is item u.
    """
    log = histories([(u, i) for u in range(n) for i in range(u % 2, n, 2) if i != u], n, n)
    data = world(log)
    return data, data.queries()


def blocks(
    users: int = 120, items: int = 60, *, topics: int = 3, length: int = 12, seed: int = 0
) -> Dataset:
    """People with one taste each, who choose within it three times out of four; ratings 1 to 5.

    Within a topic the items' popularity falls off like 1 / place, as it does in the world.
    """
    rng = np.random.default_rng(seed)
    rows, chosen, ratings = [], [], []
    for u in range(users):
        taste = u % topics
        weight = 1 / (1 + np.arange(items) // topics)
        weight = weight * np.where(np.arange(items) % topics == taste, 3 * (topics - 1), 1)
        got = rng.choice(items, size=min(length, items), replace=False, p=weight / weight.sum())
        rows += [u] * len(got)
        chosen += got.tolist()
        liked = np.where(got % topics == taste, 4, 2) + rng.integers(-1, 2, len(got))
        ratings += liked.clip(1, 5).tolist()
    when = rng.permutation(len(rows)) + 1
    log = Histories.of(
        np.array(rows),
        np.array(chosen),
        n_rows=users,
        n_items=items,
        times=when,
        values=np.array(ratings, np.float32),
    )
    return world(log, topics=topics, seed=seed)


def visits(n: int = 600, *, seed: int = 0, slopes: tuple[float, float] = (0.8, -0.6)) -> Dataset:
    """``n`` answered sessions of n / 2 people, whose log-odds to be satisfied (4 or 5) are 0.3,
    0.5 more for intent "a" and 0.5 less for "b", plus ``slopes`` for every play and search."""
    rng = np.random.default_rng(seed)
    plays, searches = rng.poisson(1.0, (2, n))
    seconds = rng.exponential(900, n) + 60
    first = np.where(plays > 0, seconds * rng.random(n), np.nan)
    intents = rng.random((n, 2)) < 0.5
    logit = 0.3 + slopes[0] * plays + slopes[1] * searches + intents @ [0.5, -0.5]
    good = rng.random(n) < 1 / (1 + np.exp(-logit))
    answers = np.where(good, rng.integers(4, 6, n), rng.integers(1, 4, n))
    sessions = Sessions(
        ids=pl.Series([f"s{i}" for i in range(n)]),
        user=(np.arange(n) // 2).astype(np.int32),
        start=np.arange(n) * 3600,
        seconds=seconds.astype(np.float32),
        behaviours=np.stack([plays, first, searches, seconds], 1).astype(np.float32),
        names=("num_plays", "time_to_first_play", "num_searches", "session_length"),
        censored=("time_to_first_play",),
        intents=intents,
        intent_names=("a", "b"),
        satisfaction=answers.astype(np.int8),
        shown=np.ones(n, bool),
        weights=np.ones(n, np.float32),
    )
    return Dataset.of_sessions(sessions, Ids(pl.Series(range(n // 2))))
