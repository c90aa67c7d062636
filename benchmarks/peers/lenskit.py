"""LensKit: EASE by torch's Cholesky, iALS by Cholesky in Rust, a pipeline call for each user."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import lenskit
import numpy as np
import pandas as pd
from common import World
from lenskit.als import ImplicitMFScorer
from lenskit.batch import recommend
from lenskit.data import ItemListCollection, UserIDKey, from_interactions_df
from lenskit.knn.ease import EASEScorer
from lenskit.metrics import NDCG, Hit, Precision, Recall, RecipRank, RunAnalysis
from lenskit.metrics.ranking._map import AveragePrecision
from lenskit.parallel import initialize
from lenskit.pipeline import topn_pipeline

logging.getLogger("lenskit").setLevel(logging.ERROR)


def frame(x: Any) -> pd.DataFrame:
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    return pd.DataFrame({"user_id": rows, "item_id": x.indices})


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        if not Run.started:  # its thread pools are set up once in a process
            initialize(processes=1, threads=how["threads"], backend_threads=how["threads"])
            Run.started = True
        self.shape = world.train.shape
        self.data = from_interactions_df(frame(world.train))
        held_out = frame(world.test)
        self.asked = np.unique(held_out["user_id"])
        self.truth = ItemListCollection.from_df(held_out, UserIDKey)
        if task == "ease":
            scorer: Any = EASEScorer(regularization=how["l2"])
        else:
            scorer = ImplicitMFScorer(
                embedding_size=how["factors"],
                regularization=how["l2"],
                epochs=how["epochs"],
                weight=how["alpha"],
                user_embeddings="prefer",  # else it solves for each user again when asked
            )
        self.pipeline = topn_pipeline(scorer)
        self.seed = how["seed"]

    started = False

    def fit(self) -> list[float]:
        self.pipeline.train(self.data, lenskit.training.TrainingOptions(rng=self.seed))
        return []

    def recommend(self, k: int) -> Any:
        lists = np.full((self.shape[0], k), -1)
        for key, items in recommend(self.pipeline, np.arange(self.shape[0]), k, n_jobs=1):
            found = items.ids()
            lists[key.user_id, : len(found)] = found
        return lists

    def evaluate(self, k: int) -> dict[str, float]:
        run = RunAnalysis(
            NDCG(k), Recall(k), Precision(k), Hit(k), AveragePrecision(k), RecipRank(k)
        )
        reco = recommend(self.pipeline, self.asked, k, n_jobs=1)
        return run.measure(reco, self.truth).list_summary()["mean"].to_dict()

    def save(self, folder: Path) -> None:
        with (folder / "model.pickle").open("wb") as file:  # the way its manual gives
            pickle.dump(self.pipeline, file, protocol=5)


def first(_task: str, folder: Path, user: int, k: int) -> list[int]:
    with (folder / "model.pickle").open("rb") as file:
        pipeline = pickle.load(file)
    return lenskit.recommend(pipeline, user, k).ids().tolist()
