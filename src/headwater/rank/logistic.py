"""Logistic regression: a weight for each thing that is known.

    logit = w' x + b

x is all that is known of who asks, when, after what, and of the candidate: vectors of the
categories, which are learned along (`nets.FieldEncoder`), numbers, and as the only product that of
the history with the candidate.

Source:  McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, for its use.
Checked: the net, for given weights, against the formula written out in numpy,
         tests/rank/test_logistic.py
Differs: a category has a vector whose numbers are weighed, which comes to one weight each; and it
         is fitted by Adam, not by FTRL.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ._net import NetRanker

__all__ = ["Logistic"]


@dataclass(kw_only=True, eq=False)
class Logistic(NetRanker):
    embedding_size: int = 4

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, 1)
