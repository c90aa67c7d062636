"""From any table of events to a `Dataset`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import BadParameter, DataError
from ..types import PAD, Catalog, Dataset, Histories, Ids, Ints
from ._columns import Column
from ._describe import describe
from ._gather import Events, gather, grouped, places
from ._items import beside, catalogue
from ._rejects import Rejects

__all__ = ["Duplicates", "describe", "read"]

Duplicates = Literal["last", "first", "max", "sum", "keep", "error"]

KEPT = {
    "last": "the last of each",
    "first": "the first of each",
    "max": "that of the highest value",
    "sum": "the last of each, with the sum of the values",
}

log = logging.getLogger("headwater")


def read(
    source: Any,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: Column = None,
    time: Column = None,
    event: Column = None,
    items: Any = None,
    users: Any = None,
    like: float | None = None,
    duplicates: Duplicates = "last",
    min_items_per_user: int = 0,
    min_users_per_item: int = 0,
    until_stable: bool = False,
    strict: bool = False,
    rejects: str | Path | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
) -> Dataset:
    """Read a table of events, one row an event, into a `Dataset`.

    ``source`` is a path (text separated by commas, tabs, ``;``, ``|``, ``::`` or spaces, JSON lines
    or a JSON array, each also gzipped; Parquet; Arrow), a polars or pandas frame, anything with an
    Arrow stream, a list of dicts or a dict of columns. What a file is, is told from its content.
    Files and lazy frames are read in pieces (a JSON array is not); 8 to 21 bytes an event stay in
    memory, and up to about 50 while they are put in order.

    ``user``, ``item``, ``rating``, ``time`` and ``event`` name its columns; None guesses by name,
    False (not for the first two) does without. A file whose first line is all numbers has no
    header: its columns are user, item, rating and time, in this order, or as named by place with
    ``user="column_1"`` and so on. Ratings are any numbers; 1 without them. Times are unix seconds,
    milli-, micro- or nanoseconds, told apart by their size, or ISO 8601 dates, in UTC unless they
    say otherwise; a column called ``seq`` gives only the order, and without any it is that of the
    rows. Kinds of event are in ``log.kinds`` as numbers that `Dataset.kinds` explains.

    Ids stay whole numbers or text; those of a text file or JSON lines are whole numbers if all of
    them look it. They are numbered in a random order given by ``seed`` and the ids alone, so that
    no number tells how popular something is.

    A row with a missing id, a rating that is not a finite number or a time that cannot be read is
    left out, counted, and written with its line and reason to the CSV file ``rejects``; with
    ``strict`` the first of them raises. Then, in this order:

    * ``duplicates``: of several events with one user, item and kind, the "last" stays, the "first",
      the one of the "max" value, the last one with the "sum" of the values, all ("keep"), or they
      are an "error". Times decide, then the order of the rows.
    * ``like``: only ratings of at least this much stay, and the values become 1.
    * ``min_items_per_user``: users with fewer different items go, then
      ``min_users_per_item``: items with fewer different users go. Once, or ``until_stable``.

    ``items`` and ``users`` are tables of the same sorts with what is known of them: the first
    becomes the catalogue, which always has a ``title`` (null if unknown), with ``genres`` as lists;
    the second `Dataset.people`. Columns of the events that never differ within an item, as in a
    joined table, also go to the catalogue.

    What was guessed and what was left out is in `Dataset.notes`, and logged at INFO. Raises
    `DataError` (`MissingColumn` for columns) if nothing useful is there or nothing is left.

    >>> data = read([
    ...     {"userId": "ann", "movieId": 7, "stars": 5, "ts": "2024-05-01T10:00:00Z"},
    ...     {"userId": "bob", "movieId": 7, "stars": 4, "ts": "2024-05-02"},
    ...     {"userId": "bob", "movieId": 9, "stars": "good", "ts": "2024-05-03"},
    ... ])
    >>> data
    Dataset(2 users, 1 items, 2 events)
    >>> data.log.times[data.log.start[data.users.encode(["bob"])]]
    array([1714608000])
    >>> for note in data.notes: print(note)
    guessed: user is 'userId', item is 'movieId', rating is 'stars', time is 'ts'
    left out 1 of 3 rows (1 x stars is not a number), e.g. row 2: stars 'good' is not a number
    times are read as dates
    """
    if duplicates not in get_args(Duplicates):
        have = ", ".join(get_args(Duplicates))
        raise BadParameter(f"duplicates must be one of {have}; got {duplicates!r}")
    if min(min_items_per_user, min_users_per_item) < 0:
        raise BadParameter("min_items_per_user and min_users_per_item must be at least 0")
    asked = {"user": user, "item": item, "rating": rating, "time": time, "event": event}
    events = gather(source, asked, Rejects(rejects, strict=strict), encoding=encoding)
    distinct(events, duplicates)
    if like is not None:
        liked(events, like)
    core(events, min_items_per_user, min_users_per_item, until_stable)
    data = _dataset(events, np.random.default_rng(seed), items, users, encoding)
    for note in data.notes:
        log.info(note)
    return data


def distinct(events: Events, duplicates: Duplicates) -> None:
    """Leave at most one event for each user, item and kind: the one that the policy chooses."""
    values = np.ones(len(events), np.float32) if events.values is None else events.values
    order = np.argsort(values, kind="stable") if duplicates == "max" else places(len(events))
    begins = np.zeros(len(events), bool)
    begins[:1] = True
    keys = [(events.item, len(events.items)), (events.user, len(events.users))]
    if events.kinds is not None:
        keys = [(events.kinds.astype(np.int32), len(events.kind_names)), *keys]
    for codes, n in keys:
        order = order[grouped(codes[order], n)]
    for codes, _ in keys:
        begins[1:] |= np.diff(codes[order]) != 0
    ends = np.append(begins[1:], True)
    repeats = len(events) - int(begins.sum())
    if repeats == 0:
        return
    what = "events repeat a user and item" + (" and kind" if events.kinds is not None else "")
    if duplicates == "keep":
        events.notes.append(f"{repeats:,} {what}: all are kept")
        return
    if duplicates == "error":
        first = np.flatnonzero(begins)
        often = np.diff(first, append=len(events))
        worst = order[first[often.argmax()]]
        raise DataError(
            f"{repeats:,} {what}, most often user {events.users[int(events.user[worst])]!r} and "
            f"item {events.items[int(events.item[worst])]!r} ({often.max():,} times); say which to "
            "keep, e.g. duplicates='last'"
        )
    chosen = order[begins if duplicates == "first" else ends]
    if duplicates == "sum":
        total = np.zeros(len(events), np.float32)
        total[chosen] = np.add.reduceat(values[order], np.flatnonzero(begins), dtype=np.float64)
        events.values = total
    keep = np.zeros(len(events), bool)
    keep[chosen] = True
    events.keep(keep)
    events.notes.append(f"{repeats:,} {what}: kept {KEPT[duplicates]}")


def liked(events: Events, like: float) -> None:
    """Leave the events with a value of at least ``like``, and forget the values."""
    if events.values is None:
        raise DataError(
            f"like={like:g} needs ratings, and {events.table.name} has no column of them; it has: "
            f"{', '.join(events.table.columns)}. Name it with rating='...'"
        )
    keep, low, high = events.values >= like, events.values.min(), events.values.max()
    told = f"like={like:g}: kept {keep.sum():,} of {len(events):,} events"
    events.keep(keep)
    events.values = None
    _some_left(events, f"{told}; ratings go from {low:g} to {high:g}")
    events.notes.append(told)


def core(events: Events, per_user: int, per_item: int, until_stable: bool) -> None:
    """Drop users of fewer items than ``per_user``, then items of fewer users than ``per_item``.

    Once in this order, or again until nobody has to go.
    """
    if per_user <= 1 and per_item <= 1:
        return
    # Sorted by hand: np.unique of many integers is far slower in numpy 2.4.
    pairs = np.sort(events.user.astype(np.int64) * len(events.items) + events.item)
    pairs = pairs[np.append(pairs[1:] != pairs[:-1], True)]
    user, item = np.divmod(pairs, len(events.items))

    def often(codes: Ints, ids: pl.Series) -> Ints:
        return np.bincount(codes, minlength=len(ids))

    had = (
        len(events),
        int((often(user, events.users) > 0).sum()),
        int((often(item, events.items) > 0).sum()),
    )
    before, rounds = len(user) + 1, 0
    while len(user) < before and (until_stable or rounds == 0):
        before, rounds = len(user), rounds + 1
        stays = often(user, events.users)[user] >= per_user
        user, item = user[stays], item[stays]
        stays = often(item, events.items)[item] >= per_item
        user, item = user[stays], item[stays]
    users, items = often(user, events.users) > 0, often(item, events.items) > 0
    events.keep(users[events.user] & items[events.item])
    told = (
        f"min_items_per_user={per_user}, min_users_per_item={per_item}"
        f"{f', until stable ({rounds} rounds)' if until_stable else ''}: kept {users.sum():,} of "
        f"{had[1]:,} users, {items.sum():,} of {had[2]:,} items, {len(events):,} of {had[0]:,} "
        "events"
    )
    _some_left(events, told)
    events.notes.append(told)


def _some_left(events: Events, told: str) -> None:
    if len(events) == 0:
        raise DataError(f"no event is left after {told}")


def _dataset(
    events: Events, rng: np.random.Generator, items: Any, users: Any, encoding: str
) -> Dataset:
    notes = list(events.notes)
    user, user_was = _numbering(events.users, events.user, rng)
    item, item_was = _numbering(events.items, events.item, rng)
    events.keep(grouped(_inverse(user_was, len(events.users))[events.user], len(user)))
    lengths = np.bincount(events.user, minlength=len(events.users))[user_was]
    n = len(events)
    times = None if events.ordinal else events.times
    history = Histories(
        start=np.concatenate([[0], np.cumsum(lengths)]),
        items=_inverse(item_was, len(events.items))[events.item],
        times=np.zeros(n, np.int64) if times is None else times,
        values=np.ones(n, np.float32) if events.values is None else events.values,
        n_items=len(item),
        kinds=events.kinds,
    )
    table, people = events.facts.table(item_was, typed=events.table.typed), None
    if table.width:
        notes.append(
            f"never differ within an item, so in the catalogue: {', '.join(table.columns)}"
        )
    if items is not None:
        listed = beside(items, item, "item", events.roles["item"], encoding)
        rest = table.drop(listed.frame.columns, strict=False)
        table = pl.concat([listed.frame, rest], how="horizontal")
        notes += listed.notes
    if users is not None:
        listed = beside(users, user, "user", events.roles["user"], encoding)
        people = listed.frame
        notes += listed.notes
    table, said = catalogue(table, len(item))
    return Dataset(
        users=user,
        items=item,
        log=history,
        catalog=Catalog(table),
        people=people,
        kinds=events.kind_names,
        notes=(*notes, *said),
    )


def _numbering(ids: pl.Series, at: Ints, rng: np.random.Generator) -> tuple[Ids, Ints]:
    """The ids that ``at`` (n,) points to, in a random order; and where each of them was.

    Sorted first, so that neither the order of the rows nor the kind of file has a part in it.
    """
    kept = np.flatnonzero(np.bincount(at, minlength=len(ids)))
    order = ids.gather(kept).arg_sort().to_numpy()
    was = kept[order][rng.permutation(len(kept))]
    return Ids(ids.gather(was)), was


def _inverse(was: Ints, n: int) -> NDArray[np.int32]:
    """The new number of each of the n old ones, if new number i was ``was[i]``."""
    out = np.full(n, PAD, np.int32)
    out[was] = np.arange(len(was))
    return out
