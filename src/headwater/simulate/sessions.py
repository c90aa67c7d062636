"""Sessions that were never made, with answers: `trivial` ones, in which nothing has to do with
anything, and `realistic` ones, of which it is known what satisfies whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri

from ..data.sessions import BEHAVIOURS, CENSORED, INTENTS
from ..errors import BadParameter, UnknownName
from ..types import Dataset, Floats, Ids, Ints, Mask, Sessions
from ..visits import columns

__all__ = ["Simulated", "realistic", "trivial"]

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
    plan = Plan.of(intent_spread, person_spread, slopes, membership)
    return plan.draw(n, users, np.random.default_rng(seed))


@dataclass(frozen=True, eq=False)
class Plan:
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
    ) -> Plan:
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
