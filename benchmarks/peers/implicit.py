"""implicit: conjugate-gradient iALS and BPR, in Cython with OpenMP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common import World
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.evaluation import ranking_metrics_at_k
from scipy.sparse import load_npz, save_npz

KINDS = {"ials": AlternatingLeastSquares, "bpr": BayesianPersonalizedRanking}


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        self.how, self.world = how, world
        shared = {
            "factors": how["factors"],
            "regularization": how["l2"],
            "iterations": how["epochs"],
            "num_threads": how["threads"],
            "random_state": how["seed"],
        }
        if task == "ials":  # its confidence of 1 entry is alpha itself, not 1 + alpha
            self.model = AlternatingLeastSquares(alpha=1 + how["alpha"], **shared)
        else:
            self.model = BayesianPersonalizedRanking(learning_rate=how["learning_rate"], **shared)

    def fit(self) -> list[float]:
        seconds: list[float] = []
        self.model.fit(
            self.world.train,
            show_progress=False,
            callback=lambda _epoch, took, *_loss: seconds.append(took),
        )
        return seconds

    def recommend(self, k: int) -> Any:
        everybody = range(self.world.train.shape[0])
        return self.model.recommend(list(everybody), self.world.train, N=k)[0]

    def evaluate(self, k: int) -> dict[str, float]:
        return ranking_metrics_at_k(
            self.model,
            self.world.train,
            self.world.test,
            K=k,
            show_progress=False,
            num_threads=self.how["threads"],
        )

    def save(self, folder: Path) -> None:
        self.model.save(str(folder / "model.npz"))
        save_npz(folder / "history.npz", self.world.train)


def first(task: str, folder: Path, user: int, k: int) -> list[int]:
    model = KINDS[task].load(str(folder / "model.npz"))
    history = load_npz(folder / "history.npz")
    return model.recommend(user, history[user], N=k)[0].tolist()
