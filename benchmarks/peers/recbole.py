"""RecBole: EASE by numpy's inverse; BPR and Mult-VAE in torch with Adam on minibatches.

Its optimiser is another one, so its learning rate is its own (0.001, the default), not ours.
"""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import recbole.trainer.trainer as trainer_module
import torch
from common import World
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed
from recbole.utils.case_study import full_sort_topk

logging.disable(logging.WARNING)
NAMES = {"ease": "EASE", "bpr": "BPR", "multvae": "MultiVAE"}


class Silent:
    """In place of TensorBoard's writer, which would leave files in the working folder."""

    def add_scalar(self, *_: Any, **__: Any) -> None:
        pass


trainer_module.get_tensorboard = lambda _logger: Silent()


class Timed(Trainer):
    seconds: list[float]

    def _train_epoch(self, *arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        loss = super()._train_epoch(*arguments, **named)
        self.seconds.append(time.perf_counter() - start)
        return loss

    def _add_hparam_to_tensorboard(self, *_: Any) -> None:
        """It wants a validation score; there is no validation here."""


def write(x: Any, path: Path, rows: Any = None) -> None:
    users = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    pairs = np.column_stack([users, x.indices])[:rows]
    with path.open("w") as file:
        file.write("user_id:token\titem_id:token\n")
        np.savetxt(file, pairs, fmt="%d", delimiter="\t")


def configuration(task: str, how: dict[str, Any], home: Path, n_items: int) -> Config:
    settings = {
        "data_path": str(home),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "eval_args": {"split": {"RS": [8, 1, 1]}, "order": "RO", "mode": "full"},
        "metrics": ["NDCG", "Recall", "Precision", "Hit", "MAP", "MRR"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        # in scores, not users: its default, 4096, would rank one user at a time
        "eval_batch_size": 512 * n_items,
        "use_gpu": False,
        "show_progress": False,
        "state": "ERROR",
        "seed": how["seed"],
        "checkpoint_dir": str(home / "saved"),
        "reg_weight": how["l2"] if task == "ease" else None,
        "embedding_size": how.get("factors", 64),
        "epochs": how.get("epochs", 1),
        "train_batch_size": 2048,
        "stopping_step": 1_000_000,
    }
    if task == "multvae":
        settings |= {
            "mlp_hidden_size": [how["hidden"]],
            "latent_dimension": how["factors"],
            "dropout_prob": 0.5,
            "anneal_cap": 0.2,
            "total_anneal_steps": 200_000,
            "train_batch_size": how["batch"],
            "learning_rate": how["learning_rate"],
            "train_neg_sample_args": None,
        }
    return Config(model=NAMES[task], dataset="world", config_dict=settings)


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        torch.set_num_threads(how["threads"])
        self.task, self.shape = task, world.train.shape
        self.home = tempfile.TemporaryDirectory()
        folder = Path(self.home.name) / "world"
        folder.mkdir()
        write(world.train, folder / "world.train.inter")
        write(world.train, folder / "world.valid.inter", 1)  # it must not be empty
        write(world.test, folder / "world.test.inter")
        self.asked = np.flatnonzero(np.diff(world.test.indptr))
        self.config = configuration(task, how, folder.parent, self.shape[1])
        init_seed(how["seed"], True)
        torch.use_deterministic_algorithms(False)
        self.dataset = create_dataset(self.config)
        self.train, _, self.test = data_preparation(self.config, self.dataset)

    def fit(self) -> list[float]:
        self.model = get_model(NAMES[self.task])(self.config, self.train._dataset)
        self.trainer = Timed(self.config, self.model)
        self.trainer.seconds = []
        if self.task == "ease":  # it was fitted as it was made
            return []
        self.trainer.fit(self.train, saved=False, verbose=False)
        return self.trainer.seconds

    def recommend(self, k: int) -> Any:
        lists = np.full((self.shape[0], k), -1)
        tokens = self.dataset.field2id_token["item_id"]
        back = np.array([-1, *(int(token) for token in tokens[1:])])
        known = self.dataset.field2token_id["user_id"]
        asked = self.asked  # it knows the history of those only who are in its test part
        for part in np.array_split(asked, max(1, len(asked) // 512)):
            inner = np.array([known[str(u)] for u in part])
            best = full_sort_topk(inner, self.model, self.test, k)[1]
            lists[part] = back[best.numpy()]
        return lists

    def evaluate(self, k: int) -> dict[str, float]:
        assert [k] == self.config["topk"]
        return dict(self.trainer.evaluate(self.test, load_best_model=False))

    def save(self, folder: Path) -> None:
        for file in (Path(self.home.name) / "world").iterdir():
            (folder / "world").mkdir(exist_ok=True)
            (folder / "world" / file.name).write_bytes(file.read_bytes())
        path = folder / "model.pth"
        self.config["data_path"] = str(folder / "world")
        self.trainer._save_checkpoint(0, verbose=False, saved_model_file=str(path))


def first(_task: str, folder: Path, user: int, k: int) -> list[int]:
    # what recbole.quick_start.load_data_and_model does, without its import of ray, and with the
    # argument that torch 2.6 and later need to read its checkpoints
    stored = torch.load(folder / "model.pth", weights_only=False)
    config = stored["config"]
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    model = get_model(config["model"])(config, train._dataset)
    model.load_state_dict(stored["state_dict"])
    model.load_other_parameter(stored["other_parameter"])
    inner = np.array([dataset.token2id("user_id", str(user))])
    best = full_sort_topk(inner, model, test, k)[1].numpy().ravel()
    return [int(token) for token in dataset.id2token("item_id", best)]
