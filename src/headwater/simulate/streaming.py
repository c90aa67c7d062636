"""A streaming platform made up: films and series, people who come back if they liked it, pages.

What lures somebody to a title is not what they then like about it: quality and lure have nothing to
do with each other. With G genres, theta_u a person's shares of them (adding up to 1) and k_i those
of a title in equal parts,

    fit_ui   = log( (0.2 + G theta_u'k_i) / 1.2 )                     0 for what is liked as any is
    still_us = log( (0.2 + G theta_u,g) / 1.2 )                       g the genre that a still shows

Somebody comes for one intent of `data.sessions.INTENTS`, sometimes for two; wish_i is the mean of
what these add to a title: 1 if it is of the genre that they are in the mood for, else -0.5;
0.6 newness_i; 0.7 for a series, else -0.4; 0.6 for what is short, else -0.4. What they watched
before has 3 less. With a title in mind, that one has 3, and all others have 0.4 less.

Strips are looked at from top to bottom and from left to right. After each place they go on in the
strip with the chance ``right_u``, else to the next strip with the chance ``down_u``, else they
stop: both rise with patience. What is looked at is clicked with log-odds

    click + taste fit_ui + wish_i + lure lure_i + still still_us
          - worn log(1 + n_ui) - bored alike_i

n_ui being how often they passed the title over before (a visit later 0.85 of that), alike_i the
share, from 0 to 1, of what they looked at on this page so far that is of the genres of i. What is
clicked is played with log-odds 1.2 + fit_ui + wish_i / 2, and watched the longer the more they
enjoy it:

    joy_ui   = quality q_i + fit_ui / 2 + min(wish_i, 1) / 2
    share    = sigmoid( 1.2 joy_ui + 0.6 noise )

Who did not find their title may search for it, and finds it. In the end, with n titles looked at,
p their shares of the genres and

    V        = 0.7 + (1 - sum of p^2 - 0.7) n / (n + 4)               variety; 0.7 is usual
    E        = n / 12 + searches + 0.7 clicks in vain                 effort

    z        = 0.3 + leniency_u + mean of joy over what was played or saved (-1.5 if nothing)
                   + variety (V - 0.7) - effort log(1 + E) + 0.5 if the title in mind was found

They are satisfied (4 or 5) with log-odds z; the other levels are cut likewise. A third are asked,
and of those more answer the further from 3 they are. The mood of the last visits,
0.6 mood + 0.4 (level - 3) / 2, brings them back: they come on a day with log-odds

    activity_u + loyal mood_u
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from ..model import at_least, between
from ..types import PAD, Dataset, Floats, Ints
from ._streaming_people import Person, crowd
from ._streaming_record import Record
from ._streaming_titles import Titles
from ._streaming_visit import Act, Page, Row, Visit, visited
from .pictures import draw

__all__ = ["Act", "Page", "Person", "Record", "Row", "Titles", "Visit", "World"]

BEGIN = 1_704_067_200  # 2024-01-01
DAY = 86_400
LATE = 0.68  # of a day: the last visits begin
USUAL, FEW = 0.7, 4  # variety, and how many titles it takes to say more of a page than that


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """People, titles, and the rules above; the same for the same settings.

    ``catalogue`` are data with titles and genres, such as MovieLens, of which the ``n_items`` that
    most people chose are taken; None makes titles up.

    >>> world = World(n_users=30, n_items=60)
    >>> world.log(2)
    Dataset(30 users, 60 items, 53 events)
    """

    n_users: int = 200
    n_items: int = 300
    catalogue: Dataset | None = None
    rows: int = 3  # strips of a page, where the world makes one
    k: int = 8  # titles of a strip
    click: float = -2.9
    taste: float = 1.0
    lure: float = 1.0
    still: float = 0.4
    worn: float = 0.5
    bored: float = 1.0
    quality: float = 1.2
    variety: float = 2.0
    effort: float = 0.5
    bookmark: float = -2.5
    activity: float = -0.4
    loyal: float = 1.5
    recall: float = 0.4
    keeps: float = 0.85
    asked: float = 1 / 3
    answers: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_users", "n_items", "rows", "k"):
            at_least(self, name, getattr(self, name), 1)
        for name in ("taste", "still", "worn", "bored", "variety", "effort", "loyal"):
            at_least(self, name, getattr(self, name), 0)
        for name in ("recall", "keeps", "asked"):
            between(self, name, getattr(self, name), 0, 1)
        between(self, "answers", self.answers, 0, 0.7)
        between(self, "rows * k", self.rows * self.k, 1, self.n_items)

    @cached_property
    def titles(self) -> Titles:
        if self.catalogue is None:
            return Titles.made(self.n_items, self.seed)
        return Titles.taken(self.catalogue, self.n_items, self.seed)

    @cached_property
    def people(self) -> list[Person]:
        """All of them, before their first visit."""
        popular = self.titles.mix.mean(0)
        return crowd(self.n_users, popular, self.activity, self.seed)

    # What they think of titles and pages

    def fits(self, person: Person) -> Floats:  # (N,)
        own = len(self.titles.genres) * (self.titles.mix @ person.tastes)
        return np.asarray(np.log((0.2 + own) / 1.2))

    def fit(self, person: Person, item: int) -> float:
        own = len(self.titles.genres) * float(self.titles.mix[item] @ person.tastes)
        return float(np.log((0.2 + own) / 1.2))

    def stilled(self, person: Person, items: Ints, creative: Ints) -> Floats:  # (K,)
        """What their pictures speak for titles; 0 without one."""
        shown = (items != PAD) & (creative != PAD)
        at = self.titles.stills.number(np.where(shown, items, PAD), np.where(shown, creative, PAD))
        own = len(self.titles.genres) * person.tastes[self.titles.kind_of_still[at]]
        return np.where(shown, np.log((0.2 + own) / 1.2), 0)

    def log_odds(self, person: Person, items: Ints, creative: Ints, wish: Floats) -> Floats:  # (K,)
        """Of a click on each, if it is looked at and nothing like it was looked at before; -inf
        where there is no item."""
        known = np.where(items == PAD, 0, items)
        own = len(self.titles.genres) * (self.titles.mix[known] @ person.tastes)
        worn = np.log1p([person.seen.get(item, 0.0) for item in known.tolist()])
        odds = (
            self.click
            + self.taste * np.log((0.2 + own) / 1.2)
            + wish[known]
            + self.lure * self.titles.lure[known]
            + self.still * self.stilled(person, items, creative)
            - self.worn * worn
        )
        return np.where(items == PAD, -np.inf, odds)

    def alike(self, mix: Floats, near: Floats, n: int) -> float:
        """The share of ``n`` titles looked at, whose genres add up to ``near`` (G,), that is of the
        genres of a title with ``mix`` (G,); less where they were few."""
        return float(near[mix > 0].sum()) / (n + FEW)

    def varied(self, items: Sequence[int]) -> float:
        """How varied the titles are that were looked at."""
        if not len(items):
            return USUAL
        mix = self.titles.mix[list(items)].mean(0)
        n = len(items)
        return USUAL + (1 - float((mix**2).sum()) - USUAL) * n / (n + FEW)

    def steps(self, person: Person) -> tuple[float, float]:
        """The chances to look at the next strip, and at the next place of a strip."""
        return float(expit(1.5 + 0.5 * person.patience)), float(expit(2.6 + 0.5 * person.patience))

    def joy(self, person: Person, item: int, wish: float = 0.0) -> float:
        """What a title does for somebody who watches it."""
        own = self.fit(person, item) / 2 + min(wish, 1.0) / 2
        return self.quality * float(self.titles.quality[item]) + own

    def mood(
        self, person: Person, joys: Sequence[float], variety: float, effort: float, *, found: bool
    ) -> float:
        """The log-odds that a visit satisfied."""
        joy = float(np.mean(joys)) if joys else -1.5
        varied = self.variety * (variety - USUAL)
        said = joy + varied - self.effort * np.log1p(effort) + 0.5 * found
        return float(0.3 + person.leniency + said)

    # What they do

    def visit(self, person: Person, page: Page, rng: np.random.Generator) -> Visit:
        """What ``person`` does with ``page``; nothing but these and ``rng`` decides it."""
        return visited(self, person, page, rng)

    def chance(self, person: Person) -> float:
        """How likely they come on a day."""
        return float(expit(person.activity + self.loyal * person.mood))

    def comes(self, person: Person, day: int) -> float | None:
        """When on ``day`` they come, as a share of it; None if they do not."""
        come, when = np.random.default_rng([self.seed, 5, day, person.number]).random(2)
        return LATE * float(np.sqrt(when)) if come < self.chance(person) else None

    def dice(self, person: Person, day: int) -> np.random.Generator:
        """What is left to chance on their visit of ``day``."""
        return np.random.default_rng([self.seed, 6, day, person.number])

    def by_lot(self, person: Person, day: int) -> Page:
        """A page of ``rows`` strips of ``k`` titles, each with a picture, all alike by chance."""
        rng = np.random.default_rng([self.seed, 7, day, person.number])
        items = rng.choice(len(self.titles), self.rows * self.k, replace=False)
        have = np.diff(self.titles.stills.start)[items]
        creative = rng.integers(0, have)
        return Page(
            tuple(
                Row(
                    items=items[at : at + self.k],
                    creative=creative[at : at + self.k],
                    trace_id=f"lot-{self.seed}-{day}-{person.number}-{at // self.k}",
                )
                for at in range(0, len(items), self.k)
            )
        )

    # Before there is a model

    def lived(self, days: int, *, until: int | None = None) -> Record:
        """``days`` with pages drawn by lot, the last of which ends at ``until`` (unix seconds);
        None begins on 2024-01-01."""
        at_least(self, "days", days, 1)
        begin = BEGIN if until is None else until - days * DAY
        people = list(self.people)
        record = Record(self, begin)
        for day in range(days):
            for at, person in enumerate(people):
                when = self.comes(person, day)
                if when is None:
                    continue
                page = self.by_lot(person, day)
                visit = self.visit(person, page, self.dice(person, day))
                record.add(day, when, page, visit, 1 / len(self.titles))
                people[at] = visit.person
        record.people = people
        return record

    def log(self, days: int, *, until: int | None = None) -> Dataset:
        """What the platform knows after `lived`: what was shown, clicked, played and bookmarked by
        those who agreed to it, and their sessions, some with answers."""
        return self.lived(days, until=until).dataset()

    def about(self) -> dict[str, dict[str, Any]]:
        """What may be known of each title, by its id: plain values, as an API takes them."""
        rows = self.titles.table.to_dicts()
        return dict(zip(self.titles.ids.to_list(), rows, strict=True))

    def draw(self, folder: str | Path) -> Path:
        """The stills of all titles, as `stills.from_folder` reads them and ``titles.stills`` names
        them."""
        data = self.titles.data
        return draw(data, folder, items=np.arange(len(self.titles)), seed=self.seed)
