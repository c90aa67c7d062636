"""What news recommenders share: news in, vectors out; people in, vectors out; their inner product.

A method gives a net that says how news and people are read. Here are what of the catalogue it
reads, what it learns from, the loop, and the scores of a whole catalogue.

The loss is that of all four papers: of a click and K that were not clicked beside it, the softmax
cross-entropy of the click.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, dropout, pad

from ...errors import BadParameter, DataError, MissingColumn
from ...losses.listwise import Listwise
from ...model import Scorer, at_least, between, learned
from ...nets import AdditiveAttention
from ...train import Train, ready, seeded, train
from ...types import PAD, Dataset, Floats, Ints, Queries
from ._samples import Sample, samples
from ._text import NONE, UNKNOWN, column, numbered, tokens, vocabulary, word_vectors

__all__ = [
    "NewsNet",
    "NewsRecommender",
    "Title",
    "Words",
    "embedding",
    "odd",
    "padded",
    "trimmed",
]

ITEMS = 1024  # news that are read at once, after fitting
PEOPLE = 256  # people that are scored at once
STD = 0.1  # of the vectors of words and kinds, at the start

Contents = Mapping[str, Mapping[str, Any]]


@dataclass(kw_only=True, eq=False)
class NewsRecommender(Scorer):
    """A method gives ``texts``, ``kinds`` and `build`, and has a field for each column it reads."""

    texts: ClassVar[tuple[str, ...]] = ("title",)  # what it reads word by word
    kinds: ClassVar[tuple[str, ...]] = ()  # what it reads as one of a few
    people: ClassVar[bool] = False  # whether it knows people by number

    title: str | None = None  # column with the words; None: title
    title_length: int = 30  # words that are read
    min_count: int = 2  # texts that a word must be in; rarer ones are all one unknown word
    word_size: int = 300  # of the vector of a word
    word_vectors: str | None = None  # file in GloVe's format to start from; None: at random
    vectors: str | None = None  # the catalogue's vectors by this name, in place of the title
    history: int = 50  # latest items of the history that are read
    negatives: int = 4  # not clicked, beside each click
    dropout: float = 0.2
    how: Train = Train(n_epochs=5, batch_size=128, learning_rate=1e-3)

    n_items_: int = learned()
    n_users_: int = learned()
    vocabulary_: str = learned()  # JSON, the words in the order of their numbers, from 2
    contents_: str = learned()  # what of the catalogue is read, as JSON
    net_: Any = learned()

    def __post_init__(self) -> None:
        for name in ("title_length", "min_count", "word_size", "history", "negatives"):
            at_least(self, name, getattr(self, name), 1)
        between(self, "dropout", self.dropout, 0, 1, below=True)
        if self.vectors is not None and self.title is not None:
            raise BadParameter(
                f"{type(self).__name__}: vectors={self.vectors!r} stand in place of the title, and "
                f"title={self.title!r} is given too: give one of them"
            )
        if self.vectors is not None and self.word_vectors is not None and len(self.texts) == 1:
            raise BadParameter(
                f"{type(self).__name__}: with vectors={self.vectors!r} no word is read, and "
                f"word_vectors={self.word_vectors!r} are for words: give one of them"
            )

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary, the word in the most texts first."""
        return tuple(json.loads(self.vocabulary_))

    def build(self) -> nn.Module:
        """The net, with weights as at the start."""
        raise NotImplementedError

    @property
    def about(self) -> dict[str, Any]:
        """What every net is made with."""
        return {
            "contents": json.loads(self.contents_),
            "rows": (self.n_items_, max(1, self.n_users_) if self.people else 0),
            "n_words": len(self.words),
            "word_size": self.word_size,
            "drop": self.dropout,
        }

    def epochs(self, data: Dataset) -> Iterator[float]:
        arrays = self.read(data)
        batch, rows = samples(data, self.history, self.negatives)
        if self.people:
            met = np.zeros(max(1, self.n_users_), bool)
            shown = data.impressions
            known = data.log.rows if shown is None else shown.queries.user[shown.clicks.any(1)]
            met[known[known >= 0]] = True
            arrays["met"] = met
        with seeded([self.how.seed]):
            self.net_ = self.build()
        self.net_.fill(arrays)
        if self.word_vectors is not None:
            number = {word: at for at, word in enumerate(self.words, UNKNOWN + 1)}
            at, given = word_vectors(self.word_vectors, number, self.word_size)
            with torch.no_grad():
                self.net_.embed.weight[torch.from_numpy(at)] = torch.from_numpy(given)
        yield from train(self, data, batch, self.loss, rows=rows)

    def read(self, data: Dataset) -> dict[str, Any]:
        """What of the catalogue is read: its arrays, by the names of the net's buffers."""
        catalog = data.catalog
        self.n_items_, self.n_users_ = len(data.items), len(data.users)
        contents: dict[str, dict[str, Any]] = {}
        arrays: dict[str, Any] = {}
        texts: dict[str, list[list[str]]] = {}
        if self.vectors is not None:
            if self.vectors not in catalog.vectors:
                raise MissingColumn(self.vectors, "the catalogue's vectors", catalog.vectors)
            given = catalog.vectors[self.vectors]
            arrays["given"] = given
            contents["given"] = {"column": self.vectors, "size": given.shape[1]}
        for part in self.texts:
            named = column(catalog, part, getattr(self, part))
            if named is not None and not (part == "title" and self.vectors is not None):
                texts[part] = tokens(catalog.column(named).to_list(), named)
                contents[part] = {"column": named}
        if "title" not in texts and self.vectors is None:
            raise MissingColumn("title", "the catalogue", catalog.table.columns)
        both = (
            [word for text in each for word in text] for each in zip(*texts.values(), strict=True)
        )
        words = vocabulary(both, self.min_count)
        number = {word: at for at, word in enumerate(words, UNKNOWN + 1)}
        for part, listed in texts.items():
            arrays[part] = numbered(listed, number, getattr(self, f"{part}_length"))
            contents[part]["size"] = arrays[part].shape[1]
        for part in self.kinds:
            named = column(catalog, part, getattr(self, part))
            if named is not None:
                arrays[part] = catalog.codes(named).astype(np.int64) + 1  # 0 where missing
                size = int(arrays[part].max(initial=0)) + 1
                contents[part] = {"column": named, "size": size}
        self.vocabulary_ = json.dumps(words, ensure_ascii=False)
        self.contents_ = json.dumps(contents)
        return arrays

    def loss(self, net: Any, asked: Sample, step: int) -> Tensor:  # noqa: ARG002
        """The mean over the samples of - log softmax(scores) of the click."""
        clicked = torch.zeros_like(asked.items)
        clicked[:, 0] = 1
        return Listwise()(net(asked), clicked, asked.items >= 0)

    def scores(self, queries: Queries) -> Floats:
        every = np.zeros((len(queries), 0), np.int64)
        return self.asked(queries, every, lambda net, asked: net.every(asked), self.n_items_)

    def score(self, queries: Queries, items: Ints) -> Floats:
        found = self.asked(queries, items, lambda net, asked: net.some(asked), items.shape[1])
        return np.where(items == PAD, -np.inf, found)

    @torch.inference_mode()
    def asked(
        self, queries: Queries, items: Ints, answer: Callable[[Any, Sample], Tensor], width: int
    ) -> Floats:  # (B, width)
        """What the net answers, some people at a time."""
        if queries.history.n_items != self.n_items_:
            raise DataError(
                f"{type(self).__name__} knows {self.n_items_} items and was asked about "
                f"{queries.history.n_items}: fit on the data that the queries come from"
            )
        device = ready(self.net_, self.how)
        net = self.net_.eval()
        out = np.empty((len(queries), width), np.float32)
        for at in range(0, len(queries), PEOPLE):
            part = queries[at : at + PEOPLE]
            past = part.history.padded(self.history)
            some = items[at : at + PEOPLE].astype(np.int64)
            sample = Sample.of(part.user, past, some, device)
            out[at : at + PEOPLE] = answer(net, sample).float().cpu().numpy()
        return out


class NewsNet(nn.Module):
    """A net gives `read` and `interest`. What is known of news lies in its buffers, so that a
    saved net serves with what it was trained with.

    News of which nothing is known (no word, no kind, a vector of zeros) are one learned vector,
    and people of whom nothing is known another; both are zeros at the start.
    """

    def __init__(
        self,
        size: int,
        *,
        contents: Contents,
        rows: tuple[int, int],
        n_words: int,
        word_size: int,
        drop: float,
    ):
        super().__init__()
        self.contents, self.size, self.drop = contents, size, drop
        self.n_items, self.n_users = rows
        for name, each in contents.items():
            width = each["size"]
            if name == "given":
                empty = torch.zeros(self.n_items, width)
            elif name in ("title", "body"):
                empty = torch.zeros(self.n_items, width, dtype=torch.int32)
            else:
                empty = torch.zeros(self.n_items, dtype=torch.int64)
            self.register_buffer(name, empty)
        if self.n_users:
            self.register_buffer("met", torch.zeros(self.n_users, dtype=torch.bool))
        if "title" in contents or "body" in contents:
            self.embed = embedding(n_words + 2, word_size)
        self.silent = nn.Parameter(torch.zeros(size))
        self.newcomer = nn.Parameter(torch.zeros(size))
        self.kept: Tensor | None = None  # (N, D), what `news` says of all, once it was asked

    def fill(self, arrays: Mapping[str, Any]) -> None:
        """Put what was read of the data into the buffers."""
        for name, array in arrays.items():
            getattr(self, name).copy_(torch.from_numpy(np.ascontiguousarray(array)))

    def held(self, name: str) -> Tensor:
        """What is known of all news by that name, (N, ...)."""
        found: Tensor = getattr(self, name)
        return found

    def read(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (n, D) of ``items`` (n,), and of which (n,) anything is known."""
        raise NotImplementedError

    def interest(self, past: Tensor, there: Tensor, user: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (B, D) of people by those of what they read, ``past`` (B, L, D) where ``there``
        (B, L), and of whom (B,) anything is known."""
        raise NotImplementedError

    def projected(self, items: Tensor, layer: nn.Module) -> tuple[Tensor, Tensor]:
        """`read` of news whose vectors are given: the linear ``layer`` of them."""
        given = self.held("given")[items]
        vectors = layer(dropout(given, self.drop, self.training))
        return vectors, given.any(1)

    def train(self, mode: bool = True) -> Any:
        if mode:
            self.kept = None  # it is about to become another
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self.kept = None  # it moves elsewhere
        return super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        self.kept = None
        return super().load_state_dict(*args, **kwargs)

    def news(self, items: Tensor) -> Tensor:  # (n,) -> (n, D)
        vectors, known = self.read(items)
        return torch.where(known[:, None], vectors, self.silent.to(vectors.dtype))

    def reader(self, past: Tensor, there: Tensor, user: Tensor) -> Tensor:  # (B, D)
        vectors, known = self.interest(past, there, user)
        return torch.where(known[:, None], vectors, self.newcomer.to(vectors.dtype))

    def forward(self, asked: Sample) -> Tensor:  # (B, C)
        """The scores of the candidates; news that are in a batch often are read once."""
        both = torch.cat([asked.past, asked.items], 1)
        each, at = torch.unique(both, return_inverse=True)
        vectors = self.news(each.clamp(min=0)) * (each >= 0)[:, None]
        length = asked.past.shape[1]
        reader = self.reader(vectors[at[:, :length]], asked.past >= 0, asked.user)
        scores: Tensor = (vectors[at[:, length:]] @ reader[:, :, None])[..., 0]
        return scores

    def every(self, asked: Sample) -> Tensor:  # (B, N)
        """The scores of all news."""
        vectors = self.catalogue()
        there = asked.past >= 0
        past = vectors[asked.past.clamp(min=0)] * there[..., None]
        return self.reader(past, there, asked.user) @ vectors.T

    def some(self, asked: Sample) -> Tensor:  # (B, C)
        """`every` of the candidates alone."""
        vectors = self.catalogue()
        there = asked.past >= 0
        past = vectors[asked.past.clamp(min=0)] * there[..., None]
        reader = self.reader(past, there, asked.user)
        scores: Tensor = (vectors[asked.items.clamp(min=0)] @ reader[:, :, None])[..., 0]
        return scores

    def catalogue(self) -> Tensor:  # (N, D)
        """The vectors of all news, which are kept until the net learns or moves."""
        if self.kept is None:
            whole = torch.arange(self.n_items, device=self.silent.device)
            parts = [self.news(whole[at : at + ITEMS]) for at in range(0, self.n_items, ITEMS)]
            self.kept = torch.cat([self.silent.new_zeros(0, self.size), *parts])
        return self.kept

    def known_user(self, user: Tensor) -> Tensor:  # (B,) -> (B,) bool
        """Whether they are in what was learned from."""
        within = (user >= 0) & (user < self.n_users)
        return within & self.held("met")[user.clamp(0, self.n_users - 1)]


class Words(nn.Module):
    """Texts by their words' numbers (n, L), padded with NONE behind, to states of the words."""

    def __init__(self, word_size: int, filters: int, window: int, drop: float):
        super().__init__()
        bound = (6 / (word_size * window + filters * window)) ** 0.5  # Glorot's
        self.weight = nn.Parameter(torch.empty(filters, word_size, window).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(filters))
        self.drop = drop

    def forward(self, ids: Tensor, embed: nn.Embedding) -> tuple[Tensor, Tensor]:
        """ReLU of the convolution at each word, the words of all texts behind each other (T, F),
        and where in (n, L) they stand."""
        there = ids != NONE
        half = self.weight.shape[2] // 2
        # all texts in a row, so that nothing is computed for what only fills up; what is between
        # two of them is as wide as a filter reaches
        behind = pad(ids, (0, half))
        keep = torch.arange(behind.shape[1], device=ids.device) < there.sum(1)[:, None] + half
        line = behind[keep]
        x = dropout(embed(line), self.drop, self.training)
        states = conv1d(x.T[None], self.weight, self.bias, padding=half)[0].T
        return dropout(states[line != NONE].relu(), self.drop, self.training), there


class Title(nn.Module):
    """Texts to vectors: `Words`, and the additive attention over them."""

    def __init__(self, word_size: int, filters: int, window: int, query: int, drop: float):
        super().__init__()
        self.words = Words(word_size, filters, window, drop)
        self.attention = AdditiveAttention(filters, query)

    def forward(self, ids: Tensor, embed: nn.Embedding) -> tuple[Tensor, Tensor]:
        """Of the numbers (n, L) the vectors (n, F), zeros where there is no word, and where there
        is one (n,)."""
        states, there = self.words(ids, embed)
        return self.attention(padded(states, there), there), there.any(1)


def trimmed(ids: Tensor) -> Tensor:  # (n, L) -> (n, at most L)
    """Without the columns in which no text has a word; one column at least."""
    longest = int((ids != NONE).sum(1).max()) if len(ids) else 0
    return ids[:, : max(1, longest)]


def padded(states: Tensor, there: Tensor) -> Tensor:  # (T, F), (n, L) -> (n, L, F)
    """The states of what is there, each where it stands, and zeros elsewhere."""
    out = states.new_zeros(*there.shape, states.shape[1])
    out[there] = states
    return out


def embedding(n: int, size: int) -> nn.Embedding:
    """Vectors for n numbers, of which 0 stands for nothing and is zeros for good."""
    made = nn.Embedding(n, size, padding_idx=0)
    nn.init.normal_(made.weight, std=STD)
    with torch.no_grad():
        made.weight[0] = 0
    return made


def odd(model: object, name: str, value: int) -> None:
    """`BadParameter` unless ``value`` is odd: a filter is about the word in its middle."""
    if value < 1 or value % 2 == 0:
        raise BadParameter(f"{type(model).__name__}: {name} must be odd, got {value!r}")
