"""From the events of a store to visits: what was done in each, and how some said that it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import polars as pl

from ...data._survey import intents_of
from ...data.sessions import EARLIEST, Vocabulary, read_sessions
from ...data.surveys import Answers, Survey, join
from ...errors import DataError
from ...types import Dataset

__all__ = ["VISITS", "Asked", "visits", "with_sessions"]

Asked = str | PathLike[str] | Mapping[str, Any] | Survey  # what `Survey.of` takes
VISITS = Vocabulary.of(
    {
        "columns": {"user": "user_id", "time": "time", "event": "kind", "session": "session_id"},
        "kinds": {kind: kind for kind in ("strip", "click", "play", "bookmark", "search")},
        "behaviours": {
            "num_plays": {"count": "play"},
            "time_to_first_play": {"first": "play"},
            "num_clicks": {"count": "click"},
            "num_bookmarks": {"count": "bookmark"},
            "num_strips": {"count": "strip"},
            "num_searches": {"count": "search"},
            "session_length": "length",
        },
    }
)
COLUMNS = ("user_id", "session_id", "time", "kind")
GAP = 1_800_000_000  # microseconds
FEW = 3  # examples in a note
LATE = 4 * 3_600  # seconds after its last event to which an answer is of a visit: a film runs on


def visits(done: pl.DataFrame, shown: pl.DataFrame, searched: pl.DataFrame) -> pl.DataFrame:
    """What visits are made of: what was done, and each strip of a page once, however many items."""
    first = shown.unique(["request_id", "user_id"], keep="first", maintain_order=True)
    strips = first.with_columns(kind=pl.lit("strip")).select(COLUMNS)
    others = [each.select(COLUMNS) for each in (done, searched)]
    return pl.concat([_of_the_visit(strips, pl.concat(others)), *others])


def _of_the_visit(strips: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """What a server records of its answers knows of no session: it is of that which the next of
    the person's events within half an hour names, or else the last one before."""
    named = others.filter(pl.col("session_id").is_not_null()).sort("time")
    named = named.select("user_id", "time", near="session_id")
    for strategy in ("forward", "backward"):
        strips = (
            strips.sort("time", maintain_order=True)
            .join_asof(
                named,
                on="time",
                by="user_id",
                strategy=strategy,
                tolerance=GAP,
                check_sortedness=False,
            )
            .with_columns(pl.coalesce("session_id", "near").alias("session_id"))
            .select(COLUMNS)
        )
    return strips


def with_sessions(
    data: Dataset, events: pl.DataFrame, answers: pl.DataFrame, survey: Asked, now: float
) -> Dataset:
    """``data`` with the sessions that ``events``, from `visits`, make, all of users of ``data``,
    and with the ``answers`` beside theirs."""
    asks = Survey.of(survey)
    events = events.with_row_index("n").with_columns(pl.from_epoch("time", "us"))
    if not (events["time"].dt.epoch("s") >= EARLIEST).any():
        return replace(data, notes=(*data.notes, "no sessions: nothing happened after 1999"))
    last = float(events["time"].dt.epoch("s").to_numpy().max())  # clocks may be set back
    found = read_sessions(events, VISITS, same=["n"], now=max(now, last))
    if len(answers):
        try:
            found = join(found, _read(answers, asks), tolerance=LATE)
        except DataError as error:  # of no session that is there: they are sessions all the same
            found = replace(found, notes=(*found.notes, str(error)))
    sessions = found.sessions
    assert sessions is not None
    if not sessions.intent_names:  # nobody answered, and the columns are the same all the same
        none = np.zeros((len(sessions), len(asks.names)), bool)
        sessions = replace(sessions, intents=none, intent_names=asks.names)
    sessions = replace(sessions, user=data.users.encode(found.users.decode(sessions.user)))
    said = tuple(f"sessions: {note}" for note in found.notes)
    return replace(data, sessions=sessions, notes=(*data.notes, *said))


def _read(answers: pl.DataFrame, asks: Survey) -> Answers:
    """As `read_answers` has them; of their intents those that the survey has."""
    words = intents_of(asks)
    named = answers["intents"].str.json_decode(pl.List(pl.String)).fill_null([])
    said = {name: words.get(name) for name in named.explode().drop_nulls().unique().sort()}
    strange = [name for name, meant in said.items() if meant is None]
    meant = {name: intent or None for name, intent in said.items()}
    intents = named.list.eval(
        pl.element().replace_strict(meant, default=None, return_dtype=pl.String).drop_nulls()
    ).list.unique(maintain_order=True)
    table = answers.select(
        "session_id",
        "user_id",
        pl.col("satisfaction").cast(pl.Int8),
        intents.alias("intents"),
        pl.col("time") // 1_000_000,
        text=pl.lit(None, pl.String),
    )
    notes: tuple[str, ...] = ()
    if strange:
        few = ", ".join(repr(name) for name in strange[:FEW])
        notes = (f"left out {len(strange):,} intents that {asks.name} does not have: {few}",)
    return Answers(table, asks, silence=False, notes=notes)
