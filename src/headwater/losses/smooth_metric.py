"""1 - a metric of the confusion matrix, with a sigmoid where it has a threshold.

    S = sigmoid( beta (u + eta) ),   u = the logit, or its probability
    tp = sum y S,   fp = sum (1 - y) S,   fn = sum y (1 - S),   tn = sum (1 - y) (1 - S)

    precision     tp / (tp + fp)              recall   tp / (tp + fn)
    specificity   tn / (tn + fp)              npv      tn / (tn + fn)
    accuracy      (tp + tn) / all             jaccard  tp / (tp + fp + fn)
    f_beta        (1 + f^2) tp / ((1 + f^2) tp + f^2 fn + fp),   f = recall_weight
    mcc           (tp tn - fp fn) / sqrt( (tp + fp) (tp + fn) (tn + fp) (tn + fn) )

The averages are those of `losses.sigmoid_f1`, which is f_beta with f = 1.

Source:  the same smooth confusion matrix as sigmoidF1: Benedict, Koops, Odijk, de Rijke, TMLR 2022.
         arXiv:2108.10566
Checked: each against the formula in numpy, and as beta rises against scikit-learn,
         tests/losses/test_confusion.py
Differs: the paper names some of them and tries F1 only. recall or specificity alone is at its best
         where everything, or nothing, is said to be true: combine them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..model import at_least
from ._confusion import TINY, Confusion, Sloped

__all__ = ["SmoothMetric"]


@dataclass(kw_only=True, eq=False)
class SmoothMetric(Sloped):
    metric: Literal[
        "f_beta", "precision", "recall", "specificity", "npv", "accuracy", "jaccard", "mcc"
    ] = "mcc"
    recall_weight: float = 1.0  # of f_beta: how many times as important as precision recall is

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "recall_weight", self.recall_weight, 0, above=True)

    def score(self, found: Confusion) -> Tensor:
        tp, fp, fn, tn = found.tp, found.fp, found.fn, found.tn
        if self.metric == "mcc":
            # in two roots: the product of four counts is beyond float32 for large batches
            sides = ((tp + fp) * (tn + fn) + TINY).sqrt() * ((tp + fn) * (tn + fp) + TINY).sqrt()
            return (tp * tn - fp * fn) / sides
        f2 = self.recall_weight**2
        over, under = {
            "f_beta": ((1 + f2) * tp, (1 + f2) * tp + f2 * fn + fp),
            "precision": (tp, tp + fp),
            "recall": (tp, tp + fn),
            "specificity": (tn, tn + fp),
            "npv": (tn, tn + fn),
            "accuracy": (tp + tn, tp + fp + fn + tn),
            "jaccard": (tp, tp + fp + fn),
        }[self.metric]
        return over / (under + TINY)
