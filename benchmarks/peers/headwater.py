"""Headwater itself, through its own public types; users are asked with the history they have."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from common import World

from headwater.artifact import load, save
from headwater.evidence import Evidence
from headwater.registry import addresses, build, metric
from headwater.types import (
    PAD,
    Catalog,
    Dataset,
    Histories,
    Ids,
    Impressions,
    Queries,
    Slate,
)

USUAL = ("NDCG", "recall", "precision", "hit", "MAP", "MRR")
NAMES = {
    "ease": "ease",
    "ials": "wrmf",
    "bpr": "bpr",
    "multvae": "multvae",
    "recfusion": "recfusion",
}


def histories(x: Any) -> Histories:
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    return Histories.of(rows, x.indices, n_rows=x.shape[0], n_items=x.shape[1])


def dataset(x: Any) -> Dataset:
    users, items = (Ids(pl.Series(range(side), dtype=pl.Int64)) for side in x.shape)
    genres = [[f"g{i % 18}", f"g{i % 7}"][: 1 + i % 2] for i in range(x.shape[1])]
    table = pl.DataFrame({"genres": genres})  # made up: one metric compares them
    return Dataset(users, items, histories(x), Catalog(table))


def parameters(task: str, how: dict[str, Any]) -> dict[str, Any]:
    """Our names for the shared settings."""
    if task == "ease":
        return {"l2": float(how["l2"])}
    if task in ("multvae", "recfusion"):
        sizes = {"hidden_size": how["hidden"]}
        return sizes | {
            "how": {
                "n_epochs": how["epochs"],
                "batch_size": how["batch"],
                "learning_rate": how["learning_rate"],
                "seed": how["seed"],
            }
        }
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
        self.test = world.test
        if task in ("multvae", "recfusion"):
            import torch

            torch.set_num_threads(how["threads"])
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

    def evaluate(self, k: int) -> dict[str, float]:
        return self.measured([f"{name}@{k}" for name in USUAL])

    def evaluate_all(self, k: int) -> dict[str, float]:
        """Every metric of the package, the slow ones too, that these data have the columns for."""
        every = [metric(where.split(".")[1], k=k) for where in addresses("metrics.")]
        lacking = {"predicted", "chances"}  # there are no ratings, and no requests with candidates
        have = {None, *self.data.catalog.table.columns}
        return self.measured(
            [
                each
                for each in every
                if not lacking & set(getattr(each, "needs", ()))
                and getattr(each, "by", None) in have
            ]
        )

    def measured(self, metrics: list[Any]) -> dict[str, float]:
        # not at the top: `first` does not need it, nor would a server
        from headwater.data.split import Split
        from headwater.evaluation import measure

        asked = np.flatnonzero(np.diff(self.test.indptr))
        users = self.data.users.values.gather(asked)
        queries, truth = self.everybody[asked], histories(self.test[asked])
        split = Split(train=self.data, queries=queries, truth=truth, users=users)
        found = measure(self.model, split, metrics)
        return {name: float(np.nanmean(values)) for name, values in found.items()}

    def save(self, folder: Path) -> None:
        save(self.model, folder / "model.hw", self.data)


def first(_task: str, folder: Path, user: int, k: int) -> list[int]:
    stored = load(folder / "model.hw")
    assert stored.data is not None
    slate = stored.model.recommend(stored.data.queries([user]), k)
    return slate.items[0].tolist()


class Metrics:
    def __init__(self, lists: Any, scores: Any, test: Any, k: int):
        asked = np.flatnonzero(np.diff(test.indptr))
        truth = histories(test[asked])
        nothing = Histories.empty(len(asked), test.shape[1])
        newcomers = np.full(len(asked), PAD, np.int32)
        queries = Queries(nothing, newcomers, np.zeros(len(asked), np.int64))
        slate = Slate(lists[asked], scores[asked])
        self.evidence = (queries, slate, truth, dataset(test))
        self.metrics = {name: metric(f"{name}@{k}") for name in USUAL}

    def compute(self) -> dict[str, float]:
        seen = Evidence(*self.evidence)
        return {name: float(np.nanmean(judge(seen))) for name, judge in self.metrics.items()}


class Rerank:
    """One request put to a stage; nets have learned next to nothing, which takes as long."""

    def __init__(self, method: str, x: Any, scores: Any, k: int):
        n = len(x)
        order = np.argsort(-scores, kind="stable")
        self.slate = Slate(order[None].astype(np.int32), scores[order][None])
        if method in ("mmr", "dpp", "ssd"):
            self.queries = _asked(1, n)
            more = {"volume": "residual"} if method == "ssd" else {}
            self.stage = build(method, by="x", k=k, **more)
            self.stage.vectors_ = x
        else:
            data = _shown(n)
            self.queries = data.impressions.queries[:1]
            how = {"n_epochs": 1, "seed": 0}
            tree = {"model": "dcn", "how": how}
            if method != "dcn":
                context = "shared" if method == "cdm shared" else "each"
                tree = {"model": "cdm", "ranker": tree, "context": context, "how": how}
            self.stage = build(tree).fit(data)
        self.k = k

    def once(self) -> Any:
        return self.stage(self.queries, self.slate).items[0, : self.k]


def _asked(b: int, n: int) -> Queries:
    nobody = np.full(b, PAD, np.int32)
    return Queries(Histories.empty(b, n), nobody, np.zeros(b, np.int64))


def _shown(n: int) -> Dataset:
    """Eight requests of people with 50 items behind them, out of a catalogue of ``n``."""
    rng = np.random.default_rng(0)
    past = np.tile(rng.permutation(n)[:50], 8)
    rows = np.repeat(np.arange(8), len(past) // 8)
    history = Histories.of(rows, past, n_rows=8, n_items=n)
    items = np.stack([rng.permutation(n)[:20] for _ in range(8)]).astype(np.int32)
    clicks = (rng.random(items.shape) < 0.3).astype(np.float32)
    slate = Slate(items, np.zeros(items.shape, np.float32))
    queries = Queries(history, np.arange(8, dtype=np.int32), np.zeros(8, np.int64))
    genres = [[f"g{i % 18}", f"g{i % 7}"][: 1 + i % 2] for i in range(n)]
    return Dataset(
        users=Ids(pl.Series(range(8), dtype=pl.Int64)),
        items=Ids(pl.Series(range(n), dtype=pl.Int64)),
        log=history,
        catalog=Catalog(pl.DataFrame({"genres": genres})),
        impressions=Impressions(queries, slate, clicks),
    )
