"""A survey as code: what is asked, and of whom; and what its words may be called in a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from os import PathLike
from typing import Any, Self

import numpy as np
import polars as pl

from ..errors import BadParameter, DataError, UnknownName
from ..types import PAD, Dataset, Mask
from ..visits import LEVELS, learnable
from ._ids import texts
from ._yaml import called, listed, mapping, only, tree

__all__ = ["Spelt", "Survey", "intents_of", "levels_of", "number", "plain", "same"]


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
        levels_of(self)
        intents_of(self)

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


def plain(text: str) -> str:
    """A name without case, blanks and signs."""
    return re.sub(r"[\W_]+", "", text.lower())


def same(text: str) -> str:
    """A name without case and the blanks around it."""
    return text.strip().casefold()


class Spelt:
    """What spellings stand for: as they are written or, where nothing is written so, by letters and
    digits alone, if those are of one thing only. `BadParameter` for one that stands for two."""

    def __init__(self, pairs: Iterable[tuple[str, str]], where: str):
        self.exact: dict[str, str] = {}
        for spelling, meant in pairs:
            other = self.exact.setdefault(same(spelling), meant)
            if other != meant:
                raise BadParameter(
                    f"{where}: {spelling!r} stands for both {other or 'none'} and {meant or 'none'}"
                )
        loose: dict[str, set[str]] = {}
        for spelling, meant in self.exact.items():
            loose.setdefault(plain(spelling), set()).add(meant)
        self.loose = {p: min(some) for p, some in loose.items() if p and len(some) == 1}

    def get(self, text: str) -> str | None:
        return self.exact.get(same(text), self.loose.get(plain(text)))


def intents_of(survey: Survey) -> Spelt:
    """The intent that each spelling stands for, empty for what is none of them."""
    texts_ = [(text, name) for some in survey.intents.values() for name, text in some.items()]
    pairs = [*((name, name) for name in survey.names), *texts_, *survey.spelt.items()]
    pairs += [(survey.other, "")] if survey.other else []
    return Spelt(pairs, survey.name)


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def levels_of(survey: Survey) -> tuple[Spelt, dict[float, int]]:
    """The level, from 1, that each spelling and each number stands for: its place, unless levels
    are called by other numbers (-2 to 2)."""
    places = {text: place for place, text in enumerate(survey.levels, 1)}
    words = Spelt(((t, str(i)) for i, t in enumerate(survey.levels, 1)), f"{survey.name}, levels")
    numbers = [(number(text), place) for text, place in places.items()]
    own = {number: place for number, place in numbers if number is not None}
    if len(own) < sum(number is not None for number, _ in numbers):
        raise BadParameter(f"{survey.name}, levels: two of them are the same number")
    other = any(number != place for number, place in own.items())
    return words, own if other else {float(place): place for place in places.values()}
