"""The catalogue: what is known of items."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel

from ...extras import needs
from .asking import Id, Served, Who

with needs("the server", "serve"):
    from fastapi import APIRouter, Body, Response

router = APIRouter(prefix="/v1", tags=["items"])

About = Annotated[
    dict[str, Any],
    Body(examples=[{"title": "The Third Man", "genres": ["Film-Noir"], "year": 1949}]),
]


class Item(BaseModel):
    item_id: str
    about: dict[str, Any]


@router.put("/items/{item_id}")
def put_item(item_id: Id, about: About, service: Served, who: Who) -> Item:
    """Into the catalogue, or what is known of it anew. It can be recommended within seconds: by
    chance and by its kinds, until a model learned of it."""
    who.needs("ingest")
    service.put_item(item_id, about)
    return Item(item_id=item_id, about=about)


@router.get("/items/{item_id}")
def item(item_id: Id, service: Served, who: Who) -> Item:
    if who.user_id is None:
        who.needs("read")
    return Item(item_id=item_id, about=service.item(item_id))


@router.delete("/items/{item_id}", status_code=204)
def remove_item(item_id: Id, service: Served, who: Who) -> Response:
    """Out of the catalogue: it is shown no more. What people did with it stays."""
    who.needs("ingest")
    service.remove_item(item_id)
    return Response(status_code=204)
