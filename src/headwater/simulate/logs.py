"""The raw log that realistic sessions leave, and the answers to a survey among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import expit

from ..atomic import atomic_path
from ..data.sessions import Vocabulary, as_frame
from ..data.surveys import Survey
from ..errors import BadParameter, DataError
from ..types import Dataset, Ints
from .sessions import DONE, LEVELS, SLOPES, Plan, Slopes

__all__ = ["Written", "events"]

HEARTBEAT = 1_500  # seconds: what keeps a session going
REMARKS = ("Nothing in particular", "For the children", "A friend told me about it")


@dataclass(frozen=True)
class Written:
    """What `events` wrote, and how much of it."""

    folder: Path
    sessions: int
    events: int  # rows of the log, with the dirt
    asked: int
    answers: int  # without the dirt
    dirt: Mapping[str, int]  # rows of each kind

    @property
    def log(self) -> Path:
        """The folder with the log of events."""
        return self.folder / "events"

    @property
    def survey(self) -> Path:
        return self.folder / "survey.parquet"

    @property
    def truth(self) -> Path:
        """The folder with all the sessions as they were drawn, with how each was liked."""
        return self.folder / "truth"


def events(
    n_sessions: int,
    folder: str | Path,
    seed: int = 0,
    *,
    dirt: float = 0.0,
    users: int | None = None,
    consent: float = 0.8,
    response: float = 0.4,
    at_once: int = 50_000,
    intent_spread: float = 0.3,
    person_spread: float = 0.0,
    slopes: Slopes = SLOPES,
) -> Written:
    """Write the raw log that realistic sessions would leave, and the table of a survey among them.

    In ``folder`` are then events/ (Parquet, some 17 rows a session: event_id, user_id, session_id,
    timestamp, event), survey.parquet (session_id, user_id, timestamp, shown, satisfaction, intents,
    text) and truth/ (the sessions that both were drawn from, answered or not). `read_sessions` and
    `join` make of the first two what is in the third.

    There are three sessions for each of the ``users`` if that is None. Who is asked is as the
    survey "video" says, a share of ``consent`` having consented; of these a share of about
    ``response`` answers, more often after long sessions and less often after searches.

    With ``dirt`` there are rows more that must be left out, a share of ``dirt`` of the events of
    each kind (duplicates, events that nobody knows, clocks that stand in 1970 or 2100, no user, no
    time) and of the answers (second answers, levels 0 and 6, sessions that never were, wrong
    clocks), and as many events stand in the wrong order.

    ``at_once`` sessions are in memory at a time. `DataError` if ``folder`` holds something.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} holds something already: choose another folder for the log")
    if n_sessions < 1 or at_once < 1 or (users is not None and users < 1):
        raise BadParameter("n_sessions, at_once and users must be at least 1")
    for name, share in {"dirt": dirt, "consent": consent, "response": response}.items():
        if not 0 <= share <= 1:
            raise BadParameter(f"{name} is a part of 1; got {share}")
    plan = Plan.of(intent_spread, person_spread, slopes, "mean")
    parts = -(-n_sessions // at_once)
    people = max(parts, n_sessions // 3) if users is None else users
    if people < parts:
        raise BadParameter(f"{parts} parts have persons of their own: users must be at least that")
    survey = Survey.of("video")
    counts: Counter[str] = Counter()
    answers = []
    with atomic_path(folder) as temp:
        (temp / "events").mkdir(parents=True)
        (temp / "truth").mkdir()
        for part, at in enumerate(range(0, n_sessions, at_once)):
            rng = np.random.default_rng([seed, part])
            n = min(at_once, n_sessions - at)
            first, last = people * part // parts, people * (part + 1) // parts
            made = plan.draw(n, last - first, rng, before=first)
            rows = _log(made.data, rng, counts)
            rows = _soiled(rows, dirt, rng, counts)
            rows.write_parquet(temp / "events" / f"part-{part:05}.parquet")
            counts["events"] += len(rows)
            answers.append(_survey(made.data, survey, consent, response, dirt, rng, counts))
            truth = as_frame(made.data).with_columns(chance=made.chances)
            truth.write_parquet(temp / "truth" / f"part-{part:05}.parquet")
        pl.concat(answers).write_parquet(temp / "survey.parquet")
    own = {name: counts.pop(name) for name in ("id", "events", "asked", "answers")}
    return Written(folder, n_sessions, own["events"], own["asked"], own["answers"], dict(counts))


def _log(data: Dataset, rng: np.random.Generator, counts: Counter[str]) -> pl.DataFrame:
    """What the sessions of ``data`` leave in a log, by time."""
    sessions = data.sessions
    assert sessions is not None
    words = Vocabulary.of("video")
    length = sessions.seconds.astype(np.int64)
    all_ = np.arange(len(sessions))
    beats = -(-length // HEARTBEAT) - 1  # strictly within the session
    of = np.repeat(all_, beats)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(beats) - beats, beats) + 1
    session, second = [all_, all_, of], [np.zeros_like(length), length, nth * HEARTBEAT]
    called = ["app_open"] * len(all_) + ["app_close"] * len(all_) + ["heartbeat"] * len(of)
    names = [pl.Series(called, dtype=pl.String)]
    when = {counted: first for first, counted in DONE.items()}
    for name, signal in words.behaviours.items():
        if signal.how != "count":
            continue
        often = sessions.column(name).astype(np.int64)
        of = np.repeat(all_, often)
        begin = np.zeros(len(all_))
        if name in when:
            begin = np.nan_to_num(sessions.column(when[name])).astype(np.float64)
        at = begin[of] + np.floor(rng.random(len(of)) * (length[of] - begin[of] + 1))
        if name in when:  # the first of each session is when it was drawn
            firsts = (np.cumsum(often) - often)[often > 0]
            at[firsts] = begin[of[firsts]]
        session.append(of)
        second.append(at.astype(np.int64))
        names.append(pl.repeat(words.kinds[signal.of[0]][0], len(of), eager=True))
    of = np.concatenate(session)
    frame = pl.DataFrame(
        {
            "user_id": data.users.decode(sessions.user).gather(of),
            "session_id": sessions.ids.gather(of),
            "timestamp": _instants(sessions.start[of] + np.concatenate(second)),
            "event": pl.concat(names),
        }
    ).sort("timestamp", maintain_order=True)
    counts["id"] += len(frame)
    ids = pl.int_range(counts["id"] - len(frame), counts["id"], eager=True).alias("event_id")
    return frame.insert_column(0, ids)


def _instants(seconds: Ints) -> pl.Series:
    return (
        pl.from_epoch(pl.Series(seconds), "s").dt.cast_time_unit("ms").dt.replace_time_zone("UTC")
    )


def _soiled(
    rows: pl.DataFrame, dirt: float, rng: np.random.Generator, counts: Counter[str]
) -> pl.DataFrame:
    """With rows more that must be left out, and some in the wrong order."""
    n = int(dirt * len(rows))
    if n == 0:
        return rows
    parts = [rows]
    for what, changes in {
        "duplicates": {},
        "unknown events": {"event": pl.lit("ad_impression")},
        "before 2000": {"timestamp": pl.lit(_instants(np.array([3_600]))[0])},
        "in the future": {"timestamp": pl.lit(_instants(np.array([4_102_444_800]))[0])},
        "without a user": {"user_id": pl.lit(None)},
        "without a time": {"timestamp": pl.lit(None)},
    }.items():
        some = rows[np.sort(rng.choice(len(rows), n, replace=False))]
        if changes:
            ids = pl.int_range(counts["id"], counts["id"] + n)
            counts["id"] += n
            changes = {"event_id": ids, **changes}
        parts.append(some.with_columns(**changes).cast(rows.schema))
        counts[what] += n
    soiled = pl.concat(parts).sort("timestamp", maintain_order=True)
    order = np.arange(len(soiled))
    moved = rng.choice(len(soiled), n, replace=False)
    order[np.sort(moved)] = moved
    return soiled[order]


def _survey(
    data: Dataset,
    survey: Survey,
    consent: float,
    response: float,
    dirt: float,
    rng: np.random.Generator,
    counts: Counter[str],
) -> pl.DataFrame:
    """The table of who was asked, and what they answered."""
    sessions = data.sessions
    assert sessions is not None
    asked = survey.asks(data, consented=rng.random(len(sessions)) < consent)
    at = np.flatnonzero(asked)
    lean = 0.6 * (np.log(sessions.seconds) - 6.7) / 2.2 - 0.8 * sessions.column("num_searches")
    level = np.log(response / (1 - response)) if 0 < response < 1 else (response - 0.5) * 1e9
    answers = rng.random(len(at)) < expit(level + lean[at])
    true = as_frame(data)[at]
    end = sessions.start[at] + sessions.seconds[at].astype(np.int64)
    said = pl.Series(
        np.where(rng.random(len(at)) < 0.05, rng.integers(0, len(REMARKS), len(at)), -1)
    )
    there = pl.Series(answers)
    remarks = said.replace_strict(dict(enumerate(REMARKS)), default=None, return_dtype=pl.String)
    table = true.select(
        "session_id",
        "user_id",
        timestamp=_instants(end + rng.integers(1, 60, len(at))),
        shown=pl.lit(True),
        satisfaction=pl.when(there).then("satisfaction"),
        intents=pl.when(there).then(pl.col("intents").list.join(" / ")),
        text=pl.when(there).then(remarks),
    )
    counts["asked"] += len(at)
    counts["answers"] += int(answers.sum())
    given, silent = table.filter(there), table.filter(~there)
    n = int(np.ceil(dirt * len(given)))
    if n == 0:
        return table
    level = pl.col("satisfaction")
    some = [given[rng.choice(len(given), n, replace=False)] for _ in range(3)]
    quiet = silent[rng.choice(len(silent), min(n, len(silent)), replace=False)]
    hours = pl.duration(hours=1)
    soil = {
        "second answers": some[0].with_columns(
            level % len(LEVELS) + 1, timestamp=pl.col("timestamp") + pl.duration(minutes=5)
        ),
        "levels 0 and 6": some[1].with_columns(
            satisfaction=pl.when(level > 3).then(6).otherwise(0)
        ),
        "sessions that never were": some[2].with_columns(
            session_id=pl.format("nobody@{}", "session_id")
        ),
        "answers with a wrong clock": quiet.with_columns(
            satisfaction=pl.lit(1),
            intents=pl.lit("new"),
            timestamp=pl.col("timestamp") - 30 * hours,
        ),
    }
    counts.update({what: len(rows) for what, rows in soil.items()})
    extra = [rows.cast(table.schema) for rows in soil.values()]
    return pl.concat([table, *extra])
