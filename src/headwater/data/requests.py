"""Requests with candidates, made of plain choices: for rankers where nobody logged what was shown.

What was held out of somebody's history is what they click; the candidates around it are what the
recommenders that are asked would have shown, or a draw by popularity and taste. Whatever made the
candidates learned from the rest alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl

from ..errors import BadParameter, DataError
from ..evidence import Evidence
from ..model import Recommender, chunk, top
from ..types import PAD, Dataset, Floats, Ids, Impressions, Ints, Slate
from ._parts import Split

__all__ = ["answered", "by_time", "by_user", "drawn", "renumbered", "split_requests"]


def answered(recommender: Recommender, split: Split, k: int) -> Impressions:
    """What ``recommender``, fitted on ``split.train``, would have shown; what was held out is
    clicked. Requests none of whose choices it found are left out."""
    slate = recommender.recommend(split.queries, k)
    seen = Evidence(split.queries, slate, split.truth, split.train)
    some = np.flatnonzero(seen.hits.any(1))
    if not len(some):
        raise DataError(
            f"none of the {k} items that {recommender!r} gives each of {len(split):,} requests was "
            "chosen afterwards: there is nothing to learn a ranking from"
        )
    return Impressions(split.queries[some], slate[some], seen.hits[some].astype(np.float32))


def drawn(
    split: Split,
    recommenders: Sequence[Recommender] = (),
    *,
    k: int = 100,
    popularity: float = 0.5,
    taste: float = 3.0,
    seed: int = 0,
) -> Impressions:
    """Of each request of ``split``: what was held out, and others up to ``k``, in random order.

    The others are drawn without putting back, the chance of an item being in proportion to

        (1 + people who chose it)^popularity  *  exp(taste * its place)

    where its place is 1 for the first item of a recommender and falls to 0 at the end of its list
    of 3 k, the mean over the ``recommenders``, which must be fitted on ``split.train``. What is in
    the history is no candidate. More than ``k`` choices are cut to ``k``, at random.
    """
    if k < 2:
        raise BadParameter(f"k must be at least 2, got {k}")
    n = split.truth.n_items
    chosen_by = np.bincount(split.train.log.matrix().indices, minlength=n)
    plain = popularity * np.log1p(chosen_by)
    truth = split.truth.matrix()
    items = np.full((len(split), min(k, n)), PAD, np.int32)
    clicks = np.zeros(items.shape, np.float32)
    size = chunk(n)
    for at in range(0, len(split), size):
        queries = split.queries[at : at + size]
        rows = np.arange(at, at + len(queries))
        place = np.zeros((len(queries), n))
        for each in recommenders:
            place += _place(each.recommend(queries, 3 * k).items, n) / len(recommenders)
        rng = np.random.default_rng([seed, at])
        score = plain + taste * place + rng.gumbel(size=place.shape)
        score[queries.history.rows, queries.history.items] = -np.inf
        if queries.pool is not None:
            score[:, ~queries.pool] = -np.inf
        wanted = truth[rows].toarray() > 0
        score[wanted] = 1e9 * (1 + rng.random(int(wanted.sum())))
        columns = top(score, items.shape[1])
        found = np.take_along_axis(score, columns, 1)
        shuffled = np.where(np.isneginf(found), 2, rng.random(columns.shape)).argsort(1)
        columns = np.take_along_axis(columns, shuffled, 1)
        there = np.isfinite(np.take_along_axis(found, shuffled, 1))
        items[rows] = np.where(there, columns, PAD)
        clicks[rows] = np.take_along_axis(wanted, columns, 1) & there
    order = -np.arange(items.shape[1], dtype=np.float32)
    return Impressions(split.queries, Slate(items, np.where(items == PAD, -np.inf, order)), clicks)


def renumbered(impressions: Impressions, users: Ids, now: Ids) -> Impressions:
    """The same requests where the number of a user in ``users`` becomes that in ``now``."""
    number = np.append(now.encode(users.values), PAD).astype(np.int32)  # PAD stays PAD
    queries = replace(impressions.queries, user=number[impressions.queries.user])
    return replace(impressions, queries=queries)


def split_requests(
    data: Dataset,
    impressions: Impressions | None = None,
    *,
    by: Literal["users", "time"] = "users",
    shares: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> Split:
    """A split in which candidates are ranked: rankers learn from the requests of most people.

    ``impressions`` (those of ``data`` if None) go in three parts: to learn from, to tune on (the
    split's ``validation``), and to test on. ``by`` users nobody is in two of them, and the seed
    says who is in which; by time the latest are the test, as on a platform that learns every night:
    of the log nothing is learned from that is not earlier than all of them.
    What was clicked in the last two is in no log that is learned from; a later request of the same
    person has it in its history, as it would have. A click on what the request's own history has
    already is no question.
    """
    whole = data.impressions if impressions is None else impressions
    if whole is None:
        raise DataError(
            "the data have no impressions: read_impressions reads them, drawn makes them"
        )
    if len(shares) != 3:
        raise BadParameter(f"shares are of training, validation and test; got {list(shares)}")
    if by not in ("users", "time"):
        raise BadParameter(f"by must be users or time, got {by!r}")
    learn, tune, test = by_user(whole, shares, seed) if by == "users" else by_time(whole, shares)
    until = by == "time"
    inner = None
    if len(tune):
        inner = _ranking(data, whole, learn, tune, [tune, test], seed, None, until)
    learn = np.sort(np.append(learn, tune))
    return _ranking(data, whole, learn, test, [test], seed, inner, until)


def _ranking(
    data: Dataset,
    whole: Impressions,
    learn: Ints,
    test: Ints,
    hidden: Sequence[Ints],
    seed: int,
    inner: Split | None,
    until: bool,
) -> Split:
    secret = whole[np.concatenate(hidden)]
    clicks = secret.chosen
    log = data.log.without(secret.queries.user[clicks.rows], clicks.items)
    if until and log.timed and len(test):
        log = log.where(log.times < whole.queries.now[test].min())
    asked = whole[test]
    chosen = asked.chosen
    truth = chosen.where(~asked.queries.history.has(chosen.rows, chosen.items))
    some = np.flatnonzero(truth.lengths)
    if not len(some) or not len(learn):
        raise DataError(
            f"{len(whole):,} requests are too few for these shares: {len(learn):,} are left to "
            f"learn from and {len(some):,} with a click to test on"
        )
    asked, truth = asked[some], truth[some]
    ids = data.users.decode(asked.queries.user)
    strangers = pl.Series([f"new {i}" for i in range(len(asked))])
    return Split(
        train=replace(data, log=log, impressions=whole[learn]),
        queries=asked.queries,
        truth=truth,
        users=ids.cast(pl.String).fill_null(strangers) if ids.null_count() else ids,
        candidates=asked.slate,
        name="requests",
        seed=seed,
        dropped={"requests without a new click": len(test) - len(some)},
        inner=inner,
    )


def by_time(impressions: Impressions, shares: Sequence[float]) -> list[Ints]:
    """The requests in parts, one after the other in time; ``shares`` are of the requests.

    Requests of one moment are in one part.
    """
    _whole(shares)
    now = impressions.queries.now
    if len(now) and not np.ptp(now):
        raise DataError("requests go by their time, and these have none, or all the same")
    ends = np.round(np.cumsum(shares)[:-1] * len(now)).astype(int)
    ordered = np.append(np.sort(now), np.iinfo(np.int64).max)
    part = np.searchsorted(ordered[ends], now, side="right")
    return [np.flatnonzero(part == i) for i in range(len(shares))]


def _whole(shares: Sequence[float]) -> None:
    if not shares or min(shares) < 0 or not np.isclose(sum(shares), 1):
        raise BadParameter(f"shares are parts of a whole, adding up to 1; got {list(shares)}")


def by_user(impressions: Impressions, shares: Sequence[float], seed: int) -> list[Ints]:
    """The requests in parts with no user in two of them; ``shares`` are of the users.

    A request of nobody known is a user of its own.
    """
    _whole(shares)
    user = impressions.queries.user.astype(np.int64)
    new = user == PAD
    user[new] = user.max(initial=0) + 1 + np.arange(new.sum())
    _, own = np.unique(user, return_inverse=True)
    n = int(own.max(initial=-1)) + 1
    place = np.random.default_rng(seed).permutation(n)
    ends = np.round(np.cumsum(shares) * n).astype(int)
    part = np.searchsorted(ends, place, side="right")[own]
    return [np.flatnonzero(part == i) for i in range(len(shares))]


def _place(items: Ints, n: int) -> Floats:  # (B, N)
    """1 for the first slot, falling evenly to 0 behind the last, 0 for what is not there."""
    b, k = items.shape
    out = np.zeros((b, n))
    row, slot = np.nonzero(items != PAD)
    out[row, items[row, slot]] = 1 - slot / k
    return out
