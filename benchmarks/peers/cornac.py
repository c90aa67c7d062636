"""Cornac: EASE by numpy's inverse, BPR in Cython; one numpy call for each user when it ranks.

Its WMF is left out: Adam on minibatches in TensorFlow, not alternating least squares.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from common import World
from cornac.data import Dataset
from cornac.eval_methods.base_method import ranking_eval
from cornac.metrics import MAP, MRR, NDCG, HitRatio, Precision, Recall
from cornac.models import BPR, EASE
from cornac.models.recommender import Recommender


def dataset(x: Any, seed: int) -> Dataset:
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    triples = (rows, x.indices.astype(np.int64), np.ones(len(rows)))
    users, items = (OrderedDict((i, i) for i in range(side)) for side in x.shape)
    return Dataset(x.shape[0], x.shape[1], users, items, triples, seed=seed)


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        self.train, self.test = dataset(world.train, how["seed"]), dataset(world.test, how["seed"])
        self.history = world.train
        if task == "ease":
            self.model: Any = EASE(lamb=how["l2"], posB=False, verbose=False)  # not its default
            return
        self.model = BPR(
            k=how["factors"],
            max_iter=how["epochs"],
            learning_rate=how["learning_rate"],
            lambda_reg=how["l2"],
            num_threads=how["threads"],
            seed=how["seed"] if how["threads"] == 1 else None,  # a seed makes it one thread
        )

    def fit(self) -> list[float]:
        self.model.fit(self.train)
        return []

    def recommend(self, k: int) -> Any:
        lists = np.full((self.history.shape[0], k), -1)
        everything = np.arange(self.history.shape[1])
        for user in range(len(lists)):
            seen = self.history.indices[self.history.indptr[user] : self.history.indptr[user + 1]]
            found = self.model.rank(user, np.delete(everything, seen), k=k)[0][:k]
            lists[user, : len(found)] = found
        return lists

    def evaluate(self, k: int) -> dict[str, float]:
        metrics = [NDCG(k), Recall(k), Precision(k), HitRatio(k), MAP(), MRR()]
        means = ranking_eval(self.model, metrics, self.train, self.test)[0]
        return {metric.name: float(mean) for metric, mean in zip(metrics, means, strict=True)}

    def save(self, folder: Path) -> None:
        self.model.save(str(folder), save_trainset=True)


def first(_task: str, folder: Path, user: int, k: int) -> list[int]:
    (file,) = folder.rglob("*.pkl")
    model = Recommender.load(str(file))
    with file.with_name(file.name + ".trainset").open("rb") as stored:
        train = pickle.load(stored)
    return [int(i) for i in model.recommend(user, k=k, remove_seen=True, train_set=train)]
