"""What is recommended: a home page, a list, an order, what is like an item."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ...errors import BadParameter
from ...extras import needs
from ..answers import Wish
from .asking import Id, Items, K, Made, Of, Pictured, Served, Who, Within
from .shapes import Listing, Page, listing, page

with needs("the server", "serve"):
    from fastapi import APIRouter, Depends, Query, Response

router = APIRouter(prefix="/v1", tags=["lists"])

Guiding = Annotated[
    str | None,
    Query(
        max_length=500,
        description="lean to kinds of a column: genres:Horror,Comedy",
        json_schema_extra={"pattern": r"^[^:]+:[\s,]*[^\s,]"},
    ),
]


def _guide(said: str | None) -> tuple[str, tuple[str, ...]] | None:
    if said is None:
        return None
    column, _, kinds = said.partition(":")
    found = tuple(each.strip() for each in kinds.split(",") if each.strip())
    if not column or not found:
        raise BadParameter(f"guide is a column and its kinds, genres:Horror,Comedy; got {said!r}")
    return column, found


async def _wish(exclude: Items = [], within: Within = None, guide: Guiding = None) -> Wish:  # noqa: B006
    return Wish(exclude=exclude, within=within, guide=_guide(guide))


Wished = Annotated[Wish, Depends(_wish)]


class Ranking(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: Of | None = None
    items: Annotated[list[Of], Field(min_length=1, max_length=1_000)]
    k: Annotated[int, Field(ge=1, le=1_000)] | None = None


@router.get("/home", response_model=Page)
async def home_of_nobody(service: Served, made: Made, who: Who, k: K = 12) -> Response:
    """A home page for somebody who does not say who they are."""
    who.needs("read")
    return await made(lambda: page(service.home(None, k), Pictured(service)))


@router.get("/home/{user_id}", response_model=Page)
async def home(user_id: Id, service: Served, made: Made, who: Who, k: K = 12) -> Response:
    """A home page: strips of items, with the reason and the picture of each."""
    who.needs("read", user_id)
    return await made(lambda: page(service.home(user_id, k), Pictured(service)))


@router.get("/recommend", response_model=Listing)
async def recommend_nobody(
    service: Served, made: Made, who: Who, wish: Wished, k: K = 20
) -> Response:
    """One list for somebody who does not say who they are."""
    who.needs("read")
    return await made(lambda: listing(service.recommend(None, k, wish), Pictured(service)))


@router.get("/recommend/{user_id}", response_model=Listing)
async def recommend(
    user_id: Id, service: Served, made: Made, who: Who, wish: Wished, k: K = 20
) -> Response:
    """One list, of what is not excluded, or within some items only, or leaning to kinds."""
    who.needs("read", user_id)
    return await made(lambda: listing(service.recommend(user_id, k, wish), Pictured(service)))


@router.post("/rank", response_model=Listing)
async def rank(asked: Ranking, service: Served, made: Made, who: Who) -> Response:
    """Items of yours in the best order for somebody."""
    who.needs("read", asked.user_id)
    ranked = partial(service.rank, asked.user_id, asked.items, asked.k)
    return await made(lambda: listing(ranked(), Pictured(service)))


@router.get("/items/{item_id}/similar", response_model=Listing)
async def similar(item_id: Id, service: Served, made: Made, who: Who, k: K = 20) -> Response:
    """The items most like one."""
    if who.user_id is None:
        who.needs("read")
    return await made(lambda: listing(service.similar(item_id, k), Pictured(service)))
