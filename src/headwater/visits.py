"""What models of sessions share: which sessions they learn from, and the columns they look at."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .errors import DataError
from .features import moments, standardised
from .model import Model, learned
from .types import PAD, Dataset, Floats, Ids, Ints, Mask, Sessions

__all__ = [
    "LEVELS",
    "Around",
    "Coefficient",
    "Intent",
    "Observed",
    "Satisfaction",
    "Target",
    "alone",
    "came_for",
    "columns",
    "dealt",
    "learnable",
    "matched",
    "membership",
    "of_intents",
    "people",
    "reached",
]

LEVELS = 5
Target = Literal["overall", "satisfied", "unsatisfied"]


def reached(satisfaction: NDArray[np.int8], target: Target) -> Mask:
    """Whether answers from 1 to 5 are what is asked for: "overall" 4 or 5, "satisfied" 5,
    "unsatisfied" 1.

    >>> reached(np.array([1, 4, 5], np.int8), "overall")
    array([False,  True,  True])
    """
    if target == "overall":
        return np.asarray(satisfaction >= LEVELS - 1)
    return np.asarray(satisfaction == (LEVELS if target == "satisfied" else 1))


def columns(sessions: Sessions, *, log: bool) -> tuple[tuple[str, ...], Floats]:
    """The behaviours as numbers, (S, P) float64, and what the columns are called.

    A time until something that never happened is NaN, and a column ``no_...`` is 1; what looks at
    the columns takes such a time to be the mean of the others, so that the other column alone says
    what it means that it never happened. With ``log`` each x is log(1 + x).
    """
    x = sessions.behaviours.astype(np.float64)
    names = list(sessions.names)
    never = []
    for name in sessions.censored:
        at = sessions.names.index(name)
        never.append(np.isnan(x[:, at]).astype(np.float64))
        names.append("no_" + name.removeprefix("time_to_"))
    holed = np.flatnonzero(np.isnan(x).sum(0))
    unknown = [at for at in holed.tolist() if sessions.names[at] not in sessions.censored]
    if unknown:
        at = unknown[0]
        raise DataError(
            f"behaviour {sessions.names[at]!r} is unknown for some sessions: only times until "
            "something, named in `censored`, may be"
        )
    if log:
        if (x < 0).any():
            at = int((x < 0).any(0).argmax())
            raise DataError(f"behaviour {sessions.names[at]!r} is below 0 and has no logarithm")
        x = np.log1p(x)
    return tuple(names), np.column_stack([x, *never]) if never else x


def matched(model: object, sessions: Sessions, names: tuple[str, ...], *, log: bool) -> Floats:
    """The `columns` of sessions, (S, P); `DataError` unless they are called ``names``."""
    have, x = columns(sessions, log=log)
    if have != names:
        raise DataError(
            f"{type(model).__name__} learned from {', '.join(names)}; these sessions have "
            f"{', '.join(have)}"
        )
    return x


def came_for(sessions: Sessions, names: tuple[str, ...]) -> Floats:
    """Whether they had come for each intent, (S, J) float64; `DataError` unless the intents are
    called ``names``."""
    if names != sessions.intent_names:
        raise DataError(
            f"it learned from the intents {', '.join(names)}; these sessions have "
            f"{', '.join(sessions.intent_names) or 'none'}"
        )
    return sessions.intents.astype(np.float64)


def membership(came: Any) -> Floats:  # (S, J)
    """1 / (number of intents) for those that a session ``came`` for, (S, J), and 0 for others."""
    came = came.astype(np.float64)
    return np.asarray(came / np.maximum(came.sum(1, keepdims=True), 1))


def of_intents(each: Floats, came: Floats, otherwise: Floats) -> Floats:
    """The mean of ``each`` (S, J) over the intents that a session ``came`` for, (S, J) 0 or 1;
    ``otherwise`` (S,) where that is none."""
    member = membership(came)
    return np.where(came.any(1), np.einsum("sj,sj->s", each, member), otherwise)


def people(sessions: Sessions) -> Ints:  # (S,)
    """A number for whoever made the session; where nobody knows, for the session."""
    alone = -1 - sessions.ids.rank("dense").to_numpy().astype(np.int64)
    return np.where(sessions.user == PAD, alone, sessions.user)


def dealt(sessions: Sessions, y: Mask, folds: int, seed: int) -> Ints:  # (S,)
    """The fold, from 0, of each session: all of a person in one, and ``y`` about as often in each.

    `DataError` where there are fewer people than folds.
    """
    each, of = np.unique(people(sessions), return_inverse=True)
    if len(each) < folds:
        raise DataError(f"{len(each)} people cannot be dealt to {folds} folds")
    often = np.bincount(of, weights=y) / np.bincount(of)
    order = np.lexsort([np.random.default_rng(seed).random(len(each)), often])
    fold = np.empty(len(each), np.int64)
    fold[order] = np.arange(len(each)) % folds
    return fold[of]


def alone(sessions: Sessions) -> Dataset:
    """The sessions as data to learn from, with people as they are numbered."""
    people = pl.Series(range(int(sessions.user.max(initial=PAD)) + 1), dtype=pl.Int64)
    return Dataset.of_sessions(sessions, Ids(people))


def learnable(data: Dataset) -> Sessions:
    """The sessions of ``data``; `DataError` if there are none."""
    if data.sessions is None:
        raise DataError(
            "these data have no sessions: `read_sessions` makes them of events, and "
            "`data.surveys.join` adds the answers"
        )
    return data.sessions


class Coefficient(NamedTuple):
    """What one unit more of a column does to the log-odds, with its 95 % interval."""

    name: str
    estimate: float
    low: float
    high: float


class Satisfaction(Model):
    """How likely a session is one that ``target`` asks for; a method gives `learn`, `chances`."""

    target: Target

    def fit(self, data: Dataset) -> Self:
        """Learn from the sessions of ``data`` whose people said how they liked them."""
        sessions = learnable(data)
        answers = sessions[sessions.answered]
        y = reached(answers.satisfaction, self.target)
        if not y.any() or y.all():
            raise DataError(
                f"{type(self).__name__}: of {len(y):,} answers {int(y.sum()):,} are "
                f"{self.target!r}; to learn it takes some that are and some that are not"
            )
        self.learn(answers, y)
        return self

    def learn(self, answers: Sessions, y: Mask) -> None:
        """From sessions that were all answered, ``y`` (S,) whether they are what is asked for."""
        raise NotImplementedError

    def settled(self, answers: Sessions, y: Mask) -> Self:
        """One like it that has nothing left to search for; it has learned nothing."""
        del answers, y  # most have nothing to search for
        return self.fresh()

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        """How likely each is what is asked for; the answers in it are not looked at."""
        raise NotImplementedError


@dataclass(kw_only=True, eq=False)
class Around(Satisfaction):
    """One that is made of another, ``base``, and has its target."""

    base: Satisfaction

    @property
    def target(self) -> Target:  # type: ignore[override]
        return self.base.target

    def settled(self, answers: Sessions, y: Mask) -> Self:
        return replace(self.fresh(), base=self.base.settled(answers, y))


@dataclass(kw_only=True, eq=False)
class Observed(Satisfaction):
    """One that looks at the behaviours, all columns on one scale."""

    target: Target = "overall"
    log: bool = False  # look at log(1 + x)

    names_: str = learned()  # of the columns, as JSON
    mean_: np.ndarray = learned()  # (P,)
    deviation_: np.ndarray = learned()  # (P,) 1 where a column does not vary

    def begin(self, answers: Sessions) -> Floats:
        """Learn the scales; the columns (S, P) on it."""
        names, x = columns(answers, log=self.log)
        self.names_ = json.dumps(names)
        self.mean_, self.deviation_ = moments(x)
        return standardised(x, self.mean_, self.deviation_)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(json.loads(self.names_))

    def looks(self, sessions: Sessions) -> Floats:
        """The columns (S, P) of other sessions, on the scale it learned from."""
        x = matched(self, sessions, self.columns, log=self.log)
        return standardised(x, self.mean_, self.deviation_)


class Intent(Model):
    """Why people came. A method gives `fit` or `epochs`, `intents` and `chances`."""

    @property
    def intents(self) -> tuple[str, ...]:
        """What the columns of `chances` stand for."""
        raise NotImplementedError

    def chances(self, sessions: Sessions) -> Floats:  # (S, J)
        """How likely each intent is; those in ``sessions`` are not looked at."""
        raise NotImplementedError
