"""SSD: what was shown last spans a volume; the next item is good, or makes the volume larger.

    argmax over what is left of   r_i + gamma v(last w - 1 picks and i)
    v = the product of the lengths left by Gram and Schmidt of what is in the window

``volume`` is "product", the volume of the whole window as in the paper, or "residual", the length
that x_i alone adds: theta r_i + (1 - theta) gamma |what is left of x_i|. A pick that leaves the
window gives its direction back; those that were made orthogonal to it stay as they are.

Source:  Huang, Wang, Zhang, Xu, Yang, Yin, "Sliding Spectrum Decomposition for Diversified
         Recommendation", KDD 2021. arXiv:2107.05204; "residual" as in public code under its name.
Checked: against Gram and Schmidt written out for each candidate, in and beyond the window, both
         forms, tests/rerank/test_ssd.py
Differs: the first pick is the best by r alone; r is that of the request at mean 0 and deviation 1.
         The vectors have length one before they get a last coordinate of one, so that no two are
         orthogonal; ``bias=False`` leaves it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..features import Scale
from ..model import at_least, between
from ..types import Floats, Ints
from ._greedy import ByVectors, Compiled, Gain
from ._residual import Residual

__all__ = ["SSD"]


@dataclass(kw_only=True, eq=False)
class SSD(ByVectors):
    gamma: float = 0.5  # what volume is worth beside r
    window: int = 10
    volume: Literal["product", "residual"] = "product"
    theta: float = 0.5  # of "residual": 1 is the order of the scores
    bias: bool = True  # a last coordinate of one
    scale: Scale = "zscore"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "gamma", self.gamma, 0)
        at_least(self, "window", self.window, 1)
        between(self, "theta", self.theta, 0, 1)

    def biased(self, x: Floats) -> Floats:
        return np.concatenate([x, np.ones_like(x[:, :, :1])], 2) if self.bias else x

    def among(self, x: Floats, relevance: Floats, interest: Floats) -> Gain:  # noqa: ARG002
        new = Residual(self.biased(x), self.window, exact=False)

        def gain(last: Ints | None) -> Floats:
            if last is None:
                return relevance
            new.pick(last)
            larger = self.gamma * new.lengths_left
            if self.volume == "residual":
                out: Floats = self.theta * relevance + (1 - self.theta) * larger
            else:
                out = relevance + new.norms[:, None] * larger
            return out

        return gain

    def compiled(
        self,
        x: Floats,
        relevance: Floats,
        interest: Floats,  # noqa: ARG002
        k: int,  # noqa: ARG002
    ) -> Compiled:
        x = self.biased(x)
        if self.volume == "product":
            return "volume", (x, relevance, relevance, 2, self.gamma, self.window, False)
        good, gamma = self.theta * relevance, (1 - self.theta) * self.gamma
        return "volume", (x, good, relevance, 1, gamma, self.window, False)
