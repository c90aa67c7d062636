"""Interest-aware MMR: MMR that looks at variety only where the one who asks cares.

    argmax over what is left of   r_i + diversity Div_i
    Div_i = 1 - max_{j picked} sigmoid( (x_i * u)'(x_j * u) )

u is the mean vector of the history, times ``sharpness`` over the length of the mean; * is by
coordinate. The first pick is the best by r. It is the teacher of `rerank.cdm`.

Source:  Li, Si, Tang, et al., "Contextual Distillation Model for Diversified Recommendation",
         KDD 2024. arXiv:2406.09021, section 3
Checked: against the definition, pick by pick, tests/rerank/test_interest_mmr.py
Differs: the paper's u is what its ranker learned of the user; here it is made of what they chose,
         and made longer, since products of unit vectors hardly move a sigmoid. `rerank.cdm` gives
         the ranker's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from ..model import at_least
from ..types import Floats, Ints
from ._greedy import ByVectors, Compiled, Gain, alike

__all__ = ["InterestMMR"]


@dataclass(kw_only=True, eq=False)
class InterestMMR(ByVectors):
    personal: ClassVar[bool] = True

    diversity: float = 0.5  # lambda: what variety is worth beside r
    sharpness: float = 4.0  # the length of u

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "diversity", self.diversity, 0)
        at_least(self, "sharpness", self.sharpness, 0, above=True)

    def length(self, interest: Floats) -> Floats:  # (B, D)
        own = np.linalg.norm(interest, axis=1, keepdims=True)
        return self.sharpness * interest / np.where(own > 0, own, 1)

    def among(self, x: Floats, relevance: Floats, interest: Floats) -> Gain:
        seen = x * interest[:, None, :]
        row = np.arange(len(x))
        near = np.zeros(x.shape[:2])

        def gain(last: Ints | None) -> Floats:
            nonlocal near
            if last is None:
                return relevance
            near = np.maximum(near, expit(alike(seen, row, last)))
            return relevance - self.diversity * near  # the 1 of Div is the same for all

        return gain

    def compiled(
        self,
        x: Floats,
        relevance: Floats,
        interest: Floats,
        k: int,  # noqa: ARG002
    ) -> Compiled:
        seen = x * interest[:, None, :].astype(np.float32)
        return "nearest", (seen, relevance, self.diversity, True)
