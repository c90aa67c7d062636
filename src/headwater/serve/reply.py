"""What somebody gets, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .answers import Answer, Shown, Strip
from .events import Consent
from .live import Asked, Live
from .recorder import Record

__all__ = ["Inside", "Reply", "event_id", "record_of"]


@dataclass(frozen=True)
class Reply:
    """What somebody gets, and how it came about."""

    user_id: str | None
    trace_id: str  # of the page; each strip has its own, too
    time: datetime
    surface: str  # home, recommend, rank, similar
    model: str
    consent: Consent
    strips: tuple[Strip, ...]
    seconds: float
    k: int
    degraded: tuple[str, ...] = ()
    experiment: str | None = None
    arm: str | None = None

    @property
    def answer(self) -> Answer:
        """The only list, where there is only one."""
        return self.strips[0].answer

    @property
    def filled(self) -> int:
        return sum(len(strip.answer.items) for strip in self.strips)


@dataclass(frozen=True)
class Inside:
    """How a list came about."""

    live: Live
    asked: Asked  # what the model said, step by step
    answer: Answer
    consent: Consent
    arm: str | None  # of an experiment that they are in
    seconds: float


def record_of(reply: Reply) -> Record:
    """What is kept of a reply to somebody who agreed to it."""
    user = reply.user_id
    assert user is not None
    steps = [
        {"strip": strip.title, **step} for strip in reply.strips for step in strip.answer.steps
    ]
    row = {
        "trace_id": reply.trace_id,
        "user_id": user,
        "time": reply.time,
        "surface": reply.surface,
        "model": reply.model,
        "seconds": reply.seconds,
        "steps": steps,
        "degraded": list(reply.degraded),
        "experiment": reply.experiment,
        "arm": reply.arm,
        "k": reply.k,
        "filled": reply.filled,
    }
    impressions = [
        impression(user, reply.time, strip.answer.trace_id, at, shown)
        for strip in reply.strips
        for at, shown in enumerate(strip.answer.items)
    ]
    exposure = None
    if reply.experiment is not None and reply.arm is not None:
        exposure = (reply.experiment, user, reply.arm)
    return Record([row], impressions, exposure)


def impression(
    user_id: str, time: datetime, trace_id: str, position: int, shown: Shown
) -> dict[str, Any]:
    """One place of an answer, as the event that it is."""
    event = {
        "kind": "impression",
        "event_id": event_id(trace_id, position),
        "user_id": user_id,
        "time": time,
        "request_id": trace_id,
        "item_id": shown.item_id,
        "position": position,
        "propensity": shown.propensity,
        "path": shown.path,
    }
    if shown.creative is not None and shown.creative_propensity is not None:
        event["creative"] = shown.creative
        event["creative_propensity"] = shown.creative_propensity
    return event


def event_id(trace_id: str, position: int) -> str:
    return f"{trace_id}:{position}"
