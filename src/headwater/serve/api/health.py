"""Whether the server lives, whether it can answer, and how it does."""

from __future__ import annotations

from typing import Annotated, Any

from ...extras import needs
from .asking import Served, Who

with needs("the server", "serve"):
    from fastapi import APIRouter, Query, Request, Response
    from fastapi.responses import JSONResponse

router = APIRouter(tags=["health"])

Store = Annotated[
    bool, Query(description="false: a model alone will do, since pages go on without the store")
]


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready", responses={503: {"description": "not now, and why"}})
async def ready(request: Request, service: Served, store: Store = True) -> Any:
    """It has a model, and its store is there; and what is wrong with what was published since. In
    full for who has a key: it names hosts and folders."""
    model, known = service.fleet.current, request.app.state.keys.known(request.headers)
    why = service.ready if store or model is None else ""
    if why:
        brief = "no model answers" if model is None else "the store is away"
        told = {"status": "not ready", "reason": why if known else brief}
        return JSONResponse(told, status_code=503)
    trouble = service.fleet.trouble
    if trouble and not known:
        trouble = "what was published cannot be used"
    return {"status": "ready", "model": model, **({"trouble": trouble} if trouble else {})}


@router.get("/metrics", response_class=Response)
def metrics(service: Served, who: Who) -> Response:
    """For Prometheus."""
    who.needs("read")
    text, kind = service.telemetry_text()
    return Response(text, media_type=kind)
