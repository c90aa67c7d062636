"""RecTools: its own EASE, implicit inside its wrappers, and metrics on pandas frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import World
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import MAP, MRR, NDCG, HitRate, Precision, Recall, calc_metrics
from rectools.models import (
    EASEModel,
    ImplicitALSWrapperModel,
    ImplicitBPRWrapperModel,
    load_model,
)
from scipy.sparse import load_npz, save_npz


def frame(x: Any) -> pd.DataFrame:
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    columns = {Columns.User: rows, Columns.Item: x.indices, Columns.Weight: 1.0}
    return pd.DataFrame(columns | {Columns.Datetime: pd.Timestamp(2000, 1, 1)})


def wanted(k: int) -> dict[str, Any]:
    return {
        "ndcg": NDCG(k=k, divide_by_achievable=True),
        "recall": Recall(k=k),
        "precision": Precision(k=k),
        "hit": HitRate(k=k),
        "map": MAP(k=k),
        "mrr": MRR(k=k),
    }


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        self.shape, self.threads = world.train.shape, how["threads"]
        self.history = world.train
        self.data = Dataset.construct(frame(world.train))
        self.truth = frame(world.test)
        if task == "ease":
            self.model: Any = EASEModel(how["l2"], recommend_n_threads=how["threads"])
            return
        shared = {
            "factors": how["factors"],
            "regularization": how["l2"],
            "iterations": how["epochs"],
            "num_threads": how["threads"],
            "random_state": how["seed"],
        }
        if task == "ials":
            inner = AlternatingLeastSquares(alpha=1 + how["alpha"], **shared)
            self.model = ImplicitALSWrapperModel(inner)
        else:
            inner = BayesianPersonalizedRanking(learning_rate=how["learning_rate"], **shared)
            self.model = ImplicitBPRWrapperModel(inner)

    def fit(self) -> list[float]:
        self.model.fit(self.data)
        return []

    def recommend(self, k: int) -> Any:
        reco = self.table(np.arange(self.shape[0]), k)
        lists = np.full((self.shape[0], k), -1)
        lists[reco[Columns.User], reco[Columns.Rank] - 1] = reco[Columns.Item]
        return lists

    def table(self, users: Any, k: int) -> pd.DataFrame:
        return self.model.recommend(users, self.data, k=k, filter_viewed=True)

    def evaluate(self, k: int) -> dict[str, float]:
        reco = self.table(self.truth[Columns.User].unique(), k)
        catalogue = np.arange(self.shape[1])
        return calc_metrics(wanted(k), reco, self.truth, catalog=catalogue)

    def save(self, folder: Path) -> None:
        self.model.save(str(folder / "model.bin"))
        save_npz(folder / "history.npz", self.history)


def first(_task: str, folder: Path, user: int, k: int) -> list[int]:
    model = load_model(str(folder / "model.bin"))
    data = Dataset.construct(frame(load_npz(folder / "history.npz")))
    reco = model.recommend([user], data, k=k, filter_viewed=True)
    return reco.sort_values(Columns.Rank)[Columns.Item].tolist()


class Metrics:
    def __init__(self, lists: Any, _scores: Any, test: Any, k: int):
        users, slots = np.nonzero(lists >= 0)
        columns = {Columns.User: users, Columns.Item: lists[users, slots], Columns.Rank: slots + 1}
        self.reco, self.k = pd.DataFrame(columns), k
        self.truth, self.catalogue = frame(test), np.arange(test.shape[1])

    def compute(self) -> dict[str, float]:
        return calc_metrics(wanted(self.k), self.reco, self.truth, catalog=self.catalogue)
