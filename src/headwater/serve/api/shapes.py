"""What the API says, as it stands in its OpenAPI description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from ..answers import Answer, Shown
from ..reply import Reply, event_id

__all__ = ["Listing", "Page", "Problem", "Refused", "listing", "page"]

Where = Callable[[str | None], str | None]  # from the name of a picture to where it is


class Place(BaseModel):
    """One item of a list."""

    item_id: str
    title: str
    position: int = Field(description="0 is the first")
    score: float | None = Field(description="null where it stands there by something else")
    path: str = Field(description="what produced it")
    why: str
    creative: int | None = Field(description="which of its pictures to show")
    picture: str | None = Field(description="where that picture is")
    propensity: float = Field(description="the chance that it stands here; 1: nothing was drawn")
    creative_propensity: float | None
    event_id: str = Field(description="of its impression, which the server records itself")


class InExperiment(BaseModel):
    name: str
    arm: str


class Row(BaseModel):
    """A strip of a page."""

    title: str
    trace_id: str = Field(description="the request_id of what is done with its items")
    items: list[Place]
    missing: str = Field(description="why there are fewer than were asked for")


class Page(BaseModel):
    user_id: str | None
    trace_id: str
    model: str
    consent: str = Field(description="that counted: none, essential or full")
    experiment: InExperiment | None
    strips: list[Row]
    degraded: list[str] = Field(description="what had to be left out, and why")


class Listing(BaseModel):
    user_id: str | None
    trace_id: str
    model: str
    consent: str
    experiment: InExperiment | None
    items: list[Place]
    missing: str
    degraded: list[str]


class Problem(BaseModel):
    """Why something was not done."""

    code: str
    message: str


class Refused(BaseModel):
    """Every answer that is none, but for those of /health."""

    error: Problem


def page(reply: Reply, pictured: Where) -> dict[str, Any]:
    return {
        **_head(reply),
        "strips": [
            {
                "title": strip.title,
                "trace_id": strip.answer.trace_id,
                "items": _places(strip.answer, pictured),
                "missing": strip.answer.missing,
            }
            for strip in reply.strips
        ],
        "degraded": reply.degraded,
    }


def listing(reply: Reply, pictured: Where) -> dict[str, Any]:
    answer = reply.answer
    return {
        **_head(reply),
        "items": _places(answer, pictured),
        "missing": answer.missing,
        "degraded": reply.degraded,
    }


def _head(reply: Reply) -> dict[str, Any]:
    inside = reply.experiment is not None
    return {
        "user_id": reply.user_id,
        "trace_id": reply.trace_id,
        "model": reply.model,
        "consent": reply.consent,
        "experiment": {"name": reply.experiment, "arm": reply.arm} if inside else None,
    }


def _places(answer: Answer, pictured: Where) -> list[dict[str, Any]]:
    return [_place(answer.trace_id, at, each, pictured) for at, each in enumerate(answer.items)]


def _place(trace_id: str, at: int, shown: Shown, pictured: Where) -> dict[str, Any]:
    return {
        "item_id": shown.item_id,
        "title": shown.title,
        "position": at,
        "score": shown.score,
        "path": shown.path,
        "why": shown.why,
        "creative": shown.creative,
        "picture": pictured(shown.picture),
        "propensity": shown.propensity,
        "creative_propensity": shown.creative_propensity,
        "event_id": event_id(trace_id, at),
    }
