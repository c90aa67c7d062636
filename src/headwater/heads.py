"""A small net from numbers to classes, any number of each: what `classify` and `intent` share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .errors import BadParameter, DataError
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
    censored: ClassVar[bool] = False  # what is NaN never happened, and is at the mean

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
        self,
        data: Dataset,
        x: Floats,
        truth: Floats,
        classes: Sequence[Any],
        rows: Ints,
        weights: Floats | None = None,
    ) -> Iterator[float]:
        """Learn from the ``rows`` of ``x`` (n, D) whose classes are ``truth`` (n, C), each counting
        by its weight (n,); yields the loss after each epoch."""
        self.check(x[rows])
        self.threshold = self.threshold.fresh()
        self.classes_ = json.dumps(classes)
        self.mean_, self.deviation_ = moments(x[rows])
        with seeded([self.how.seed]):
            self.net_ = self.build()
        alike = standardised(x, self.mean_, self.deviation_)

        def batch(rows: Ints, device: torch.device) -> list[Tensor]:
            known = [alike[rows], truth[rows]]
            if weights is not None:
                known.append(np.repeat(weights[rows, None], truth.shape[1], 1).astype(np.float32))
            return [torch.from_numpy(each).to(device) for each in known]

        def loss(net: Any, known: list[Tensor], step: int) -> Tensor:  # noqa: ARG001
            x, y, *w = known
            return self.loss(net(x), y, weights=w[0] if w else None)

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
        self.check(x)
        device = ready(self.net_, self.how)
        alike = torch.from_numpy(standardised(x, self.mean_, self.deviation_)).to(device)
        found: Floats = self.net_(alike).float().sigmoid().cpu().numpy()
        return found

    def check(self, x: Floats) -> None:
        """Raise `DataError` if anything in ``x`` (n, D) is NaN and may not be."""
        holed = int(np.isnan(x).any(1).sum())
        if holed and not self.censored:
            raise DataError(
                f"{type(self).__name__}: {holed:,} of {len(x):,} vectors have NaN in them: they "
                "were not encoded, or broken since"
            )
