"""Match: the picture that shows most of what a person likes.

    m_s = sum_c taste_c shows_sc,   taste_c = the share of kind c in what they chose
    with chance 1 - epsilon the picture with the highest m, else any, all alike

Who has chosen nothing of a known kind gets the default, which is an item's first picture.

Source:  Headwater's own, for the thumbnails by genre of Benedict, Koops, Odijk, de Rijke,
         "sigmoidF1", TMLR 2022, arXiv:2108.10566; epsilon as in Sutton, Barto, "Reinforcement
         Learning", 2018.
Checked: against loops, and its propensities against how often pictures come,
         tests/thumbnail/test_match.py
Differs: the paper stops at the genres of thumbnails.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model import between
from ..types import Floats, Ints, Mask
from ._picker import Picker

__all__ = ["Match"]


@dataclass(kw_only=True, eq=False)
class Match(Picker):
    epsilon: float = 0.05  # share of requests that show any picture, to learn from; 1 is always

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self, "epsilon", self.epsilon, 0, 1)

    def odds(self, taste: Floats, number: Ints, free: Mask) -> Floats:
        each = np.einsum("bc,bkmc->bkm", taste, self.scores_[number].astype(np.float64))
        best = np.where(free, each, -np.inf)
        first = np.zeros(free.shape, bool)
        if free.shape[2]:
            np.put_along_axis(first, best.argmax(2)[..., None], True, axis=2)
        some = free.sum(2, keepdims=True)
        any_ = free / np.maximum(some, 1)
        out: Floats = (1 - self.epsilon) * (first & free) + self.epsilon * any_
        return out
