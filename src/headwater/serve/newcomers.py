"""Items that the model has not learned of: new ones, shown by chance and by what they are made of.

    P( new item f is next )   = explore w_f / sum of w over the new items that are left
    P( the model's next is )  = 1 - explore
    w_f = 0.1 + the share of f's kinds in what the person chose

in every place of a list but the first. Where the model has nothing left, a new item is certain.
``propensity`` has these chances, given what stands above, times those of the model.

Source:  Headwater's own; epsilon-greedy as in Sutton, Barto, "Reinforcement Learning", 2018.
Checked: chances against how often each comes, tests/serve/test_newcomers.py
Differs: chance draws a new item for a place, not any item for a whole list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..types import Floats, Ints, Mask
from ._version import Version
from .answers import Shown
from .store._pictures import first_still

__all__ = ["NEW", "Changes", "Newcomers", "dice_of", "mixed"]

NEW = "new"  # the path of an item that the model has not learned of
LEAST = 0.1  # what a new item weighs of which nothing fits


@dataclass(frozen=True)
class Changes:
    """The catalogue as it is now, where that differs from what models learned."""

    items: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what is known of each
    removed: frozenset[str] = frozenset()


class Newcomers:
    """The items of ``changes`` that ``version`` has not learned of."""

    def __init__(self, version: Version, changes: Changes):
        self.by = version.by
        self.ids = [name for name in changes.items if name not in version.items]
        self.at = {name: row for row, name in enumerate(self.ids)}
        self.about = {name: changes.items[name] for name in self.ids}
        column = {kind: i for i, kind in enumerate(version.kinds)}
        each = [
            [column[kind] for kind in kinds_of(about, self.by) if kind in column]
            for about in self.about.values()
        ]
        start = np.cumsum([0, *map(len, each)])
        flat = np.array([kind for kinds in each for kind in kinds], np.int64)
        shape = (len(self.ids), len(column))
        self.has = csr_array((np.ones(len(flat), np.float32), flat, start), shape=shape)  # (F, C)
        self._many = np.maximum(np.diff(start), 1)

    def weights(self, taste: Floats) -> Floats:  # (C,) -> (F,)
        return np.asarray(LEAST + (self.has @ taste) / self._many, np.float64)

    def rows(self, ids: Iterable[str]) -> Ints:
        """Of those of ``ids`` that are new."""
        return np.array([self.at[each] for each in ids if each in self.at], np.int64)

    def of_kinds(self, column: str, kinds: Collection[str]) -> Mask:  # (F,)
        wanted = set(kinds)
        about = self.about.values()
        return np.array([bool(wanted & set(kinds_of(each, column))) for each in about], bool)

    def shown(self, at: int, propensity: float) -> Shown:
        name = self.ids[at]
        about = self.about[name]
        return Shown(
            item_id=name,
            title=title_of(name, about),
            score=None,
            path=NEW,
            why="new here",
            picture=first_still(about),
            propensity=propensity,
        )


def mixed(
    listed: Sequence[Shown],
    new: Newcomers,
    weights: Floats,
    k: int,
    explore: float,
    rng: np.random.Generator,
) -> tuple[Shown, ...]:
    """``k`` places: ``listed`` in its order, with new items between them; fewer if there are no
    more. A weight of 0 leaves a new item out; with ``explore`` 1 none but new ones come."""
    w = np.array(weights, np.float64)
    left = int(np.count_nonzero(w))
    old = list(listed)[::-1]
    found: list[Shown] = []
    while len(found) < k and (old or left):
        chance = explore if found or explore == 1 else 0.0
        chance = 0.0 if not left else chance if old else 1.0
        if rng.random() < chance:
            p = w / w.sum()
            at = int(rng.choice(len(w), p=p))
            found.append(new.shown(at, max(chance * float(p[at]), np.finfo(float).tiny)))
            w[at], left = 0, left - 1
        else:
            one = old.pop()
            if chance:
                one = replace(one, propensity=one.propensity * (1 - chance))
            found.append(one)
    return tuple(found)


def dice_of(trace: str) -> np.random.Generator:
    """The chance of one answer, which its trace id can bring back."""
    return np.random.default_rng(int(trace[:16], 16))


def kinds_of(about: Mapping[str, Any], by: str) -> tuple[str, ...]:
    given = about.get(by)
    if given is None:
        return ()
    return tuple(map(str, given)) if isinstance(given, list | tuple) else (str(given),)


def title_of(item_id: str, about: Mapping[str, Any]) -> str:
    return text(about.get("title")) or item_id


def text(value: Any) -> str | None:
    return None if value is None else str(value)
