"""DPP: the set that spans the largest volume, of vectors as long as the items are good.

    maximise det(L_S),   L_ij = q_i S_ij q_j,   q = exp(alpha r),   alpha = theta / (2 (1 - theta))
    greedily:  argmax over what is left of   2 alpha r_i + log d_i^2

S is the cosine of the items' vectors and d_i^2 the squared distance of x_i from the span of what
was picked, from the Cholesky factor of L_S, one column a pick; so log det grows by just that gain.
With a ``window`` of w only the last w - 1 picks count. Where no candidate has anything new left,
the rest follows by r; so does an item without a vector.

Source:  Chen, Zhang, Zhou, "Fast Greedy MAP Inference for Determinantal Point Process to Improve
         Recommendation Diversity", NeurIPS 2018. arXiv:1709.05135
Checked: against determinants, pick by pick, with and without a window, and against the best of all
         sets where greedy finds it, tests/rerank/test_dpp.py
Differs: their code stops where nothing new is left. S may be moved to [0, 1] by ``positive``, which
         keeps it positive semi-definite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import at_least, between
from ..types import Floats, Ints
from ._greedy import ByVectors, Compiled, Gain
from ._residual import EPS, NOTHING_NEW, Residual

__all__ = ["DPP"]


@dataclass(kw_only=True, eq=False)
class DPP(ByVectors):
    theta: float = 0.7  # from 0, variety alone, to below 1, hardly any
    window: int | None = None  # picks that are to differ from each other; None: all of them
    positive: bool = False  # S = (1 + cosine) / 2

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self, "theta", self.theta, 0, 1, below=True)
        if self.window is not None:
            at_least(self, "window", self.window, 1)

    def moved(self, x: Floats) -> Floats:
        """The vectors whose products are S."""
        if not self.positive:
            return x
        one = (np.einsum("bkd,bkd->bk", x, x) > 0).astype(x.dtype)[:, :, None]
        half: Floats = np.concatenate([x, one], 2) / x.dtype.type(2**0.5)
        return half

    def among(self, x: Floats, relevance: Floats, interest: Floats) -> Gain:  # noqa: ARG002
        new = Residual(self.moved(x), self.window)
        good = self.theta / (1 - self.theta) * relevance

        def gain(last: Ints | None) -> Floats:
            if last is not None:
                new.pick(last)
            if new.left.min(initial=1) > EPS:
                out: Floats = good + np.log(new.left)
                return out
            some = new.left > EPS
            log = np.log(np.where(some, new.left, 1))
            return np.where(some, good + log, NOTHING_NEW + relevance)

        return gain

    def compiled(
        self,
        x: Floats,
        relevance: Floats,
        interest: Floats,  # noqa: ARG002
        k: int,
    ) -> Compiled:
        good = self.theta / (1 - self.theta) * relevance
        window = self.window or k + 1
        return "volume", (self.moved(x), good, relevance, 0, 0.0, window, True)
