"""Whether the server lives, whether it can answer, and how it does."""

from __future__ import annotations

from typing import Any

from ...extras import needs
from .asking import Served, Who

with needs("the server", "serve"):
    from fastapi import APIRouter, Response
    from fastapi.responses import JSONResponse

router = APIRouter(tags=["health"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready", responses={503: {"description": "not now, and why"}})
async def ready(service: Served) -> Any:
    """It has a model, and its store is there."""
    why = service.ready
    if why:
        return JSONResponse({"status": "not ready", "reason": why}, status_code=503)
    return {"status": "ready", "model": service.fleet.current}


@router.get("/metrics", response_class=Response)
def metrics(service: Served, who: Who) -> Response:
    """For Prometheus."""
    who.needs("read")
    text, kind = service.telemetry_text()
    return Response(text, media_type=kind)
