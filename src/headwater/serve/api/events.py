"""What people did, coming in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ...errors import DataError
from ...extras import needs
from ..keys import Denied
from .asking import Served, Who

with needs("the server", "serve"):
    from fastapi import APIRouter

router = APIRouter(prefix="/v1", tags=["events"])


class Batch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    events: Annotated[
        list[dict[str, Any]],
        Field(
            description="each with kind (impression, click, play, bookmark, search, survey), "
            "event_id, user_id and time, and what its kind has besides",
            examples=[
                [
                    {
                        "kind": "click",
                        "event_id": "e-17",
                        "user_id": "ann",
                        "item_id": "film-3",
                        "time": "2026-05-01T10:00:00Z",
                    }
                ]
            ],
        ),
    ]


class One(BaseModel):
    status: str = Field(description="accepted, duplicate, not kept, or refused")
    event_id: str | None
    reason: str


class Taken(BaseModel):
    accepted: int
    duplicate: int
    not_kept: int
    refused: int
    outcomes: list[One]


@router.post("/events")
@router.post("/feedback", include_in_schema=False)
def events(batch: Batch, service: Served, who: Who) -> Taken:
    """Keep what people did. When this is answered, what is accepted is safe on disk.

    Sent again under the same event_id it is a duplicate, and counted once: whoever got no answer
    sends the whole batch again.
    """
    if who.user_id is None:
        who.needs("ingest")
    elif any(each.get("user_id") != who.user_id for each in batch.events):
        raise Denied(403, "this token is of a user, and there are events of others among these")
    elif any(each.get("kind") == "impression" for each in batch.events):
        raise Denied(403, "a user's token sends what is done: what was shown the server records")
    most = service.settings.batch
    if len(batch.events) > most:
        raise DataError(f"{len(batch.events):,} events are more than the {most:,} of one batch")
    outcomes = service.take(batch.events)
    counts = {"accepted": 0, "duplicate": 0, "not_kept": 0, "refused": 0}
    for each in outcomes:
        counts[each.status.replace(" ", "_")] += 1
    said = [{"status": o.status, "event_id": o.event_id, "reason": o.reason} for o in outcomes]
    return Taken(**counts, outcomes=said)  # type: ignore[arg-type]
