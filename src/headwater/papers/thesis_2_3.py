"""Tables 2.3 and 2.4 of the RecFusion thesis: how many users, items and interactions MovieLens-1M
has in each part of the split.

The thesis describes the data of Table 2.5, ratings of at least 4, but its counts are those of the
data without that threshold: its parts have 4,832 + 604 + 604 = 6,040 users, all of MovieLens-1M,
and 3,416 items, those with five ratings of any value. Both are counted here. The interactions of
the validation and test parts are those that are fed in, 80 % of each user's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ..data import sources
from ..data.fingerprint import fingerprint
from . import Asked, Reproduction
from ._comparison import LIKES, parts

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "RecFusion thesis, Tables 2.3 and 2.4: counts of MovieLens-1M"
METHODS = ("any rating", "ratings >= 4")
SPLITS = 10
LIKE = {"any rating": None, "ratings >= 4": 4.0}
THESIS = {
    "train users": 4832,
    "validation users": 604,
    "test users": 604,
    "items": 3416,
    "train interactions": 798_608,
    "validation interactions": 76_513,
    "test interactions": 84_772,
}


def reproduce(asked: Asked) -> Reproduction:
    rows, prints = [], {}
    for j, name in enumerate(asked.methods):
        data = sources.load("movielens-1m", **LIKES | {"like": LIKE[name]})
        prints[name] = fingerprint(data)
        counts: dict[str, list[int]] = {what: [] for what in THESIS}
        for i, (_, split) in enumerate(parts(data, asked)):
            inner = split.validation
            found = {
                "train users": len(inner.train.users),
                "validation users": len(inner),
                "test users": len(split),
                "items": len(data.items),
                "train interactions": len(inner.train.log.items),
                "validation interactions": len(inner.queries.history.items),
                "test interactions": len(split.queries.history.items),
            }
            for what, count in found.items():
                counts[what].append(count)
            asked.tell("thesis-2.3", j * asked.splits + i + 1, len(asked.methods) * asked.splits)
        rows += [row(name, what, counts[what]) for what in THESIS]
    return Reproduction(
        name="thesis-2.3",
        title=TITLE,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=(
            "Users and items of the thesis are those of the data with any rating, exactly.",
            "Interactions vary with the seed; the thesis does not give its own.",
        ),
        about={
            "command": asked.command("thesis-2.3"),
            "seeds": asked.seeds,
            "fingerprints": prints,
        },
    )


def row(name: str, what: str, counts: list[int]) -> dict[str, Any]:
    return {
        "data": name,
        "count": what,
        "thesis": THESIS[what],
        "ours": int(np.median(counts)),
        "least": min(counts),
        "most": max(counts),
    }
