"""Any log of events to sessions: what was done in each, as a vocabulary says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from time import time as present
from typing import Any

import numpy as np
import polars as pl

from ..errors import BadParameter, DataError, MissingColumn
from ..types import Dataset, Mask, Sessions
from ..visits import learnable
from ._columns import Column, guess
from ._cutting import Found, Parts, cut
from ._ids import names, numbered, texts
from ._notes import Note
from ._rejects import Rejects, bad
from ._tables import Batch, Table, open_table
from ._times import Clock
from ._vocabulary import BEHAVIOURS, CENSORED, INTENTS, ROLES, Signal, Vocabulary

__all__ = [
    "BEHAVIOURS",
    "CENSORED",
    "INTENTS",
    "Signal",
    "Vocabulary",
    "as_frame",
    "read_sessions",
]

EARLIEST = 946_684_800  # 2000-01-01: what is before it has a broken clock
DAY = 86_400
APART = 365  # days without any event, beyond which
FEW = 1_000  # less than one event in so many has a broken clock
NAMES_KEPT = 10_000  # of unknown events, while counting them

log = logging.getLogger("headwater")


def read_sessions(
    source: Any,
    vocabulary: str | PathLike[str] | Mapping[str, Any] | Vocabulary = "video",
    *,
    gap: float = 1800,
    user: str | None = None,
    time: str | None = None,
    event: str | None = None,
    session: Column = None,
    derived: bool = False,
    same: Sequence[str] | None = None,
    now: float | None = None,
    rejects: str | Path | None = None,
    strict: bool = False,
    at_once: int = 2_000_000,
    scratch: str | Path | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
) -> Dataset:
    """Read a log of events, one row an event, and return a `Dataset` whose ``sessions`` it makes.

    ``source`` is whatever `read` takes, a folder of such files or a list of them. ``user``,
    ``time``, ``event`` and ``session`` name its columns; None is as the `Vocabulary` says, or by
    name. Where there is a column of sessions a session is what it says, for each user; with
    session=False, or for events that it says nothing of, a session ends after more than ``gap``
    seconds without an event, and is called user@start, in unix seconds. With ``derived`` the
    derived signals of the vocabulary are behaviours too.

    Times are as for `read`, in whole seconds; without a time zone they are UTC. Left out, and
    counted in `Dataset.notes`, are

    * rows without a user, a time or an event, with a time before the year 2000 or more than a day
      after ``now`` (unix seconds; None is the present), which ``rejects`` and ``strict`` are for,
      as in `read`;
    * events that the vocabulary does not know;
    * events that repeat another one in the columns ``same``, or in all of them if None;
    * events more than a year before or after all others, if they are less than one in a thousand.

    The order of the rows is of no importance. Sessions longer than a day stay, and are counted.

    A log of more than ``at_once`` events is put aside in the folder ``scratch`` (a temporary one
    if None) in parts, by user, and never all of it is in memory: about ``at_once`` events are, and
    the sessions; 22 million events of a million sessions took 1 GiB in all. Nobody was asked
    anything yet: `surveys.join` adds the answers.

    `DataError` (`MissingColumn` for columns) if nothing useful is there.

    >>> data = read_sessions([
    ...     {"user_id": "ann", "timestamp": 1_700_000_000, "event": "app_open"},
    ...     {"user_id": "ann", "timestamp": 1_700_000_040, "event": "play"},
    ...     {"user_id": "ann", "timestamp": 1_700_009_000, "event": "search"},
    ... ])
    >>> data.sessions.ids.to_list()
    ['ann@1700000000', 'ann@1700009000']
    >>> data.sessions.column("num_plays"), data.sessions.column("time_to_first_play")
    (array([1., 0.], dtype=float32), array([40., nan], dtype=float32))
    """
    if not gap > 0:
        raise BadParameter(f"gap is in seconds, above 0; got {gap}")
    if at_once < 1:
        raise BadParameter(f"at_once must be at least 1; got {at_once}")
    words = Vocabulary.of(vocabulary)
    asked: dict[str, Column] = {"user": user, "time": time, "event": event, "session": session}
    for role, name in words.columns.items():
        asked[role] = name if asked[role] is None else asked[role]
    table = _log(source, encoding, [name for name in asked.values() if name])
    roles, guessed = guess(table.columns, asked, table.name, ROLES, ("user", "time", "event"))
    notes: list[str] = [table.note] if table.note else []
    if guessed:
        said_ = f"guessed: {', '.join(f'{r} is {roles[r]!r}' for r in guessed)}"
        notes.append(Note(said_, f"{len(guessed)} columns were guessed by their names"))
    apart = list(table.columns) if same is None else list(same)
    for name in apart:
        if name not in table.columns:
            raise MissingColumn(name, table.name, table.columns)
    latest = int(present() if now is None else now) + DAY
    reading = _Reading(words, roles, apart, latest, Rejects(rejects, strict=strict))
    with Parts(at_once, scratch) as parts:
        with reading.out:
            wanted = list(dict.fromkeys([*roles.values(), *apart]))
            for batch in table.batches(wanted):
                parts.add(reading.clean(batch, typed=table.typed))
            reading.check(table)
        bulk = reading.bulk()
        found = [cut(part, gap, words, bulk, derived) for part in parts.each()]
    notes += reading.notes(words)
    data, said = _dataset(found, reading, words.signals(derived=derived), seed)
    notes += said
    notes += _told(found, data, roles, gap, reading, words)
    for each in notes:
        log.info(each)
    return replace(data, notes=tuple(notes))


def _log(source: Any, encoding: str, asked: Sequence[str]) -> Table:
    """The table that ``source`` is, also where it lies in several files."""
    if isinstance(source, str | PathLike) and Path(source).expanduser().is_dir():
        home = Path(source).expanduser()
        files = [
            each
            for each in sorted(home.rglob("*"))
            if each.is_file() and not any(p[0] in "._" for p in each.relative_to(home).parts)
        ]
        title = str(home)
        if not files:
            raise DataError(f"{home} holds no files")
    elif (
        isinstance(source, list | tuple)
        and source
        and all(isinstance(each, str | PathLike) for each in source)
    ):
        files = [Path(each) for each in source]
        title = f"{len(files)} files, {files[0]} the first"
    else:
        return open_table(source, encoding=encoding, asked=asked)
    tables = [open_table(each, encoding=encoding, asked=asked) for each in files]

    def batches(wanted: list[str]) -> Iterator[Batch]:
        for each in tables:
            for name in wanted:
                if name not in each.columns:
                    raise MissingColumn(name, each.name, each.columns)
            yield from each.batches(wanted)

    typed = all(each.typed for each in tables)
    return replace(tables[0], name=title, batches=batches, typed=typed)


class _Reading:
    """A log while it is read: what of it can be used, and what there is to say of the rest."""

    def __init__(
        self,
        words: Vocabulary,
        roles: Mapping[str, str],
        same: list[str],
        latest: int,
        out: Rejects,
    ):
        pairs = [(name, i) for i, given in enumerate(words.kinds.values()) for name in given]
        self.meaning = pl.DataFrame(
            pairs, schema={"name": pl.String, "kind": pl.UInt16}, orient="row"
        )
        self.roles, self.same, self.latest, self.out = roles, same, latest, out
        self.clock = Clock()
        self.seen = self.known = self.strange = 0
        self.unknown: Counter[str] = Counter()
        self.kinds = np.zeros(len(words.kinds), np.int64)  # events of each
        self.days: Counter[int] = Counter()
        self.as_text = {"user": False, "session": False}

    def clean(self, batch: Batch, *, typed: bool) -> pl.DataFrame:
        """The events of a batch that can be used: user, time, kind, same and, if any, session."""
        frame, roles = batch.frame, self.roles
        self.seen += len(batch.rows) + batch.broken["row"].n_unique()
        for role in self.as_text.keys() & roles.keys():
            self.as_text[role] |= typed and frame[roles[role]].dtype == pl.String
        columns = {
            "user": texts(frame[roles["user"]]),
            "time": self.clock.seconds(frame[roles["time"]]),
            "event": texts(frame[roles["event"]]),
        }
        wrong = pl.repeat(False, len(frame), eager=True)
        said = [batch.broken]
        not_one = {"user": "is not an id", "time": "is not a time", "event": "is not a name"}
        for role, column in columns.items():
            raw = frame[roles[role]]
            gone = column.is_null()
            reasons = [(gone & raw.is_null(), "is empty"), (gone & ~raw.is_null(), not_one[role])]
            if role == "time":
                reasons.append(((column < EARLIEST).fill_null(False), "is before the year 2000"))
                reasons.append(((column > self.latest).fill_null(False), "is in the future"))
            for mask, why in reasons:
                if mask.any():
                    said.append(bad(batch.rows.filter(mask), roles[role], raw.filter(mask), why))
                    wrong |= mask
        self.out.add(pl.concat(said))
        event = columns["event"].to_frame("name")
        kind = event.join(self.meaning, on="name", how="left", maintain_order="left")["kind"]
        unknown = columns["event"].filter(kind.is_null() & ~wrong)
        if len(unknown):
            self.strange += len(unknown)
            self.unknown.update(dict(unknown.value_counts().iter_rows()))
            if len(self.unknown) > NAMES_KEPT:  # addresses of pages, say: keep what is common
                self.unknown = Counter(dict(_common(self.unknown, NAMES_KEPT // 2)))
        out = pl.DataFrame(
            {
                "user": columns["user"],
                "time": columns["time"],
                "kind": kind,
                "same": frame.select(self.same).hash_rows(),
            }
        )
        if "session" in roles:
            out = out.with_columns(session=texts(frame[roles["session"]]))
        out = out.filter(kind.is_not_null() & ~wrong)
        self.known += len(out)
        self.kinds += np.bincount(out["kind"].to_numpy(), minlength=len(self.kinds))
        self.days.update(dict((out["time"] // DAY).value_counts().iter_rows()))
        return out

    def check(self, table: Table) -> None:
        """`DataError` unless there is an event that means something."""
        if self.seen == 0:
            raise DataError(f"{table.name} has columns ({', '.join(table.columns)}) but no rows")
        if self.known:
            return
        if not self.unknown:
            raise DataError(f"no row of {table.name} can be used: {self.out.note(self.seen)}")
        have = self.meaning["name"].to_list()
        common = [name for name, _ in _common(self.unknown, 5)]
        close = {name: get_close_matches(name, have, n=1) for name in common}
        near = [f"{name!r} may be {found[0]!r}" for name, found in close.items() if found]
        raise DataError(
            f"the vocabulary knows no event of {table.name}: column {self.roles['event']!r} holds "
            f"{', '.join(map(repr, common))}{' and others' if len(self.unknown) > 5 else ''}"
            f"{'; ' + ', '.join(near) if near else ''}. Say what they mean in a YAML file; see "
            "Vocabulary.of"
        )

    def bulk(self) -> tuple[int, int]:
        """The first and the last second of all events but a few that are years away from them."""
        days = np.array(sorted(self.days))
        events = np.array([self.days[int(day)] for day in days])
        island = np.concatenate([[0], np.cumsum(np.diff(days) > APART)])
        large = np.bincount(island, events)[island] * FEW >= events.sum()
        return int(days[large].min()) * DAY, (int(days[large].max()) + 1) * DAY - 1

    def notes(self, words: Vocabulary) -> list[str]:
        notes = [f"times are read as {self.clock.unit}"]
        if self.out.count:
            why = [f"{n:,} x {column} {why}" for (column, why), n in self.out.reasons.most_common()]
            counts = f"left out {self.out.count:,} of {self.seen:,} rows ({', '.join(why)})"
            notes.append(Note(self.out.note(self.seen), counts))
        if self.strange:
            most = _common(self.unknown, 5)
            more = len(self.unknown) - len(most)
            said = f"left out {self.strange:,} of {self.seen:,} rows with events that"
            notes.append(
                Note(
                    f"{said} {words.name} does not know: "
                    f"{', '.join(f'{name!r} ({n:,})' for name, n in most)}"
                    f"{f' and {more:,} more names' if more else ''}",
                    f"{said} the vocabulary does not know",
                )
            )
        return notes


def _common(often: Counter[str], n: int) -> list[tuple[str, int]]:
    """The ``n`` most common; of equals the first by name."""
    return sorted(often.items(), key=lambda each: (-each[1], each[0]))[:n]


def _dataset(
    found: Sequence[Found], reading: _Reading, signals: Mapping[str, Signal], seed: int
) -> tuple[Dataset, list[str]]:
    frame = pl.concat([each.frame for each in found])
    behaviours = np.concatenate([each.behaviours for each in found])
    user, made = pl.col("user"), pl.format("{}@{}", "user", "start")
    frame = frame.with_columns(id=pl.coalesce("session", made))
    shared = frame["id"].is_duplicated()
    frame = frame.with_columns(
        id=pl.when(shared).then(pl.format("{}@{}", "id", user)).otherwise("id"), shared=shared
    )
    frame = frame.with_row_index("at").sort("start", "id")
    behaviours = behaviours[frame["at"].to_numpy()]
    said: list[str] = []
    if shared.any():
        note = (
            f"{shared.sum():,} sessions have the id of a session of somebody else: each is now "
            "called session@user"
        )
        said.append(Note(f"{note}, such as {frame.filter('shared')['id'][0]!r}", note))
    users = numbered(frame["user"], np.random.default_rng(seed), as_text=reading.as_text["user"])
    values, _ = names(frame["user"], as_text=reading.as_text["user"])
    ids = frame["id"]
    if frame["session"].null_count() == 0 and not shared.any():
        ids, _ = names(ids, as_text=reading.as_text["session"])
    n = len(frame)
    sessions = Sessions(
        ids=ids.alias("session_id"),
        user=users.encode(values),
        start=frame["start"].to_numpy(),
        seconds=(frame["end"] - frame["start"]).to_numpy().astype(np.float32),
        behaviours=behaviours,
        names=tuple(signals),
        censored=tuple(name for name, signal in signals.items() if signal.how == "first"),
        intents=np.zeros((n, 0), bool),
        intent_names=(),
        satisfaction=np.zeros(n, np.int8),
        shown=np.zeros(n, bool),
        weights=np.ones(n, np.float32),
    )
    return Dataset.of_sessions(sessions, users), said


def _told(
    found: Sequence[Found],
    data: Dataset,
    roles: Mapping[str, str],
    gap: float,
    reading: _Reading,
    words: Vocabulary,
) -> list[str]:
    """What there is to say of how the events became sessions."""
    sessions = data.sessions
    assert sessions is not None
    far, repeats = sum(each.far for each in found), sum(each.repeats for each in found)
    late, unnamed = sum(each.late for each in found), sum(each.unnamed for each in found)
    notes = []
    if far:
        notes.append(
            f"left out {far:,} events more than {APART} days before or after all others: their "
            "clocks are wrong"
        )
    if repeats:
        notes.append(f"left out {repeats:,} events that repeat another one")
    if late:
        whose = "session" if "session" in roles else "user"
        notes.append(
            f"{late:,} events stood before an earlier one of their {whose}: sorted by time"
        )
    still = f"{gap:,g} seconds without an event"
    ends = f"as column {roles['session']!r} says" if "session" in roles else f"ended by {still}"
    if unnamed:
        ends += f", or, for {unnamed:,} events of which it says nothing, ended by {still}"
    used = reading.known - far - repeats
    notes.append(
        f"{len(sessions):,} sessions of {len(data.users):,} users from {used:,} events, {ends}"
    )
    long = int((sessions.seconds > DAY).sum())
    notes += [f"{long:,} sessions are longer than a day: kept"] if long else []
    never = [kind for kind, n in zip(words.kinds, reading.kinds, strict=True) if n == 0]
    idle = [
        name
        for name, signal in words.behaviours.items()
        if signal.of and all(kind in never for kind in signal.of)
    ]
    if idle:
        notes.append(f"no event of this log is counted by {', '.join(idle)}")
    return notes


def as_frame(data: Dataset) -> pl.DataFrame:
    """The sessions of ``data`` as a table: a row a session, null for what is not known.

    session_id, user_id, start (UTC), seconds, the behaviours, intents (lists of names),
    satisfaction, shown and weight.
    """
    sessions = learnable(data)
    columns: dict[str, Any] = {
        "session_id": sessions.ids,
        "user_id": data.users.decode(sessions.user),
        "start": pl.from_epoch(pl.Series(sessions.start), "s").dt.replace_time_zone("UTC"),
        "seconds": sessions.seconds,
    }
    taken = [name for name in sessions.names if name in columns]
    if taken:
        raise DataError(f"a behaviour is called {taken[0]!r}, as a column of the sessions is")
    for at, name in enumerate(sessions.names):
        columns[name] = pl.Series(sessions.behaviours[:, at]).fill_nan(None)
    answered = pl.Series(sessions.answered)
    columns["intents"] = _lists(sessions.intents, sessions.intent_names)
    columns["satisfaction"] = pl.select(
        pl.when(answered).then(pl.Series(sessions.satisfaction))
    ).to_series()
    columns["shown"] = sessions.shown
    columns["weight"] = sessions.weights
    return pl.DataFrame(columns)


def _lists(came: Mask, called: Sequence[str]) -> pl.Series:
    """For each row of ``came`` (S, J) the list of the names whose column is True."""
    if not called:
        return pl.Series([[]] * len(came), dtype=pl.List(pl.String))
    each = [pl.when(pl.Series(came[:, j])).then(pl.lit(name)) for j, name in enumerate(called)]
    return pl.select(pl.concat_list(each).list.drop_nulls()).to_series()
