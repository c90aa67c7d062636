"""sigmoidF1: 1 - F1, with a sigmoid where F1 has a threshold.

    S = sigmoid( beta (u + eta) ),   u = the logit, or its probability
    tp = sum y S,   fp = sum (1 - y) S,   fn = sum y (1 - S)
    1 - 2 tp / (2 tp + fp + fn)

average "macro" sums over the rows of the batch and takes the mean over classes, as the thesis's
pseudo-code and its released code do; "micro" sums over both, as its text and figures do (it calls
them the other way round: these are scikit-learn's names); "samples" sums over the columns of each
row, which is what there is to do for the candidates of a request. On probabilities the threshold is
at p = -eta; on logits with the defaults S is p.

Source:  Benedict, Koops, Odijk, de Rijke, "sigmoidF1: A Smooth F1 Score Surrogate Loss for
         Multilabel Classification", TMLR 2022. arXiv:2108.10566
Checked: against the formula in numpy for both inputs and all averages, and as beta rises against 1
         - scikit-learn's f1_score, tests/losses/test_confusion.py
Differs: the released code puts a sigmoid on a sigmoid, with beta 1 and eta 0, or beta 10 and eta 1,
         where S is above 0.9999 for every p. Here u is what ``input`` says, and beta is positive. A
         class that no row of the batch has costs 1 and has no gradient, as in the source.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ._confusion import TINY, Confusion, Sloped

__all__ = ["SigmoidF1"]


@dataclass(kw_only=True, eq=False)
class SigmoidF1(Sloped):
    def score(self, found: Confusion) -> Tensor:
        return 2 * found.tp / (2 * found.tp + found.fp + found.fn + TINY)
