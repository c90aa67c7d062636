"""IPW: clicks on what somebody sees little of count more, so that taste is not mistaken for it.

    theta = what the candidate's kinds make up of the mix of kinds in the history  by = "category"
    theta = ( people who chose it / the most that chose anything )^eta           by = "popularity"
    theta is at least ``least``;  w = 1 / theta, over the mean of w if ``normalise``

    by "category" every candidate counts w in the loss of DCN;  by "popularity" only clicks do:
    minimise   - sum  (w y) log sigmoid(s) + (1 - w y) log(1 - sigmoid(s))

The net is that of `rank.dcn`, and when asked it is just that.

Source:  the baseline of that name in Li, Si, Tang, et al., "Contextual Distillation Model for
         Diversified Recommendation", KDD 2024. arXiv:2406.09021; popularity after Saito, Yaginuma,
         Nishino, Sakata, Nakata, "Unbiased Recommender Learning from Missing-Not-At-Random Implicit
         Feedback", WSDM 2020. arXiv:1909.03601
Checked: the weights against counts, and the loss by popularity against its formula in numpy,
         tests/rank/test_ipw.py
Differs: the first names the idea alone. Its theta, the floor and the mean are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from ..errors import BadParameter
from ..features import shares, taste
from ..losses.bce import BCE
from ..model import at_least, between
from ..types import Dataset, Floats, Impressions, Ints
from ._cross import Crossed
from ._net import Requests

__all__ = ["IPW"]


@dataclass(kw_only=True, eq=False)
class IPW(Crossed):
    by: Literal["category", "popularity"] = "category"
    kinds: str = "genres"  # the catalogue's column of kinds
    eta: float = 0.5  # power of popularity
    least: float = 0.1  # theta is not less
    normalise: bool = True  # the weights have the mean 1

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "eta", self.eta, 0)
        at_least(self, "least", self.least, 0, above=True)
        between(self, "least", self.least, 0, 1)
        if self.by == "popularity" and not isinstance(self.loss, BCE):
            raise BadParameter(
                "IPW: by='popularity' weighs the clicks of bce, and of no other loss; got "
                f"{self.loss!r}"
            )

    @property
    def says_chances(self) -> bool:
        return False  # weighted clicks are no chances

    def weights(self, data: Dataset, shown: Impressions) -> Floats:  # (B, K)
        items, filled = shown.slate.items, shown.slate.filled
        at = np.where(filled, items, 0)
        theta = (
            self.by_category(data, shown, at)
            if self.by == "category"
            else self.by_popularity(data, at)
        )
        w = np.where(filled, 1 / np.clip(theta, self.least, 1), 0)
        counted = filled if self.by == "category" else filled & (shown.clicks > 0)
        return w / w[counted].mean() if self.normalise and counted.any() else w

    def by_category(self, data: Dataset, shown: Impressions, at: Ints) -> Floats:  # (B, K)
        each = shares(data.catalog, self.kinds)
        wanted = taste(shown.queries.history, each)  # (B, kinds)
        row = np.repeat(np.arange(len(shown)), at.shape[1])
        has = each[at.ravel()]  # one entry for each kind of each candidate
        slot = np.repeat(np.arange(at.size), np.diff(has.indptr))
        mine = np.bincount(slot, wanted[row[slot], has.indices], minlength=at.size)
        theta: Floats = np.asarray(mine, np.float64).reshape(at.shape)
        theta[~wanted.any(1)] = 1
        return theta

    def by_popularity(self, data: Dataset, at: Ints) -> Floats:  # (B, K)
        chosen = np.bincount(data.log.matrix().indices, minlength=data.log.n_items)
        share = chosen / max(int(chosen.max(initial=0)), 1)
        theta: Floats = share[at] ** self.eta
        return theta

    def step(self, net: Any, asked: Requests, step: int) -> Tensor:
        if self.by == "category":
            return super().step(net, asked, step)
        assert asked.clicks is not None
        assert asked.weights is not None
        there = asked.items >= 0
        return self.loss(self.scored(net, asked), asked.clicks * asked.weights, there)
