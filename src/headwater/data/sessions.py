"""Any log of events to sessions: what was done in each, as a vocabulary says."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from time import time as present
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import BadParameter, DataError, MissingColumn
from ..types import Dataset, Ints, Mask, Sessions
from ..visits import learnable
from ._columns import NAMES, Column, guess
from ._ids import names, numbered, texts
from ._notes import Note
from ._rejects import Rejects, bad
from ._tables import Batch, Table, open_table
from ._times import Clock
from ._yaml import called, listed, mapping, only, tree

__all__ = [
    "BEHAVIOURS",
    "CENSORED",
    "INTENTS",
    "Signal",
    "Vocabulary",
    "as_frame",
    "read_sessions",
]

BEHAVIOURS = (  # table 4.2 of the thesis, in the order of its released code
    "num_plays",
    "time_to_first_play",
    "num_trailer_plays",
    "time_to_first_trailer",
    "num_bookmarks",
    "num_profile_clicks",
    "num_account_visits",
    "num_strips",
    "num_searches",
    "num_series_descriptions",
    "num_movie_descriptions",
    "session_length",
)
CENSORED = ("time_to_first_play", "time_to_first_trailer")
INTENTS: Mapping[str, tuple[str, ...]] = {
    "decisive": ("catch_up", "continue_watching", "live_tv", "specific_title"),
    "explorative": ("add_to_watchlist", "genre", "new", "watchlist"),
}

ROLES = {
    "user": NAMES["user"][:2],
    "time": NAMES["time"][:3],
    "event": (*NAMES["event"], "kind type hittype eventaction"),
    "session": ("sessionid", "visitid session visit"),
}
HOWS = ("count", "first", "per_minute", "share")  # and "length", which is of no kind
EARLIEST = 946_684_800  # 2000-01-01: what is before it has a broken clock
DAY = 86_400
APART = 365  # days without any event, beyond which
FEW = 1_000  # less than one event in so many has a broken clock
PARTS = 64  # that a log too large for memory is cut into, by user
NAMES_KEPT = 10_000  # of unknown events, while counting them

log = logging.getLogger("headwater")


class Signal(NamedTuple):
    """What of a session is measured, and of which kinds of event."""

    how: str  # "count", "first", "length", "per_minute" or "share"
    of: tuple[str, ...] = ()  # kinds


@dataclass(frozen=True)
class Vocabulary:
    """What the events of a log mean, and what of a session is measured."""

    kinds: Mapping[str, tuple[str, ...]]  # kind -> the names that its events have in the log
    behaviours: Mapping[str, Signal]
    derived: Mapping[str, Signal] = field(default_factory=dict)  # measured only if asked for
    columns: Mapping[str, str] = field(default_factory=dict)  # role -> column; guessed if not here
    name: str = "the vocabulary"  # for messages

    @classmethod
    def of(cls, source: str | PathLike[str] | Mapping[str, Any] | Vocabulary) -> Self:
        """From a YAML file, the name of one that comes along ("video", "music"), or its tree.

            columns: {user: account, time: at, event: what, session: visit}    # may be left out
            kinds:
              play: [PLAY, RESUME]            # the names that such events have in the log
              page: VIEW                      # without a behaviour it keeps a session going
            behaviours:
              num_plays: {count: play}        # how many; several kinds: {count: [play, page]}
              first_play: {first: play}       # seconds from the start, unknown where never
              length: length                  # seconds from the first event to the last
            derived:                          # only with derived=True
              plays_per_minute: {per_minute: play}   # a session takes at least a minute
              play_share: {share: play}       # of the events that behaviours count

        `UnknownName` for a key, kind or vocabulary that does not exist, `DataError` for the rest.
        """
        if isinstance(source, cls):
            return source
        found, where = tree(source, "vocabularies", "vocabulary")  # type: ignore[arg-type]
        found = mapping(found, where)
        only(found, ("columns", "kinds", "behaviours", "derived"), where)
        columns = mapping(found.get("columns", {}), f"columns in {where}")
        only(columns, ROLES, f"columns in {where}")
        kinds = {
            kind: listed(given, f"kind {kind!r} in {where}")
            for kind, given in mapping(found.get("kinds"), f"kinds in {where}").items()
        }
        often = Counter(name for given in kinds.values() for name in given)
        twice = [name for name, n in often.items() if n > 1]
        if twice:
            raise DataError(f"event {twice[0]!r} means two things in {where}: name it once")
        behaviours = _signals(found.get("behaviours"), kinds, f"behaviours in {where}")
        if not behaviours:
            raise DataError(f"{where} names no behaviours: nothing of a session would be measured")
        derived = _signals(found.get("derived", {}), kinds, f"derived in {where}")
        both = [name for name in derived if name in behaviours]
        if both:
            raise DataError(f"{both[0]!r} is both in behaviours and in derived of {where}")
        given = {role: called(name, f"columns in {where}") for role, name in columns.items()}
        return cls(kinds, behaviours, derived, given, where)

    def signals(self, *, derived: bool) -> dict[str, Signal]:
        return {**self.behaviours, **(self.derived if derived else {})}


def _signals(found: Any, kinds: Mapping[str, Any], where: str) -> dict[str, Signal]:
    out = {}
    for name, given in mapping(found, where).items():
        if given == "length":
            out[name] = Signal("length")
            continue
        here = f"{name!r} of {where}"
        if not isinstance(given, Mapping) or len(given) != 1:
            raise DataError(
                f"{here} is {given!r}; it must be `length`, or one of "
                f"{', '.join(f'{{{how}: KIND}}' for how in HOWS)}"
            )
        only(mapping(given, here), HOWS, here)
        ((how, of),) = given.items()
        of = listed(of, here)
        only(dict.fromkeys(of), kinds, f"{here}, as a kind")
        out[name] = Signal(how, of)
    return out


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
    with _Parts(at_once, scratch) as parts:
        with reading.out:
            wanted = list(dict.fromkeys([*roles.values(), *apart]))
            for batch in table.batches(wanted):
                parts.add(reading.clean(batch, typed=table.typed))
            reading.check(table)
        bulk = reading.bulk()
        found = [_cut(part, gap, words, bulk, derived) for part in parts.each()]
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


class _Parts:
    """Events in memory, or, when they are too many, on disk in parts, by user."""

    def __init__(self, at_once: int, scratch: str | Path | None):
        self.at_once, self.scratch = at_once, scratch
        self.held: list[pl.DataFrame] = []
        self.rows = 0
        self.sizes = np.zeros(PARTS, np.int64)  # of what is on disk
        self.folder: Path | None = None
        self.files = 0

    def __enter__(self) -> Self:
        if self.scratch is not None:
            Path(self.scratch).mkdir(parents=True, exist_ok=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="headwater-", dir=self.scratch)
        return self

    def __exit__(self, *_: object) -> None:
        self.temporary.cleanup()

    def add(self, events: pl.DataFrame) -> None:
        self.held.append(events)
        self.rows += len(events)
        if self.rows > self.at_once:
            self._put_aside()

    def _put_aside(self) -> None:
        self.folder = Path(self.temporary.name)
        events = pl.concat(self.held)
        self.held, self.rows = [], 0
        events = events.with_columns(part=pl.col("user").hash() % PARTS)
        for (part,), some in events.partition_by("part", as_dict=True, include_key=False).items():
            self.sizes[int(part)] += len(some)
            some.write_ipc(self.folder / f"{int(part):03}-{self.files:06}.arrow")
        self.files += 1

    def each(self) -> Iterator[pl.DataFrame]:
        """All events, each user's in one frame; in a frame no more than asked for, if it can be."""
        if self.folder is None:
            events, self.held = pl.concat(self.held), []
            yield events
            return
        if self.held:
            self._put_aside()
        together = np.cumsum(self.sizes)
        first = 0
        while first < PARTS:
            most = self.at_once + (together[first - 1] if first else 0)
            after = max(first + 1, int(np.searchsorted(together, most, side="right")))
            paths = [
                path
                for part in range(first, after)
                for path in sorted(self.folder.glob(f"{part:03}-*.arrow"))
            ]
            if paths:
                yield pl.concat([pl.read_ipc(path) for path in paths])
            first = after


class _Found(NamedTuple):
    """The sessions of some users, and what was left out on the way."""

    frame: pl.DataFrame  # user, session, start, end
    behaviours: NDArray[np.float32]  # (S, F)
    repeats: int
    far: int
    late: int  # events that came after a later one of their session
    unnamed: int  # events without a session, where there is a column of sessions


def _cut(
    events: pl.DataFrame,
    gap: float,
    words: Vocabulary,
    bulk: tuple[int, int],
    derived: bool,
) -> _Found:
    """The sessions of all ``events`` of some users, in any order."""
    near = events.filter(pl.col("time").is_between(*bulk))
    far = len(events) - len(near)
    own = ["session"] if "session" in events.columns else []
    order = ["user", *own, "time", "same"]
    events = near.with_row_index("at").sort([*order, "at"])
    repeats = pl.all_horizontal(pl.col(each).eq_missing(pl.col(each).shift()) for each in order)
    once = events.filter(~repeats.fill_null(False) | (pl.int_range(pl.len()) == 0))
    other = pl.col("user") != pl.col("user").shift()
    still = pl.col("time").diff() > gap
    if own:
        other |= pl.col("session").ne_missing(pl.col("session").shift())
        new = other | (pl.col("session").is_null() & still)
    else:
        new = other | still
    # within a second the order is no one's
    before = (pl.col("at").cast(pl.Int64).diff() < 0) & (pl.col("time").diff() > 0)
    marks = once.select(
        new=new.fill_null(True) | (pl.int_range(pl.len()) == 0), late=before & ~other
    )
    first = np.flatnonzero(marks["new"].to_numpy())
    session = np.cumsum(marks["new"].to_numpy()) - 1
    when = once["time"].to_numpy()
    start, end = when[first], when[np.append(first[1:], len(when)) - 1]
    frame = (
        once[first].select("user", *own).with_columns(start=pl.Series(start), end=pl.Series(end))
    )
    if not own:
        frame = frame.with_columns(session=pl.lit(None, pl.String))
    kinds = list(words.kinds)
    kind = once["kind"].to_numpy().astype(np.int64)
    each = np.bincount(session * len(kinds) + kind, minlength=len(first) * len(kinds))
    each = each.reshape(len(first), len(kinds))
    counted = {
        of for signal in words.behaviours.values() if signal.how == "count" for of in signal.of
    }
    signals = words.signals(derived=derived)
    behaviours = np.empty((len(first), len(signals)), np.float32)
    for column, (how, of) in enumerate(signals.values()):
        at = [kinds.index(name) for name in of]
        total = each[:, at].sum(1)
        if how == "length":
            behaviours[:, column] = end - start
        elif how == "count":
            behaviours[:, column] = total
        elif how == "per_minute":
            behaviours[:, column] = total / np.maximum(end - start, 60) * 60
        elif how == "share":
            of_all = each[:, [i for i, name in enumerate(kinds) if name in counted]].sum(1)
            behaviours[:, column] = total / np.maximum(of_all, 1)
        else:
            behaviours[:, column] = _first(np.isin(kind, at), session, when, start)
    return _Found(
        frame.select("user", "session", "start", "end"),
        behaviours,
        repeats=len(events) - len(once),
        far=far,
        late=int(marks["late"].sum()),
        unnamed=once["session"].null_count() if own else 0,
    )


def _first(these: NDArray[np.bool_], session: Ints, when: Ints, start: Ints) -> Any:
    """Seconds from the start of each session to the first of these events, (S,); NaN if none."""
    rows = np.flatnonzero(these)
    of = session[rows]
    begins = np.ones(len(rows), bool)
    begins[1:] = of[1:] != of[:-1]
    rows, of = rows[begins], of[begins]
    out = np.full(len(start), np.nan, np.float32)
    out[of] = when[rows] - start[of]
    return out


def _dataset(
    found: Sequence[_Found], reading: _Reading, signals: Mapping[str, Signal], seed: int
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
    found: Sequence[_Found],
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
