"""Recall@k as a loss: the share of what is true that is not among the first k, smoothly.

    rank_i = 1 + sum_{j != i} sigmoid( (s_j - s_i) / temperature )
    1 - mean over i with y_i = 1 of  sigmoid( (k + 1/2 - rank_i) / rank_temperature )

Then the mean over the rows that have any.

Source:  Patel, Tolias, Matas, "Recall@k Surrogate Loss with Large Batches and Similarity Mixup",
         CVPR 2022. arXiv:2108.11179
Checked: against the sums written out, and as both temperatures fall against 1 - Recall@k,
         tests/losses/test_rows.py
Differs: the paper has k - rank, which counts half of what is in place k, however low the
         temperatures; and the mean over several k.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..model import at_least
from ._base import Loss, mean_over_rows
from ._ranks import smooth_ranks

__all__ = ["RecallAtK"]


@dataclass(kw_only=True, eq=False)
class RecallAtK(Loss):
    k: int = 10
    temperature: float = 0.1
    rank_temperature: float = 1.0

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        at_least(self, "temperature", self.temperature, 0, above=True)
        at_least(self, "rank_temperature", self.rank_temperature, 0, above=True)

    def of(self, s: Tensor, y: Tensor, there: Tensor, weights: Tensor | None) -> Tensor:
        rank = smooth_ranks(s, there, self.temperature)
        missed = ((rank - self.k - 0.5) / self.rank_temperature).sigmoid()
        true = ((y > 0) & there).to(s.dtype)
        number = true.sum(1)
        if weights is not None:
            missed = missed * weights
        return mean_over_rows((missed * true).sum(1) / number.clamp(min=1), number > 0)
