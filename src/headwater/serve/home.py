"""A home page: strips of items, no item twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

import numpy as np

from ..types import PAD, Histories
from .answers import Answer, Person, Strip, Wish, new_trace
from .likeness import alike
from .live import Asked, Live
from .newcomers import dice_of, mixed

__all__ = ["home"]

LEAST = 4  # items of a kind, for a strip of their own
KINDS = 2  # strips of a kind
WIDE = 100  # items that the model is asked for, to make several strips of

Maker = Callable[[set[str]], Answer]  # told what is on the page already


def home(
    live: Live,
    person: Person,
    k: int,
    *,
    now: int | None = None,
    budget: float | None = None,
) -> tuple[Strip, ...]:
    """The strips of a page: for them, like what they chose last, new, of the kinds that they
    choose, and what is popular; of up to ``k`` items each.

    After ``budget`` seconds the rest is left out, and `degraded` of the first strip says so.
    """
    began = perf_counter()
    version = live.version
    asked = live.ask(person, max(k, WIDE), Wish(), now=now)
    first, past = live.answer(asked, person, k, Wish()), asked.past
    strips = [Strip("For you" if len(past.items) else "To begin with", first)]
    out = {each.item_id for each in first.items} | {each.item_id for each in person.done}
    out |= {version.names[i] for i in past.items}
    late = []
    for title, made in _more(live, person, asked, k, now):
        if budget is not None and perf_counter() - began > budget:
            late.append(title)
            continue
        answer = made(out)
        if answer.items:
            strips.append(Strip(title, answer))
            out |= {each.item_id for each in answer.items}
    if late:
        said = f"left out after {budget} s: {', '.join(late)}"
        strips[0] = replace(strips[0], answer=replace(first, degraded=(*first.degraded, said)))
    return tuple(strips)


def _more(
    live: Live, person: Person, asked: Asked, k: int, now: int | None
) -> Iterator[tuple[str, Maker]]:
    version, past = live.version, asked.past
    if len(past.items):
        last = int(past.items[-1])
        yield (
            f"Like {live.title(last)}",
            lambda out: alike(live, last, k, live.gone | version.mask(out)),
        )
    if live.new.ids:
        yield "New", lambda out: _new(live, person, past, k, out)
    taste = version.taste(past)
    for kind in np.argsort(-taste, kind="stable")[:KINDS].tolist():
        if taste[kind] > 0:
            yield version.kinds[kind], _of_kind(live, kind, person, asked, k, now)
    yield "Popular", lambda out: _popular(live, k, out)


def _of_kind(live: Live, kind: int, person: Person, asked: Asked, k: int, now: int | None) -> Maker:
    """From what the model has said already; where it drew by lot, it is asked again, since the
    chance that something is left over from another list is not what it says."""

    def made(out: set[str]) -> Answer:
        version = live.version
        free = version.of_kind(kind) & ~live.gone & ~version.mask(out)
        if np.count_nonzero(free) < LEAST:
            return Answer(new_trace(), version.name, ())
        if asked.slate.propensity is not None:
            within = [version.names[i] for i in np.flatnonzero(free)]
            return live.recommend(person, min(k, len(within)), Wish(within=within), now=now)
        slots = [at for at, item in enumerate(asked.slate.items[0]) if item != PAD and free[item]]
        shown = tuple(live.places(asked, slots[:k]))
        free[asked.slate.items[0, slots]] = False
        if len(shown) < LEAST:
            shown += live.most(free, LEAST - len(shown))
        return Answer(new_trace(), version.name, shown)

    return made


def _popular(live: Live, k: int, out: set[str]) -> Answer:
    free = ~live.gone & ~live.version.mask(out)
    return Answer(new_trace(), live.model, live.most(free, k))


def _new(live: Live, person: Person, past: Histories, k: int, out: set[str]) -> Answer:
    weights = live.weights(person, Wish(exclude=out), past)
    trace = new_trace()
    return Answer(trace, live.model, mixed((), live.new, weights, k, 1.0, dice_of(trace)))
