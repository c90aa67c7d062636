"""Whether a table of events is fit for use: a verdict for each rule, with examples and the fix."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from ..errors import DataError, HeadwaterError
from ..types import Dataset, Ids
from ._columns import Column
from ._gather import Events, gather, roles_of
from ._ids import WHOLE
from ._items import beside, catalogue
from ._rejects import Rejects
from ._tables import open_table
from .frame import Duplicates, core, distinct, liked

__all__ = ["Check", "validate"]

EARLIEST = 631_152_000  # 1990-01-01
DAY = 86_400
GREEDY = 0.01  # of all events is much for one user,
TIMES = 100  # and so is this many times the median


@dataclass(frozen=True)
class Check:
    """What one rule found. The ``fix`` says what to do where it is not ``passed``."""

    rule: str
    passed: bool
    found: str
    examples: tuple[str, ...] = ()
    fix: str = ""

    def __str__(self) -> str:
        lines = [f"{'PASS' if self.passed else 'FAIL'}  {self.rule}: {self.found}"]
        if not self.passed:
            lines += [f"      e.g. {example}" for example in self.examples]
            lines += [f"      fix: {self.fix}"] if self.fix else []
        return "\n".join(lines)


def validate(
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
    encoding: str = "utf-8",
) -> list[Check]:
    """Try ``source``, as `read` would with the same options, against every rule that applies.

    A `Dataset` is tried as the table of its events; one without events by the labels of its items
    and by what they are told from.

    A rule that has nothing to look at (times where there are none, anything once the file cannot
    be read) is not in the list. Bad data never raises.

    >>> for check in validate([{"user": 1, "item": "a", "rating": "x"}, {"user": 1, "item": "b"}]):
    ...     print(check)  # doctest: +ELLIPSIS
    PASS  the table can be read: 3 columns: user, item, rating
    PASS  there is a user and an item column: user is 'user', item is 'item', rating is 'rating'
    PASS  no id is missing: in all rows
    FAIL  ratings are finite numbers: 1 x rating is not a number, 1 x rating is empty
          e.g. row 0: rating 'x' is not a number
          e.g. row 1: rating is empty
          fix: mend them, or let `read` leave them out; rejects='bad.csv' lists all of them
    FAIL  some rows can be used: ...
          fix: mend what is above
    """
    asked: dict[str, Column] = {
        "user": user,
        "item": item,
        "rating": rating,
        "time": time,
        "event": event,
    }
    if isinstance(source, Dataset):
        if len(source.log.items) == 0:
            return _labelled(source)
        source = _events(source)
    try:
        table = open_table(source, encoding=encoding, asked=[n for n in asked.values() if n])
    except (HeadwaterError, OSError) as error:
        return [Check("the table can be read", False, str(error), fix="as it says")]
    said = f"{len(table.columns)} columns: {', '.join(table.columns[:12])}"
    readable = Check("the table can be read", True, said)
    try:
        roles, _ = roles_of(table, asked)
    except HeadwaterError as error:
        fix = "say which is which: user='...', item='...'; on the command line --user, --item"
        return [readable, Check("there is a user and an item column", False, str(error), fix=fix)]
    said = ", ".join(f"{role} is {name!r}" for role, name in roles.items())
    named = Check("there is a user and an item column", True, said)
    out = Rejects()
    try:
        events = gather(table, asked, out, encoding=encoding)
    except (HeadwaterError, OSError) as error:
        if out.count == 0:
            return [Check("the table can be read", False, str(error), fix="as it says"), named]
        none = Check("some rows can be used", False, str(error), fix="mend what is above")
        return [readable, named, *_rows(roles, out), none]
    return [
        readable,
        named,
        *_rows(roles, out),
        *_ids(events),
        *_times(events),
        *_shape(events),
        *_beside(items, "item", events, encoding),
        *_beside(users, "user", events, encoding),
        _left(events, like, duplicates, min_items_per_user, min_users_per_item, until_stable),
    ]


def _rows(roles: dict[str, str], out: Rejects) -> list[Check]:
    """What `read` would leave out, by what is wrong."""
    rules = {
        "every line has as many fields as the header": ["the line"] * (out.unit == "line"),
        "no id is missing": [roles["user"], roles["item"]],
        "ratings are finite numbers": [roles[role] for role in ("rating",) if role in roles],
        "times can be read": [roles[role] for role in ("time",) if role in roles],
        "every event has a kind": [roles[role] for role in ("event",) if role in roles],
    }
    checks = []
    for rule, columns in rules.items():
        wrong = {key: n for key, n in out.reasons.items() if key[0] in columns}
        told = ", ".join(f"{n:,} x {column} {why}" for (column, why), n in wrong.items())
        some = [each for key in wrong for each in out.first[key]]
        fix = "mend them, or let `read` leave them out; rejects='bad.csv' lists all of them"
        if columns:
            checks.append(Check(rule, not wrong, told or "in all rows", tuple(some[:5]), fix))
    return checks


def _ids(events: Events) -> list[Check]:
    checks = []
    for role, ids in (("user", events.users), ("item", events.items)):
        numbers = ids.str.contains(WHOLE) if ids.dtype == pl.String else ids.is_not_null()
        mixed = bool(numbers.any() and not numbers.all())
        some = [repr(ids.filter(each)[0]) for each in (numbers, ~numbers)] if mixed else []
        whole = f"{numbers.sum():,} of {len(ids):,} are whole numbers"
        found = whole if mixed else f"{len(ids):,}, such as {ids[0]!r}"
        fix = "harmless if all are names; else find where the others come from"
        checks.append(Check(f"{role} ids are of one type", not mixed, found, tuple(some), fix))
    return checks


def _times(events: Events) -> list[Check]:
    if events.times is None or events.ordinal:
        return []
    now = int(clock.time())
    old, late = events.times < EARLIEST, events.times > now + DAY
    unit = "if they count something else than unix time, in order only, call the column seq"
    span = f"{_date(events.times.min())} to {_date(events.times.max())}"
    checks = []
    for rule, wrong, fix in (
        ("no event is before 1990", old, unit),
        ("no event is in the future", late, "mend the clock that wrote them, or leave them out"),
    ):
        at = np.flatnonzero(wrong)
        some = tuple(f"{_pair(events, i)} at {_date(events.times[i])}" for i in at[:3])
        found = f"{len(at):,} of {len(events):,} are; all go from {span}" if len(at) else span
        checks.append(Check(rule, len(at) == 0, found, some, fix))
    return checks


def _shape(events: Events) -> list[Check]:
    """Whether there is something to learn from, and nobody who drowns the others."""
    pairs = events.user.astype(np.int64) * len(events.items) + events.item
    if events.kinds is not None:
        pairs = pairs * len(events.kind_names) + events.kinds
    _, at, often = np.unique(pairs, return_index=True, return_counts=True)
    repeats = len(pairs) - len(at)
    most = at[np.argsort(-often, kind="stable")][:3]
    twice = tuple(_pair(events, i) for i in most) if repeats else ()
    activity = np.bincount(events.user, minlength=len(events.users))
    single = np.flatnonzero(activity == 1)
    usual = float(np.median(activity))
    greedy = np.flatnonzero((activity > GREEDY * len(events)) & (activity > TIMES * usual))
    greedy = greedy[np.argsort(-activity[greedy], kind="stable")]
    n_users, n_items = len(events.users), len(events.items)
    return [
        Check(
            "there are several users and items",
            min(n_users, n_items) > 1,
            f"{n_users:,} users, {n_items:,} items",
            fix="nothing can be learned from one alone: is it the right column?",
        ),
        Check(
            "no user and item come twice",
            repeats == 0,
            f"{repeats:,} of {len(events):,} events repeat another",
            twice,
            "choose what they mean: duplicates='last', 'max', 'sum' or 'keep'",
        ),
        Check(
            "every user has at least two events",
            len(single) == 0,
            f"{len(single):,} of {n_users:,} users have one",
            tuple(f"user {events.users[int(u)]!r}" for u in single[:3]),
            "such users cannot be split into past and future: min_items_per_user=2 drops them",
        ),
        Check(
            "no user is behind an absurd share of the events",
            len(greedy) == 0,
            f"the busiest has {activity.max():,} of {len(events):,}, the median user {usual:g}",
            tuple(f"user {events.users[int(u)]!r}: {activity[u]:,} events" for u in greedy[:3]),
            "a program or a shared account? drop these users before reading",
        ),
    ]


def _beside(source: Any, role: str, events: Events, encoding: str) -> list[Check]:
    if source is None:
        return []
    ids = events.items if role == "item" else events.users
    column = events.roles[role]
    try:
        listed = beside(source, Ids(ids), role, column, encoding)
    except (HeadwaterError, OSError) as error:
        fix = f"both tables need the same ids; the column should be called {column!r} in both"
        return [Check(f"the {role} table can be read and joined", False, str(error), fix=fix)]
    n = len(listed.missing)
    checks = [
        Check(
            f"every {role} is in the {role} table",
            n == 0,
            f"{n:,} of {len(ids):,} are not",
            tuple(f"{role} {each!r}" for each in listed.missing[:3]),
            f"add them to the {role} table; until then what is known of them is null",
        )
    ]
    strange = {why: n for why, n in listed.left_out.items() if n and "without events" not in why}
    told = ", ".join(f"{n:,} rows {why}" for why, n in strange.items())
    rule = f"every row of the {role} table has an id of its own"
    checks.append(Check(rule, not strange, told or "they have", fix="mend or drop these rows"))
    if role == "item":
        title = catalogue(listed.frame, len(ids))[0]["title"]
        nameless = ids.filter(title.is_null())
        checks.append(
            Check(
                "every item has a title",
                len(nameless) == 0,
                f"{len(nameless):,} of {len(ids):,} have none",
                tuple(f"item {each!r}" for each in nameless[:3]),
                "add a column title to the item table; without it items are shown by their id",
            )
        )
    return checks


def _left(
    events: Events,
    like: float | None,
    duplicates: Duplicates,
    min_items_per_user: int,
    min_users_per_item: int,
    until_stable: bool,
) -> Check:
    rule, n = "events are left after all options", len(events)
    try:
        distinct(events, duplicates)
        if like is not None:
            liked(events, like)
        core(events, min_items_per_user, min_users_per_item, until_stable)
    except DataError as error:
        return Check(rule, False, str(error), fix="ask for less: a lower threshold or minimum")
    return Check(rule, True, f"{len(events):,} of {n:,}")


def _pair(events: Events, at: int) -> str:
    who, what = int(events.user[at]), int(events.item[at])
    return f"user {events.users[who]!r}, item {events.items[what]!r}"


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).date().isoformat()


def _labelled(data: Dataset) -> list[Check]:
    """Whether items that nobody chose have labels, and something to tell them from."""
    n, table = len(data.items), data.catalog.table
    lists = [name for name, kind in table.schema.items() if kind == pl.List(pl.String)]
    content = [name for name, kind in table.schema.items() if kind == pl.Binary or name == "text"]
    checks = [
        Check(
            "there are events, or labels",
            bool(lists),
            f"no events; lists of labels in {', '.join(lists)}" if lists else "no events",
            fix="read a table of events with `read`, or of items with labels with `read_labelled`",
        ),
        Check(
            "there are several items",
            n > 1,
            f"{n:,} items",
            fix="nothing can be learned from one alone: is it the right column?",
        ),
    ]
    for name in lists:
        kinds, called = data.catalog.multi_hot(name), data.catalog.kinds(name)
        often = np.bincount(kinds.indices, minlength=len(called))
        bare = n - int((np.diff(kinds.indptr) > 0).sum())
        found = (
            f"{len(called):,} kinds, {kinds.nnz / max(n, 1):.2f} an item; {bare:,} items have none"
        )
        some = f"some item has anything in {name}"
        checks.append(Check(some, bare < n, found, fix="is it the right column?"))
        rare = np.flatnonzero(often == 1)
        checks.append(
            Check(
                f"every kind of {name} has at least two items",
                len(rare) == 0,
                f"{len(rare):,} of {len(called):,} have one",
                tuple(repr(called[i]) for i in rare[:3]),
                f"what is seen once cannot be learned and tested: frequent(data, {name!r}, 2)",
            )
        )
    if content:
        known = table.select(pl.any_horizontal(pl.col(content).is_not_null())).to_series()
        checks.append(
            Check(
                f"every item has {' or '.join(content)}",
                bool(known.all()),
                f"{n - int(known.sum()):,} of {n:,} have not",
                tuple(f"item {each!r}" for each in data.items.values.filter(~known)[:3]),
                "leave these items out, or add what they lack",
            )
        )
    return checks


def _events(data: Dataset) -> pl.DataFrame:
    log = data.log
    columns = {"user": data.users.decode(log.rows), "item": data.items.decode(log.items)}
    columns["rating"] = pl.Series(log.values)
    if log.timed:
        columns["time"] = pl.Series(log.times)
    if log.kinds is not None:
        columns["event"] = pl.Series(data.kinds).gather(log.kinds)
    return pl.DataFrame(columns)
