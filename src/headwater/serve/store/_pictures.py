"""The pictures that a store's items come with, as `Catalog.stills`.

    {"title": ..., "stills": [{"name": "film-3/0.jpg", "shows": {"Horror": 0.9}, "spoils": false}]}

Pictures are numbered in that order, the default first; what was shown is known by that number, so
new ones go to the end. How much each shows of the kinds of the catalogue comes with it; what a
picture says nothing of it shows nothing of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ...types import Dataset, Stills

__all__ = ["STILLS", "first_still", "with_stills"]

STILLS = "stills"  # what is known of an item under that name


class Still(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=500)
    shows: dict[str, float] = {}
    spoils: bool = False


READ: TypeAdapter[list[Still]] = TypeAdapter(list[Still])


def with_stills(data: Dataset, told: Sequence[Mapping[str, Any]], by: str) -> Dataset:
    """``data`` with the pictures of what was ``told`` of items, if there are any. Those that cannot
    be read are left out, and a note says which."""
    if by not in data.catalog.table.columns or not any(row.get(STILLS) for row in told):
        return data
    kinds = data.catalog.kinds(by)
    at = {str(kind): column for column, kind in enumerate(kinds)}
    mine: dict[str, list[Still]] = {}
    notes = []
    for row in told:
        try:
            mine[row["item_id"]] = READ.validate_python(row.get(STILLS) or [])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            notes.append(f"item {row['item_id']!r}: stills.{where}: {first['msg']}; left out")
    items = data.items.values.cast(pl.String).to_list()
    each = [mine.get(item, []) for item in items]
    flat = [still for some in each for still in some]
    scores = np.zeros((len(flat), len(kinds)), np.float32)
    for row_, still in enumerate(flat):
        for kind, share in still.shows.items():
            if kind in at:
                scores[row_, at[kind]] = share
    stills = Stills(
        start=np.concatenate([[0], np.cumsum([len(some) for some in each])]).astype(np.int64),
        scores=scores,
        kinds=kinds,
        names=pl.Series([still.name for still in flat], dtype=pl.String),
        spoils=np.array([still.spoils for still in flat], bool),
        by=by,
    )
    catalog = replace(data.catalog, stills=stills)
    return replace(data, catalog=catalog, notes=(*data.notes, *notes))


def first_still(about: Mapping[str, Any]) -> str | None:
    """The name of the picture to show of an item that no model knows."""
    given = about.get(STILLS)
    first = given[0] if isinstance(given, list) and given else None
    name = first.get("name") if isinstance(first, Mapping) else about.get("picture")
    return None if name is None else str(name)
