"""A table of answers to a survey, as a platform has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import polars as pl

from ..errors import DataError, MissingColumn, UnknownName
from ..visits import LEVELS
from ._columns import NAMES, Column, fold, guess
from ._ids import MISSING, texts
from ._notes import Note
from ._survey import Spelt, Survey, intents_of, levels_of, number, plain, same
from ._tables import Table, open_table, whole
from ._times import Clock

__all__ = [
    "ROLES",
    "SOME",
    "Answers",
    "read_answers",
    "roles_of",
    "rows_of",
    "whose",
    "with_session",
    "yes",
]

ROLES = {
    "session": ("sessionid", "visitid session visit"),
    "user": NAMES["user"][:2],
    "satisfaction": ("satisfaction", "level rating score answer"),
    "intents": ("intents intent", "reasons reason goals goal"),
    "time": (*NAMES["time"][:3], "answeredat submittedat"),
    "text": ("text freetext", "other comment comments remark remarks"),
    "shown": ("shown asked prompted displayed",),
}
WHY = {"intent", "intents", "reason", "reasons", "goal", "goals", "why"}  # before an intent
NOTHING = [*MISSING, "NA", "N/A"]  # what programs write where nothing was said
YES = {"1", "1.0", "true", "yes", "y"}
NO = {"0", "0.0", "false", "no", "n", *(each.lower() for each in NOTHING)}
BETWEEN = (" / ", ",")  # what may stand between intents, the surest first
PERHAPS = ";|"  # what may too, but is not tried
SOME = 3  # examples in a note


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
    roles, notes = roles_of(table, asked, ROLES, ("satisfaction",))
    frame, said = rows_of(table)
    notes += said
    if len(frame) == 0:
        raise DataError(f"{table.name} has columns ({', '.join(table.columns)}) but no rows")
    words = intents_of(asks)
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
            **whose(frame, roles),
            "satisfaction": _levels(levels, asks),
            "given": _some(levels, levels_of(asks)[0]),
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
        shown=yes(frame[roles["shown"]], table.name) if "shown" in roles else pl.lit(False),
    )
    made = with_session(made, notes)
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


def _some(column: pl.Series, words: Spelt) -> pl.Series:
    """Whether anything is there; what means nothing does not, unless a level is called so."""
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        nothing = [each for each in NOTHING if same(each) not in words.exact]
        return (~text.is_in(nothing)).fill_null(False)
    there = column.is_not_null()
    return there & column.is_not_nan() if column.dtype.is_float() else there


def _levels(column: pl.Series, survey: Survey) -> pl.Series:
    """Levels from 1 to 5, null for what is none."""
    words, scale = levels_of(survey)

    def level(text: str) -> int | None:
        said = number(text)
        if same(text) in words.exact or said is None:
            found = words.get(text)
            return None if found is None else int(found)
        return scale.get(said)

    if column.dtype == pl.String:
        read = {each: level(each) for each in column.drop_nulls().unique()}
        return column.replace_strict(read, default=None, return_dtype=pl.Int8)
    figure = column.cast(pl.Float64, strict=False)
    return figure.replace_strict(scale, default=None, return_dtype=pl.Int8)


def rows_of(table: Table) -> tuple[pl.DataFrame, list[str]]:
    """The rows of a small table, and what there is to say of the rest of it."""
    frame, broken = whole(table)
    coded = [name for name, kind in frame.schema.items() if kind in (pl.Categorical, pl.Enum)]
    frame = frame.with_columns(pl.col(coded).cast(pl.String)) if coded else frame
    return frame, [f"left out {len(broken):,} lines that are not rows"] if len(broken) else []


def roles_of(
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


def whose(frame: pl.DataFrame, roles: Mapping[str, str]) -> dict[str, pl.Series]:
    """To which session each row belongs: its name, its user and its time, null if nobody says."""
    none = pl.repeat(None, len(frame), dtype=pl.String, eager=True)
    time = Clock().seconds(frame[roles["time"]]) if "time" in roles else none.cast(pl.Int64)
    return {
        "session_id": texts(frame[roles["session"]]) if "session" in roles else none,
        "user_id": texts(frame[roles["user"]]) if "user" in roles else none,
        "time": time,
    }


def with_session(rows: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Those of which something says to which session they belong."""
    by_time = rows["user_id"].is_not_null() & rows["time"].is_not_null()
    lost = rows["session_id"].is_null() & ~by_time
    if lost.any():
        notes.append(f"left out {lost.sum():,} of {len(rows):,} rows without a session")
    return rows.filter(~lost)


def _ends(name: str, words: Spelt) -> tuple[str, str | None]:
    """What stands before the intent that the name of a column ends in, and that intent."""
    for sign in re.finditer(r"[\W_]+", name):
        meant = words.get(name[sign.end() :])
        if meant is not None and name[sign.end() :]:
            return name[: sign.start()], meant
    return name, None


def _own_columns(
    frame: pl.DataFrame, roles: Mapping[str, str], words: Spelt, notes: list[str]
) -> dict[str, str]:
    """The columns of 0 and 1 that are called like intents; those that may be are noted."""
    found, unsure = {}, []
    for name in (each for each in frame.columns if each not in roles.values()):
        meant = words.get(name)
        if meant is None:
            before, meant = _ends(name, words)
            if meant and not (plain(before) in WHY and _is_yes_or_no(frame[name])):
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
    column: pl.Series, survey: Survey, words: Spelt, separator: str | None, where: str
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
        pl.when(yes(frame[name], "the answers")).then(pl.lit(meant))
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


def yes(column: pl.Series, where: str) -> pl.Series:
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
