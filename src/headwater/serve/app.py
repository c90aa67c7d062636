"""The server: the API, and what stands before it.

app = create_app(settings_from())      headwater.serve.settings
headwater serve                        the same with the studio, by uvicorn
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ..errors import (
    BadArtifact,
    BadParameter,
    DataError,
    HeadwaterError,
    MissingColumn,
    NoConsent,
    StoreError,
    UnknownName,
)
from ..extras import needs
from .api import events, health, items, lists, people
from .api.shapes import Refused
from .guards import Guard
from .keys import Denied, Keys
from .service import Service
from .settings import LOOPBACK, Settings

with needs("the server", "serve"):
    from anyio import CapacityLimiter
    from anyio.to_thread import run_sync
    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.middleware.cors import CORSMiddleware
    from fastapi.responses import JSONResponse
    from fastapi.staticfiles import StaticFiles
    from starlette.exceptions import HTTPException
    from starlette.middleware.trustedhost import TrustedHostMiddleware

__all__ = ["create_app", "status_of"]

log = logging.getLogger("headwater")

AWAY = "the store or the model is away for now: ask again"
ABOUT = """\
What to recommend, in what order, with which picture; and what people did, coming back.

Every request has a key, `Authorization: Bearer KEY`, with the role read, ingest or admin; or a
token of a single user, who sees and does what is theirs alone.
"""


def create_app(settings: Settings, service: Service | None = None) -> FastAPI:
    """The app of ``settings``; ``service`` is started and closed with it."""
    service = service or Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_sync(service.start)
        try:
            yield
        finally:
            await run_sync(service.close)

    app = FastAPI(
        title="Headwater",
        description=ABOUT,
        version="1",
        lifespan=lifespan,
        docs_url=None,  # their pages ask other servers for scripts
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        responses={
            code: {"description": said, "model": Refused}
            for code, said in (
                (400, "what cannot be read at all"),
                (401, "no key, or an unknown one"),
                (403, "not with this key"),
                (404, "nobody knows it"),
                (413, "too much at once"),
                (422, "what is wrong with the request"),
                (429, "too many requests; Retry-After says how long to wait"),
                (503, "the store or the model is away; Retry-After says how long to wait"),
            )
        },
    )
    app.state.makers = CapacityLimiter(settings.at_once)
    app.state.service, app.state.keys = service, Keys(settings)
    for part in (lists, events, items, people, health):
        app.include_router(part.router)
    if settings.pictures is not None:
        app.mount("/pictures", StaticFiles(directory=settings.pictures), name="pictures")
    _handle(app)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type"],
        )
    hosts = settings.hosts or (LOOPBACK if settings.open else ())
    if hosts:
        named = [f"[{each}]" if ":" in each else each for each in hosts]
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*named, *hosts])
    app.add_middleware(Guard, settings=settings, telemetry=service.telemetry)
    return app


def status_of(error: HeadwaterError) -> tuple[int, str]:
    """Of an answer that says what was wrong, and what it is called there."""
    if isinstance(error, UnknownName | MissingColumn):
        return 404, "unknown"
    if isinstance(error, NoConsent):
        return 409, "no_consent"
    if isinstance(error, StoreError | BadArtifact):
        return 503, "away"
    if isinstance(error, BadParameter | DataError):
        return 422, "bad_request"
    return 500, "failed"


def _handle(app: FastAPI) -> None:
    """Every error as ``{"error": {"code", "message"}}``."""

    def said(
        status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> JSONResponse:
        plain = message.encode("utf-8", "replace").decode()  # it may quote what was sent
        content = {"error": {"code": code, "message": plain}}
        return JSONResponse(content, status_code=status, headers=headers)

    @app.exception_handler(Denied)
    async def _(_: Request, error: Denied) -> JSONResponse:
        more = {"www-authenticate": "Bearer"} if error.status == 401 else None
        return said(error.status, "denied", error.reason, more)

    @app.exception_handler(HeadwaterError)
    async def _(request: Request, error: HeadwaterError) -> JSONResponse:
        status, code = status_of(error)
        if status == 500:
            log.error("%s: %s", type(error).__name__, error)
            return said(500, code, "the server failed; its log says how")
        if status == 503:
            known = app.state.keys.known(request.headers)  # it names hosts and folders
            return said(503, code, str(error) if known else AWAY, {"retry-after": "2"})
        return said(status, code, str(error))

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> JSONResponse:
        return said(422, "bad_request", _where(error))

    @app.exception_handler(HTTPException)
    async def _(_: Request, error: HTTPException) -> JSONResponse:
        codes = {400: "bad_request", 404: "unknown", 405: "bad_request", 413: "too_large"}
        code = codes.get(error.status_code, "failed")
        return said(error.status_code, code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def _(_: Request, error: Exception) -> JSONResponse:
        log.error("%s", type(error).__name__, exc_info=error)
        return said(500, "failed", "the server failed; its log says how")


def _where(error: RequestValidationError) -> str:
    lines = []
    for each in error.errors():
        where = ".".join(str(part) for part in each["loc"][1:])
        told: Any = str(each["msg"]).removeprefix("Value error, ")
        lines.append(f"{where}: {told}" if where else str(told))
    return "; ".join(lines)[:1_000]
