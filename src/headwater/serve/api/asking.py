"""Who asks for what: ids, roles, and the service behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic_core import to_json

from ...extras import needs
from ..events import SLASH, Name
from ..keys import Caller
from ..service import Service

with needs("the server", "serve"):
    from anyio.to_thread import run_sync
    from fastapi import Depends, Path, Query, Request, Response
    from fastapi.security import HTTPBearer

__all__ = ["Id", "Items", "K", "Made", "Of", "Pictured", "Served", "Who", "Within"]

NAME: TypeAdapter[str] = TypeAdapter(Name)
SAID = {  # of ids, in the description of the API: what `Name` takes
    "minLength": 1,
    "maxLength": 200,
    "pattern": r"^[^\s\x00-\x1f\x7f\ue000]([^\x00-\x1f\x7f\ue000]*[^\s\x00-\x1f\x7f\ue000])?$",
}
_bearer = HTTPBearer(auto_error=False, description="a key, or a token of a user")


def _id(value: str) -> str:
    """An id as it was before it was part of an address."""
    return NAME.validate_python(value.replace(SLASH, "/"))


Maker = Callable[[Callable[[], dict[str, Any]]], Awaitable[Response]]


async def _service(request: Request) -> Service:  # in a thread of its own it would wait for one
    found: Service = request.app.state.service
    return found


async def _caller(request: Request, _: Annotated[Any, Depends(_bearer)]) -> Caller:
    found: Caller = request.app.state.keys.caller(request.headers)
    return found


async def _made(request: Request) -> Maker:
    """Lists are made by few threads of their own: many at once would only wait for each other, and
    none waits for a large batch of events. They leave as they were made, without a second look:
    tests hold them to their description."""

    async def made(work: Callable[[], dict[str, Any]]) -> Response:
        content = await run_sync(work, limiter=request.app.state.makers)
        return Response(to_json(content), media_type="application/json")

    return made


Id = Annotated[str, Path(json_schema_extra=SAID), AfterValidator(_id)]
Of = Annotated[Name, Field(json_schema_extra=SAID)]  # in a query or a body
Items = Annotated[list[Of], Query(max_length=1_000)]
Within = Annotated[list[Of] | None, Query(max_length=1_000)]
K = Annotated[int, Query(ge=1, le=1_000, description="how many items")]
Made = Annotated[Maker, Depends(_made)]
Served = Annotated[Service, Depends(_service)]
Who = Annotated[Caller, Depends(_caller)]


class Pictured:
    """From the name of a picture to where this server has it; None if it has none."""

    def __init__(self, service: Service):
        self._here = service.settings.pictures is not None

    def __call__(self, name: str | None) -> str | None:
        if name is None or name.startswith(("https://", "http://")):
            return name
        return f"/pictures/{quote(name)}" if self._here else None
