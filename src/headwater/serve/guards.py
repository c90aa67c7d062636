"""What stands before every request: limits of rate and size, headers, and a line in the log."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time as clocks
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from ..extras import needs
from .events import SLASH
from .keys import Denied
from .rates import Counts
from .settings import Settings
from .telemetry import Telemetry

with needs("the server", "serve"):
    from limits import parse
    from limits.strategies import FixedWindowRateLimiter
    from starlette.datastructures import Headers
    from starlette.exceptions import HTTPException
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard", "TooLarge"]

log = logging.getLogger("headwater.requests")

HIDDEN = re.compile(rb"%2f", re.IGNORECASE)
FOREIGN = re.compile(rb"%ee%80%80", re.IGNORECASE)
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
POLICY = (
    b"content-security-policy",
    b"default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    b"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
)
FAILURES = "30/minute"  # wrong keys from one address
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


class TooLarge(HTTPException):
    """A body beyond the limit."""


class Guard:
    """An ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, *, settings: Settings, telemetry: Telemetry):
        self.app, self.settings, self.telemetry = app, settings, telemetry
        self._limiter = FixedWindowRateLimiter(Counts())
        self._rate, self._failures = parse(settings.rate), parse(FAILURES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = clocks.perf_counter()
        headers = Headers(scope=scope)
        address = scope["client"][0] if scope.get("client") else "local"
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                have = {name.lower() for name, _ in message["headers"]}
                more = [*HEADERS, POLICY, (b"x-request-id", request_id.encode())]
                if b"cache-control" not in have:
                    more.append((b"cache-control", b"no-store"))
                message = {
                    **message,
                    "headers": [*message["headers"], *(h for h in more if h[0] not in have)],
                }
            await send(message)

        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        try:
            refused = self._refused(scope, headers, address)
            if refused is not None:
                await _answer(sent, *refused)
            else:
                await self.app(scope, self._limited(receive), sent)
        finally:
            if status == 401:
                self._limiter.hit(self._failures, "failures", address)
            self._note(scope, status, clocks.perf_counter() - began, request_id)

    def _refused(self, scope: Scope, headers: Headers, address: str) -> tuple[Any, ...] | None:
        raw = scope.get("raw_path") or b""
        if FOREIGN.search(raw):
            return 422, "bad_request", "the address has a character that no id may have"
        if HIDDEN.search(raw):
            path = unquote_to_bytes(HIDDEN.sub(SLASH.encode(), raw)).decode("utf-8", "replace")
            scope["path"] = path
        if not scope["path"].startswith("/health/"):
            wait = self._wait(_known(scope, headers), address)
            if wait is not None:
                return wait
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.settings.body:
            return 413, "too_large", self._most()
        return None

    def _wait(self, known: str | None, address: str) -> tuple[Any, ...] | None:
        """Whose key is good has a rate of their own, whatever others do at the same address; all
        others at an address, with whatever words for keys, have one together."""
        if known is None and not self._limiter.test(self._failures, "failures", address):
            return 429, "too_many", "too many wrong keys from this address: wait a minute", 60
        name = ("known", known) if known is not None else ("address", address)
        if self._limiter.hit(self._rate, "asked", *name):
            return None
        reset = self._limiter.get_window_stats(self._rate, "asked", *name).reset_time
        wait = max(1, int(reset - clocks.time()) + 1)
        return 429, "too_many", f"more than {self.settings.rate}: wait {wait} s", wait

    def _most(self) -> str:
        return f"a body may have {self.settings.body:,} bytes: send less at once"

    def _limited(self, receive: Receive) -> Receive:
        had = 0

        async def limited() -> Message:
            nonlocal had
            message = await receive()
            had += len(message.get("body", b""))
            if had > self.settings.body:
                raise TooLarge(413, self._most())
            return message

        return limited

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        """The route, never the address: that has ids of people in it."""
        route = getattr(scope.get("route"), "path", None) or "none"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.telemetry.requests.labels(method, route, str(status)).observe(seconds)
        log.info(
            "%s %s %d",
            method,
            route,
            status,
            extra={
                "request_id": request_id,
                "method": method,
                "route": route,
                "status": status,
                "ms": round(1_000 * seconds, 2),
            },
        )


def _known(scope: Scope, headers: Headers) -> str | None:
    """Whose key or token it is that a request has; None where it has no good one."""
    if "authorization" not in headers:
        return None
    try:
        caller = scope["app"].state.keys.caller(headers)
    except Denied:
        return None
    name = caller.name if caller.user_id is None else caller.user_id
    return hashlib.sha256(f"{caller.role}\0{name}".encode("utf-8", "replace")).hexdigest()


async def _answer(send: Send, status: int, code: str, said: str, wait: int | None = None) -> None:
    body = json.dumps({"error": {"code": code, "message": said}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if wait is not None:
        headers.append((b"retry-after", b"%d" % wait))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
