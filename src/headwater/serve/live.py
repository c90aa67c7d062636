"""One fitted model that answers people, and knows how the catalogue changed since it learned.

What the model cannot fill is filled with new items, then with what most people chose, and `path` of
each place says so. What fails is left out, and `Answer.degraded` says that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import time as clock
from typing import Any

import numpy as np

from ..errors import BadParameter, UnknownName
from ..trace import Step, traced, why
from ..types import PAD, Floats, Guide, Histories, Mask, Queries, Slate
from ._version import Version, read_version
from .answers import Answer, Person, Shown, Wish, new_trace
from .newcomers import NEW, Changes, Newcomers, dice_of, mixed, title_of

__all__ = ["POPULAR", "UNKNOWN", "Asked", "Live"]

log = logging.getLogger("headwater")

POPULAR = "popular"  # the path of what many chose, for who gets no list of the model
UNKNOWN = "unknown"  # of what was asked about, and nobody knows


@dataclass(frozen=True, eq=False)
class Asked:
    """What the model said of one person."""

    past: Histories  # one row: what they chose, as far as that may be known
    free: Mask  # (N,) what might be shown
    slate: Slate  # one row
    steps: Sequence[Step]
    degraded: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Live:
    """A model that answers, as `Live.of` reads it."""

    version: Version
    new: Newcomers
    gone: Mask  # (N,) of the model's items, those that are not in the catalogue any more
    renamed: Mapping[int, str]
    explore: float

    @classmethod
    def of(cls, folder: str | Path, *, by: str = "genres", explore: float = 0.1) -> Live:
        """The model of the folder that `headwater fit --save` made; `BadArtifact` if it has none.

        ``by`` is the catalogue's column of kinds, ``explore`` the chance that a place goes to an
        item that the model has not learned of.
        """
        if not 0 <= explore < 1:
            raise BadParameter(f"explore is a chance below 1, got {explore}")
        version = read_version(folder, by)
        none = np.zeros(len(version.names), bool)
        return cls(version, Newcomers(version, Changes()), none, {}, explore)

    def amended(self, changes: Changes) -> Live:
        """The same model with the catalogue as ``changes`` say."""
        items = self.version.items
        renamed = {
            items[name]: title_of(name, about)
            for name, about in changes.items.items()
            if name in items
        }
        gone, new = self.version.mask(changes.removed), Newcomers(self.version, changes)
        return replace(self, new=new, gone=gone, renamed=renamed)

    @property
    def model(self) -> str:
        """Its name."""
        return self.version.name

    def recommend(
        self, person: Person, k: int, wish: Wish | None = None, *, now: int | None = None
    ) -> Answer:
        """The k best items for ``person``, or fewer and ``missing`` says why."""
        wish = wish or Wish()
        return self.answer(self.ask(person, k, wish, now=now), person, k, wish)

    def ask(self, person: Person, n: int, wish: Wish, *, now: int | None = None) -> Asked:
        """What the model says of its n best items for ``person``."""
        if n < 1:
            raise BadParameter(f"k must be at least 1, got {n}")
        version = self.version
        degraded: tuple[str, ...] = ()
        free = ~(self.gone | version.mask(wish.exclude))
        if wish.within is not None:
            known = (version.items, self.new.about)
            unknown = [each for each in wish.within if not any(each in some for some in known)]
            if unknown:
                raise UnknownName("item", unknown[0], ())
            free &= version.mask(wish.within)
        at, past = version.history(person)
        queries = Queries(
            history=past,
            user=np.array([at], np.int32),
            now=np.array([int(clock()) if now is None else now], np.int64),
            pool=None if free.all() else free,
        )
        left = version.numbers(each for each in person.done if not each.chosen)
        if left:
            items, times = (np.array(each, np.int64) for each in zip(*left, strict=True))
            rows = np.zeros(len(items), np.int64)
            declined = Histories.of(rows, items, n_rows=1, n_items=len(free), times=times)
            queries = replace(queries, declined=declined)
        if wish.guide is not None:
            queries, degraded = self._guided(queries, free, wish.guide)
            free = free if queries.pool is None else queries.pool
        slate, steps, failed = self._told(queries, min(n, len(free)), wish.filter_seen)
        return Asked(past, free, slate, steps, degraded + failed)

    def answer(self, asked: Asked, person: Person, k: int, wish: Wish) -> Answer:
        """The first k of what the model said, with new items between them."""
        trace = new_trace()
        weights = self.weights(person, wish, asked.past)
        shown = self.places(asked, range(k))
        listed = mixed(shown, self.new, weights, k, self.explore, dice_of(trace))
        if len(listed) < k:
            items = self.version.items
            free = asked.free.copy()
            free[[items[each.item_id] for each in listed if each.item_id in items]] = False
            if wish.filter_seen:
                free[asked.past.items] = False
            listed += self.most(free, k - len(listed))
        missing = ""
        if len(listed) < k:
            what = "that may be shown"
            what += " and were not chosen before" if wish.filter_seen else ""
            missing = f"only {len(listed)} of the {k} asked for: there are no more {what}"
        steps = tuple(_plain(step) for step in asked.steps)
        return Answer(trace, self.model, listed, missing, asked.degraded, steps)

    def places(self, asked: Asked, slots: Iterable[int]) -> list[Shown]:
        """Those ``slots`` of what the model said that are filled."""
        slate = asked.slate
        have = [slot for slot in slots if slot < slate.items.shape[1] and slate.filled[0, slot]]
        items = slate.items[0, have].tolist()
        told = why(asked.steps, 0, items) if asked.steps and items else [""] * len(items)
        return [self.shown(slate, slot, said) for slot, said in zip(have, told, strict=True)]

    def rank(
        self, person: Person, items: Sequence[str], k: int, *, now: int | None = None
    ) -> Answer:
        """``items`` in the best order for ``person``, the first k; those that nobody knows last."""
        if not items:
            raise BadParameter("rank needs items to rank, and there are none")
        version = self.version
        asked = list(dict.fromkeys(items))
        known = [each for each in asked if each in version.items and not self.is_gone(each)]
        listed: tuple[Shown, ...] = ()
        answer = Answer(new_trace(), version.name, ())
        if known:
            wish = Wish(within=known, filter_seen=False)
            answer = self.recommend(person, len(known), wish, now=now)
            listed = answer.items
        missing = [each for each in asked if each not in set(known)]
        for each in missing:
            new = each in self.new.about
            title = title_of(each, self.new.about.get(each, {}))
            said = "new here: the model has not learned of it" if new else "nobody knows it"
            listed += (Shown(each, title, None, NEW if new else UNKNOWN, said),)
        said = f"{len(missing)} of {len(asked)} are unknown to the model and come last"
        return replace(answer, items=listed[:k], missing=said if missing else "")

    def weights(self, person: Person, wish: Wish, past: Histories) -> Floats:  # (F,)
        """Of the new items; 0 for those that may not be shown."""
        new = self.new
        if not new.ids:
            return np.zeros(0)
        w = new.weights(self.version.taste(past))
        w[new.rows(wish.exclude)] = 0
        if wish.filter_seen:
            w[new.rows(each.item_id for each in person.done)] = 0
        if wish.within is not None:
            inside = np.zeros(len(w), bool)
            inside[new.rows(wish.within)] = True
            w[~inside] = 0
        if wish.guide is not None:
            w[~new.of_kinds(*wish.guide)] = 0
        return w

    def _guided(
        self, queries: Queries, free: Mask, guide: tuple[str, tuple[str, ...]]
    ) -> tuple[Queries, tuple[str, ...]]:
        """Leaning to kinds, by the model if it can, else nothing but items of these kinds."""
        column, kinds = guide
        catalog = self.version.data.catalog
        have = catalog.kinds(column)  # MissingColumn if there is none
        unknown = [each for each in kinds if each not in map(str, have)]
        if unknown or not kinds:
            raise UnknownName(f"kind of {column}", unknown[0] if unknown else "", have)
        wanted = tuple(each for each in have if str(each) in kinds)
        if getattr(self.version.scorer, "guides", False):
            return replace(queries, guide=Guide(column, wanted, 1.0)), ()
        columns = [at for at, each in enumerate(have) if each in wanted]
        of_them = np.asarray(catalog.multi_hot(column)[:, columns].sum(1)).ravel() > 0
        said = f"{self.model} leans to no kinds: only items of {', '.join(kinds)} were asked for"
        return replace(queries, pool=free & of_them), (said,)

    def _told(
        self, queries: Queries, k: int, filter_seen: bool
    ) -> tuple[Slate, Sequence[Step], tuple[str, ...]]:
        """What the model says, what its parts did, and what failed."""
        version = self.version
        failed: tuple[str, ...] = ()
        with traced() as steps:
            try:
                slate = version.model.recommend(queries, k, filter_seen=filter_seen)
            except Exception as error:  # a list by popularity is better than none
                log.exception("%s failed", version.name)
                slate = Slate(np.full((1, 0), PAD, np.int32), np.zeros((1, 0), np.float32))
                failed = (f"{version.name}: {type(error).__name__}",)
        failed += tuple(f"{step.name}: {step.failed}" for step in steps if step.failed)
        return slate, steps, failed

    def shown(self, slate: Slate, slot: int, said: str, path: str | None = None) -> Shown:
        """What is in a ``slot``; on another ``path`` than the slate says, if that is given."""
        version = self.version
        at = int(slate.items[0, slot])
        if path is None:
            path = version.model.address
            if slate.path is not None and slate.path[0, slot] != PAD:
                path = slate.paths[slate.path[0, slot]]

        def of(column: Any, kind: type) -> Any:
            return None if column is None or column[0, slot] == PAD else kind(column[0, slot])

        creative = of(slate.creative, int)
        score = float(slate.scores[0, slot])
        return Shown(
            item_id=version.names[at],
            title=self.title(at),
            score=score if np.isfinite(score) else None,
            path=path,
            why=said or path,
            creative=creative,
            picture=version.picture(at, creative),
            propensity=1.0 if slate.propensity is None else of(slate.propensity, float),
            creative_propensity=None if creative is None else of(slate.creative_propensity, float),
        )

    def title(self, at: int) -> str:
        return self.renamed.get(at, self.version.titles[at])

    def is_gone(self, item_id: str) -> bool:
        return bool(self.gone[self.version.items[item_id]])

    def most(self, free: Mask, k: int) -> tuple[Shown, ...]:
        """The k items that most people chose, of those that are ``free`` (N,)."""
        popular = self.version.popular
        n = max(4 * k, 1)  # of which k are free, mostly
        while True:
            order = popular[:n][free[popular[:n]]][:k]
            if len(order) == k or n >= len(popular):
                break
            n *= 4
        return tuple(self.plainly(int(at), POPULAR, "many chose it") for at in order)

    def plainly(self, at: int, path: str, said: str) -> Shown:
        version = self.version
        picture = version.picture(at, None)
        return Shown(version.names[at], self.title(at), None, path, said, picture=picture)


def _plain(step: Step) -> Mapping[str, object]:
    return {
        "name": step.name,
        "seconds": round(step.seconds, 6),
        "candidates": int(step.slate.filled[0].sum()),
        "failed": step.failed,
    }
