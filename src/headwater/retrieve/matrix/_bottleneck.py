"""The net of Liang et al.: from all items through a hidden layer to few numbers, and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...nets import Bag
from ...rows import Rows
from ._autoencoder import start


class Bottleneck(nn.Module):
    """``encode`` gives ``outputs`` numbers, ``decode`` takes ``latent`` of them; tanh between."""

    def __init__(self, n_items: int, hidden: int, latent: int, outputs: int):
        super().__init__()
        self.first = Bag(n_items, hidden)
        self.second = nn.Linear(hidden, outputs)
        self.decode = nn.Sequential(
            nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, n_items)
        )
        start(self)

    def encode(self, x: Rows, drop: float) -> Tensor:  # (B, outputs)
        out: Tensor = self.second(torch.tanh(self.first(x, normalize=True, drop=drop)))
        return out
