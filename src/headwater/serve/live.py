"""What answers people: a fitted flow, read once, asked one request at a time, swapped whole.

Nobody waits while a model is loaded: `Live.swap` reads it beside the one that answers, and requests
that have begun end with the model that they began with. One that cannot be read changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from time import time as clock
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl

from .. import artifact
from ..errors import BadArtifact, BadParameter, UnknownName
from ..facade import first_scorer
from ..model import Model, Recommender, Scorer, best
from ..trace import traced, why
from ..types import PAD, Dataset, Floats, Histories, Ints, Mask, Queries, Slate

__all__ = ["Answer", "Done", "Live", "Shown", "Strip"]

log = logging.getLogger("headwater")

POPULAR = "popular"  # the path of what many chose, for who gets no list of the model


@dataclass(frozen=True)
class Done:
    """What somebody did since the model learned, or was shown and left."""

    item_id: str
    time: int  # unix seconds
    chosen: bool = True  # False: it was shown, and they did not take it


@dataclass(frozen=True)
class Shown:
    """One place of a list."""

    item_id: str
    title: str
    score: float | None  # None where it stands by popularity, not by a score of the model
    path: str  # what produced it
    why: str
    creative: int | None = None
    propensity: float | None = None
    creative_propensity: float | None = None


@dataclass(frozen=True)
class Answer:
    """A list, and all that there is to know of how it came about."""

    trace_id: str
    model: str  # which one answered
    items: tuple[Shown, ...]
    missing: str = ""  # why there are fewer than were asked for
    degraded: tuple[str, ...] = ()  # what had to be left out, and why
    seconds: tuple[tuple[str, float], ...] = ()  # what each part of the flow took


@dataclass(frozen=True)
class Strip:
    """A row of a home page."""

    title: str
    answer: Answer


@dataclass(frozen=True, eq=False)
class _Version:
    """A model with its data, and what is looked up at every request."""

    name: str
    model: Any
    data: Dataset

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
    def scorer(self) -> Scorer | None:
        """What knows which items are alike."""
        return first_scorer(self.model)

    @cached_property
    def plain(self) -> Floats:  # (1, N) what it says of every item to somebody new
        assert self.scorer is not None
        nobody = self.data.newcomers(Histories.empty(1, len(self.names)))
        return np.asarray(self.scorer.scores(nobody))

    def warm(self) -> _Version:
        """With all that requests look up, so that the first of them need not wait."""
        for name in ("items", "users", "titles", "popular"):
            getattr(self, name)
        if self.scorer is not None:
            _ = self.plain
        return self


class Live:
    """The model of the folder that `headwater fit --save` made, answering."""

    def __init__(self, folder: str | Path):
        self._now = _read(folder)
        self._before: _Version | None = None
        self._swapping = Lock()

    @property
    def model(self) -> str:
        """The name of the one that answers."""
        return self._now.name

    def swap(self, folder: str | Path) -> str:
        """From now on the model of ``folder`` answers; its name. `BadArtifact` leaves the old."""
        with self._swapping:
            made = _read(folder)
            self._now, self._before = made, self._now
        log.info("model %s answers, in place of %s", made.name, self._before.name)
        return made.name

    def roll_back(self) -> str:
        """The one before answers again; its name. Once more brings the newer one back."""
        with self._swapping:
            if self._before is None:
                raise BadParameter("there is no model before this one: nothing was swapped yet")
            self._now, self._before = self._before, self._now
            return self._now.name

    def recommend(
        self,
        user_id: str | None,
        k: int,
        *,
        done: Sequence[Done] = (),
        exclude: Iterable[str] = (),
        within: Collection[str] | None = None,
        now: int | None = None,
        filter_seen: bool = True,
    ) -> Answer:
        """The k best items for ``user_id``, None for somebody who does not say who they are.

        ``done`` is what they did since the model learned: the next list knows of it. What is not in
        the model's catalogue is passed over. ``exclude`` and ``within`` are ids; an unknown one
        among the latter is an error, since a list out of nothing would be empty without a reason.

        There are k items, or ``missing`` says why not: what the model does not fill is filled with
        what most people chose, and its path says so.
        """
        return _answered(self._now, user_id, k, done, exclude, within, now, filter_seen)

    def similar(self, item_id: str, k: int, *, exclude: Iterable[str] = ()) -> Answer:
        """The k items most like one; `UnknownName` if nobody knows it."""
        version = self._now
        if item_id not in version.items:
            raise UnknownName("item", item_id, ())
        out = _out(version, exclude)
        out[version.items[item_id]] = True
        return _alike(version, version.items[item_id], k, out)

    def home(
        self,
        user_id: str | None,
        k: int,
        *,
        done: Sequence[Done] = (),
        now: int | None = None,
    ) -> tuple[Strip, ...]:
        """The strips of a page, no item twice: for them, like what they chose last, and popular."""
        version = self._now
        first = _answered(version, user_id, k, done, (), None, now, True)
        strips = [Strip("For you", first)]
        out = _out(version, (each.item_id for each in first.items))
        past = _history(version, user_id, done)
        out[past.items] = True
        if len(past.items):
            last = int(past.items[-1])
            near = _alike(version, last, k, out)
            if near.items:
                strips.append(Strip(f"Like {version.titles[last]}", near))
                out |= _out(version, (each.item_id for each in near.items))
        popular = _most(version, ~out, k)
        if popular:
            strips.append(Strip("Popular", Answer(_trace(), version.name, popular)))
        return tuple(strips)


def _read(folder: str | Path) -> _Version:
    found = artifact.load(folder)
    if found.data is None:
        raise BadArtifact(f"{folder} was saved without its data, and ids could not be told")
    if not (isinstance(found.model, Model) and isinstance(found.model, Recommender)):
        raise BadArtifact(f"{folder} holds {found.model!r}, which does not recommend")
    name = f"{Path(folder).name}@{found.about['state'][:12]}"
    return _Version(name, found.model, found.data).warm()


def _trace() -> str:
    return uuid4().hex


def _out(version: _Version, ids: Iterable[str]) -> Mask:  # (N,)
    out = np.zeros(len(version.names), bool)
    out[[version.items[each] for each in ids if each in version.items]] = True
    return out


def _history(version: _Version, user_id: str | None, done: Sequence[Done]) -> Histories:
    """What the model's data have of them, and what they chose since; one row."""
    at = version.users.get(user_id, PAD) if user_id is not None else PAD
    log_ = version.data.log
    old = log_[[at]] if at != PAD else Histories.empty(1, log_.n_items)
    have = set(zip(old.items.tolist(), old.times.tolist(), strict=True))
    new = _numbers(version, (each for each in done if each.chosen))
    new = [each for each in new if each not in have]
    if not new:
        return old
    items, times = (np.array(each, np.int64) for each in zip(*new, strict=True))
    n = len(old.items) + len(items)
    return Histories.of(
        np.zeros(n, np.int64),
        np.concatenate([old.items, items]),
        n_rows=1,
        n_items=log_.n_items,
        times=np.concatenate([old.times, times]),
        values=np.concatenate([old.values, np.ones(len(items), np.float32)]),
    )


def _numbers(version: _Version, done: Iterable[Done]) -> list[tuple[int, int]]:
    known = ((version.items.get(each.item_id), each.time) for each in done)
    return list(dict.fromkeys((at, when) for at, when in known if at is not None))


def _answered(
    version: _Version,
    user_id: str | None,
    k: int,
    done: Sequence[Done],
    exclude: Iterable[str],
    within: Collection[str] | None,
    now: int | None,
    filter_seen: bool,
) -> Answer:
    if k < 1:
        raise BadParameter(f"k must be at least 1, got {k}")
    n = len(version.names)
    out = _out(version, exclude)
    pool = None
    if within is not None:
        unknown = [each for each in within if each not in version.items]
        if unknown:
            raise UnknownName("item", unknown[0], ())
        pool = _out(version, within) & ~out
    elif out.any():
        pool = ~out
    history = _history(version, user_id, done)
    left = _numbers(version, (each for each in done if not each.chosen))
    queries = Queries(
        history=history,
        user=np.array([version.users.get(user_id, PAD) if user_id else PAD], np.int32),
        now=np.array([int(clock()) if now is None else now], np.int64),
        pool=pool,
    )
    if left:
        items, times = (np.array(each, np.int64) for each in zip(*left, strict=True))
        rows = np.zeros(len(items), np.int64)
        declined = Histories.of(rows, items, n_rows=1, n_items=n, times=times)
        queries = replace(queries, declined=declined)
    degraded: tuple[str, ...] = ()
    with traced() as steps:
        try:
            slate = version.model.recommend(queries, min(k, n), filter_seen=filter_seen)
        except Exception as error:  # a list by popularity is better than none
            log.exception("%s failed", version.name)
            slate = Slate(np.full((1, 0), PAD, np.int32), np.zeros((1, 0), np.float32))
            degraded = (f"{version.name}: {type(error).__name__}",)
    degraded += tuple(f"{step.name}: {step.failed}" for step in steps if step.failed)
    listed = slate.items[0][slate.filled[0]].tolist()
    told = why(steps, 0, listed) if steps and listed else [""] * len(listed)
    shown = [_shown(version, slate, slot, said) for slot, said in enumerate(told)]
    if len(shown) < k:
        free = np.ones(n, bool) if pool is None else pool.copy()
        if filter_seen:
            free[history.items] = False
        free[listed] = False
        shown += _most(version, free, k - len(shown))
    missing = ""
    if len(shown) < k:
        what = "that may be shown and were not chosen before" if filter_seen else "may be shown"
        missing = f"only {len(shown)} of the {k} asked for: there are no more {what}"
    seconds = tuple((step.name, step.seconds) for step in steps)
    return Answer(_trace(), version.name, tuple(shown), missing, degraded, seconds)


def _shown(version: _Version, slate: Slate, slot: int, said: str) -> Shown:
    at = int(slate.items[0, slot])
    path = version.model.address
    if slate.path is not None and slate.path[0, slot] != PAD:
        path = slate.paths[slate.path[0, slot]]

    def of(column: Any, kind: type) -> Any:
        return None if column is None else kind(column[0, slot])

    return Shown(
        item_id=version.names[at],
        title=version.titles[at],
        score=float(slate.scores[0, slot]) if np.isfinite(slate.scores[0, slot]) else None,
        path=path,
        why=said or path,
        creative=of(slate.creative, int),
        propensity=of(slate.propensity, float),
        creative_propensity=of(slate.creative_propensity, float),
    )


def _most(version: _Version, free: Mask, k: int) -> tuple[Shown, ...]:
    """The k items that most people chose, of those that are ``free`` (N,)."""
    order = version.popular[free[version.popular]][:k]
    return tuple(
        Shown(version.names[at], version.titles[at], None, POPULAR, "many chose it") for at in order
    )


def _alike(version: _Version, at: int, k: int, out: Mask) -> Answer:
    """The items most like one, without those in ``out``."""
    scorer = version.scorer
    if scorer is None:
        return Answer(_trace(), version.name, (), f"{version.name} knows nothing of likeness")
    s = np.array(scorer.similarity(np.array([at]), len(version.names)), np.float32)
    if np.ptp(version.plain) > 0 and (s == version.plain).all():
        said = f"{type(scorer).__name__} knows nothing of which items are alike"
        return Answer(_trace(), version.name, (), said)
    s[0, out] = -np.inf
    slate = best(s, k)
    number = int(slate.filled.sum())
    reason = f"like {version.titles[at]}"
    shown = tuple(
        replace(_shown(version, slate, slot, reason), path=scorer.address) for slot in range(number)
    )
    missing = "" if number == k else f"only {number} of the {k} asked for: there are no more"
    return Answer(_trace(), version.name, shown, missing)
