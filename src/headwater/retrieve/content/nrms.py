"""NRMS: words attend to each other, then news attend to each other, and what counts is averaged.

    h_i  = the heads' sums over j of  softmax_j( (W_q x_i)' (W_k x_j) / sqrt(d) )  W_v x_j
    r    = sum_i a_i h_i,   a_i = softmax_i( q' tanh(W h_i + b) )
    score(u, c) = r_u' r_c

r_c is of the words x of a title, and r_u the same, with other weights, of the r of the clicked
news. Trained on each click against K of the same request that were not clicked, by softmax
cross-entropy. News without a word are one learned vector, people without a history another.

Source:  Wu, Wu, Ge, Qi, Huang, Xie, "Neural News Recommendation with Multi-Head Self-Attention",
         EMNLP-IJCNLP 2019. doi:10.18653/v1/D19-1671
Checked: forward and loss in numpy, tests/retrieve/content/test_nrms.py
Differs: the paper's bilinear form x_i' Q x_j is W_q and W_k of the heads' size, over sqrt(d), as in
         its authors' and in Microsoft Recommenders' code; the latter does not mask what fills up.
         Word vectors start at random unless a file is given, where the paper has GloVe's. Dropout
         is drawn once for a news article in a batch. The learned vectors for news and people of
         which nothing is known, ``vectors`` in place of words, and learning from a log without
         impressions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from ...model import at_least
from ...nets import AdditiveAttention, attend
from ._news import NewsNet, NewsRecommender, padded, trimmed
from ._text import NONE

__all__ = ["NRMS"]


@dataclass(kw_only=True, eq=False)
class NRMS(NewsRecommender):
    texts: ClassVar[tuple[str, ...]] = ("title",)

    heads: int = 16
    head_size: int = 16
    query_size: int = 200  # of what weighs words and news

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("heads", "head_size", "query_size"):
            at_least(self, name, getattr(self, name), 1)

    def build(self) -> nn.Module:
        return _Net(self.heads, self.head_size, self.query_size, **self.about)


class _Net(NewsNet):
    def __init__(self, heads: int, head_size: int, query: int, **about: Any):
        super().__init__(heads * head_size, **about)
        if "given" in self.contents:
            self.project = nn.Linear(self.contents["given"]["size"], self.size)
        else:
            self.words = SelfAttention(about["word_size"], heads, head_size)
            self.weigh_words = AdditiveAttention(self.size, query)
        self.clicks = SelfAttention(self.size, heads, head_size)
        self.weigh_clicks = AdditiveAttention(self.size, query)

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        if "given" in self.contents:
            return self.projected(items, self.project)
        ids = trimmed(self.held("title")[items])
        there = ids != NONE
        x = dropout(self.embed(ids[there]), self.drop, self.training)
        h = dropout(self.words(x, there), self.drop, self.training)
        return self.weigh_words(h, there), there.any(1)

    def interest(self, past: Tensor, there: Tensor, user: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return self.weigh_clicks(self.clicks(past[there], there), there), there.any(1)


class SelfAttention(nn.Module):
    """Each of a row's vectors becomes what the heads find in all of them, side by side."""

    def __init__(self, size: int, heads: int, head_size: int):
        super().__init__()
        self.heads, self.head_size = heads, head_size
        self.weight = nn.Parameter(torch.empty(3, heads * head_size, size))  # of q, k and v
        for each in self.weight:
            nn.init.xavier_uniform_(each)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """``x`` (T, D) is what is there of the rows ``there`` (n, L); (n, L, heads * head_size),
        without meaning where nothing is there."""
        n, length = there.shape
        flat = x @ self.weight.flatten(0, 1).T.to(x.dtype)
        wide = padded(flat, there).view(n, length, 3, self.heads, self.head_size)
        q, k, v = wide.permute(2, 0, 3, 1, 4)  # (n, heads, L, head_size) each
        weights = attend(q @ k.mT / self.head_size**0.5, there[:, None, None, :])
        found: Tensor = weights.to(v.dtype) @ v
        return found.transpose(1, 2).reshape(n, length, -1)
