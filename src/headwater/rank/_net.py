"""What rankers with a net share: the fields, the loop over requests, the losses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DataError
from ..features import scaled
from ..fields import Field, fields_of
from ..losses._base import Loss
from ..losses.bce import BCE
from ..model import Ranker, at_least, between, learned
from ..nets import FieldEncoder
from ..train import Train, ready, seeded, train
from ..types import Dataset, Floats, Impressions, Ints, Queries, Slate


@dataclass(frozen=True, eq=False)
class Requests:
    """A batch of requests on the device."""

    user: Tensor  # (B,) int64, -1 for somebody new
    items: Tensor  # (B, K) int64, -1 for none
    now: Tensor  # (B,) int64
    past: Tensor  # (B, L) int64
    came: Tensor  # (B, K, 2) float32: what its place is worth, and its score from 0 to 1
    intents: Tensor | None = None  # (B, J) float32
    clicks: Tensor | None = None  # (B, K) float32
    weights: Tensor | None = None  # (B, K) float32

    @classmethod
    def of(
        cls, queries: Queries, slate: Slate, length: int, device: Any, **more: Floats | None
    ) -> Requests:
        def moved(array: Any) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        return cls(
            user=moved(queries.user.astype(np.int64)),
            items=moved(slate.items.astype(np.int64)),
            now=moved(queries.now.astype(np.int64)),
            past=moved(queries.history.padded(length).astype(np.int64)),
            came=moved(came(slate)),
            intents=None if queries.intents is None else moved(queries.intents),
            **{name: None if each is None else moved(each) for name, each in more.items()},
        )


def came(slate: Slate) -> Floats:  # (B, K, 2)
    """1 / log2(place + 1), and the score from 0 for the least of a request to 1; 0 where empty."""
    place = np.where(slate.filled, 1 / np.log2(np.arange(2, slate.items.shape[1] + 2)), 0)
    return np.stack([place, scaled(slate, "minmax")], 2).astype(np.float32)


def usual(intents: Floats) -> Floats:  # (B, J) -> (J,)
    """How likely each is where nobody knows: the mean over those of whom it is known."""
    known = ~np.isnan(intents)
    total = np.where(known, intents, 0).sum(0)
    return np.asarray(total / np.maximum(known.sum(0), 1), np.float32)


def forget_unmet(codes: Ints, *met: Ints) -> None:
    """Whoever is in no request is a stranger: a vector that nothing has moved would be noise."""
    unmet = np.ones(len(codes), bool)
    for each in met:
        unmet[each[each >= 0]] = False
    codes[unmet] = 0


@dataclass(kw_only=True, eq=False)
class NetRanker(Ranker):
    """A method gives `head`, and `weights` where candidates do not count alike."""

    learns_from_impressions: ClassVar[bool] = True

    embedding_size: int = 16
    history: int = 50  # latest items of the history that are looked at
    item_columns: tuple[str, ...] | None = None  # of the catalogue; None: all that can be read
    user_columns: tuple[str, ...] | None = None  # of what is known of people; None: likewise
    vectors: tuple[str, ...] = ()  # names of the catalogue's vectors
    most_codes: int = 100_000  # values of a field; if there are more, they are hashed
    came: bool = False  # look at the place and score that a candidate came with
    unknown: float = 0.1  # share of user and item numbers that are hidden while training
    loss: Loss = BCE()
    how: Train = Train(n_epochs=20, batch_size=128, learning_rate=1e-3)

    fields_: str = learned()  # what there is, as JSON
    timed_: int = learned()  # whether anybody knows when requests were made
    intents_: int = learned()  # how many there are, 0 where nobody knows why they came
    net_: Any = learned()

    def __post_init__(self) -> None:
        at_least(self, "embedding_size", self.embedding_size, 1)
        at_least(self, "history", self.history, 1)
        at_least(self, "most_codes", self.most_codes, 1)
        between(self, "unknown", self.unknown, 0, 1)

    @property
    def says_chances(self) -> bool:
        return self.loss.says_chances

    def head(self, width: int) -> nn.Module:
        """From (..., width) to (..., 1)."""
        raise NotImplementedError

    def weights(self, data: Dataset, shown: Impressions) -> Floats | None:  # noqa: ARG002
        """What each candidate (B, K) counts while training; None is all alike."""
        return None

    def build(self) -> nn.Module:
        fields = [Field(**each) for each in json.loads(self.fields_)]
        encoder = FieldEncoder(
            fields,
            self.embedding_size,
            timed=bool(self.timed_),
            unknown=self.unknown,
            intents=self.intents_,
        )
        width = encoder.width + 2 * self.came
        return nn.ModuleDict({"fields": encoder, "head": self.head(width)})

    def epochs(self, data: Dataset) -> Iterator[float]:
        batch, rows = self.begin(data, self.how.seed)
        yield from train(self, data, batch, self.step, rows=rows)

    def begin(
        self, data: Dataset, seed: int
    ) -> tuple[Callable[[Ints, torch.device], Requests], Ints]:
        """Make the net, and what `train` needs of ``data``: how to make batches, and the rows."""
        shown = data.impressions
        if shown is None:
            raise DataError(
                f"{type(self).__name__} learns from impressions, and the data have none: "
                "read_impressions reads them, and a flow makes them of what its retriever finds"
            )
        fields, arrays = fields_of(
            data,
            item_columns=self.item_columns,
            user_columns=self.user_columns,
            vectors=self.vectors,
            most_codes=self.most_codes,
        )
        forget_unmet(arrays["user_id_codes"], shown.queries.user)
        past = shown.queries.history
        looked_at = past.items[past.recency <= self.history]
        forget_unmet(arrays["item_id_codes"], shown.slate.items, looked_at)
        self.fields_ = json.dumps([asdict(each) for each in fields])
        self.timed_ = int(len(shown) > 0 and np.ptp(shown.queries.now) > 0)
        why = shown.queries.intents
        self.intents_ = 0 if why is None else why.shape[1]
        if why is not None and self.intents_:
            arrays["usual"] = usual(why)
        weights = self.weights(data, shown)
        with seeded([seed]):
            self.net_ = self.build()
        self.net_["fields"].fill(arrays)

        def batch(rows: Ints, device: torch.device) -> Requests:
            part = shown[rows]
            return Requests.of(
                part.queries,
                part.slate,
                self.history,
                device,
                clicks=part.clicks.astype(np.float32),
                weights=None if weights is None else weights[rows].astype(np.float32),
            )

        return batch, np.flatnonzero(shown.slate.filled.any(1))

    def step(self, net: Any, asked: Requests, step: int) -> Tensor:  # noqa: ARG002
        assert asked.clicks is not None
        logits = self.scored(net, asked)
        return self.loss(logits, asked.clicks, asked.items >= 0, asked.weights)

    def scored(self, net: Any, asked: Requests) -> Tensor:  # (B, K)
        x = net["fields"](asked.user, asked.items, asked.now, asked.past, asked.intents)
        if self.came:
            x = torch.cat([x, asked.came], 2)
        out: Tensor = net["head"](x)[..., 0]
        return out

    @torch.inference_mode()
    def logits(self, queries: Queries, slate: Slate) -> Floats:  # (B, K)
        asked = self.requests(queries, slate, ready(self.net_, self.how))
        out = self.scored(self.net_, asked)
        found: Floats = out.float().cpu().numpy()
        return found

    def requests(self, queries: Queries, slate: Slate, device: Any) -> Requests:
        given = queries.intents
        if self.intents_ and given is not None and given.shape[1] != self.intents_:
            raise DataError(
                f"{type(self).__name__} learned from {self.intents_} intents; these requests have "
                f"{given.shape[1]}"
            )
        return Requests.of(queries, slate, self.history, device)
