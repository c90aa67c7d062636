"""A small net from numbers to classes, any number of each: what `classify` and `intent` share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import BadParameter
from .features import moments, standardised
from .losses._base import Loss
from .losses.bce import BCE
from .model import Model, at_least, between, learned
from .threshold._base import Threshold
from .threshold.fixed import Fixed
from .train import Train, ready, seeded, train
from .types import Dataset, Floats, Ints

__all__ = ["Labels"]


@dataclass(kw_only=True, eq=False)
class Labels(Model):
    hidden_sizes: tuple[int, ...] = ()
    dropout: float = 0.0  # of the numbers and of the hidden layers, while training
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

    def learning(
        self, data: Dataset, x: Floats, truth: Floats, classes: Sequence[Any], rows: Ints
    ) -> Iterator[float]:
        """Learn from the ``rows`` of ``x`` (n, D) whose classes are ``truth`` (n, C); yields the
        loss after each epoch."""
        self.classes_ = json.dumps(classes)
        self.mean_, self.deviation_ = moments(x[rows])
        with seeded([self.how.seed]):
            self.net_ = self.build()
        alike = standardised(x, self.mean_, self.deviation_)

        def batch(rows: Ints, device: torch.device) -> tuple[Tensor, Tensor]:
            return torch.from_numpy(alike[rows]).to(device), torch.from_numpy(truth[rows]).to(
                device
            )

        def loss(net: Any, pair: tuple[Tensor, Tensor], step: int) -> Tensor:  # noqa: ARG001
            return self.loss(net(pair[0]), pair[1])

        yield from train(self, data, batch, loss, rows=rows)

    @torch.inference_mode()
    def told(self, x: Floats) -> Floats:  # (n, C)
        """How likely the classes are, by numbers (n, D) such as it learned from."""
        x = np.asarray(x, np.float32)
        if x.ndim != 2 or x.shape[1] != len(self.mean_):
            raise BadParameter(
                f"{type(self).__name__} learned from vectors of {len(self.mean_)} numbers; got "
                f"an array of the shape {x.shape}"
            )
        device = ready(self.net_, self.how)
        alike = torch.from_numpy(standardised(x, self.mean_, self.deviation_)).to(device)
        found: Floats = self.net_(alike).float().sigmoid().cpu().numpy()
        return found
