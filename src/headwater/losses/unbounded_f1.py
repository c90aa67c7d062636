"""unboundedF1: 1 - F1, with what is said in the place of a yes or no.

    tp = sum y u,   fp = sum (1 - y) u,   fn = sum y (1 - u),   1 - 2 tp / (2 tp + fp + fn)

u is the probability, or the raw logit, which has no bounds: 2 tp + fp + fn = sum u + sum y may then
be 0, and is kept ``least`` away from it. The averages are those of `losses.sigmoid_f1`; on
probabilities it is that loss with its defaults.

Source:  Benedict, Koops, Odijk, de Rijke, "sigmoidF1: A Smooth F1 Score Surrogate Loss for
         Multilabel Classification", TMLR 2022. arXiv:2108.10566
Checked: against the formula in numpy for both inputs, tests/losses/test_confusion.py
Differs: the text has logits, the released PyTorch code probabilities, which are the default here,
         and the TensorFlow code a softmax, of the labels too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..model import at_least
from ._confusion import Confused, Confusion

__all__ = ["UnboundedF1"]


@dataclass(kw_only=True, eq=False)
class UnboundedF1(Confused):
    input: Literal["logits", "probabilities"] = "probabilities"
    least: float = 1e-3

    def __post_init__(self) -> None:
        at_least(self, "least", self.least, 0, above=True)

    def said(self, u: Tensor) -> Tensor:
        return u

    def score(self, found: Confusion) -> Tensor:
        under = 2 * found.tp + found.fp + found.fn
        side = torch.where(under < 0, -1.0, 1.0).to(under.dtype)
        return 2 * found.tp / (side * under.abs().clamp(min=self.least))
