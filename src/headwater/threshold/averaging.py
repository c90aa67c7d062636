"""Averaging: one threshold, the mean of the one that would have been best for each example.

    t_b = the score of b that, as the least that is said, has the highest F1 for b;  t = mean of t_b

What scores at least t is said. Of equals the highest score; examples without a class say nothing.

Source:  Benedict, Koops, Odijk, de Rijke, "sigmoidF1", TMLR 2022, arXiv:2108.10566, threshold
         averaging.
Checked: against loops over all thresholds, tests/threshold/test_threshold.py
Differs: the released code compares the wrong way round and takes the scores of the first example
         for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..model import learned
from ..types import Floats, Mask
from ._base import Threshold

__all__ = ["Averaging"]


@dataclass(kw_only=True, eq=False)
class Averaging(Threshold):
    at_: float = learned()

    def learn(self, scores: Floats, y: Mask) -> None:
        some = y.any(1)
        if not some.any():
            raise DataError("no example has a class, so none says where a threshold should be")
        order = np.argsort(-scores[some], axis=1, kind="stable")
        s = np.take_along_axis(scores[some], order, 1)
        true = np.cumsum(np.take_along_axis(y[some], order, 1), axis=1)
        f1 = 2 * true / (np.arange(1, s.shape[1] + 1) + y[some].sum(1, keepdims=True))
        tied = np.zeros(s.shape, bool)
        tied[:, :-1] = s[:, :-1] == s[:, 1:]  # whoever says one of equals says all
        best = np.where(tied, -1, f1).argmax(1)
        self.at_ = float(np.take_along_axis(s, best[:, None], 1).mean())

    def rule(self, scores: Floats) -> Mask:
        return scores >= self.at_
