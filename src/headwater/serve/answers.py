"""What goes in and out of a model that answers people: plain values, by their ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import uuid4

__all__ = ["Answer", "Done", "Person", "Shown", "Strip", "Wish", "new_trace"]


@dataclass(frozen=True)
class Done:
    """What somebody did since the model learned, or was shown and left."""

    item_id: str
    time: int  # unix seconds
    chosen: bool = True  # False: it was shown, and they did not take it


@dataclass(frozen=True)
class Person:
    """Who asks, as far as the answer may know."""

    user_id: str | None = None  # None: somebody who does not say
    done: tuple[Done, ...] = ()  # the next list knows of it; unknown items are passed over
    since: int = 0  # unix seconds: what they did before is not to be known any more


@dataclass(frozen=True)
class Wish:
    """What a list is to be like, beyond being good."""

    exclude: Collection[str] = ()
    within: Collection[str] | None = None  # an unknown id in it is an error
    guide: tuple[str, tuple[str, ...]] | None = None  # a column of the catalogue, and its kinds
    filter_seen: bool = True


@dataclass(frozen=True)
class Shown:
    """One place of a list."""

    item_id: str
    title: str
    score: float | None  # None where it stands there by something else than a score of the model
    path: str  # what produced it
    why: str
    creative: int | None = None
    picture: str | None = None  # the name of that picture, or of the item's only one
    propensity: float = 1.0  # that it stands here, given what stands above; 1: nothing was drawn
    creative_propensity: float | None = None


@dataclass(frozen=True)
class Answer:
    """A list, and all that there is to know of how it came about."""

    trace_id: str
    model: str  # which one answered
    items: tuple[Shown, ...]
    missing: str = ""  # why there are fewer than were asked for
    degraded: tuple[str, ...] = ()  # what had to be left out, and why
    steps: tuple[Mapping[str, object], ...] = ()  # of the flow: name, seconds, candidates, failed


@dataclass(frozen=True)
class Strip:
    """A row of a home page."""

    title: str
    answer: Answer


def new_trace() -> str:
    return uuid4().hex
