"""RecPack: Mult-VAE in torch. It judges itself after each epoch; an epoch here is training alone.

Its annealing rises towards 1 where the paper's stops at 0.2: the work is the same.
"""

from __future__ import annotations

import logging
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from common import World

warnings.filterwarnings("ignore")
from recpack.algorithms import MultVAE  # noqa: E402
from recpack.matrix import InteractionMatrix  # noqa: E402

logging.disable(logging.WARNING)


class Timed(MultVAE):
    def _train_epoch(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        losses = super()._train_epoch(*arguments)
        self.seconds_.append(time.perf_counter() - start)
        return losses

    def _evaluate(self, *_: Any) -> None:
        """It would rank all validation users after each epoch; that is not what is timed."""


def interactions(x: Any) -> Any:
    users = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    frame = pd.DataFrame({"u": users, "i": x.indices})
    return InteractionMatrix(frame, "i", "u", shape=x.shape)


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        assert task == "multvae"
        torch.set_num_threads(how["threads"])
        self.x = interactions(world.train)
        self.model = Timed(
            batch_size=how["batch"],
            max_epochs=how["epochs"],
            learning_rate=how["learning_rate"],
            seed=how["seed"],
            dim_bottleneck_layer=how["factors"],
            dim_hidden_layer=how["hidden"],
            dropout=0.5,
            stop_early=False,
            keep_last=True,
        )
        self.model.seconds_ = []

    def fit(self) -> list[float]:
        self.model.fit(self.x, validation_data=(self.x, self.x))
        return self.model.seconds_

    def recommend(self, k: int) -> Any:
        seen = self.x.binary_values
        lists = np.full((seen.shape[0], k), -1)
        for at in range(0, seen.shape[0], 512):
            rows = np.arange(at, min(at + 512, seen.shape[0]))
            with torch.no_grad():
                self.model.model_.eval()
                inputs = torch.from_numpy(seen[rows].toarray().astype(np.float32))
                scores = self.model.model_(inputs)[0].numpy()
            scores[seen[rows].nonzero()] = -np.inf
            best = np.argpartition(-scores, k, axis=1)[:, :k]
            order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
            lists[rows] = np.take_along_axis(best, order, 1)
        return lists
