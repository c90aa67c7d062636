"""Sessions that were never made, with answers: `trivial` ones, in which nothing has to do with
anything, and `realistic` ones, of which it is known what satisfies whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri

from ..atomic import atomic_path
from ..data.sessions import BEHAVIOURS, CENSORED, INTENTS, Vocabulary, as_frame
from ..data.surveys import Survey
from ..errors import BadParameter, DataError, UnknownName
from ..types import Dataset, Floats, Ids, Ints, Mask, Sessions
from ..visits import columns

__all__ = ["Simulated", "Written", "events", "realistic", "trivial"]

NAMES = tuple(name for group in INTENTS.values() for name in group)

# How the log of real sessions looks, read off the plots of the released analysis; what is above the
# last bar that can be read is ours.
COUNTS = {  # sessions by how often it was done, from 0, of about 3,650
    "num_plays": (560, 1700, 780, 370, 150, 50, 20, 10, 10),
    "num_trailer_plays": (3550, 83, 14, 3),
    "num_bookmarks": (3451, 130, 45, 15, 6, 3),
    "num_profile_clicks": (3458, 135, 40, 12, 5),
    "num_account_visits": (3605, 4, 4, 6, 6, 6, 5, 4, 4, 0, 3, 0, 3),
    "num_searches": (2966, 480, 140, 40, 15, 6, 3),
    "num_series_descriptions": (1125, 1150, 570, 330, 190, 110, 70, 40, 30, 20, 15),
    "num_movie_descriptions": (2990, 250, 150, 110, 60, 40, 25, 15, 10),
}
LENGTHS = ((0.4, 4.3, 0.9), (0.6, 8.3, 0.9))  # share, mean and deviation of the log of seconds
SHORTEST, LONGEST = 8, 80_000  # seconds; nobody is asked before 8
STRIPS = (2.1, 0.9)  # of the log
FIRST = {"time_to_first_play": (4.0, 1.3), "time_to_first_trailer": (6.0, 2.0)}  # of the log
DONE = dict(zip(CENSORED, ("num_plays", "num_trailer_plays"), strict=True))
LEVELS = (0.061, 0.052, 0.094, 0.400, 0.393)  # of the answers, from very dissatisfied

SHARES = {  # who comes for it; 2.18 intents a session that has any
    "catch_up": 0.28,
    "continue_watching": 0.40,
    "live_tv": 0.20,
    "specific_title": 0.34,
    "add_to_watchlist": 0.11,
    "genre": 0.19,
    "new": 0.26,
    "watchlist": 0.19,
}
LEANS: Mapping[str, Mapping[str, float]] = {  # deviations more of each behaviour
    "continue_watching": {
        "num_plays": 0.25,
        "session_length": 0.2,
        "num_movie_descriptions": -0.25,
        "num_searches": -0.25,
        "num_strips": -0.2,
        "num_trailer_plays": -0.25,
    },
    "new": {
        "num_strips": 0.25,
        "num_series_descriptions": 0.2,
        "num_movie_descriptions": 0.25,
        "num_bookmarks": 0.25,
        "num_trailer_plays": 0.3,
    },
    "add_to_watchlist": {"num_bookmarks": 0.6},
    "genre": {"num_searches": 0.3, "num_movie_descriptions": 0.3},
    "live_tv": {"num_strips": 0.2},
    "specific_title": {"num_searches": 0.3},
}
PATTERN = {  # which intents are liked more; brought to mean 0 and deviation 1
    "catch_up": 0.5,
    "continue_watching": 0.9,
    "live_tv": -1.5,
    "specific_title": -1.2,
    "add_to_watchlist": 0.5,
    "genre": -0.1,
    "new": 0.3,
    "watchlist": 0.6,
}
SLOPES: Mapping[str, Mapping[str, float]] = {
    "num_searches": {"decisive": -0.4},
    "num_profile_clicks": {"decisive": -0.3},
    "num_bookmarks": {"decisive": -0.3},
}
PILOT = 20_000  # sessions that the cut points are found on
BEGIN = 1_704_067_200  # 2024-01-01
DAY = 86_400
MONTH = 30 * DAY
BREAK = 1_801  # seconds without anything, at least, between two sessions of a person

HEARTBEAT = 1_500  # seconds: what keeps a session going
REMARKS = ("Nothing in particular", "For the children", "A friend told me about it")

Slopes = Mapping[str, float | Mapping[str, float]]


def trivial(n: int = 3000, seed: int = 0) -> Dataset:
    """The public simulated data of the thesis: nothing in them has to do with anything.

    Satisfaction is uniform on 1 to 5, every intent is there with a chance of a half and every
    behaviour, the times too, is negative binomial with mean 1 and variance 2, all independent.
    Sessions are called 1 to ``n``, each of a person of its own, and were all asked.

    >>> trivial(4).sessions.ids.to_list()
    [1, 2, 3, 4]
    """
    rng = np.random.default_rng(seed)
    satisfaction = rng.integers(1, len(LEVELS) + 1, n)
    intents = rng.random((n, len(NAMES))) < 0.5
    behaviours = rng.negative_binomial(1, 0.5, (n, len(BEHAVIOURS))).astype(np.float32)
    ids = pl.Series(np.arange(1, n + 1))
    sessions = Sessions(
        ids=ids,
        user=np.arange(n, dtype=np.int32),
        start=np.zeros(n, np.int64),
        seconds=behaviours[:, BEHAVIOURS.index("session_length")],
        behaviours=behaviours,
        names=BEHAVIOURS,
        censored=(),
        intents=intents,
        intent_names=NAMES,
        satisfaction=satisfaction.astype(np.int8),
        shown=np.ones(n, bool),
        weights=np.ones(n, np.float32),
    )
    return Dataset.of_sessions(sessions, Ids(ids))


@dataclass(frozen=True, eq=False)
class Simulated:
    """Sessions, and what they were drawn from.

    With z = the mean (or the sum) over the intents of a session of  effects_j + slopes_j x,  plus
    the effect of the person, x being `columns` that are no logarithms (a time until something that
    never happened adds nothing), and y the satisfaction,

        log P(y > k) / P(y <= k) = z - cuts_k        k = 1 to 4

    and with that  log p / (1 - p) = intercept + z  for the target "overall".
    """

    data: Dataset
    columns: tuple[str, ...]  # (P,)
    slopes: Floats  # (J, P) log-odds for one more of each column
    effects: Floats  # (J,) of the intents, in log-odds
    people: Floats  # (U,) of the persons, in log-odds
    cuts: Floats  # (4,)
    z: Floats  # (S,)

    @property
    def sessions(self) -> Sessions:
        assert self.data.sessions is not None
        return self.data.sessions

    @property
    def intercept(self) -> float:
        """Of the target "overall", satisfied or very satisfied."""
        return -float(self.cuts[2])

    @property
    def chances(self) -> Floats:  # (S,)
        """How likely each session was to be satisfying, 4 or 5."""
        return np.asarray(expit(self.z - self.cuts[2]))


def realistic(
    n: int = 3000,
    seed: int = 0,
    *,
    users: int | None = None,
    intent_spread: float = 0.3,
    person_spread: float = 0.0,
    slopes: Slopes = SLOPES,
    membership: Literal["mean", "sum"] = "mean",
) -> Simulated:
    """``n`` sessions of video on demand that look like those of the thesis, all of them answered.

    ``users`` is how many persons there are; None is one for each session. The effects of the
    intents have a deviation of ``intent_spread`` log-odds, those of the persons of
    ``person_spread``. ``slopes`` has, for columns as `visits.columns` gives them, what one more
    does to the log-odds: a number for all intents, or one for each group ("decisive",
    "explorative") or intent, 0 for the others. A session with several intents gets the mean of
    what each does, or with ``membership`` "sum" the sum.

    Which cut points make the answers as they were in the thesis does not depend on ``seed``: they
    are found on sessions of their own. `UnknownName` for a column or an intent that is not there.

    >>> made = realistic(500, slopes={"num_searches": -0.4}, intent_spread=0.0)
    >>> float(made.slopes[0, made.columns.index("num_searches")])
    -0.4
    """
    if n < 1:
        raise BadParameter(f"realistic: n must be at least 1; got {n}")
    if users is not None and users < 1:
        raise BadParameter(f"realistic: users must be at least 1; got {users}")
    plan = _Plan.of(intent_spread, person_spread, slopes, membership)
    return plan.draw(n, users, np.random.default_rng(seed))


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
    plan = _Plan.of(intent_spread, person_spread, slopes, "mean")
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


@dataclass(frozen=True, eq=False)
class _Plan:
    """What does what, the same for any number of sessions."""

    columns: tuple[str, ...]
    slopes: Floats  # (J, P)
    effects: Floats  # (J,)
    person_spread: float
    membership: str
    cuts: Floats  # (4,)

    @classmethod
    def of(
        cls, intent_spread: float, person_spread: float, slopes: Slopes, membership: str
    ) -> _Plan:
        if min(intent_spread, person_spread) < 0:
            raise BadParameter("intent_spread and person_spread are deviations, at least 0")
        if membership not in ("mean", "sum"):
            raise BadParameter(f"membership is 'mean' or 'sum'; got {membership!r}")
        rng = np.random.default_rng(PILOT)  # not of the user's seed
        pilot = _visits(PILOT, None, rng)
        names, x = columns(pilot, log=False)
        pattern = np.array([PATTERN[name] for name in NAMES])
        pattern = (pattern - pattern.mean()) / pattern.std()
        plan = cls(
            columns=names,
            slopes=_slopes(slopes, names),
            effects=intent_spread * pattern,
            person_spread=person_spread,
            membership=membership,
            cuts=np.zeros(len(LEVELS) - 1),
        )
        z = plan._z(x, pilot.intents) + person_spread * rng.normal(size=PILOT)
        above = 1 - np.cumsum(LEVELS)[:-1]
        low, high = float(z.min()) - 20, float(z.max()) + 20
        cuts = [
            brentq(lambda cut, share=share: expit(z - cut).mean() - share, low, high)
            for share in above
        ]
        return replace(plan, cuts=np.array(cuts))

    def _z(self, x: Floats, came: Mask) -> Floats:
        each = self.effects + np.nan_to_num(x) @ self.slopes.T  # (S, J)
        total = (each * came).sum(1)
        return np.asarray(total if self.membership == "sum" else total / came.sum(1))

    def draw(
        self, n: int, users: int | None, rng: np.random.Generator, before: int = 0
    ) -> Simulated:
        """Sessions of persons whose ids begin at ``before``."""
        visits = _visits(n, users, rng, before)
        people = self.person_spread * rng.normal(size=n if users is None else users)
        z = self._z(columns(visits, log=False)[1], visits.intents) + people[visits.user]
        likes = z + rng.logistic(size=n)
        satisfaction = 1 + (likes[:, None] > self.cuts).sum(1)
        sessions = replace(visits, satisfaction=satisfaction.astype(np.int8))
        data = Dataset.of_sessions(sessions, Ids(pl.Series(before + np.arange(len(people)))))
        return Simulated(data, self.columns, self.slopes, self.effects, people, self.cuts, z)


def _slopes(asked: Slopes, names: tuple[str, ...]) -> Floats:  # (J, P)
    out = np.zeros((len(NAMES), len(names)))
    for column, given in asked.items():
        if column not in names:
            raise UnknownName("column", column, names)
        if not isinstance(given, Mapping):
            out[:, names.index(column)] = given
            continue
        for who, slope in given.items():
            group = INTENTS.get(who, (who,))
            if group[0] not in NAMES:
                raise UnknownName("intent or group of intents", who, (*INTENTS, *NAMES))
            for intent in group:
                out[NAMES.index(intent), names.index(column)] = slope
    return out


def _visits(n: int, users: int | None, rng: np.random.Generator, before: int = 0) -> Sessions:
    """Sessions without an answer to how they were."""
    came = _came(n, rng)
    behaviours = _behaviours(came, rng)
    seconds = behaviours[:, BEHAVIOURS.index("session_length")]
    user = np.arange(n) if users is None else rng.integers(0, users, n)
    start = _starts(user, seconds, rng)
    order = np.lexsort([user, start])
    user, start = user[order], start[order]
    return Sessions(
        ids=pl.select(pl.format("{}@{}", pl.Series(before + user), pl.Series(start))).to_series(),
        user=user.astype(np.int32),
        start=start,
        seconds=seconds[order].astype(np.float32),
        behaviours=behaviours[order].astype(np.float32),
        names=BEHAVIOURS,
        censored=CENSORED,
        intents=came[order],
        intent_names=NAMES,
        satisfaction=np.zeros(n, np.int8),
        shown=np.ones(n, bool),
        weights=np.ones(n, np.float32),
    )


def _came(n: int, rng: np.random.Generator) -> Mask:  # (S, J)
    """Why they came: at least one intent each."""
    chance = np.array([SHARES[name] for name in NAMES])
    came = rng.random((n, len(NAMES))) < chance
    while not (some := came.any(1)).all():
        came[~some] = rng.random((int((~some).sum()), len(NAMES))) < chance
    return came


def _behaviours(came: Mask, rng: np.random.Generator) -> Floats:  # (S, F)
    """Each as often as in the real log, more or less of it by what they came for."""
    shares = np.array([SHARES[name] for name in NAMES])

    def quantiles(name: str) -> Floats:
        lean = np.array([LEANS.get(intent, {}).get(name, 0.0) for intent in NAMES])
        pulled = (came - shares) @ lean + rng.normal(size=len(came))
        return np.asarray(ndtr(pulled / np.sqrt(1 + lean**2 @ (shares * (1 - shares)))))

    found: dict[str, Any] = {}
    for name, often in COUNTS.items():
        found[name] = np.searchsorted(np.cumsum(often) / sum(often), quantiles(name), "right")
    found["num_strips"] = np.rint(np.exp(STRIPS[0] + STRIPS[1] * ndtri(quantiles("num_strips"))))
    grid = np.linspace(np.log(SHORTEST), np.log(LONGEST), 2_000)
    below = np.zeros(len(grid))
    for share, mean, sd in LENGTHS:
        below += share * ndtr((grid - mean) / sd)
    below = (below - below[0]) / (below[-1] - below[0])
    length = np.rint(np.exp(np.interp(quantiles("session_length"), below, grid)))
    found["session_length"] = length
    for name, (mean, sd) in FIRST.items():
        within = ndtr((np.log(length) - mean) / sd)  # it happens before the session ends
        first = np.exp(mean + sd * ndtri(quantiles(name) * within))
        found[name] = np.where(found[DONE[name]] > 0, np.floor(np.minimum(first, length)), np.nan)
    return np.column_stack([found[name] for name in BEHAVIOURS]).astype(np.float64)


def _starts(user: Ints, seconds: Floats, rng: np.random.Generator) -> NDArray[np.int64]:  # (S,)
    """When each began, so that those of a person are apart."""
    order = np.argsort(user, kind="stable")
    took = seconds[order].astype(np.int64) + BREAK
    took += rng.exponential(DAY, len(user)).astype(np.int64)
    first = np.append(True, np.diff(user[order]) != 0)
    head = np.maximum.accumulate(np.where(first, np.arange(len(user)), 0))  # of its person
    before = np.cumsum(took) - took
    start = np.empty(len(user), np.int64)
    start[order] = BEGIN + rng.integers(0, MONTH, len(user))[head] + before - before[head]
    return start
