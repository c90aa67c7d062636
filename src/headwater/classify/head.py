"""A head on a frozen encoder: vectors of items to their classes, any number of each.

    h_0 = x,   h_l = relu(W_l h_{l-1} + b_l),   p = sigmoid(W h + b)

x is a vector of the catalogue, of a picture or a text, that an encoder made once and for all; each
column less its mean, over its deviation, of the items that it learned from. What is minimised is
the ``loss``, any of `losses`; which classes are said is up to the ``threshold``.

Source:  Benedict, Koops, Odijk, de Rijke, "sigmoidF1: A Smooth F1 Score Surrogate Loss for
         Multilabel Classification", TMLR 2022, arXiv:2108.10566: its setting.
Checked: the net against the formula in numpy, and without hidden layers against scikit-learn's
         LogisticRegression, tests/classify/test_head.py
Differs: the source's head for pictures has a sigmoid below the loss, which puts another on top;
         here losses have the logits. Columns are made alike, since encoders differ in scale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import BadParameter, DataError, UnknownName
from ..losses._base import Loss
from ..losses.bce import BCE
from ..model import Model, at_least, between, learned
from ..threshold._base import Threshold
from ..threshold.fixed import Fixed
from ..train import Train, ready, seeded, train
from ..types import Dataset, Floats, Ints, Mask

__all__ = ["Head"]


@dataclass(kw_only=True, eq=False)
class Head(Model):
    by: str  # name of the catalogue's vectors
    kinds: str = "genres"  # the catalogue's column of classes
    hidden_sizes: tuple[int, ...] = ()
    dropout: float = 0.0  # of the vectors and of the hidden layers, while training
    loss: Loss = BCE()
    threshold: Threshold = Fixed()
    how: Train = Train(n_epochs=60, batch_size=256, learning_rate=1e-3)

    classes_: str = learned()  # their names, as JSON
    mean_: np.ndarray = learned()  # (D,)
    deviation_: np.ndarray = learned()  # (D,) 1 where a column does not vary
    net_: Any = learned()

    def __post_init__(self) -> None:
        between(self, "dropout", self.dropout, 0, 1, below=True)
        for size in self.hidden_sizes:
            at_least(self, "hidden_sizes", size, 1)

    @property
    def classes(self) -> tuple[Any, ...]:
        """What the columns of `chances` stand for."""
        return tuple(json.loads(self.classes_))

    def build(self) -> nn.Sequential:
        sizes = (len(self.mean_), *self.hidden_sizes)
        layers: list[nn.Module] = [nn.Dropout(self.dropout)]
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU(), nn.Dropout(self.dropout)]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], len(self.classes)))

    def epochs(self, data: Dataset, items: Ints | None = None) -> Iterator[float]:
        """Learn from ``items`` (n,), all that have a class if None."""
        x, y = self.vectors(data), data.catalog.multi_hot(self.kinds)
        rows = np.flatnonzero(np.diff(y.indptr)) if items is None else np.asarray(items, np.int64)
        if not len(rows) or not y.shape[1]:
            raise DataError(f"{type(self).__name__}: no item has anything in {self.kinds!r}")
        self.classes_ = json.dumps(data.catalog.kinds(self.kinds))
        self.mean_ = x[rows].mean(0)
        spread = x[rows].std(0)
        self.deviation_ = np.where(spread > 0, spread, 1).astype(np.float32)
        with seeded([self.how.seed]):
            self.net_ = self.build()
        alike, truth = (x - self.mean_) / self.deviation_, y.toarray()

        def batch(rows: Ints, device: torch.device) -> tuple[Tensor, Tensor]:
            return torch.from_numpy(alike[rows]).to(device), torch.from_numpy(truth[rows]).to(
                device
            )

        def loss(net: Any, pair: tuple[Tensor, Tensor], step: int) -> Tensor:  # noqa: ARG001
            return self.loss(net(pair[0]), pair[1])

        yield from train(self, data, batch, loss, rows=rows)

    def fit(self, data: Dataset, items: Ints | None = None) -> Self:
        """Learn from ``items`` (n,) of the catalogue, all that have a class if None."""
        for _ in self.epochs(data, items):
            pass
        return self

    def tune(self, data: Dataset, items: Ints) -> Self:
        """Tune the threshold on ``items`` (n,), which should be none that it learned from."""
        y = data.catalog.multi_hot(self.kinds)[items].toarray()
        self.threshold.tune(self.chances(self.vectors(data)[items]), y)
        return self

    def vectors(self, data: Dataset) -> Floats:  # (N, D)
        have = data.catalog.vectors
        if self.by not in have:
            raise UnknownName("vectors", self.by, have, "Catalog.vectors holds them, by name.")
        return have[self.by]

    @torch.inference_mode()
    def chances(self, x: Floats) -> Floats:  # (n, C)
        """How likely the classes are, by vectors (n, D) of the encoder that it learned from."""
        x = np.asarray(x, np.float32)
        if x.ndim != 2 or x.shape[1] != len(self.mean_):
            raise BadParameter(
                f"{type(self).__name__} learned from vectors of {len(self.mean_)} numbers; got "
                f"an array of the shape {x.shape}"
            )
        device = ready(self.net_, self.how)
        alike = torch.from_numpy((x - self.mean_) / self.deviation_).to(device)
        found: Floats = self.net_(alike).float().sigmoid().cpu().numpy()
        return found

    def says(self, x: Floats) -> Mask:  # (n, C)
        """Which classes, by the threshold."""
        return self.threshold(self.chances(x))
