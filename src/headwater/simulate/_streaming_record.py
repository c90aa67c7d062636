"""Visits as data: as a `Dataset` to learn from, and as the events that a site reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..types import (
    PAD,
    Catalog,
    Dataset,
    Floats,
    Histories,
    Ids,
    Impressions,
    Ints,
    Queries,
    Sessions,
    Slate,
)
from ._streaming_people import NAMES, Person
from ._streaming_visit import Page, Visit

if TYPE_CHECKING:
    from .streaming import World

__all__ = ["BEHAVIOURS", "Record", "iso", "reported"]

DAY = 86_400
KINDS = ("click", "play", "bookmark")
BEHAVIOURS = (
    "num_plays",
    "time_to_first_play",
    "num_bookmarks",
    "num_strips",
    "num_searches",
    "num_series_descriptions",
    "num_movie_descriptions",
    "session_length",
)


def iso(time: float) -> str:
    """A unix time as text, in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)).isoformat()


def reported(
    world: World, page: Page, visit: Visit, begin: float, name: str
) -> list[dict[str, Any]]:
    """What a site reports of a visit that began at ``begin`` (unix seconds): its clicks, plays,
    bookmarks and searches, and the answer to its survey. ``name`` is the session's, and begins the
    ids of the events: the same visit has the same, however often it is sent."""
    ids = world.titles.ids
    common = {"user_id": visit.person.user_id, "session_id": name}
    rows: list[dict[str, Any]] = []
    for act in visit.acts:
        row: dict[str, Any] = {"kind": act.kind, **common, "time": iso(begin + act.after)}
        if act.kind == "search":
            row["query"] = world.titles.names[act.item][:500]
        else:
            row["item_id"] = ids[act.item]
            if act.row != PAD and page.rows[act.row].trace_id:
                row["request_id"] = page.rows[act.row].trace_id
        if act.kind == "play":
            row["seconds"] = act.seconds
        rows.append(row)
    if visit.answered:
        end = {"time": iso(begin + visit.seconds), "satisfaction": visit.level}
        rows.append({"kind": "survey", **common, **end, "intents": list(visit.intents)})
    return [{**row, "event_id": f"{name}:{at}"} for at, row in enumerate(rows)]


@dataclass(frozen=True, eq=False)
class _Kept:
    day: int
    begin: int  # unix seconds
    page: Page
    visit: Visit
    propensity: float


@dataclass(eq=False)
class Record:
    """The visits of a world, in the order of the days."""

    world: World
    begin: int  # unix seconds of day 0
    kept: list[_Kept] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)  # afterwards

    def __len__(self) -> int:
        return len(self.kept)

    def add(self, day: int, when: float, page: Page, visit: Visit, propensity: float) -> None:
        """A visit at ``when``, a share of ``day``, to a page on which each title stood with the
        chance ``propensity``."""
        begin = self.begin + int((day + when) * DAY)
        self.kept.append(_Kept(day, begin, page, visit, propensity))

    def also(self) -> Record:
        """A copy to which others can be added."""
        return Record(self.world, self.begin, list(self.kept), list(self.people))

    def name(self, kept: _Kept) -> str:
        return f"{self.world.seed}-{kept.day}-{kept.visit.person.number}"

    def events(self) -> list[dict[str, Any]]:
        """Rows as `headwater.serve.events` describes them, impressions among them, of all who agree
        to be known; for `Store.ingest`."""
        rows = []
        for kept in self.kept:
            person = kept.visit.person
            if person.consent == "none":
                continue
            mine = [*self._shown(kept)]
            mine += reported(
                self.world, kept.page, kept.visit, kept.begin, f"lot-{self.name(kept)}"
            )
            rows += [{**row, "consent": person.consent} for row in mine]
        return rows

    def _shown(self, kept: _Kept) -> Iterator[dict[str, Any]]:
        have = np.diff(self.world.titles.stills.start)
        for row in kept.page.rows:
            both = zip(row.items.tolist(), row.creative.tolist(), strict=True)
            for place, (item, creative) in enumerate(both):
                if item == PAD:
                    continue
                pictured: dict[str, Any] = {}
                if creative != PAD:
                    chance = 1 / int(have[item])
                    pictured = {"creative": creative, "creative_propensity": chance}
                yield {
                    "kind": "impression",
                    "event_id": f"{row.trace_id}:{place}",
                    "user_id": kept.visit.person.user_id,
                    "session_id": f"lot-{self.name(kept)}",
                    "time": iso(kept.begin),
                    "request_id": row.trace_id,
                    "item_id": self.world.titles.ids[item],
                    "position": place,
                    "propensity": kept.propensity,
                    **pictured,
                }

    def dataset(self) -> Dataset:
        """What may be learned from: of those who agreed to all of it."""
        world = self.world
        kept = sorted(
            (each for each in self.kept if each.visit.person.consent == "full"),
            key=lambda each: (each.begin, each.visit.person.number),
        )
        log = self._log(kept)
        return Dataset(
            users=Ids(pl.Series([each.user_id for each in world.people], dtype=pl.String)),
            items=Ids(world.titles.ids),
            log=log,
            catalog=Catalog(world.titles.table, stills=world.titles.stills),
            kinds=KINDS,
            impressions=self._impressions(kept, log),
            sessions=self._sessions(kept),
            notes=(f"made up by World(seed={world.seed})",),
        )

    def _log(self, kept: list[_Kept]) -> Histories:
        done = [
            (each.visit.person.number, act.item, each.begin + int(act.after), KINDS.index(act.kind))
            for each in kept
            for act in each.visit.acts
            if act.kind in KINDS
        ]
        user, item, time, kind = np.array(done, np.int64).reshape(-1, 4).T
        return Histories.of(
            user,
            item,
            n_rows=len(self.world.people),
            n_items=len(self.world.titles),
            times=time,
            kinds=kind,
        )

    def _impressions(self, kept: list[_Kept], log: Histories) -> Impressions:
        flat = [(each, at, row) for each in kept for at, row in enumerate(each.page.rows)]
        wide = max((len(row.items) for _, _, row in flat), default=1)
        items = np.full((len(flat), wide), PAD, np.int32)
        creative = items.copy()
        clicks, dwell = np.zeros((2, *items.shape), np.float32)
        chance = np.zeros(items.shape, np.float32)
        user = np.array([each.visit.person.number for each, _, _ in flat], np.int32)
        now = np.array([each.begin for each, _, _ in flat], np.int64)
        for i, (each, at, row) in enumerate(flat):
            n = len(row.items)
            items[i, :n], creative[i, :n] = row.items, row.creative
            chance[i, :n] = each.propensity
            for act in each.visit.acts:
                if act.row == at and act.kind == "click":
                    clicks[i, act.place] = 1
                elif act.row == at and act.kind == "play":
                    dwell[i, act.place] += act.seconds
        return Impressions(
            queries=Queries(log.before(user, now), user, now),
            slate=Slate(
                items,
                np.where(items == PAD, -np.inf, -np.arange(wide)).astype(np.float32),
                creative=creative,
                propensity=np.where(items == PAD, 0, chance).astype(np.float32),
                creative_propensity=self._pictured(items, creative),
            ),
            clicks=clicks,
            dwell=dwell,
            ids=pl.Series([row.trace_id for _, _, row in flat], dtype=pl.String),
        )

    def _pictured(self, items: Ints, creative: Ints) -> NDArray[np.float32]:
        have = np.diff(self.world.titles.stills.start)[np.where(items == PAD, 0, items)]
        return np.where(creative == PAD, 0, 1 / np.maximum(have, 1)).astype(np.float32)

    def _sessions(self, kept: list[_Kept]) -> Sessions:
        behaviours: Floats = np.array([self._behaviours(each) for each in kept], np.float32)
        answered = np.array([each.visit.answered for each in kept], bool)
        came = np.array([[name in each.visit.intents for name in NAMES] for each in kept], bool)
        level = np.array([each.visit.level for each in kept], np.int8)
        return Sessions(
            ids=pl.Series([self.name(each) for each in kept], dtype=pl.String),
            user=np.array([each.visit.person.number for each in kept], np.int32),
            start=np.array([each.begin for each in kept], np.int64),
            seconds=np.array([each.visit.seconds for each in kept], np.float32),
            behaviours=behaviours.reshape(len(kept), len(BEHAVIOURS)),
            names=BEHAVIOURS,
            censored=("time_to_first_play",),
            intents=came.reshape(len(kept), len(NAMES)) & answered[:, None],
            intent_names=NAMES,
            satisfaction=np.where(answered, level, 0).astype(np.int8),
            shown=np.array([each.visit.asked for each in kept], bool),
            weights=np.ones(len(kept), np.float32),
        )

    def _behaviours(self, kept: _Kept) -> list[float]:
        visit = kept.visit
        first = next((act.after for act in visit.acts if act.kind == "play"), np.nan)
        opened = [act.item for act in visit.acts if act.kind == "click"]
        series = sum(bool(self.world.titles.is_series[item]) for item in opened)
        return [
            visit.count("play"),
            first,
            visit.count("bookmark"),
            len({row for row, _ in visit.looked}),
            visit.count("search"),
            series,
            len(opened) - series,
            visit.seconds,
        ]
