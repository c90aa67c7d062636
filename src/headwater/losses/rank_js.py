"""Rank-aware Jensen-Shannon: how far the mix of kinds at the top of a list is from a target.

    rank_i = 1 + sum_{j != i} sigmoid( (s_j - s_i) / temperature )
    Q(c) ~ sum_i discount(rank_i) kinds_ic,   M = (P + Q) / 2,   P the target
    sqrt( (KL(P || M) + KL(Q || M)) / 2 ),   base 2: from 0 to 1

discount is 1 / log2(rank + 1) or 1 / rank. The mean over the rows in which the candidates, and the
target, have any kind.

Source:  the divergence of Vrijenhoek, Benedict, Gutierrez Granada, Odijk, de Rijke, "RADio:
         Rank-Aware Divergence Metrics to Measure Normative Diversity in News Recommendations",
         RecSys 2022. arXiv:2209.13520; the ranks of Qin, Liu, Li, Information Retrieval 2010.
Checked: against the sums written out, and as the temperature falls against SciPy's jensenshannon,
         tests/losses/test_rank_js.py
Differs: RADio measures with it. Smooth ranks make it a loss; that is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ..model import Model, at_least
from ._base import filled, mean_over_rows
from ._ranks import discount, smooth_ranks

__all__ = ["RankJS"]

TINY = 1e-12


@dataclass(kw_only=True, eq=False)
class RankJS(Model):
    temperature: float = 1.0
    discount: Literal["log", "reciprocal"] = "log"

    def __post_init__(self) -> None:
        at_least(self, "temperature", self.temperature, 0, above=True)

    def __call__(
        self, logits: Tensor, kinds: Tensor, target: Tensor, there: Tensor | None = None
    ) -> Tensor:
        """``logits`` (B, K), ``kinds`` (B, K, C) the shares of kinds in each candidate, ``target``
        (B, C) or (C,), ``there`` (B, K) which candidates there are."""
        s, there = filled(logits, there)
        rank = smooth_ranks(s, there, self.temperature)
        worth = (discount(rank) if self.discount == "log" else 1 / rank) * there
        q = (worth[:, :, None] * kinds.to(s.dtype)).sum(1)
        p = target.to(s.dtype).expand_as(q)
        some = (q.sum(1) > 0) & (p.sum(1) > 0)
        q, p = (each / each.sum(1, keepdim=True).clamp(min=TINY) for each in (q, p))
        m = (p + q) / 2
        js = (_kl(p, m) + _kl(q, m)) / 2
        return mean_over_rows(js.clamp(min=TINY).sqrt(), some)


def _kl(p: Tensor, q: Tensor) -> Tensor:  # (B, C) -> (B,)
    return (p * (p.clamp(min=TINY) / q.clamp(min=TINY)).log2()).sum(1)
