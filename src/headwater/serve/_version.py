"""A fitted model with its data, and what is looked up in them at every request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csc_array, csr_array

from ..facade import first_scorer
from ..model import Scorer
from ..types import PAD, Dataset, Floats, Histories, Ints, Mask
from .answers import Done, Person
from .shelf import usable

__all__ = ["Version", "read_version"]


@dataclass(frozen=True, eq=False)
class Version:
    """A model, its data and their ids as text."""

    name: str
    model: Any
    data: Dataset
    by: str  # the catalogue's column of kinds, if it has that

    @cached_property
    def names(self) -> list[str]:
        return self.data.items.values.cast(pl.String).to_list()

    @cached_property
    def items(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.names)}

    @cached_property
    def users(self) -> dict[str, int]:
        people = self.data.users.values.cast(pl.String).to_list()
        return {name: at for at, name in enumerate(people)}

    @cached_property
    def titles(self) -> list[str]:
        table = self.data.catalog.table
        if "title" not in table.columns:
            return self.names
        return table["title"].cast(pl.String).fill_null(pl.Series(self.names)).to_list()

    @cached_property
    def popular(self) -> Ints:  # (N,) the items that most people chose first
        often = np.bincount(self.data.log.matrix().indices, minlength=len(self.names))
        return np.argsort(-often, kind="stable")

    @cached_property
    def kinds(self) -> tuple[str, ...]:  # C
        if self.by not in self.data.catalog.table.columns:
            return ()
        return tuple(str(each) for each in self.data.catalog.kinds(self.by))

    @cached_property
    def has(self) -> csc_array:  # (N, C) 1 where an item is of a kind
        if not self.kinds:
            return csc_array((len(self.names), 0), dtype=np.float32)
        return csc_array(self.data.catalog.multi_hot(self.by))

    @cached_property
    def kinds_of(self) -> csr_array:  # (N, C) the same by item
        return csr_array(self.has)

    def of_kind(self, kind: int) -> Mask:  # (N,)
        out = np.zeros(len(self.names), bool)
        out[self.has.indices[self.has.indptr[kind] : self.has.indptr[kind + 1]]] = True
        return out

    @cached_property
    def scorer(self) -> Scorer | None:
        """What knows which items are alike."""
        return first_scorer(self.model)

    @cached_property
    def plain(self) -> Floats:  # (1, N) what it says of every item to somebody new
        assert self.scorer is not None
        nobody = self.data.newcomers(Histories.empty(1, len(self.names)))
        return np.asarray(self.scorer.scores(nobody))

    @cached_property
    def choosy(self) -> bool:
        """Whether it says different things of different items."""
        return bool(np.ptp(self.plain) > 0)

    def warm(self) -> Version:
        """With all that requests look up, so that the first of them need not wait."""
        for name in ("items", "users", "titles", "popular", "kinds_of"):
            getattr(self, name)
        if self.scorer is not None:
            _ = self.choosy
        return self

    def mask(self, ids: Iterable[str]) -> Mask:  # (N,)
        out = np.zeros(len(self.names), bool)
        out[[self.items[each] for each in ids if each in self.items]] = True
        return out

    def history(self, person: Person) -> tuple[int, Histories]:
        """Their number, PAD where the model does not know or may not remember them, and one row:
        what the data have of them and what they chose since."""
        at = self.users.get(person.user_id, PAD) if person.user_id is not None else PAD
        log = self.data.log
        old = log[[at]] if at != PAD else Histories.empty(1, log.n_items)
        if person.since and (old.times < person.since).any():
            at = PAD  # what was learned of them was learned from that
            old = old.where(old.times >= person.since)
        have = set(zip(old.items.tolist(), old.times.tolist(), strict=True))
        new = self.numbers(each for each in person.done if each.chosen)
        new = [each for each in new if each not in have]
        if not new:
            return at, old
        items, times = (np.array(each, np.int64) for each in zip(*new, strict=True))
        n = len(old.items) + len(items)
        return at, Histories.of(
            np.zeros(n, np.int64),
            np.concatenate([old.items, items]),
            n_rows=1,
            n_items=log.n_items,
            times=np.concatenate([old.times, times]),
            values=np.concatenate([old.values, np.ones(len(items), np.float32)]),
        )

    def numbers(self, done: Iterable[Done]) -> list[tuple[int, int]]:
        known = ((self.items.get(each.item_id), each.time) for each in done)
        return list(dict.fromkeys((at, when) for at, when in known if at is not None))

    def taste(self, past: Histories) -> Floats:  # (C,) the share of each kind in what they chose
        n = len(past.items)
        if not n or not self.kinds:
            return np.zeros(len(self.kinds))
        of = self.kinds_of[past.items].indices
        return np.bincount(of, minlength=len(self.kinds)) / n

    @cached_property
    def _pictures(self) -> list[str | None]:
        """Of each item the only one, as the catalogue names it; empty if it has none."""
        table = self.data.catalog.table
        return table["picture"].to_list() if "picture" in table.columns else []

    def picture(self, item: int, creative: int | None) -> str | None:
        stills = self.data.catalog.stills
        if stills is None:
            return self._pictures[item] if self._pictures else None
        first, last = int(stills.start[item]), int(stills.start[item + 1])
        at = first + (creative or 0)
        return str(stills.names[at]) if first <= at < last else None


def read_version(folder: str | Path, by: str) -> Version:
    found = usable(folder, mapped=True)
    return Version(Path(folder).name, found.model, found.data, by).warm()
