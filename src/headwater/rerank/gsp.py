"""GSP: the next item is good, and what of its vector no pick has said yet is long.

    argmax over what is left of   r_i + gamma |x_i - its projection on the span of all picks|

The Gram-Schmidt process on the picks; SSD without a window and without the product.

Source:  Li, Si, Tang, et al., "Contextual Distillation Model for Diversified Recommendation",
         KDD 2024. arXiv:2406.09021, where it is one of the teachers
Checked: against least squares, pick by pick, tests/rerank/test_gsp.py
Differs: the paper names it and gives no formula; this is the plainest.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model import at_least
from ..types import Floats, Ints
from ._greedy import ByVectors, Compiled, Gain
from ._residual import Residual

__all__ = ["GSP"]


@dataclass(kw_only=True, eq=False)
class GSP(ByVectors):
    gamma: float = 0.5  # what is new is worth so much beside r

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "gamma", self.gamma, 0)

    def among(self, x: Floats, relevance: Floats, interest: Floats) -> Gain:  # noqa: ARG002
        new = Residual(x)

        def gain(last: Ints | None) -> Floats:
            if last is None:
                return relevance
            new.pick(last)
            out: Floats = relevance + self.gamma * new.lengths_left
            return out

        return gain

    def compiled(
        self,
        x: Floats,
        relevance: Floats,
        interest: Floats,  # noqa: ARG002
        k: int,
    ) -> Compiled:
        return "volume", (x, relevance, relevance, 1, self.gamma, k + 1, True)
