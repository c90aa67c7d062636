"""What pickers of pictures share: which pictures there are, who may see which, and the draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..errors import DataError
from ..features import shares, taste
from ..model import CELLS, Model, between, learned
from ..types import PAD, Catalog, Dataset, Floats, Impressions, Ints, Mask, Queries, Slate, Stills

__all__ = ["Picker", "stills_of"]


@dataclass(kw_only=True, eq=False)
class Picker(Model):
    """A stage that leaves the order alone and fills `Slate.creative`, and with what chance.

    A method gives `odds`. The draw follows from the seed, the person, their history, the time and
    the item: the same request has the same pictures. The chance of each is in
    `Slate.creative_propensity`.

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
        number = self.numbers(slate)
        free = (number != PAD) & (self.fine_[number] > 0)
        return self.odds(taste(queries.history, self.shares_), number, free)

    def numbers(self, slate: Slate) -> Ints:  # (B, K, M)
        lengths = np.diff(self.start_)
        items = np.where(slate.filled, slate.items, 0)
        most = int(lengths.max(initial=0))
        within = np.arange(most) < (lengths[items] * slate.filled)[..., None]
        return np.where(within, self.start_[items][..., None] + np.arange(most), PAD)

    def __call__(self, queries: Queries, slate: Slate) -> Slate:
        if not slate.items.size:
            none = slate.items.astype(np.int32)
            return replace(slate, creative=none, creative_propensity=none.astype(np.float32))
        cells = slate.items.shape[1] * max(int(np.diff(self.start_).max(initial=0)), 1)
        step = max(1, CELLS // (cells * max(self.scores_.shape[1], 1)))
        parts = [
            self.picked(queries[at : at + step], slate[at : at + step])
            for at in range(0, len(slate), step)
        ]
        return Slate.stack(parts)

    def picked(self, queries: Queries, slate: Slate) -> Slate:
        odds = self.chances(queries, slate)
        if not odds.shape[2]:
            odds = np.zeros((*slate.items.shape, 1))
        some = odds.any(2)
        upto = np.cumsum(odds, axis=2)
        drawn = dice(self.seed, queries, slate.items) * upto[..., -1]
        chosen = (upto <= drawn[..., None]).sum(2)
        last = odds.shape[2] - 1 - (odds[..., ::-1] > 0).argmax(2)
        chosen = np.minimum(chosen, last)
        chance = np.take_along_axis(odds, chosen[..., None], 2)[..., 0]
        return replace(
            slate,
            creative=np.where(some, chosen, PAD).astype(np.int32),
            creative_propensity=np.where(some, chance, 0).astype(np.float32),
        )

    def because(self, queries: Queries, slate: Slate) -> tuple[Ints, Floats, Floats]:
        """Of the picture in each slot (B, K): the kind that speaks most for it, how much of that it
        shows, and how much of the person's taste that is; PAD, 0 and 0 where nothing does."""
        number = np.where(slate.filled, self.start_[np.maximum(slate.items, 0)], 0)
        creative = np.full(slate.items.shape, PAD) if slate.creative is None else slate.creative
        some = slate.filled & (creative != PAD)
        shown = self.scores_[np.where(some, number + creative, 0)] * some[..., None]  # (B, K, C)
        mine = taste(queries.history, self.shares_)[:, None]
        worth = shown * mine
        kind = worth.argmax(2)
        told = np.take_along_axis(worth, kind[..., None], 2)[..., 0] > 0
        much = np.take_along_axis(shown, kind[..., None], 2)[..., 0]
        share = np.take_along_axis(np.broadcast_to(mine, worth.shape), kind[..., None], 2)[..., 0]
        return np.where(told, kind, PAD), np.where(told, much, 0), np.where(told, share, 0)


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


def dice(seed: int, queries: Queries, items: Ints) -> NDArray[np.float64]:  # (B, K)
    """A number from 0 to below 1 that request and item decide alone, whatever the batch."""
    past = np.cumsum(_mixed(queries.history.items.astype(np.uint64)), dtype=np.uint64)
    ends = np.concatenate([np.zeros(1, np.uint64), past])[queries.history.start]
    who = _mixed(queries.user.astype(np.int64).astype(np.uint64)) ^ np.diff(ends)
    when = _mixed(who ^ queries.now.astype(np.int64).astype(np.uint64))
    key = _mixed(when ^ np.uint64(seed))[:, None] ^ items.astype(np.int64).astype(np.uint64)
    found: Any = (_mixed(key) >> np.uint64(11)) * 2.0**-53
    return np.asarray(found, np.float64)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def shown(impressions: Impressions) -> tuple[Ints, Ints]:
    """Where pictures were shown: rows and slots."""
    slate = impressions.slate
    if slate.creative is None:
        none = np.zeros(0, np.int64)
        return none, none
    rows, slots = np.nonzero(slate.filled & (slate.creative != PAD))
    return rows, slots
