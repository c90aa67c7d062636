"""The net of DCN: crosses of features beside a deep net."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..model import at_least, between
from ._net import NetRanker


@dataclass(kw_only=True, eq=False)
class Crossed(NetRanker):
    cross_layers: int = 3
    hidden_sizes: tuple[int, ...] = (128, 64, 32)
    dropout: float = 0.25  # behind each deep layer

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "cross_layers", self.cross_layers, 0)
        between(self, "dropout", self.dropout, 0, 1, below=True)

    def head(self, width: int) -> nn.Module:
        return CrossAndDeep(width, self.cross_layers, self.hidden_sizes, self.dropout)


class CrossAndDeep(nn.Module):
    def __init__(self, width: int, cross: int, sizes: tuple[int, ...], drop: float):
        super().__init__()
        self.cross = nn.ModuleList(nn.Linear(width, 1, bias=False) for _ in range(cross))
        self.offsets = nn.ParameterList(nn.Parameter(torch.zeros(width)) for _ in range(cross))
        before = (width, *sizes)
        self.deep = nn.Sequential(
            *(
                layer
                for n_in, n_out in zip(before, sizes, strict=False)
                for layer in (nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(drop))
            )
        )
        self.last = nn.Linear(width + before[-1], 1)

    def forward(self, x0: Tensor) -> Tensor:
        x = x0
        for layer, offset in zip(self.cross, self.offsets, strict=True):
            x = x0 * layer(x) + offset + x
        out: Tensor = self.last(torch.cat([x, self.deep(x0)], -1))
        return out
