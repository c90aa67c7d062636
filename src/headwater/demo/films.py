"""The main job on real data, as a newcomer meets it: read, fit, recommend, measure, save."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import polars as pl

from .. import facade
from ..data import sources
from ..data.split import RandomPerUser
from ..types import Dataset

__all__ = ["Films", "called", "catalogue", "run"]

SOURCE = "movielens-small"
METRICS = ("NDCG@10", "Recall@10", "Hit@10", "CatalogCoverage@10")


@dataclass(frozen=True, eq=False)
class Films:
    """What was done, as tables."""

    data: Dataset
    user: Any
    chosen: pl.DataFrame  # what the user liked last
    recommended: pl.DataFrame
    newcomer: pl.DataFrame  # for somebody new with three films
    measured: pl.DataFrame
    saved: Path

    def tables(self) -> list[tuple[str, pl.DataFrame]]:
        return [
            (f"User {self.user} liked lately", self.chosen),
            (f"EASE recommends to user {self.user}", self.recommended),
            ("and to somebody new, who liked the first three", self.newcomer),
            (
                "Measured on a random fifth of what everybody liked, held out: mean [95 %]",
                self.measured,
            ),
        ]

    def epilogue(self) -> str:
        headwater = called()
        return "\n".join(
            [
                f"Saved in {self.saved}. Next:",
                f"  {headwater} recommend {self.saved} --user {self.user} --k 20",
                f"  {headwater} similar {self.saved} --item {self.chosen['item_id'][0]}",
                f"  {headwater} compare {SOURCE} popularity itemknn ease --like 4"
                " --split random_per_user",
                "With your own table:",
                f"  {headwater} data validate events.csv",
                f"  {headwater} fit events.csv ease --save model.hw",
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "user": self.user,
            "recommended": self.recommended.to_dicts(),
            "newcomer": self.newcomer.to_dicts(),
            "measured": self.measured.to_dicts(),
            "saved": str(self.saved),
        }


def called() -> str:
    """How to call Headwater where this runs; `make demo` leaves it out of PATH."""
    return "headwater" if which("headwater") else sys.argv[0]


def catalogue() -> Dataset:
    """MovieLens, with what people liked."""
    return sources.load(SOURCE, like=4, min_users_per_item=5)


def run(save: Path, *, progress: Callable[[str, int, int], None] | None = None) -> Films:
    """Do it all; the model is left in the folder ``save``."""
    data = catalogue()
    model = facade.fit("ease", data, l2=200.0, progress=progress)
    user = int(np.flatnonzero(data.log.lengths >= 30)[0])
    name = data.users.values[user]
    last = data.log.items[data.log.start[user] : data.log.start[user + 1]][::-1][:5]
    chosen = pl.DataFrame(
        {"item_id": data.items.decode(last), "title": data.catalog.table["title"].gather(last)}
    )
    three = [chosen["item_id"].head(3).to_list()]
    result = facade.compare(
        {"popularity": "popularity", "itemknn": "itemknn", "ease": {"model": "ease", "l2": 200.0}},
        data,
        split=RandomPerUser(held_out=0.2),
        metrics=METRICS,
        progress=progress,
    )
    return Films(
        data=data,
        user=name,
        chosen=chosen,
        recommended=facade.recommend(model, users=[name], k=10).drop("user_id"),
        newcomer=facade.recommend(model, history=three, k=5).drop("user_id"),
        measured=side_by_side(result.table()),
        saved=facade.save(model, save),
    )


def side_by_side(table: pl.DataFrame) -> pl.DataFrame:
    """One row a method, one column a metric: its mean, and the interval over users if any."""
    rows: dict[str, dict[str, Any]] = {}
    for each in table.iter_rows(named=True):
        said = f"{each['mean']:.3f}"
        if each["low"] is not None:
            said += f" [{each['low']:.3f}, {each['high']:.3f}]"
        rows.setdefault(each["model"], {"method": each["model"]})[each["metric"]] = said
    return pl.DataFrame(list(rows.values()))
