"""A survey among sessions: what is asked and of whom, and the answers beside what was done."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from scipy.special import expit

from ..errors import BadParameter, DataError, MissingColumn, UnknownName
from ..features import moments, standardised
from ..glm import newton, with_one
from ..types import PAD, Dataset, Floats, Ids, Ints, Mask, Sessions
from ..visits import LEVELS, columns, learnable
from ._blocks import content
from ._columns import NAMES, Column, fold, guess
from ._ids import MISSING, texts
from ._notes import Note
from ._tables import Table, open_table, whole
from ._times import Clock
from ._yaml import called, listed, mapping, only, tree

__all__ = ["Answers", "Survey", "join", "read_answers", "response_weights"]

ROLES = {
    "session": ("sessionid", "visitid session visit"),
    "user": NAMES["user"][:2],
    "satisfaction": ("satisfaction", "level rating score answer"),
    "intents": ("intents intent", "reasons reason goals goal"),
    "time": (*NAMES["time"][:3], "answeredat submittedat"),
    "text": ("text freetext", "other comment comments remark remarks"),
    "shown": ("shown asked prompted displayed",),
}
OF_ALL = ("session", "user", "time", "shown")  # the roles of a table of who was asked
WHY = {"intent", "intents", "reason", "reasons", "goal", "goals", "why"}  # before an intent
NOTHING = [*MISSING, "NA", "N/A"]  # what programs write where nothing was said
YES = {"1", "1.0", "true", "yes", "y"}
NO = {"0", "0.0", "false", "no", "n", *(each.lower() for each in NOTHING)}
BETWEEN = (" / ", ",")  # what may stand between intents, the surest first
PERHAPS = ";|"  # what may too, but is not tried
WHOLE = r"(0|-?[1-9][0-9]{0,17})\.0*"  # what a program that takes ids for numbers makes of 1
SOME = 3  # examples in a note

log = logging.getLogger("headwater")


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What is asked, and of whom."""

    question: str
    levels: tuple[str, ...]  # five, from the worst to the best
    why: str  # the question about intents
    intents: Mapping[str, Mapping[str, str]]  # group -> intent -> what people read
    other: str | None = None  # what stands beside the field for free text; None is no such field
    spelt: Mapping[str, str] = field(default_factory=dict)  # what a table may call an intent
    share: float = 0.2  # of sessions
    once: bool = True  # nobody is asked again
    after: float = 7.0  # seconds that a session must last
    consent: bool = True  # only who consented
    salt: str = ""  # another salt, another lot
    name: str = "the survey"  # for messages

    def __post_init__(self) -> None:
        if len(self.levels) != LEVELS:
            raise BadParameter(f"{self.name}: there are {LEVELS} levels; got {len(self.levels)}")
        if not 0 <= self.share <= 1:
            raise BadParameter(f"{self.name}: share is a part of 1; got {self.share}")
        if self.after < 0:
            raise BadParameter(f"{self.name}: after is in seconds, at least 0; got {self.after}")
        if len(set(self.names)) < len(self.names) or not self.names:
            raise BadParameter(f"{self.name}: it takes intents, each in one group only")
        for intent in self.spelt.values():
            if intent not in self.names:
                raise UnknownName("intent", intent, self.names, f"It is in {self.name}.")
        _scale(self)
        _words(self)

    @classmethod
    def of(cls, source: str | PathLike[str] | Mapping[str, Any] | Survey) -> Self:
        """From a YAML file, the name of one that comes along ("video", "music"), or its tree.

            question: How satisfied are you with this visit?
            levels: [Very dissatisfied, Dissatisfied, Neutral, Satisfied, Very satisfied]
            why: What did you come for?
            intents:
              decisive: {live_tv: To watch live TV}
              explorative: {new: To see what is new}
            other: Something else     # from here on nothing is needed
            share: 0.2
            once: true
            after: 7
            consent: true
            salt: ""
            spelt: {livetv_nl: live_tv}

        `UnknownName` for a key or a survey that does not exist, `DataError` for the rest.
        """
        if isinstance(source, cls):
            return source
        found, where = tree(source, "questionnaires", "survey")  # type: ignore[arg-type]
        found = mapping(found, where)
        keys = [name for name in cls.__dataclass_fields__ if name != "name"]
        only(found, keys, where)
        for key in ("question", "levels", "why", "intents"):
            if key not in found:
                raise DataError(f"{where} has no {key!r}; it has: {', '.join(found)}")
        kinds: dict[str, tuple[type, ...]] = {
            "share": (int, float),
            "after": (int, float),
            "once": (bool,),
            "consent": (bool,),
            "salt": (str,),
            "other": (str, type(None)),
        }
        settings = {key: found[key] for key in kinds if key in found}
        for key, given in settings.items():
            odd = isinstance(given, bool) and bool not in kinds[key]
            if odd or not isinstance(given, kinds[key]):
                wanted = " or ".join(kind.__name__ for kind in kinds[key])
                raise DataError(f"{key!r} in {where} must be {wanted}; got {given!r}")
        intents = {
            group: {
                intent: called(text, f"{group!r} in {where}")
                for intent, text in mapping(given, f"{group!r} in {where}").items()
            }
            for group, given in mapping(found["intents"], f"intents in {where}").items()
        }
        spelt = mapping(found.get("spelt", {}), f"spelt in {where}")
        return cls(
            question=called(found["question"], where),
            levels=listed(found["levels"], f"levels in {where}"),
            why=called(found["why"], where),
            intents=intents,
            spelt={name: called(intent, f"spelt in {where}") for name, intent in spelt.items()},
            name=where,
            **settings,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The intents, group by group."""
        return tuple(intent for group in self.intents.values() for intent in group)

    @property
    def groups(self) -> dict[str, str]:
        """The group of each intent."""
        return {intent: group for group, some in self.intents.items() for intent in some}

    def drawn(self, ids: pl.Series) -> Mask:
        """Which of the sessions called ``ids`` (S,) the lot falls on: by id and salt alone.

        >>> Survey.of("video").drawn(pl.Series(range(1000))).mean().round(1)
        np.float64(0.2)
        """
        salt, below = self.salt.encode() + b"\0", self.share * 2.0**64
        each = (
            int.from_bytes(blake2b(salt + str(name).encode(), digest_size=8).digest(), "big")
            for name in texts(ids)
        )
        return np.fromiter((number < below for number in each), bool, len(ids))

    def asks(self, data: Dataset, *, consented: Mask | None = None) -> Mask:
        """Which sessions (S,) of ``data`` are asked, after the fact; the same every time.

        Those that the lot falls on, that last longer than ``after`` and whose people
        ``consented``, (S,); of each person the first of them, if nobody is asked again.
        `BadParameter` if the survey wants consent and nobody says who gave it.
        """
        sessions = learnable(data)
        able = self.drawn(sessions.ids) & (sessions.seconds > self.after)
        if self.consent:
            if consented is None:
                raise BadParameter(
                    f"{self.name} asks only who consented: give consented=, a mask of "
                    f"{len(sessions):,} sessions, or a survey with consent=False"
                )
            if np.shape(consented) != able.shape:
                raise BadParameter(
                    f"consented has shape {np.shape(consented)}; there are {len(sessions):,} "
                    "sessions"
                )
            able &= consented
        if self.once:
            able &= sessions.user != PAD  # of a stranger nobody knows whether it was asked before
            at = np.flatnonzero(able)
            at = at[np.lexsort((at, sessions.start[at], sessions.user[at]))]
            user = sessions.user[at]
            able[at[1:][user[1:] == user[:-1]]] = False
        return able


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers that were read: a row for every answer, and for everybody known to have kept silent.

    session_id and user_id (text, null where nobody says), satisfaction (1 to 5, null for silence),
    intents (lists of names, empty where nobody said), time (unix seconds or null), text (what
    was written freely, or null).
    """

    table: pl.DataFrame
    survey: Survey
    silence: bool  # whether those who kept silent are in it
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.table)


def read_answers(
    source: Any,
    survey: str | PathLike[str] | Mapping[str, Any] | Survey = "video",
    *,
    session: Column = None,
    user: Column = None,
    satisfaction: str | None = None,
    intents: Column | Sequence[str] = None,
    time: Column = None,
    text: Column = None,
    shown: Column = None,
    separator: str | None = None,
    encoding: str = "utf-8",
) -> Answers:
    """Read a table of answers to ``survey``, one row an answer.

    ``source`` is whatever `read` takes; the other arguments name its columns, None guesses by name
    and False does without. ``satisfaction`` is a number from 1 to 5 or the text of a level.
    ``intents`` holds lists, or text with ``separator`` between several (None is " / " where that
    occurs, else ","), of names of intents or of what people read; or it is several columns of 0 and
    1, which are called like intents (``live_tv``, ``intent_live_tv``). ``shown`` says who was shown
    the survey: rows that were shown and have no answer are those who kept silent. ``text`` is free
    text, which is kept here and goes nowhere else. Without ``session``, ``user`` and ``time`` say
    to which session a row belongs.

    Rows without a session, without an answer or with one that is no level are left out and counted
    in `Answers.notes`; who gave one that is no level was shown the survey all the same. `DataError`
    if none is left, `UnknownName` for an intent that the survey does not have.

    >>> read = read_answers({"session_id": ["a", "b"], "satisfaction": [5, 9],
    ...                      "intents": ["live_tv / new", None]})
    >>> read.table["intents"].to_list()
    [['live_tv', 'new']]
    >>> read.notes[-1]
    'left out 1 of 2 answers that are no level from 1 to 5, such as 9'
    """
    asks = Survey.of(survey)
    table = open_table(source, encoding=encoding)
    several = None if isinstance(intents, str) or not intents else list(intents)
    asked: dict[str, Column] = {
        "session": session,
        "user": user,
        "satisfaction": satisfaction,
        "intents": False if several is not None else intents,  # type: ignore[dict-item]
        "time": time,
        "text": text,
        "shown": shown,
    }
    roles, notes = _roles(table, asked, ROLES, ("satisfaction",))
    frame, said = _rows(table)
    notes += said
    if len(frame) == 0:
        raise DataError(f"{table.name} has columns ({', '.join(table.columns)}) but no rows")
    words = _words(asks)
    own: dict[str, str] = {}
    for name in several or ():
        if name not in frame.columns:
            raise MissingColumn(name, table.name, frame.columns)
        meant = words.get(name)
        meant = _ends(name, words)[1] if meant is None else meant
        if meant is None:
            raise UnknownName("intent", name, asks.names, "It is a column that intents= names.")
        own[name] = meant
    if several is None and intents is not False:
        own = _own_columns(frame, roles, words, notes)
    levels = frame[roles["satisfaction"]]
    made = pl.DataFrame(
        {
            **_whose(frame, roles),
            "satisfaction": _levels(levels, asks),
            "given": _some(levels, _scale(asks)[0]),
            "raw": levels.cast(pl.String, strict=False),
        }
    )
    if "intents" in roles:
        made = made.with_columns(
            intents=_intents(frame[roles["intents"]], asks, words, separator, table.name)
        )
    else:
        made = made.with_columns(intents=_from_columns(frame, own))
        if own:
            said_ = f"intents are {len(own)} columns"
            notes.append(Note(f"{said_}: {', '.join(own)}", said_))
        else:
            notes.append("nobody says what they came for: no intents")
    made = made.with_columns(
        text=_free(frame[roles["text"]]) if "text" in roles else pl.lit(None, pl.String),
        shown=_yes(frame[roles["shown"]], table.name) if "shown" in roles else pl.lit(False),
    )
    made = _with_session(made, notes)
    wrong = made.filter("given" & pl.col("satisfaction").is_null())
    answers = int(made["given"].sum())
    if len(wrong):
        some = ", ".join(wrong["raw"].unique(maintain_order=True).head(SOME))
        said_ = f"{len(wrong):,} of {answers:,} answers that are no level from 1 to {LEVELS}"
        if len(wrong) == answers:
            raise DataError(f"column {roles['satisfaction']!r} of {table.name} has {said_}: {some}")
        notes.append(Note(f"left out {said_}, such as {some}", f"left out {said_}"))
        if "shown" in roles:  # who answered something odd was asked
            made = made.with_columns(shown=pl.col("shown") | pl.col("given"))
            made = made.with_columns(given=pl.col("satisfaction").is_not_null())
        made = made.filter(~pl.col("given") | pl.col("satisfaction").is_not_null())
    idle = made.filter(~pl.col("given") & ~pl.col("shown"))
    if len(idle):
        notes.append(f"left out {len(idle):,} rows without an answer that nobody was asked for")
        made = made.filter(pl.col("given") | pl.col("shown"))
    if made["satisfaction"].null_count() == len(made):
        raise DataError(f"no row of {table.name} is an answer: {'; '.join(notes)}")
    empty = made.filter("given" & (pl.col("intents").list.len() == 0))
    if len(empty) and ("intents" in roles or own):
        notes.append(f"{len(empty):,} answers name no intent: kept")
    kept = made.select("session_id", "user_id", "satisfaction", "intents", "time", "text")
    return Answers(kept, asks, "shown" in roles, tuple(notes))


def join(
    data: Dataset,
    answers: Any,
    survey: str | PathLike[str] | Mapping[str, Any] | Survey = "video",
    *,
    asked: Any = None,
    tolerance: float = 3600,
    weighted: bool = False,
    **columns: Any,
) -> Dataset:
    """``data`` with the ``answers`` beside their sessions.

    ``answers`` is what `read_answers` gives, or what it takes, ``columns`` being its arguments.
    ``asked`` is a table with the sessions that were shown the survey, if ``answers`` does not say
    so, read in the same ``encoding``; without either only those who answered count as shown. With
    ``weighted`` the answers have `response_weights`.

    An answer belongs to the session that it names, of its user where it says who that is. If it
    names none, or the log has none of those that the answers name, it belongs to the latest session
    of its user that had begun by then and was not over for more than ``tolerance`` seconds.

    Left out, and counted in `Dataset.notes`: answers for sessions that are not there or are of
    somebody else, answers more than ``tolerance`` seconds before their session began or after it
    ended, whose clock is wrong, and all but the first answer of a session. An answer without a time
    is taken as it is.

    `DataError` if no answer is left.

    >>> from headwater.data.sessions import read_sessions
    >>> at = 1_700_000_000
    >>> data = read_sessions([{"user_id": 1, "timestamp": at, "event": "play", "session_id": "x"}])
    >>> join(data, [{"session_id": "x", "satisfaction": 4, "intents": "new"}]).sessions.satisfaction
    array([4], dtype=int8)
    """
    if tolerance < 0:
        raise BadParameter(f"tolerance is in seconds, at least 0; got {tolerance}")
    sessions = learnable(data)
    found = answers if isinstance(answers, Answers) else read_answers(answers, survey, **columns)
    encoding = columns.pop("encoding", "utf-8")
    if found is answers and columns:
        raise BadParameter(f"the answers are read already: leave {', '.join(columns)} out")
    notes = list(found.notes)
    known = _Known(data, tolerance)
    rows = known.placed(found.table.with_row_index("row"), "rows of the survey", notes)
    rows = _on_time(rows, sessions, tolerance, notes)
    rows = rows.sort(
        pl.col("satisfaction").is_null(), "time", "row", nulls_last=True, maintain_order=True
    )
    given = rows["satisfaction"].is_not_null().sum()
    rows = rows.unique("at", keep="first", maintain_order=True)
    first = rows.filter(pl.col("satisfaction").is_not_null())
    if given > len(first):
        notes.append(
            f"left out {given - len(first):,} answers of sessions that had answered before: the "
            "first one counts"
        )
    if len(first) == 0:
        raise DataError(f"no answer belongs to a session: {'; '.join(notes)}")
    satisfaction = np.zeros(len(sessions), np.int8)
    satisfaction[first["at"].to_numpy()] = first["satisfaction"].to_numpy()
    intents = np.zeros((len(sessions), len(found.survey.names)), bool)
    each = first.select("at", "intents").explode("intents").drop_nulls("intents")
    intents[each["at"].to_numpy(), Ids(pl.Series(found.survey.names)).encode(each["intents"])] = (
        True
    )
    shown = np.zeros(len(sessions), bool)
    shown[rows["at"].to_numpy()] = True
    if asked is not None:
        shown |= _asked(asked, known, encoding, notes)
    elif not found.silence:
        notes.append("nobody says who was asked and kept silent: only who answered counts as asked")
    notes.append(
        f"{len(first):,} answers of {len(sessions):,} sessions; {int(shown.sum()):,} were asked"
    )
    joined = replace(
        sessions,
        satisfaction=satisfaction,
        intents=intents,
        intent_names=found.survey.names,
        shown=shown,
        weights=np.ones(len(sessions), np.float32),
    )
    if weighted:
        joined = replace(joined, weights=response_weights(joined))
    for note in notes:
        log.info(note)
    return replace(data, sessions=joined, notes=(*data.notes, *notes))


def response_weights(sessions: Sessions, *, l2: float = 1.0, most: float = 10.0) -> Floats:
    """How many sessions each answer stands for, (S,) float32, their mean being 1; 0 without one.

    Weights are one over the chance that who was asked answers, which a logistic regression learns
    from log(1 + x) of the behaviours, on one scale and with a penalty of ``l2``. They are at most
    ``most``. That mends what behaviour explains of who answers, and nothing else. `DataError` if
    all or none of those who were asked answered.

        w_s = 1 / p_s,   p_s = P(answered | behaviours)
    """
    if l2 < 0:
        raise BadParameter(f"l2 must be at least 0; got {l2}")
    if most < 1:
        raise BadParameter(f"most is at least 1, the mean of the weights; got {most}")
    at = np.flatnonzero(sessions.shown)
    asked = sessions[at]
    y = asked.answered.astype(np.float64)
    if not y.any() or y.all():
        raise DataError(
            f"of {len(y):,} sessions that were asked {int(y.sum()):,} answered; weights for those "
            "who kept silent take some of both. Who was asked is in the column `shown` of the "
            "answers, or in a table of its own, asked='its path'"
        )
    _, x = columns(asked, log=True)
    x = with_one(standardised(x, *moments(x)))
    penalty = np.full(x.shape[1], float(l2))
    penalty[0] = 0
    slopes, _ = newton(x, y, np.ones(len(y)), penalty)
    weights: Floats = 1 / expit(x @ slopes)[y > 0]
    weights = _at_most(weights / weights.mean(), most)
    out = np.zeros(len(sessions), np.float32)
    out[at[y > 0]] = weights
    return out


def _at_most(weights: Floats, most: float) -> Floats:
    """With a mean of 1 and none above ``most``: what is cut off goes to the others."""
    while weights.max() > most * (1 + 1e-9):
        capped = weights >= most
        free = len(weights) - most * capped.sum()
        weights = np.where(capped, most, weights * free / weights[~capped].sum())
    return weights


def _plain(text: str) -> str:
    """A name without case, blanks and signs."""
    return re.sub(r"[\W_]+", "", text.lower())


def _same(text: str) -> str:
    """A name without case and the blanks around it."""
    return text.strip().casefold()


class _Spelt:
    """What spellings stand for: as they are written or, where nothing is written so, by letters and
    digits alone, if those are of one thing only. `BadParameter` for one that stands for two."""

    def __init__(self, pairs: Iterable[tuple[str, str]], where: str):
        self.exact: dict[str, str] = {}
        for spelling, meant in pairs:
            other = self.exact.setdefault(_same(spelling), meant)
            if other != meant:
                raise BadParameter(
                    f"{where}: {spelling!r} stands for both {other or 'none'} and {meant or 'none'}"
                )
        loose: dict[str, set[str]] = {}
        for spelling, meant in self.exact.items():
            loose.setdefault(_plain(spelling), set()).add(meant)
        self.loose = {p: min(some) for p, some in loose.items() if p and len(some) == 1}

    def get(self, text: str) -> str | None:
        return self.exact.get(_same(text), self.loose.get(_plain(text)))


def _words(survey: Survey) -> _Spelt:
    """The intent that each spelling stands for, empty for what is none of them."""
    texts_ = [(text, name) for some in survey.intents.values() for name, text in some.items()]
    pairs = [*((name, name) for name in survey.names), *texts_, *survey.spelt.items()]
    pairs += [(survey.other, "")] if survey.other else []
    return _Spelt(pairs, survey.name)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _scale(survey: Survey) -> tuple[_Spelt, dict[float, int]]:
    """The level, from 1, that each spelling and each number stands for: its place, unless levels
    are called by other numbers (-2 to 2)."""
    places = {text: place for place, text in enumerate(survey.levels, 1)}
    words = _Spelt(((t, str(i)) for i, t in enumerate(survey.levels, 1)), f"{survey.name}, levels")
    numbers = [(_number(text), place) for text, place in places.items()]
    own = {number: place for number, place in numbers if number is not None}
    if len(own) < sum(number is not None for number, _ in numbers):
        raise BadParameter(f"{survey.name}, levels: two of them are the same number")
    other = any(number != place for number, place in own.items())
    return words, own if other else {float(place): place for place in places.values()}


def _some(column: pl.Series, words: _Spelt) -> pl.Series:
    """Whether anything is there; what means nothing does not, unless a level is called so."""
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        nothing = [each for each in NOTHING if _same(each) not in words.exact]
        return (~text.is_in(nothing)).fill_null(False)
    there = column.is_not_null()
    return there & column.is_not_nan() if column.dtype.is_float() else there


def _levels(column: pl.Series, survey: Survey) -> pl.Series:
    """Levels from 1 to 5, null for what is none."""
    words, scale = _scale(survey)

    def level(text: str) -> int | None:
        number = _number(text)
        if _same(text) in words.exact or number is None:
            found = words.get(text)
            return None if found is None else int(found)
        return scale.get(number)

    if column.dtype == pl.String:
        read = {each: level(each) for each in column.drop_nulls().unique()}
        return column.replace_strict(read, default=None, return_dtype=pl.Int8)
    number = column.cast(pl.Float64, strict=False)
    return number.replace_strict(scale, default=None, return_dtype=pl.Int8)


def _rows(table: Table) -> tuple[pl.DataFrame, list[str]]:
    """The rows of a small table, and what there is to say of the rest of it."""
    frame, broken = whole(table)
    coded = [name for name, kind in frame.schema.items() if kind in (pl.Categorical, pl.Enum)]
    frame = frame.with_columns(pl.col(coded).cast(pl.String)) if coded else frame
    return frame, [f"left out {len(broken):,} lines that are not rows"] if len(broken) else []


def _roles(
    table: Table,
    asked: Mapping[str, Column],
    names: Mapping[str, Sequence[str]],
    needed: Sequence[str],
) -> tuple[dict[str, str], list[str]]:
    """The column of each role, and what there is to say of it; what names a session is needed."""
    asked = dict(asked)
    notes: list[str] = [table.note] if table.note else []
    for role in ("text", "user"):  # one can do without
        for group in names.get(role, ()) if asked.get(role) is None else ():
            could = [
                c for c in table.columns if fold(c) in group.split() and c not in asked.values()
            ]
            if len(could) > 1:
                said = f"{len(could)} columns could be the {role}, and none is taken for it"
                notes.append(Note(f"{said}: {', '.join(could)}; {role}= says which one", said))
                asked[role] = False
            if could:
                break
    roles, guessed = guess(table.columns, asked, table.name, names, needed)
    if "session" not in roles and not {"user", "time"} <= roles.keys():
        where = f"{table.name}; say which one it is, session='its name', or user='its name' and "
        where += "time='its name'"
        raise MissingColumn("session", where, table.columns)
    if guessed:
        said = f"guessed: {', '.join(f'{r} is {roles[r]!r}' for r in guessed)}"
        notes.append(Note(said, f"{len(guessed)} columns were guessed by their names"))
    return roles, notes


def _whose(frame: pl.DataFrame, roles: Mapping[str, str]) -> dict[str, pl.Series]:
    """To which session each row belongs: its name, its user and its time, null if nobody says."""
    none = pl.repeat(None, len(frame), dtype=pl.String, eager=True)
    time = Clock().seconds(frame[roles["time"]]) if "time" in roles else none.cast(pl.Int64)
    return {
        "session_id": texts(frame[roles["session"]]) if "session" in roles else none,
        "user_id": texts(frame[roles["user"]]) if "user" in roles else none,
        "time": time,
    }


def _with_session(rows: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Those of which something says to which session they belong."""
    by_time = rows["user_id"].is_not_null() & rows["time"].is_not_null()
    lost = rows["session_id"].is_null() & ~by_time
    if lost.any():
        notes.append(f"left out {lost.sum():,} of {len(rows):,} rows without a session")
    return rows.filter(~lost)


def _ends(name: str, words: _Spelt) -> tuple[str, str | None]:
    """What stands before the intent that the name of a column ends in, and that intent."""
    for sign in re.finditer(r"[\W_]+", name):
        meant = words.get(name[sign.end() :])
        if meant is not None and name[sign.end() :]:
            return name[: sign.start()], meant
    return name, None


def _own_columns(
    frame: pl.DataFrame, roles: Mapping[str, str], words: _Spelt, notes: list[str]
) -> dict[str, str]:
    """The columns of 0 and 1 that are called like intents; those that may be are noted."""
    found, unsure = {}, []
    for name in (each for each in frame.columns if each not in roles.values()):
        meant = words.get(name)
        if meant is None:
            before, meant = _ends(name, words)
            if meant and not (_plain(before) in WHY and _is_yes_or_no(frame[name])):
                unsure.append(name)
                continue
        if meant:
            found[name] = meant
    if "intents" in roles:
        unsure, found = [*found, *unsure], {}
    if unsure:
        said = f"{len(unsure)} columns are not read as intents, though they are called like some"
        notes.append(Note(f"{said}: {', '.join(unsure)}; intents= takes columns of 0 and 1", said))
    return found


def _intents(
    column: pl.Series, survey: Survey, words: _Spelt, separator: str | None, where: str
) -> pl.Series:
    """Lists of the names of intents, each once; `UnknownName` for what is none."""
    perhaps = ""
    if isinstance(column.dtype, pl.List | pl.Array):
        lists = column.cast(pl.List(pl.String))
    else:
        text = column.cast(pl.String)
        there = text.drop_nulls()
        # one that people read may hold a comma: what is an intent as it is, is not taken apart
        if separator is None:
            separator = next((s for s in BETWEEN if there.str.contains(s, literal=True).any()), "")
            perhaps = PERHAPS
        known = [each for each in there.unique() if words.get(each) is not None]
        one = text.is_in(known).fill_null(False)
        apart = (
            text.str.split(separator)
            if separator
            else text.to_frame().select(pl.concat_list(text.name))[text.name]
        )
        whole_ = text.to_frame().select(pl.concat_list(text.name))[text.name]
        lists = pl.select(pl.when(one).then(whole_).otherwise(apart)).to_series()
    lists = lists.fill_null(pl.lit([], pl.List(pl.String)))
    flat = lists.filter(lists.list.len() > 0).explode().drop_nulls().unique(maintain_order=True)
    meant: dict[str, str] = {}
    for each in flat:
        intent = words.get(each)
        if intent is None and each.strip() not in NOTHING:
            hint = f"It is in {where}."
            sign = next((s for s in perhaps if s in each), None)
            hint += (
                f" If {sign!r} stands between several intents, say separator={sign!r}."
                if sign
                else ""
            )
            raise UnknownName("intent", each.strip(), survey.names, hint)
        if intent:
            meant[each] = intent
    named = lists.list.eval(
        pl.element().replace_strict(meant, default=None, return_dtype=pl.String)
    )
    return named.list.drop_nulls().list.unique(maintain_order=True)


def _from_columns(frame: pl.DataFrame, own: Mapping[str, str]) -> pl.Series:
    """The same of columns of 0 and 1, each with the intent that it stands for."""
    each = [
        pl.when(_yes(frame[name], "the answers")).then(pl.lit(meant))
        for name, meant in own.items()
        if meant
    ]
    if not each:
        return pl.Series([[]] * len(frame), dtype=pl.List(pl.String))
    return pl.select(
        pl.concat_list(each).list.drop_nulls().list.unique(maintain_order=True)
    ).to_series()


def _lower(column: pl.Series) -> pl.Series:
    return column.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase().fill_null("")


def _is_yes_or_no(column: pl.Series) -> bool:
    return not column.dtype.is_nested() and bool(_lower(column).is_in([*YES, *NO]).all())


def _yes(column: pl.Series, where: str) -> pl.Series:
    """Whether each is yes: 1, true or yes; no where there is nothing. `DataError` for the rest."""
    text = _lower(column)
    yes = text.is_in(list(YES))
    odd = text.filter(~yes & ~text.is_in(list(NO)))
    if len(odd):
        raise DataError(
            f"column {column.name!r} of {where} is yes or no, 1 or 0; it has {odd[0]!r}"
        )
    return yes


def _free(column: pl.Series) -> pl.Series:
    """Text without blanks around it; null where nothing is left."""
    text = column.cast(pl.String, strict=False).str.strip_chars()
    return text.set(text.is_in(NOTHING).fill_null(False), None)


def _on_time(
    rows: pl.DataFrame, sessions: Sessions, tolerance: float, notes: list[str]
) -> pl.DataFrame:
    """Without answers whose clock is wrong."""
    at = rows["at"].to_numpy()
    early = pl.Series(sessions.start[at]) - rows["time"]
    late = rows["time"] - pl.Series(sessions.start[at] + sessions.seconds[at].astype(np.int64))
    off = pl.select(pl.max_horizontal(early, late)).to_series().fill_null(0)
    wrong = off > tolerance
    if wrong.any():
        notes.append(
            f"left out {wrong.sum():,} rows of the survey from more than {tolerance:,g} seconds "
            "before their session began or after it ended: their clocks are wrong"
        )
    soon = (early > 0).fill_null(False) & ~wrong
    if soon.any():
        notes.append(
            f"{soon.sum():,} rows of the survey are from before their session began, by "
            f"{tolerance:,g} seconds at most: kept"
        )
    return rows.filter(~wrong)


def _asked(source: Any, known: _Known, encoding: str, notes: list[str]) -> Mask:
    """The sessions (S,) that a table says were shown the survey."""
    table = _of_ids(source, encoding)
    roles, _ = _roles(table, {}, {role: ROLES[role] for role in OF_ALL}, ())
    frame, said = _rows(table)
    about: list[str] = [*said]
    rows = pl.DataFrame(_whose(frame, roles))
    if "shown" in roles:
        rows = rows.filter(_yes(frame[roles["shown"]], table.name))
    rows = known.placed(_with_session(rows, about), "rows", about)
    notes += [
        Note(f"who was asked: {note}", f"who was asked: {getattr(note, 'counts', note)}")
        for note in about
    ]
    out = np.zeros(len(known.ids), bool)
    out[rows["at"].to_numpy()] = True
    return out


def _of_ids(source: Any, encoding: str) -> Table:
    """A table that may be a text file of session ids alone, which no separator tells from prose."""
    try:
        return open_table(source, encoding=encoding)
    except DataError:
        if not isinstance(source, str | PathLike) or not Path(source).expanduser().is_file():
            raise
        lines = content(Path(source).expanduser(), encoding).splitlines()
        name, *ids = [each.strip().strip('"') for each in lines if each.strip()] or [""]
        if fold(name) not in " ".join(ROLES["session"]).split():
            raise
        return replace(
            open_table(pl.DataFrame({name: ids}, schema={name: pl.String})), name=str(source)
        )


class _Known:
    """The sessions that there are, and what tables may call them."""

    def __init__(self, data: Dataset, tolerance: float):
        self.sessions, self.tolerance = learnable(data), tolerance
        self.ids = texts(self.sessions.ids)
        self.whole_ids = _whole(self.ids)
        self.users = _whole(texts(data.users.values))

    def placed(self, rows: pl.DataFrame, what: str, notes: list[str]) -> pl.DataFrame:
        """``rows``, as `_whose` makes them, with the row ``at`` of their session; those that have
        none are left out, and told in ``notes`` as ``what``."""
        n, session, user = len(rows), rows["session_id"], rows["user_id"]
        who = _found(_whole(user), self.users)
        at = _found(session, self.ids)
        own = pl.select(pl.format("{}@{}", session, user)).to_series()
        for ids, known in ((session, self.whole_ids), (own, self.whole_ids)):
            at = np.where(at == PAD, _found(_whole(ids), known), at)
        named = session.is_not_null().to_numpy()
        if named.any() and (at[named] == PAD).all():
            by_time = self._by_time(who, rows["time"])
            if (by_time != PAD).any():
                notes.append(f"no session that the {what} name is there: placed by user and time")
                named = np.zeros(n, bool)
                at = by_time
        elif not named.all():
            at = np.where(named, at, self._by_time(who, rows["time"]))
        if not named.all():
            notes.append(f"{(~named).sum():,} {what} are placed by their user and time")
        whose = self.sessions.user[np.maximum(at, 0)]
        other = (at != PAD) & user.is_not_null().to_numpy() & (whose != PAD) & (whose != who)
        lost = named & (at == PAD)
        if lost.any():
            said = f"left out {lost.sum():,} of {n:,} {what} for sessions that are not there"
            some = ", ".join(session.filter(pl.Series(lost)).unique(maintain_order=True).head(SOME))
            notes.append(Note(f"{said}, such as {some}", said))
        lost |= at == PAD
        if (lost & ~named).any():
            notes.append(
                f"left out {(lost & ~named).sum():,} of {n:,} {what} whose user had no session then"
            )
        if other.any():
            notes.append(
                f"left out {other.sum():,} of {n:,} {what} for sessions of somebody else than the "
                "user that they name"
            )
        return rows.with_columns(at=pl.Series(at)).filter(pl.Series(~lost & ~other))

    def _by_time(self, who: Ints, when: pl.Series) -> Ints:
        known = when.is_not_null().to_numpy()
        at = self.sessions.at(who, when.fill_null(0).to_numpy(), late=self.tolerance)
        return np.where(known, at, PAD)


def _whole(ids: pl.Series) -> pl.Series:
    """Ids as text, what was made 1.0 as 1; also in session@user."""
    return ids.str.replace(f"^{WHOLE}(@|$)", "${1}${2}").str.replace(f"@{WHOLE}$", "@${1}")


def _found(asked: pl.Series, names: pl.Series) -> Ints:
    """The place in ``names`` of each that is ``asked`` for, PAD for what is not there once."""
    known = pl.DataFrame({"id": names, "at": np.arange(len(names))}).unique("id", keep="none")
    found = pl.DataFrame({"id": asked}).join(known, on="id", how="left", maintain_order="left")
    at: Ints = found["at"].fill_null(PAD).to_numpy()
    return at
