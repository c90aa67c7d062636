"""One visit: a page is looked at from its top, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

from ..data.sessions import INTENTS
from ..types import PAD, Floats, Ints
from ._streaming_people import NAMES, Person

if TYPE_CHECKING:
    from .streaming import World

__all__ = ["Act", "Page", "Row", "Visit", "visited", "wishes"]

CUTS = np.array([-2.0, -1.0, 0.0, 1.5])  # between the five levels, in log-odds
TITLED = ("specific_title", "continue_watching", "watchlist")  # they may have a title in mind
SECOND = 0.3  # share of visits with a second intent
AGAIN = 3.0  # log-odds lost by what they have watched, unless they came to go on with it
GLANCE, READ, SEARCH = 1.5, 9.0, 20.0  # seconds
EVENING = 4 * 3600.0  # after which nobody begins another
LONGEST = EVENING + 3.4 * 3600
KEPT = 400  # items that somebody remembers having passed over
LATEST = 40  # plays that somebody remembers


class Row(NamedTuple):
    """A strip of a page."""

    items: Ints  # (K,) PAD for what this world does not know
    creative: Ints  # (K,) PAD where there is no picture
    trace_id: str = ""


class Page(NamedTuple):
    rows: tuple[Row, ...]


class Act(NamedTuple):
    """Something done, so many seconds after the start of the visit."""

    kind: str  # click, play, bookmark, search
    after: float
    item: int = PAD
    row: int = PAD  # of the page; PAD where it was found by a search
    place: int = PAD
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Visit:
    """What somebody did, how they liked it, and who they are after it."""

    person: Person  # afterwards
    intents: tuple[str, ...]
    acts: tuple[Act, ...]
    looked: tuple[tuple[int, int], ...]  # places of the page that they looked at
    variety: float  # V
    effort: float
    z: float  # log-odds to be satisfied
    level: int  # 1 to 5, whether they say so or not
    asked: bool
    answered: bool
    seconds: float

    @property
    def satisfied(self) -> bool:
        return self.level >= 4

    @property
    def satisfaction(self) -> float:
        """How likely they were to be satisfied."""
        return float(expit(self.z))

    def count(self, kind: str) -> int:
        return sum(act.kind == kind for act in self.acts)


@dataclass
class _Evening:
    """A visit as it goes on."""

    world: World
    person: Person
    rng: np.random.Generator
    wish: Floats  # (N,)
    decisive: bool
    collecting: bool  # they came to fill their watchlist
    clock: float = 0.0
    watched: float = 0.0
    futile: int = 0  # clicks on what was not played
    searches: int = 0

    def __post_init__(self) -> None:
        self.acts: list[Act] = []
        self.joys: list[float] = []
        self.played: list[int] = []
        self.saved: list[int] = []

    def opens(self, item: int, row: int = PAD, place: int = PAD) -> None:
        """A click, and what follows it."""
        world, rng = self.world, self.rng
        self.acts.append(Act("click", self.clock, item, row, place))
        self.clock += READ * (0.5 + rng.random())
        wish = float(self.wish[item])
        fit = world.fit(self.person, item)
        saving = world.bookmark + fit + (2.0 if self.collecting else 0.0)
        if rng.random() < expit(saving):
            self.acts.append(Act("bookmark", self.clock, item, row, place))
            self.saved.append(item)
            self.clock += 2
            if self.collecting and rng.random() < 0.7:
                self.joys.append(0.7 * world.joy(self.person, item, wish))
                return
        if rng.random() < expit(1.2 + fit + 0.5 * wish):
            joy = world.joy(self.person, item, wish)
            share = float(expit(1.2 * joy + 0.6 * rng.normal()))
            long = round(share * float(world.titles.seconds[item]), 1)
            self.acts.append(Act("play", self.clock, item, row, place, long))
            self.clock += long
            self.watched += long
            self.joys.append(joy)
            self.played.append(item)
        else:
            self.futile += 1

    def goes_on(self) -> bool:
        """Whether they look for more, after something was opened."""
        if self.clock > EVENING:
            return False
        last = self.acts[-1]
        if last.kind != "play":
            return True
        little = last.seconds < 0.35 * self.world.titles.seconds[last.item]
        again = 0.8 if little else 0.15 if self.decisive else 0.45
        return bool(self.rng.random() < again)


def visited(world: World, person: Person, page: Page, rng: np.random.Generator) -> Visit:
    """`World.visit`."""
    why = np.flatnonzero(rng.multinomial(1, person.intents))
    rest = np.where(np.arange(len(NAMES)) == why[0], 0, person.intents)
    if rng.random() < SECOND and rest.any():
        why = np.append(why, np.flatnonzero(rng.multinomial(1, rest / rest.sum())))
    intents = tuple(NAMES[j] for j in why)
    wish, target = wishes(world, person, intents, rng)
    decisive = intents[0] in INTENTS["decisive"]
    evening = _Evening(world, person, rng, wish, decisive, "add_to_watchlist" in intents)
    looked = _looks(evening, page)
    _searches(evening, target)
    items = [int(page.rows[r].items[p]) for r, p in looked]
    variety = world.varied(items)
    effort = len(looked) / 12 + evening.searches + 0.7 * evening.futile
    found = target != PAD and target in (*evening.played, *evening.saved)
    z = world.mood(person, evening.joys, variety, effort, found=found)
    level = 1 + int((z + rng.logistic() > CUTS).sum())
    asked = bool(rng.random() < world.asked)
    says = world.answers * (0.6 + 0.4 * abs(level - 3))
    answered = asked and bool(rng.random() < says)
    return Visit(
        person=_after(world, person, evening, items, level),
        intents=intents,
        acts=tuple(evening.acts),
        looked=tuple(looked),
        variety=variety,
        effort=effort,
        z=z,
        level=level,
        asked=asked,
        answered=answered,
        seconds=round(max(evening.clock, 5.0), 1),
    )


def wishes(
    world: World, person: Person, intents: tuple[str, ...], rng: np.random.Generator
) -> tuple[Floats, int]:
    """What they came for, as log-odds (N,) of a click, and the title in mind, PAD if none."""
    titles = world.titles
    total = np.zeros(len(titles))
    target = PAD
    for intent in intents:
        if intent in TITLED and target == PAD:
            target = _in_mind(world, person, intent, rng)
        if intent == "genre":
            genre = int(rng.choice(len(person.tastes), p=person.tastes))
            total += np.where(titles.mix[:, genre] > 0, 1.0, -0.5)
        elif intent == "new":
            total += 0.6 * titles.newness
        elif intent == "catch_up":
            total += np.where(titles.is_series, 0.7, -0.4)
        elif intent == "live_tv":
            total += np.where(titles.seconds <= 6000, 0.6, -0.4)
    total /= len(intents)
    if person.played:
        total[list(person.played)] -= AGAIN
    if target != PAD:
        total -= 0.4
        total[target] = 3.0
    return total, target


def _in_mind(world: World, person: Person, intent: str, rng: np.random.Generator) -> int:
    if intent == "watchlist" and person.saved:
        return person.saved[int(rng.integers(len(person.saved)))]
    if intent == "continue_watching":
        going = [item for item in person.played[-8:] if world.titles.is_series[item]]
        if going:
            return going[-1]
    if intent == "specific_title":
        odds = world.fits(person) + 0.5 * world.titles.quality
        odds[list(person.played)] = -np.inf
        return int((odds + rng.gumbel(size=len(odds))).argmax())
    return PAD


def _looks(evening: _Evening, page: Page) -> list[tuple[int, int]]:
    """From top to bottom and from left to right, until they stop or have had enough."""
    world, person, rng = evening.world, evening.person, evening.rng
    down, right = world.steps(person)
    mix = world.titles.mix
    near = np.zeros(mix.shape[1])  # genres looked at, summed
    looked: list[tuple[int, int]] = []
    for r, row in enumerate(page.rows):
        odds = world.log_odds(person, row.items, row.creative, evening.wish)
        dice = rng.random((2, len(row.items)))
        for p, item in enumerate(row.items.tolist()):
            if item != PAD:
                looked.append((r, p))
                evening.clock += GLANCE
                tired = world.bored * world.alike(mix[item], near, len(looked) - 1)
                near += mix[item]
                if dice[0, p] < expit(odds[p] - tired):
                    evening.opens(item, r, p)
                    if not evening.goes_on():
                        return looked
            if dice[1, p] > right:
                break
        if rng.random() > down:
            break
    return looked


def _searches(evening: _Evening, target: int) -> None:
    """For the title that they had in mind, or for anything if nothing was to be had."""
    world, person, rng = evening.world, evening.person, evening.rng
    wanting = target != PAD and target not in (*evening.played, *evening.saved)
    empty = not evening.played and not evening.saved
    if rng.random() >= (0.75 if wanting and empty else 0.3 if wanting else 0.25 if empty else 0.02):
        return
    item = target
    if not wanting:
        odds = 1.5 * world.fits(person) + evening.wish
        item = int((odds + rng.gumbel(size=len(odds))).argmax())
    evening.searches += 1
    evening.acts.append(Act("search", evening.clock, item))
    evening.clock += SEARCH * (0.5 + rng.random())
    if rng.random() < 0.9:
        evening.opens(item)


def _after(world: World, person: Person, evening: _Evening, items: list[int], level: int) -> Person:
    seen = {item: world.keeps * times for item, times in person.seen.items() if times > 0.05}
    for item in items:
        seen[item] = seen.get(item, 0.0) + 1
    for act in evening.acts:
        seen.pop(act.item, None)
    if len(seen) > KEPT:
        seen = dict(sorted(seen.items(), key=lambda pair: -pair[1])[:KEPT])
    saved = [item for item in (*person.saved, *evening.saved) if item not in evening.played]
    return replace(
        person,
        seen=seen,
        played=(*person.played, *evening.played)[-LATEST:],
        saved=tuple(dict.fromkeys(saved))[-LATEST:],
        mood=(1 - world.recall) * person.mood + world.recall * (level - 3) / 2,
    )
