"""Headwater itself, through its own public types; users are asked with the history they have."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from common import World
from headwater.artifact import load, save
from headwater.registry import build
from headwater.types import Catalog, Dataset, Histories, Ids, Queries

NAMES = {"ease": "ease", "ials": "wrmf", "bpr": "bpr"}


def histories(x: Any) -> Histories:
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    return Histories.of(rows, x.indices, n_rows=x.shape[0], n_items=x.shape[1])


def dataset(x: Any) -> Dataset:
    users, items = (Ids(pl.Series(range(side), dtype=pl.Int64)) for side in x.shape)
    return Dataset(users, items, histories(x), Catalog(pl.DataFrame({"item_id": items.values})))


def parameters(task: str, how: dict[str, Any]) -> dict[str, Any]:
    """Our names for the shared settings."""
    if task == "ease":
        return {"l2": float(how["l2"])}
    shared = {
        "embedding_size": how["factors"],
        "regularization": float(how["l2"]),
        "n_epochs": how["epochs"],
        "threads": how["threads"],
        "seed": how["seed"],
    }
    if task == "ials":
        return shared | {"alpha": float(how["alpha"]), "solver": "cg"}
    return shared | {"learning_rate": how["learning_rate"]}


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        self.data = dataset(world.train)
        self.everybody = self.data.queries()
        held_out = np.flatnonzero(np.diff(world.test.indptr))
        self.asked: Queries = self.everybody[held_out]
        self.truth = histories(world.test[held_out])
        self.model = build(NAMES[task], **parameters(task, how))
        self.iterates = "epochs" in how and task != "ease"

    def fit(self) -> list[float]:
        if not self.iterates:
            self.model.fit(self.data)
            return []
        seconds, start = [], time.perf_counter()
        for _ in self.model.epochs(self.data):
            seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
        return seconds

    def recommend(self, k: int) -> Any:
        return self.model.recommend(self.everybody, k).items

    def save(self, folder: Path) -> None:
        save(self.model, folder / "model.hw", self.data)


def first(task: str, folder: Path, user: int, k: int) -> list[int]:
    stored = load(folder / "model.hw")
    assert stored.data is not None
    slate = stored.model.recommend(stored.data.queries([user]), k)
    return slate.items[0].tolist()
