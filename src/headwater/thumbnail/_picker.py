"""What pickers of pictures share: which pictures there are, who may see which, and the draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from scipy.sparse import csr_array

from ..draws import dice
from ..errors import DataError
from ..features import shares, taste
from ..model import CELLS, Model, between, learned
from ..types import (
    PAD,
    Catalog,
    Dataset,
    Floats,
    Impressions,
    Ints,
    Mask,
    Queries,
    Slate,
    Stills,
    numbered,
)

__all__ = ["Because", "Picker", "stills_of"]

LEVEL = 1e-9  # chances that differ by less are equal


@dataclass(frozen=True, eq=False)
class Because:
    """Why the picture in each slot (B, K) came."""

    kind: Ints  # that speaks most for it; PAD where none does
    shows: Floats  # how much of that kind it shows
    share: Floats  # of that kind in the person's taste
    led: Mask  # no other picture of the item had as high a chance; else it came to learn from
    first: Mask  # the first of its item that may be shown


@dataclass(kw_only=True, eq=False)
class Picker(Model):
    """A stage that leaves the order alone and fills `Slate.creative`, and with what chance.

    A method gives `odds`. The draw follows from the seed, the person, their history, the time and
    the item: the same request has the same pictures. The chance of each is in
    `Slate.creative_propensity`.

    Requests of people nobody has seen that are equal in all of that draw apart within a batch, by
    their order in it. Between batches they would draw alike, so that the logged chance would be
    none: such a request must carry its time, `Queries.now`.

    What spoils is never shown, nor what shows less than ``least`` of every kind that its item has;
    of an item all of whose pictures show too little, the first that does not spoil stays.
    """

    chooses_pictures: ClassVar[bool] = True

    least: float = 0.0  # of some kind of its item that a picture must show
    seed: int = 0

    start_: np.ndarray = learned()  # (N + 1,)
    scores_: np.ndarray = learned()  # (S, C)
    fine_: np.ndarray = learned()  # (S,) uint8: may be shown
    shares_: csr_array = learned()  # (N, C)

    def __post_init__(self) -> None:
        between(self, "least", self.least, 0, 1)

    def fit(self, data: Dataset) -> Self:
        stills = stills_of(data.catalog, type(self).__name__)
        mine = aligned(data.catalog, stills)
        self.start_, self.scores_ = stills.start, stills.scores
        self.fine_ = self.fine(stills, mine).astype(np.uint8)
        self.shares_ = mine
        return self

    def fine(self, stills: Stills, mine: csr_array) -> Mask:  # (S,)
        item = np.repeat(np.arange(len(stills.start) - 1), np.diff(stills.start))
        has = (mine.toarray() > 0)[item]  # (S, C)
        shows = np.where(has, stills.scores, -np.inf).max(1, initial=-np.inf)
        clean = ~stills.spoils
        fine: Mask = clean & ((shows >= self.least) | ~has.any(1))
        without = np.bincount(item[fine], minlength=len(stills.start) - 1) == 0
        rest = np.flatnonzero(clean & without[item])
        _, first = np.unique(item[rest], return_index=True)
        fine[rest[first]] = True
        return fine

    def odds(self, taste: Floats, number: Ints, free: Mask) -> Floats:
        """The chance of each picture, (B, K, M): 0 where it is not ``free``, and else adding up to
        1. ``taste`` (B, C) is the mix of kinds in the histories, 0 of those who have none;
        ``number`` (B, K, M) says which pictures they are."""
        raise NotImplementedError

    def chances(self, queries: Queries, slate: Slate) -> Floats:  # (B, K, M)
        """Of each picture of each item, as `Slate.creative` counts them: what an off-policy
        estimate of this policy asks for. Rows of items without a picture are 0."""
        return np.concatenate([odds for _, odds in self.parted(queries, slate)])

    def parted(self, queries: Queries, slate: Slate) -> Iterator[tuple[slice, Floats]]:
        """Rows, as many as can be compared at once, and their `chances`; at least one part."""
        most = int(np.diff(self.start_).max(initial=0))
        if not slate.items.size:
            yield slice(None), np.zeros((*slate.items.shape, most))
            return
        cells = slate.items.shape[1] * max(most, 1) * max(self.scores_.shape[1], 1)
        step = max(1, CELLS // cells)
        for at in range(0, len(slate), step):
            rows = slice(at, at + step)
            number = self.numbers(slate[rows])
            free = (number != PAD) & (self.fine_[number] > 0)
            yield rows, self.odds(taste(queries.history[rows], self.shares_), number, free)

    def numbers(self, slate: Slate) -> Ints:  # (B, K, M)
        lengths = np.diff(self.start_)
        items = np.where(slate.filled, slate.items, 0)
        most = int(lengths.max(initial=0))
        within = np.arange(most) < (lengths[items] * slate.filled)[..., None]
        return np.where(within, self.start_[items][..., None] + np.arange(most), PAD)

    def __call__(self, queries: Queries, slate: Slate) -> Slate:
        drawn = dice(self.seed, queries, slate.items)
        parts = [picked(odds, drawn[rows]) for rows, odds in self.parted(queries, slate)]
        creative, chance = (np.concatenate(each) for each in zip(*parts, strict=True))
        return replace(
            slate,
            creative=creative.astype(np.int32),
            creative_propensity=chance.astype(np.float32),
        )

    def because(self, queries: Queries, slate: Slate) -> Because:
        creative = np.full(slate.items.shape, PAD) if slate.creative is None else slate.creative
        number = numbered(self.start_, slate.items, creative)
        some = number != PAD
        shown = self.scores_[number] * some[..., None]  # (B, K, C)
        mine = taste(queries.history, self.shares_)[:, None]
        worth = shown * mine
        kind = worth.argmax(2)
        told = np.take_along_axis(worth, kind[..., None], 2)[..., 0] > 0
        much = np.take_along_axis(shown, kind[..., None], 2)[..., 0]
        share = np.take_along_axis(np.broadcast_to(mine, worth.shape), kind[..., None], 2)[..., 0]
        odds = self.chances(queries, slate)
        near = odds > odds.max(2, keepdims=True, initial=0) - LEVEL
        own = np.arange(odds.shape[2]) == creative[..., None]
        every = self.numbers(slate)
        free = (every != PAD) & (self.fine_[every] > 0)
        return Because(
            kind=np.where(told, kind, PAD),
            shows=np.where(told, much, 0),
            share=np.where(told, share, 0),
            led=some & (near == own).all(2),
            first=some & (own & free & (free.cumsum(2) == 1)).any(2),
        )


def picked(odds: Floats, drawn: Floats) -> tuple[Ints, Floats]:  # (B, K, M), (B, K) -> (B, K) each
    """Which picture the numbers ``drawn`` from 0 to below 1 stand for, and its chance."""
    if not odds.shape[2]:
        odds = np.zeros((*drawn.shape, 1))
    upto = np.cumsum(odds, axis=2)
    chosen = (upto <= (drawn * upto[..., -1])[..., None]).sum(2)
    last = odds.shape[2] - 1 - (odds[..., ::-1] > 0).argmax(2)
    chosen = np.minimum(chosen, last)
    chance = np.take_along_axis(odds, chosen[..., None], 2)[..., 0]
    some = odds.any(2)
    return np.where(some, chosen, PAD), np.where(some, chance, 0)


def stills_of(catalog: Catalog, who: str) -> Stills:
    if catalog.stills is None:
        raise DataError(
            f"{who} chooses among pictures, and the catalogue has none: Catalog.stills; "
            "headwater.stills makes them of files"
        )
    return catalog.stills


def aligned(catalog: Catalog, stills: Stills) -> csr_array:  # (N, C)
    """The mix of kinds of each item, in the order of the pictures' kinds."""
    mine = shares(catalog, stills.by)
    at = {kind: i for i, kind in enumerate(catalog.kinds(stills.by))}
    columns = [at.get(kind, len(at)) for kind in stills.kinds]
    wide = csr_array((mine.data, mine.indices, mine.indptr), shape=(mine.shape[0], len(at) + 1))
    return csr_array(wide[:, columns])


def shown(impressions: Impressions) -> tuple[Ints, Ints]:
    """Where pictures were shown: rows and slots."""
    slate = impressions.slate
    if slate.creative is None:
        none = np.zeros(0, np.int64)
        return none, none
    rows, slots = np.nonzero(slate.filled & (slate.creative != PAD))
    return rows, slots
