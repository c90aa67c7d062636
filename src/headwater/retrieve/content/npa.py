"""NPA: the same words, and the same news, count differently for different people.

    words:   r_cu = sum_i a_i c_i,  c = ReLU(CNN over words),  a_i = softmax_i( c_i' k_u )
    news:    r_u  = sum_j b_j r_ju,                            b_j = softmax_j( r_ju' m_u )
             k_u = tanh(W ReLU(V e_u + v) + w),   m_u alike with weights of its own
    score(u, c) = r_u' r_cu

e_u is the vector of the person's number. Trained on each click against K of the same request that
were not clicked, by softmax cross-entropy. News without a word are one learned vector, people
without a history another.

A whole catalogue is scored without the vectors r_cu, of which there are as many as people times
news: r_u' r_cu is the sum of a_i c_i' r_u, two products of the same words' states with people.

Source:  Wu, Wu, An, Huang, Huang, Xie, "NPA: Neural News Recommendation with Personalized
         Attention", KDD 2019. arXiv:1907.05559
Checked: forward and loss in numpy, tests/retrieve/content/test_npa.py
Differs: a share ``unknown`` of people is hidden while training, so that somebody new, whom the
         paper does not speak of, has a vector that has learned: that of anybody. Microsoft
         Recommenders' code has tanh on the words' side and a linear layer on the person's. Word
         vectors start at random unless a file is given, where the paper has GloVe's. Dropout is
         drawn once for a news article in a batch. The learned vectors for news without words and
         people without a history, ``vectors`` in place of words (then the attention over words
         falls away), and learning from a log without impressions are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from ...model import at_least, between
from ...nets import attend
from ._news import ITEMS, NewsNet, NewsRecommender, Words, odd, padded, trimmed
from ._samples import Sample
from ._text import NONE

__all__ = ["NPA"]

KEPT = 1 << 26  # most numbers of words' states that are kept, 256 MiB of float32


@dataclass(kw_only=True, eq=False)
class NPA(NewsRecommender):
    texts: ClassVar[tuple[str, ...]] = ("title",)
    people: ClassVar[bool] = True

    filters: int = 400  # of the CNN: the size of news
    window: int = 3  # words that a filter sees
    user_size: int = 50  # of the vector of a person
    query_size: int = 200  # of what a person asks of words and of news
    unknown: float = 0.1  # share of people who are hidden while training

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("filters", "user_size", "query_size"):
            at_least(self, name, getattr(self, name), 1)
        odd(self, "window", self.window)
        between(self, "unknown", self.unknown, 0, 1)

    def build(self) -> nn.Module:
        return _Net(
            self.filters,
            self.window,
            self.user_size,
            self.query_size,
            self.unknown,
            **self.about,
        )


class _Net(NewsNet):
    def __init__(
        self,
        filters: int,
        window: int,
        user_size: int,
        query: int,
        unknown: float,
        **about: Any,
    ):
        super().__init__(filters, **about)
        self.unknown = unknown
        self.person = nn.Embedding(self.n_users + 1, user_size)  # 0 is anybody
        nn.init.normal_(self.person.weight, std=0.1)
        if "given" in self.contents:
            self.project = nn.Linear(self.contents["given"]["size"], filters)
        else:
            self.words = Words(about["word_size"], filters, window, self.drop)
            self.ask_words = _asks(user_size, query, filters)
        self.ask_news = _asks(user_size, query, filters)
        self.states: list[tuple[Tensor, Tensor]] | None = None  # kept, as `kept` is

    def train(self, mode: bool = True) -> Any:
        if mode:
            self.states = None
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self.states = None
        return super()._apply(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        self.states = None
        return super().load_state_dict(*args, **kwargs)

    def who(self, user: Tensor) -> Tensor:  # (B, user_size)
        known = self.known_user(user)
        if self.training:
            known = known & (torch.rand(user.shape, device=user.device) >= self.unknown)
        found: Tensor = self.person(torch.where(known, user + 1, 0))
        return found

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        return self.projected(items, self.project)

    def interest(self, past: Tensor, there: Tensor, user: Tensor) -> tuple[Tensor, Tensor]:
        return self.weighed(past, there, self.who(user))

    def weighed(self, past: Tensor, there: Tensor, person: Tensor) -> tuple[Tensor, Tensor]:
        logits = (past @ self.ask_news(person).to(past.dtype)[:, :, None])[..., 0]
        weights = attend(logits, there)
        return (weights.to(past.dtype)[:, None] @ past)[:, 0], there.any(1)

    def forward(self, asked: Sample) -> Tensor:  # (B, C)
        if "given" in self.contents:
            return super().forward(asked)
        person = self.who(asked.user)
        both = torch.cat([asked.past, asked.items], 1)
        length = asked.past.shape[1]
        seen = self.seen(both, person)
        reader = self.read_by(seen[:, :length], asked.past >= 0, person)
        scores: Tensor = (seen[:, length:] @ reader[:, :, None])[..., 0]
        return scores

    def every(self, asked: Sample) -> Tensor:  # (B, N)
        if "given" in self.contents:
            return super().every(asked)
        person = self.who(asked.user)
        past = self.seen(asked.past, person)
        reader = self.read_by(past, asked.past >= 0, person)
        wants = self.ask_words(person)  # (B, F)
        out = []
        for states, there in self.all_states():
            weights = attend(spread(states @ wants.T, there), there[:, None])  # (n, B, L)
            worth = spread(states @ reader.T, there)
            found = (weights * worth).sum(2)
            out.append(torch.where(there.any(1)[:, None], found, (reader @ self.silent)[None]))
        return torch.cat(out).T

    def some(self, asked: Sample) -> Tensor:  # (B, C)
        return super().some(asked) if "given" in self.contents else self(asked)

    def read_by(self, past: Tensor, there: Tensor, person: Tensor) -> Tensor:  # (B, D)
        vectors, known = self.weighed(past, there, person)
        return torch.where(known[:, None], vectors, self.newcomer.to(vectors.dtype))

    def seen(self, items: Tensor, person: Tensor) -> Tensor:  # (B, S), (B, E) -> (B, S, F)
        """The vectors of news as each person sees them; zeros where there are none."""
        each, at = torch.unique(items, return_inverse=True)
        ids = trimmed(self.held("title")[each.clamp(min=0)] * (each >= 0)[:, None])
        states, there = self.words(ids, self.embed)
        place = there.flatten().cumsum(0).view(there.shape) - 1
        last = len(states)  # a row of zeros
        states = torch.cat([states, states.new_zeros(1, self.size)])
        own, mine = torch.where(there, place, last)[at], there[at]  # (B, S, L)
        wanted = self.ask_words(person).to(states.dtype) @ states.T  # (B, T + 1)
        weights = attend(wanted.gather(1, own.flatten(1)).view(own.shape), mine)
        vectors = embedding_bag(
            own.flatten(0, 1),
            states,
            per_sample_weights=weights.flatten(0, 1).to(states.dtype),
            mode="sum",
        ).view(*items.shape, self.size)
        silent = self.silent.to(vectors.dtype)
        found: Tensor = torch.where(mine.any(2)[..., None], vectors, silent)
        return found * (items >= 0)[..., None]

    def all_states(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The states of the words (T, F) of all news, some news at a time, and where in (n, L) they
        stand; kept until the net learns or moves, if they are not too many."""
        if self.states is not None:
            yield from self.states
            return
        title = self.held("title")
        keep = int((title != NONE).sum()) * self.size <= KEPT
        found = []
        for at in range(0, self.n_items, ITEMS):
            made = self.words(trimmed(title[at : at + ITEMS]), self.embed)
            if keep:
                found.append(made)
            yield made
        if keep:
            self.states = found


def _asks(user_size: int, query: int, size: int) -> nn.Sequential:
    """From the vectors of people to what they ask for."""
    return nn.Sequential(nn.Linear(user_size, query), nn.ReLU(), nn.Linear(query, size), nn.Tanh())


def spread(x: Tensor, there: Tensor) -> Tensor:  # (T, B), (n, L) -> (n, B, L)
    """What each person makes of each word, where the word stands, and zeros elsewhere."""
    return padded(x, there).transpose(1, 2)
