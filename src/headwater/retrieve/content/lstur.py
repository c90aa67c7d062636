"""LSTUR: who somebody is for good, and what they read just now, in the order in which they did.

    news:     r = [ title ; topic ; subtopic ],   title = sum_i a_i c_i,  c = ReLU(CNN over words),
              a_i = softmax_i( q' tanh(W c_i + b) )
    people:   "ini"   the last state of a GRU over the clicked news that starts at l_u
              "con"   [ the last state of a GRU that starts at 0 ; l_u ]
    score(u, c) = r_u' r_c

l_u is the vector of the person's number; while training it is 0 with chance ``unknown``. Trained on
each click against K of the same request that were not clicked, by softmax cross-entropy. Whoever
has no history is l_u alone; of whom nothing at all is known, and news likewise, are one learned
vector each.

Source:  An, Wu, Wu, Zhang, Liu, Xie, "Neural News Recommendation with Long- and Short-term User
         Representations", ACL 2019. doi:10.18653/v1/P19-1033
Checked: forward and loss in numpy, tests/retrieve/content/test_lstur.py
Differs: "con" gives each part half of the size of the news, which the paper leaves open; Microsoft
         Recommenders' code has a dense layer there, and neither topics nor the masking. l_u starts
         at 0. Word vectors start at random unless a file is given, where the paper has GloVe's.
         Dropout is drawn once for a news article in a batch. A topic that is missing is 0. The
         learned vectors for news and people of which nothing is known, ``vectors`` in place of the
         title's words, and learning from a log without impressions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ...errors import BadParameter
from ...model import at_least, between
from ._news import NewsNet, NewsRecommender, Title, embedding, odd, trimmed

__all__ = ["LSTUR"]


@dataclass(kw_only=True, eq=False)
class LSTUR(NewsRecommender):
    texts: ClassVar[tuple[str, ...]] = ("title",)
    kinds: ClassVar[tuple[str, ...]] = ("category", "subcategory")
    people: ClassVar[bool] = True

    category: str | None = None  # column of topics; None: category or topic, if there is one
    subcategory: str | None = None  # column; None: subcategory, if there is one
    filters: int = 300  # of the CNN
    window: int = 3  # words that a filter sees
    kind_size: int = 100  # of the vector of a topic
    query_size: int = 200  # of what weighs words
    combine: Literal["ini", "con"] = "ini"
    unknown: float = 0.5  # share of people who are hidden while training

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("filters", "kind_size", "query_size"):
            at_least(self, name, getattr(self, name), 1)
        odd(self, "window", self.window)
        between(self, "unknown", self.unknown, 0, 1)
        if self.combine not in ("ini", "con"):
            raise BadParameter(f"LSTUR: combine is ini or con; got {self.combine!r}")

    def build(self) -> nn.Module:
        return _Net(
            self.filters,
            self.window,
            self.kind_size,
            self.query_size,
            self.combine == "ini",
            self.unknown,
            **self.about,
        )


class _Net(NewsNet):
    def __init__(
        self,
        filters: int,
        window: int,
        kind_size: int,
        query: int,
        starts: bool,
        unknown: float,
        **about: Any,
    ):
        kinds = [name for name in LSTUR.kinds if name in about["contents"]]
        super().__init__(filters + kind_size * len(kinds), **about)
        self.starts, self.unknown = starts, unknown
        if "given" in self.contents:
            self.project = nn.Linear(self.contents["given"]["size"], filters)
        else:
            self.words = Title(about["word_size"], filters, window, query, self.drop)
        self.topics = nn.ModuleDict(
            {name: embedding(self.contents[name]["size"], kind_size) for name in kinds}
        )
        lasting = self.size if starts else self.size // 2
        self.lasting = nn.Embedding(self.n_users, lasting)
        nn.init.zeros_(self.lasting.weight)
        self.gru = nn.GRU(self.size, self.size if starts else self.size - lasting, batch_first=True)

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        if "given" in self.contents:
            title, known = self.projected(items, self.project)
            title = title * known[:, None]
        else:
            title, known = self.words(trimmed(self.held("title")[items]), self.embed)
        parts = [title]
        for name, table in self.topics.items():
            code: Tensor = self.held(name)[items]
            parts.append(table(code).to(title.dtype))
            known = known | (code > 0)
        return torch.cat(parts, 1), known

    def interest(self, past: Tensor, there: Tensor, user: Tensor) -> tuple[Tensor, Tensor]:
        known = self.known_user(user)
        if self.training:
            known = known & (torch.rand(user.shape, device=user.device) >= self.unknown)
        lasting = self.lasting(user.clamp(0, self.n_users - 1)) * known[:, None]
        lasting = lasting.to(past.dtype)
        begin = lasting if self.starts else past.new_zeros(len(past), self.gru.hidden_size)
        number = there.sum(1)
        order = torch.argsort(~there, dim=1, stable=True)  # what is there to the front
        line = past.gather(1, order[:, :, None].expand_as(past))
        # a row of nothing is one step of zeros, and its outcome is not used
        packed = pack_padded_sequence(
            line, number.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        last = self.gru(packed, begin[None].contiguous())[1][0]
        last = torch.where(number[:, None] > 0, last, begin)
        vectors = last if self.starts else torch.cat([last, lasting], 1)
        return vectors, known | (number > 0)
