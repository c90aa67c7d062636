"""Table 2.1 of the RecFusion thesis: MovieLens-25M and Netflix; and Gowalla, which is smaller.

Data      movielens-25m and netflix-prize, ratings of at least 4 as likes, have to be fetched; the
          notes say how to get what is not there. gowalla stands in for them at a size that two
          cores can learn: items that at least 30 users visited. Users with fewer than 5 items, then
          items with too few users, are dropped once in this order.
Split     that of thesis-2.5, and so are the metrics; one split in the thesis.
Compared  without the thesis's figures: does an order that holds on MovieLens-1M hold elsewhere?
Steps     of 1e-3 for `recfusion`, ten times those of thesis-2.5: far fewer epochs.
Left out  `ease` and `slim` where there are more than 20,000 items: the one inverts a matrix of
          items by items, 3.2 GB and again as much to work in, and the other takes hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from ..data import sources
from ..errors import DataError
from ..evaluation import EarlyStopping
from . import Asked, Reproduction
from ._comparison import ACCURACY, LIKES, Line, ahead, compare, methods_of

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "RecFusion thesis, Table 2.1: larger data, strong generalization (x 100)"
SOURCES: dict[str, Mapping[str, Any]] = {
    "movielens-25m": LIKES,
    "netflix-prize": LIKES,
    "gowalla": {"min_items_per_user": 5, "min_users_per_item": 30},
}
KEEP = EarlyStopping(patience=5)
LINEAR: dict[str, dict[str, Any]] = {
    "popularity": {"model": "popularity"},
    "slim": {"model": "slim", "l1": 5e-4, "l2": 5e-5},
    "ease": {"model": "ease", "l2": 1000.0},
}
NEURAL: dict[str, dict[str, Any]] = {
    "multvae": {"model": "multvae"},
    "recfusion": {"model": "recfusion", "how": {"learning_rate": 1e-3}},
    "recfusion_guided": {"model": "recfusion_guided"},
}
DENSE = ("slim", "ease")
MOST_ITEMS = 20_000
LINES = {
    f"{method} {source}": Line(tree=tree, keep=KEEP if method in NEURAL else None)
    for source in SOURCES
    for method, tree in {**LINEAR, **NEURAL}.items()
}
METHODS = methods_of(LINES)
SPLITS = 1
RESUMES = True


def reproduce(asked: Asked) -> Reproduction:
    parts: list[Reproduction] = []
    notes: list[str] = []
    for name, how in SOURCES.items():
        if sources.find(name) is None:
            notes.append(f"{name} is not here; it is had by: headwater data fetch {name}")
            continue
        data = sources.load(name, **how)
        wide = len(data.items) > MOST_ITEMS
        mine = [method for method in asked.methods if not (wide and method in DENSE)]
        left = [method for method in asked.methods if method not in mine]
        if left:
            notes.append(f"{name} has {len(data.items):,} items: without {', '.join(left)}")
        if not mine:
            continue
        found = compare(
            "thesis-2.1",
            TITLE,
            {line: what for line, what in LINES.items() if line.split()[1] == name},
            ACCURACY,
            data,
            name,
            replace(asked, methods=tuple(mine)),
        )
        parts.append(found)
        for other in ("multvae", "popularity"):
            notes += ahead(found, f"recfusion {name}", f"{other} {name}")
    if not parts:
        raise DataError("none of the data of thesis-2.1 is here: " + "; ".join(notes))
    return Reproduction(
        name="thesis-2.1",
        title=TITLE,
        table=pl.concat([each.table for each in parts], how="vertical_relaxed"),
        notes=(*parts[0].notes, *notes),
        about={
            "data": {each.about["data"]["source"]: each.about["data"] for each in parts},
            "metrics": parts[0].about["metrics"],
            "lines": {n: line for each in parts for n, line in each.about["lines"].items()},
        },
    )
