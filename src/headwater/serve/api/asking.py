"""Who asks for what: ids, roles, and the service behind."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator, Field, TypeAdapter

from ...extras import needs
from ..events import SLASH, Name
from ..keys import Caller
from ..service import Service

with needs("the server", "serve"):
    from fastapi import Depends, Path, Query, Request
    from fastapi.security import HTTPBearer

__all__ = ["Id", "Items", "K", "Of", "Pictured", "Served", "Who", "Within"]

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


async def _service(request: Request) -> Service:  # in a thread of its own it would wait for one
    found: Service = request.app.state.service
    return found


async def _caller(request: Request, _: Annotated[Any, Depends(_bearer)]) -> Caller:
    found: Caller = request.app.state.keys.caller(request.headers)
    return found


Id = Annotated[str, Path(json_schema_extra=SAID), AfterValidator(_id)]
Of = Annotated[Name, Field(json_schema_extra=SAID)]  # in a query or a body
Items = Annotated[list[Of], Query(max_length=1_000)]
Within = Annotated[list[Of] | None, Query(max_length=1_000)]
K = Annotated[int, Query(ge=1, le=1_000, description="how many items")]
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
