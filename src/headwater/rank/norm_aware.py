"""Norm-aware ranking: DCN that learns from clicks and from how far its lists are from a norm.

    minimise   loss(logits, clicks)  +  weight  sqrt JS( P || Q(logits) )

Q is the mix of kinds of the candidates, weighed by smooth ranks (`losses.rank_js`), and P that of
the latest items of the history, 1 / rank, or a mix that is given. So the norm is in the scores, and
costs nothing when it is asked. What looks at each candidate alone cannot give a list the mix of its
pool: that is for `rerank.radio`. The net is that of `rank.dcn`.

Source:  ours: the step that section 6 of the thesis behind RADio leaves open (Vrijenhoek et al.,
         "RADio", RecSys 2022. arXiv:2209.13520). The net: Wang, Fu, Fu, Wang, "Deep & Cross Network
         for Ad Click Predictions", ADKDD 2017.
Checked: the loss against its sums in numpy, and that lists move as the weight rises,
         tests/rank/test_norm_aware.py
Differs: in nothing; columns of numbers are cut at the quantiles of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..divergence import check_mix, feature, given_mix, of_items
from ..errors import BadParameter
from ..losses.rank_js import RankJS
from ..model import at_least, learned
from ..types import Catalog, Dataset, Floats, Ints
from ._cross import Crossed
from ._net import Requests

__all__ = ["NormAware"]


@dataclass(kw_only=True, eq=False)
class NormAware(Crossed):
    by: str = "category"  # a column of the catalogue: of kinds, of lists of them, or of numbers
    to: Literal["history", "mix"] = "history"  # whose mix the lists should have
    mix: dict[str, float] | None = None  # where ``to`` is mix: what each kind should have
    weight: float = 1.0  # of the norm beside the clicks
    norm: RankJS = RankJS(temperature=0.1, discount="reciprocal")
    bins: int = 5  # of numbers

    shape_: np.ndarray = learned()  # N and kinds

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "weight", self.weight, 0)
        at_least(self, "bins", self.bins, 2)
        if self.to not in ("history", "mix"):
            raise BadParameter(f"NormAware: to is history or mix; got {self.to!r}")
        check_mix(self, self.to, self.mix)

    @property
    def says_chances(self) -> bool:
        return self.weight == 0 and super().says_chances

    def build(self) -> nn.Module:
        net = super().build()
        assert isinstance(net, nn.ModuleDict)
        net["kinds"] = _Kinds(*(int(each) for each in self.shape_))
        return net

    def begin(
        self, data: Dataset, seed: int
    ) -> tuple[Callable[[Ints, torch.device], Requests], Ints]:
        table = self.table(data.catalog)
        self.shape_ = np.array(table.shape)
        out = super().begin(data, seed)
        self.net_["kinds"].table[:-1] = torch.from_numpy(table)
        if self.mix is not None:
            wanted = given_mix(data.catalog, self.by, self.mix)
            self.net_["kinds"].wanted[:] = torch.from_numpy(wanted)
        return out

    def table(self, catalog: Catalog) -> Floats:  # (N, kinds)
        """The shares of kinds in each item."""
        made = feature(catalog, self.by, bins=self.bins, edges="quantile")
        if made.shares is not None:
            return made.shares.toarray().astype(np.float32)
        every = of_items(made.known)
        _, inner = made.mix(every)
        n = len(made.known)
        alone = np.eye(self.bins, dtype=np.float32)
        assert made.numbers is not None
        at = (made.numbers[:, None] >= inner).sum(1)
        return np.where(made.known[:, None], alone[at], 0).reshape(n, self.bins)

    def step(self, net: Any, asked: Requests, step: int) -> Tensor:  # noqa: ARG002
        assert asked.clicks is not None
        logits, there = self.scored(net, asked), asked.items >= 0
        off = self.norm(logits, net["kinds"](asked.items), self.target(net, asked), there)
        clicked: Tensor = self.loss(logits, asked.clicks, there, asked.weights)
        return clicked + self.weight * off

    def target(self, net: Any, asked: Requests) -> Tensor:  # (B, kinds) or (kinds,)
        if self.to == "mix":
            wanted: Tensor = net["kinds"].wanted
            return wanted
        length = asked.past.shape[1]
        past = net["kinds"](asked.past)
        rank = torch.arange(length, 0, -1, device=past.device, dtype=past.dtype)
        mix: Tensor = (past / rank[:, None]).sum(1)
        return mix


class _Kinds(nn.Module):
    """The shares of kinds in items; none for the item -1."""

    table: Tensor
    wanted: Tensor

    def __init__(self, n_items: int, n_kinds: int):
        super().__init__()
        self.register_buffer("table", torch.zeros(n_items + 1, n_kinds))
        self.register_buffer("wanted", torch.zeros(n_kinds))

    def forward(self, items: Tensor) -> Tensor:
        return self.table[items]
