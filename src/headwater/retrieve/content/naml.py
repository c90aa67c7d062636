"""NAML: title, body, category and subcategory are four views of news, and attention weighs them.

    title, body:              r = sum_i a_i c_i,   c = ReLU(CNN over words),
                              a_i = softmax_i( q' tanh(W c_i + b) )
    category, subcategory:    r = ReLU(V e + v),   e the vector of the category
    news:                     the same attention over the views, with weights of its own
    people:                   the same over the clicked news
    score(u, c) = r_u' r_c

Trained on each click against K of the same request that were not clicked, by softmax
cross-entropy. A view that is missing has no weight; news without any are one learned vector, people
without a history another.

Source:  Wu, Wu, An, Huang, Huang, Xie, "Neural News Recommendation with Attentive Multi-View
         Learning", IJCAI 2019. arXiv:1907.05576
Checked: forward and loss in numpy, tests/retrieve/content/test_naml.py
Differs: words that only fill up are masked, which Microsoft Recommenders' code does not do. Word
         vectors start at random unless a file is given, where the paper has GloVe's. Dropout is
         drawn once for a news article in a batch. Missing views, the learned vectors for news and
         people of which nothing is known, ``vectors`` in place of the title's words, and learning
         from a log without impressions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...model import at_least
from ...nets import AdditiveAttention
from ._news import NewsNet, NewsRecommender, Title, embedding, odd, trimmed

__all__ = ["NAML"]


@dataclass(kw_only=True, eq=False)
class NAML(NewsRecommender):
    texts: ClassVar[tuple[str, ...]] = ("title", "body")
    kinds: ClassVar[tuple[str, ...]] = ("category", "subcategory")

    body: str | None = None  # column with more text; None: abstract or text, if there is one
    body_length: int = 50  # words of it that are read
    category: str | None = None  # column; None: category or topic, if there is one
    subcategory: str | None = None  # column; None: subcategory, if there is one
    filters: int = 400  # of the CNN: the size of a view
    window: int = 3  # words that a filter sees
    kind_size: int = 100  # of the vector of a category
    query_size: int = 200  # of what weighs words, views and news

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("body_length", "filters", "kind_size", "query_size"):
            at_least(self, name, getattr(self, name), 1)
        odd(self, "window", self.window)

    def build(self) -> nn.Module:
        return _Net(self.filters, self.window, self.kind_size, self.query_size, **self.about)


class _Net(NewsNet):
    def __init__(self, filters: int, window: int, kind_size: int, query: int, **about: Any):
        super().__init__(filters, **about)
        self.views = nn.ModuleDict()
        for name, each in self.contents.items():
            if name == "given":
                self.views[name] = nn.Linear(each["size"], filters)
            elif name in NAML.texts:
                self.views[name] = Title(about["word_size"], filters, window, query, self.drop)
            else:
                dense = nn.Linear(kind_size, filters)
                self.views[name] = nn.Sequential(
                    embedding(each["size"], kind_size), dense, nn.ReLU()
                )
        self.weigh_views = AdditiveAttention(filters, query)
        self.weigh_clicks = AdditiveAttention(filters, query)

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        found = [self.view(name, view, items) for name, view in self.views.items()]
        there = torch.stack([known for _, known in found], 1)  # (n, V)
        views = torch.stack([vectors for vectors, _ in found], 1)
        return self.weigh_views(views, there), there.any(1)

    def view(self, name: str, view: nn.Module, items: Tensor) -> tuple[Tensor, Tensor]:
        if name == "given":
            return self.projected(items, view)
        what: Tensor = self.held(name)[items]
        if name in NAML.texts:
            seen: tuple[Tensor, Tensor] = view(trimmed(what), self.embed)
            return seen
        return view(what), what > 0

    def interest(self, past: Tensor, there: Tensor, user: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return self.weigh_clicks(past, there), there.any(1)
