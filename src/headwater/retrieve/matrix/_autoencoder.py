"""What the models share that read a whole history and score every item: net in, scores out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...model import Scorer, at_least, between, learned
from ...nets import Bag
from ...rows import Rows
from ...train import Phase, Train, ready, seeded, train
from ...types import Dataset, Floats, Ints, Queries


@dataclass(kw_only=True, eq=False)
class Autoencoder(Scorer):
    """A method gives `build` and `loss`, and `answer` if its net alone is not the answer."""

    how: Train = Train()  # epochs, batch size, learning rate, device, seed and the like

    n_items_: int = learned()
    net_: Any = learned()

    def __post_init__(self) -> None:
        for name, least in (("hidden_size", 1), ("embedding_size", 1), ("depth", 0)):
            if hasattr(type(self), name):
                at_least(self, name, getattr(self, name), least)
        if hasattr(type(self), "dropout"):
            between(self, "dropout", self.dropout, 0, 1, below=True)

    def build(self) -> nn.Module:
        """The net for ``n_items_`` items, with weights as at the start."""
        raise NotImplementedError

    def loss(self, net: Any, x: Rows, step: int) -> Tensor:
        """What is minimised, the mean over the rows of ``x``; ``step`` have been made before."""
        raise NotImplementedError

    def phases(self) -> Callable[[Any, Rows, int], Tensor] | Sequence[Phase]:
        return self.loss

    def answer(self, net: Any, x: Rows) -> Tensor:  # (B, N)
        scores: Tensor = net(x)
        return scores

    def epochs(self, data: Dataset) -> Iterator[float]:
        x = data.log.matrix()
        self.n_items_ = x.shape[1]
        with seeded([self.how.seed]):
            self.net_ = self.build()

        def batch(rows: Ints, device: torch.device) -> Rows:
            return Rows.of(x[rows], device)

        yield from train(self, data, batch, self.phases())

    @torch.inference_mode()
    def scores(self, queries: Queries) -> Floats:
        x = Rows.of(queries.history.matrix(), ready(self.net_, self.how))
        scores: Floats = self.answer(self.net_, x).float().cpu().numpy()
        return scores


def start(net: nn.Module) -> None:
    """Weights uniform after Glorot and Bengio, biases normal of deviation 0.001, after Liang."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | Bag):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.trunc_normal_(layer.bias, std=0.001)
