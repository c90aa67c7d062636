"""A survey among sessions: what is asked and of whom, and the answers beside what was done."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from os import PathLike
from typing import Any, Self

import numpy as np
import polars as pl
from scipy.special import expit

from ..errors import BadParameter, DataError, MissingColumn, UnknownName
from ..features import moments, standardised
from ..glm import newton, with_one
from ..types import PAD, Dataset, Floats, Ids, Mask, Sessions
from ..visits import LEVELS, columns
from ._columns import NAMES, Column, guess
from ._ids import texts
from ._tables import open_table, whole
from ._times import Clock
from ._yaml import called, listed, mapping, only, tree

__all__ = ["Answers", "Survey", "join", "read_answers", "response_weights"]

ROLES = {
    "session": ("sessionid", "visitid session visit"),
    "satisfaction": ("satisfaction", "level rating score answer"),
    "intents": ("intents intent", "reasons reason goals goal"),
    "time": (*NAMES["time"][:3], "answeredat submittedat"),
    "text": ("text freetext", "other comment comments remark remarks"),
    "shown": ("shown asked prompted displayed",),
}
YES = {"1", "1.0", "true", "yes", "y"}
NO = {"0", "0.0", "false", "no", "n", ""}
BETWEEN = (" / ", ",")  # what may stand between intents, the surest first
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
        sessions = _sessions(data)
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

    session_id (text), satisfaction (1 to 5, null for silence), intents (lists of names, empty
    where nobody said), time (unix seconds or null), text (what was written freely, or null).
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
    session: str | None = None,
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
    1, which are called like intents. ``shown`` says who was shown the survey: rows that were shown
    and have no answer are those who kept silent. ``text`` is free text, which is kept here and goes
    nowhere else.

    Rows without a session, without an answer or with one that is no level are left out and counted
    in `Answers.notes`. `DataError` if none is left, `UnknownName` for an intent that the survey
    does not have.

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
        "satisfaction": satisfaction,
        "intents": False if several is not None else intents,  # type: ignore[dict-item]
        "time": time,
        "text": text,
        "shown": shown,
    }
    roles, guessed = guess(table.columns, asked, table.name, ROLES, ("session", "satisfaction"))
    notes = [table.note] if table.note else []
    notes += [f"guessed: {', '.join(f'{r} is {roles[r]!r}' for r in guessed)}"] if guessed else []
    frame, broken = whole(table)
    notes += [f"left out {len(broken):,} lines that are not rows"] if len(broken) else []
    if len(frame) == 0:
        raise DataError(f"{table.name} has columns ({', '.join(table.columns)}) but no rows")
    words = _words(asks)
    if "intents" not in roles and intents is not False:
        free = [name for name in frame.columns if name not in roles.values()]
        several = [name for name in free if _plain(name) in words] if several is None else several
        for name in several:
            if name not in frame.columns:
                raise MissingColumn(name, table.name, frame.columns)
    made = pl.DataFrame(
        {
            "session_id": texts(frame[roles["session"]]),
            "satisfaction": _levels(frame[roles["satisfaction"]], asks),
            "given": _some(frame[roles["satisfaction"]]),
            "raw": frame[roles["satisfaction"]].cast(pl.String, strict=False),
        }
    )
    if "intents" in roles:
        made = made.with_columns(
            intents=_intents(frame[roles["intents"]], asks, words, separator, table.name)
        )
    else:
        made = made.with_columns(intents=_from_columns(frame, several or [], asks, words))
        if several:
            notes.append(f"intents are the columns {', '.join(several)}")
        else:
            notes.append("nobody says what they came for: no intents")
    clock = Clock()
    made = made.with_columns(
        time=clock.seconds(frame[roles["time"]]) if "time" in roles else pl.lit(None, pl.Int64),
        text=_free(frame[roles["text"]]) if "text" in roles else pl.lit(None, pl.String),
        shown=_yes(frame[roles["shown"]], table.name) if "shown" in roles else pl.lit(False),
    )
    lost = made["session_id"].is_null()
    if lost.any():
        notes.append(f"left out {lost.sum():,} of {len(made):,} rows without a session")
        made = made.filter(~lost)
    wrong = made.filter("given" & pl.col("satisfaction").is_null())
    answers = int(made["given"].sum())
    if len(wrong):
        some = ", ".join(wrong["raw"].unique(maintain_order=True).head(SOME))
        said = f"{len(wrong):,} of {answers:,} answers that are no level from 1 to {LEVELS}"
        if len(wrong) == answers:
            raise DataError(f"column {roles['satisfaction']!r} of {table.name} has {said}: {some}")
        notes.append(f"left out {said}, such as {some}")
        made = made.filter(~pl.col("given") | pl.col("satisfaction").is_not_null())
    idle = made.filter(~pl.col("given") & ~pl.col("shown"))
    if len(idle):
        notes.append(f"left out {len(idle):,} rows without an answer that nobody was asked for")
        made = made.filter(pl.col("given") | pl.col("shown"))
    if made["satisfaction"].null_count() == len(made):
        raise DataError(f"no row of {table.name} is an answer: {'; '.join(notes)}")
    empty = made.filter("given" & (pl.col("intents").list.len() == 0))
    if len(empty) and ("intents" in roles or several):
        notes.append(f"{len(empty):,} answers name no intent: kept")
    kept = made.select("session_id", "satisfaction", "intents", "time", "text")
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
    so; without either only those who answered count as shown. With ``weighted`` the answers have
    `response_weights`.

    Left out, and counted in `Dataset.notes`: answers for sessions that are not there, answers more
    than ``tolerance`` seconds before their session began or after it ended, whose clock is wrong,
    and all but the first answer of a session. An answer without a time is taken as it is.

    `DataError` if no answer is left.

    >>> from headwater.data.sessions import read_sessions
    >>> at = 1_700_000_000
    >>> data = read_sessions([{"user_id": 1, "timestamp": at, "event": "play", "session_id": "x"}])
    >>> join(data, [{"session_id": "x", "satisfaction": 4, "intents": "new"}]).sessions.satisfaction
    array([4], dtype=int8)
    """
    if tolerance < 0:
        raise BadParameter(f"tolerance is in seconds, at least 0; got {tolerance}")
    sessions = _sessions(data)
    found = answers if isinstance(answers, Answers) else read_answers(answers, survey, **columns)
    if found is answers and columns:
        raise BadParameter(f"the answers are read already: leave {', '.join(columns)} out")
    notes = list(found.notes)
    known = Ids(texts(sessions.ids))
    at = known.encode(found.table["session_id"])
    rows = found.table.with_columns(at=pl.Series(at), row=pl.int_range(pl.len()))
    lost = rows.filter(pl.col("at") == PAD)
    if len(lost):
        some = ", ".join(lost["session_id"].unique(maintain_order=True).head(SOME))
        notes.append(
            f"left out {len(lost):,} of {len(rows):,} rows of the survey for sessions that are not "
            f"there, such as {some}"
        )
        rows = rows.filter(pl.col("at") != PAD)
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
        shown |= _asked(asked, known, notes)
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
            "answers, or in a table of its own: join(..., asked=...)"
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


def _sessions(data: Dataset) -> Sessions:
    if data.sessions is None:
        raise DataError("these data have no sessions: `read_sessions` makes them of events")
    return data.sessions


def _plain(text: str) -> str:
    """A name without case, blanks and signs."""
    return re.sub(r"[\W_]+", "", text.lower())


def _words(survey: Survey) -> dict[str, str]:
    """The intent that each spelling, `_plain`, stands for."""
    read = {text: intent for some in survey.intents.values() for intent, text in some.items()}
    pairs = [*read.items(), *survey.spelt.items(), *((name, name) for name in survey.names)]
    return {_plain(spelling): intent for spelling, intent in pairs}


def _some(column: pl.Series) -> pl.Series:
    """Whether anything is there."""
    if column.dtype == pl.String:
        return (column.str.strip_chars() != "").fill_null(False)
    there = column.is_not_null()
    return there & column.is_not_nan() if column.dtype.is_float() else there


def _levels(column: pl.Series, survey: Survey) -> pl.Series:
    """Levels from 1 to 5, null for what is none."""
    number = column.cast(pl.Float64, strict=False)
    if column.dtype == pl.String:
        read = {_plain(text): place + 1.0 for place, text in enumerate(survey.levels)}
        told = pl.Series(
            [None if each is None else read.get(_plain(each)) for each in column], dtype=pl.Float64
        )
        number = column.str.strip_chars().cast(pl.Float64, strict=False).fill_null(told)
    right = number.is_between(1, LEVELS) & (number == number.floor())
    return number.set(~right.fill_null(False), None).cast(pl.Int8)


def _intents(
    column: pl.Series, survey: Survey, words: Mapping[str, str], separator: str | None, where: str
) -> pl.Series:
    """Lists of the names of intents, each once; `UnknownName` for what is none."""
    if isinstance(column.dtype, pl.List | pl.Array):
        lists = column.cast(pl.List(pl.String))
    else:
        text = column.cast(pl.String)
        there = text.drop_nulls()
        # one that people read may hold a comma: what is an intent as it is, is not taken apart
        if separator is None:
            separator = next((s for s in BETWEEN if there.str.contains(s, literal=True).any()), "")
        one = pl.Series(
            [each is not None and _plain(each) in words for each in text], dtype=pl.Boolean
        )
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
        plain = _plain(each)
        if plain and plain not in words:
            raise UnknownName("intent", each.strip(), survey.names, f"It is in {where}.")
        if plain:
            meant[each] = words[plain]
    named = lists.list.eval(
        pl.element().replace_strict(meant, default=None, return_dtype=pl.String)
    )
    return named.list.drop_nulls().list.unique(maintain_order=True)


def _from_columns(
    frame: pl.DataFrame, several: Sequence[str], survey: Survey, words: Mapping[str, str]
) -> pl.Series:
    """The same of columns of 0 and 1."""
    if not several:
        return pl.Series([[]] * len(frame), dtype=pl.List(pl.String))
    each = []
    for name in several:
        if _plain(name) not in words:
            raise UnknownName("intent", name, survey.names, "It is a column that intents= names.")
        came = _yes(frame[name], "the answers")
        each.append(pl.when(came).then(pl.lit(words[_plain(name)])))
    return pl.select(
        pl.concat_list(each).list.drop_nulls().list.unique(maintain_order=True)
    ).to_series()


def _yes(column: pl.Series, where: str) -> pl.Series:
    """Whether each is yes: 1, true or yes; no where there is nothing. `DataError` for the rest."""
    text = column.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase().fill_null("")
    yes = text.is_in(list(YES))
    odd = text.filter(~yes & ~text.is_in([*NO, "nan"]))
    if len(odd):
        raise DataError(
            f"column {column.name!r} of {where} is yes or no, 1 or 0; it has {odd[0]!r}"
        )
    return yes


def _free(column: pl.Series) -> pl.Series:
    """Text without blanks around it; null where nothing is left."""
    text = column.cast(pl.String, strict=False).str.strip_chars()
    return text.set((text == "").fill_null(False), None)


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


def _asked(source: Any, known: Ids, notes: list[str]) -> Mask:
    """The sessions (S,) that a table says were shown the survey."""
    table = open_table(source)
    roles, _ = guess(table.columns, {}, table.name, {"session": ROLES["session"]}, ("session",))
    frame, _ = whole(table)
    at = known.encode(texts(frame[roles["session"]]).drop_nulls())
    if (at == PAD).any():
        notes.append(f"{(at == PAD).sum():,} of the sessions that were asked are not there")
    out = np.zeros(len(known), bool)
    out[at[at != PAD]] = True
    return out
