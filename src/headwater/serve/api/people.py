"""People: what is known of them, what they agreed to, all that is kept, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ...extras import needs
from ..events import Consent
from ..store import Receipt
from .asking import Id, Served, Who
from .shapes import Refused

with needs("the server", "serve"):
    from fastapi import APIRouter, Body, Request

router = APIRouter(prefix="/v1", tags=["people"])

About = Annotated[dict[str, Any], Body(examples=[{"country": "NL", "since": 2021}])]


class Known(BaseModel):
    user_id: str
    about: dict[str, Any]


class Agreed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    level: Consent


class Lasting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[int, Field(ge=60, le=86_400)] = 3_600


class Token(BaseModel):
    token: str
    seconds: int


class Erased(BaseModel):
    receipt_id: str
    counts: Mapping[str, int] = Field(description="rows removed, by table")
    time: datetime
    completed: datetime | None = Field(
        description="when the last model that had learned of them was removed; null: not yet"
    )
    completed_by: str | None = Field(description="the version that took its place")


NO_CONSENT: dict[int | str, dict[str, Any]] = {
    409: {"description": "they have not agreed to be known", "model": Refused}
}


@router.put("/users/{user_id}", responses=NO_CONSENT)
def put_user(user_id: Id, about: About, service: Served, who: Who) -> Known:
    who.needs("ingest")
    service.store.put_users({user_id: about})
    return Known(user_id=user_id, about=about)


@router.get("/users/{user_id}")
def user(user_id: Id, service: Served, who: Who) -> Known:
    who.needs("admin", user_id)
    return Known(user_id=user_id, about=service.store.user(user_id))


@router.put("/users/{user_id}/consent")
def consent(user_id: Id, agreed: Agreed, service: Served, who: Who) -> Agreed:
    """What they agree to from now on: none, essential or full."""
    who.needs("ingest", user_id)
    service.store.consent(user_id, agreed.level)
    return agreed


@router.post("/users/{user_id}/token")
def token(user_id: Id, who: Who, request: Request, lasting: Lasting) -> Token:
    """For a page in their browser: with it they see and do what is theirs alone. With one that an
    admin's key asked for they may also read and erase all that is kept of them."""
    who.needs("ingest")
    whole = who.may("admin")
    made = request.app.state.keys.token(user_id, lasting.seconds, whole=whole)
    return Token(token=made, seconds=lasting.seconds)


@router.get("/users/{user_id}/export")
def export(user_id: Id, service: Served, who: Who) -> dict[str, Any]:
    """All that is kept of them."""
    who.needs("admin", user_id)
    return service.store.export_user(user_id)


@router.delete("/users/{user_id}")
def erase(user_id: Id, service: Served, who: Who) -> Erased:
    """Remove all of them, here and now; the next retraining removes the models that learned of
    them, and then the receipt says so."""
    who.needs("admin", user_id)
    return _receipt(service.erase(user_id))


@router.get("/receipts/{receipt_id}")
def receipt(receipt_id: Id, service: Served, who: Who) -> Erased:
    """What became of an erasure."""
    who.needs("admin")
    return _receipt(service.store.receipt(receipt_id))


def _receipt(found: Receipt) -> Erased:
    return Erased(
        receipt_id=found.receipt_id,
        counts=found.counts,
        time=found.time,
        completed=found.completed,
        completed_by=found.completed_by,
    )
