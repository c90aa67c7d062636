"""From what a store keeps to what may be learned from: a `Dataset`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ...data.frame import Duplicates, read
from ...data.impressions import read_impressions
from ...errors import DataError
from ...extras import needs
from ...types import PAD, Dataset, Ids, Impressions
from ..events import CHOSEN
from ._described import in_columns
from ._ingest import Ingest
from ._pictures import with_stills
from ._rows import gathered
from ._sessions import Asked, visits, with_sessions
from ._standing import last_said
from ._tables import EVENTS, ITEMS, SHOWN, USERS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Learning", "slots_of"]

VISITED = ("user_id", "session_id", "time", "kind")
DONE = (*VISITED, "item_id", "request_id", "seconds")
SAID = ("user_id", "session_id", "time", "satisfaction", "intents")
MOST = 127  # paths, int8 in a slate


class Learning(Ingest):
    def dataset(
        self,
        *,
        duplicates: Duplicates = "keep",
        seed: int = 0,
        survey: Asked = "video",
        kinds: str = "genres",
    ) -> Dataset:
        """What may be learned from, as of one moment: the events of people who agreed to "full",
        then and now, by `read`, `read_impressions`, `read_sessions` and `surveys.join`.

        The log is of clicks, plays and bookmarks, its kinds. What was shown is in ``impressions``,
        with a click where one (or a play) names the same request, user and item, as dwell the
        seconds played, and the path that each item came by. Items that were only shown are items,
        too, and so are those that were `removed` since: they must not be recommended. Of a request
        that several people claim, the first one to be received counts.

        ``sessions`` are the visits of all who did something, asked or not: as their session_id
        says, or ended by half an hour without anything. Answers are to ``survey``, the first of a
        session; one that names no session is to that in which they were by then, or had been four
        hours before. Whom nobody heard from counts as not asked.

        Items that were told with ``stills`` have them in the catalogue, with how much each shows of
        the ``kinds``, a column of it.
        """
        c = EVENTS.c
        full = self._full()
        with self._begin(still=True) as db:
            done = gathered(db, EVENTS, DONE, full & c.item_id.is_not(None) & c.kind.in_(CHOSEN))
            shown = gathered(db, EVENTS, SHOWN, full & (c.kind == "impression"))
            searched = gathered(db, EVENTS, VISITED, full & (c.kind == "search"))
            answers = gathered(db, EVENTS, SAID, full & (c.kind == "survey"))
            items, users = _about(db, ITEMS), _about(db, USERS)
        if not len(done) and not len(shown):
            raise DataError(
                f"{self.url} holds nothing to learn from: no click, play, bookmark or impression "
                "of anybody who agrees to it (consent 'full')"
            )
        events = visits(done, shown, searched)
        some = pl.concat([done["item_id"], shown["item_id"]])[0]
        # of who only searched, so that they are users: as shown something, which is left out below
        idle = searched.select("user_id", "time", item_id=pl.lit(some))
        seen = pl.concat([each.select("user_id", "item_id", "time") for each in (shown, idle)])
        seen = seen.with_columns(kind=pl.lit("impression"))
        columns = ["user_id", "item_id", "kind", pl.from_epoch("time", "us")]
        told = pl.concat([each.select(columns) for each in (done, seen)])
        notes: list[str] = []
        data = read(
            told,
            user="user_id",
            item="item_id",
            time="time",
            event="kind",
            rating=False,
            items=_table(items, "item_id", told, notes),
            users=_table(users, "user_id", told, notes),
            duplicates=duplicates,
            seed=seed,
        )
        data = replace(data, notes=(*data.notes, *notes))
        data = with_stills(_without_kind(data, "impression"), items, kinds)
        data = with_sessions(data, events, answers, survey, self._clock())
        return _with_impressions(data, shown, done) if len(shown) else data

    def _full(self) -> sa.ColumnElement[bool]:
        """Kept under full consent, of people who have not taken it back since."""
        last = last_said().subquery()
        less = sa.select(last.c.user_id).where(last.c.level != "full")
        return (EVENTS.c.consent == "full") & EVENTS.c.user_id.not_in(less)


def _about(db: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
    key = table.primary_key.columns[0]
    rows = db.execute(sa.select(key, table.c.about).order_by(key))
    return [{**json.loads(about), key.name: name} for name, about in rows]


def _table(
    told: list[dict[str, Any]], key: str, events: pl.DataFrame, notes: list[str]
) -> pl.DataFrame | None:
    """What is known of those of whom there are events, if anything is."""
    there = set(events[key].unique())
    rows = [row for row in told if row[key] in there]
    return in_columns(rows, key, notes) if rows else None


def _with_impressions(data: Dataset, shown: pl.DataFrame, done: pl.DataFrame) -> Dataset:
    slots, notes = slots_of(shown, done)
    data = replace(data, notes=(*data.notes, *notes))
    pictures = bool(slots["creative"].count())
    data = read_impressions(
        slots,
        data=data,
        request="request_id",
        user="user_id",
        item="item_id",
        time="time",
        position="position",
        click="click",
        dwell="dwell",
        propensity="propensity",
        creative="creative" if pictures else False,
        creative_propensity="creative_propensity" if pictures else False,
        history=False,
    )
    assert data.impressions is not None
    return replace(data, impressions=_with_paths(data.impressions, data, slots))


def slots_of(shown: pl.DataFrame, done: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """A row for every slot of what was ``shown``, with what of ``done`` is on it: click, 1 where
    there was one or a play, and dwell, the seconds played; and notes. A request is of one user, the
    first, and of one time."""
    notes = []
    mine = shown.filter(pl.col("user_id") == pl.col("user_id").first().over("request_id"))
    if len(mine) < len(shown):
        notes.append(f"left out {len(shown) - len(mine):,} slots of requests that others had made")
    keys = ["request_id", "user_id", "item_id"]
    did = (
        done.filter(pl.col("request_id").is_not_null() & pl.col("kind").is_in(["click", "play"]))
        .group_by(keys)
        .agg(click=pl.lit(1), dwell=pl.col("seconds").sum())
    )
    slots = mine.join(did, on=keys, how="left", maintain_order="left").with_columns(
        pl.col("click").fill_null(0),
        pl.from_epoch(pl.col("time").min().over("request_id"), "us").alias("time"),
    )
    return slots, notes


def _with_paths(seen: Impressions, data: Dataset, slots: pl.DataFrame) -> Impressions:
    """With the path that each item came by; beyond the most common, which a slate has room for,
    PAD."""
    told = slots.drop_nulls("path").unique(["request_id", "item_id"], keep="first")
    if not len(told):
        return seen
    often = told["path"].value_counts().sort(["count", "path"], descending=[True, False])
    paths = often["path"].head(MOST)
    assert seen.ids is not None
    row, slot = np.nonzero(seen.slate.filled)
    where = pl.DataFrame(
        {
            "request_id": seen.ids.gather(row),
            "item_id": data.items.decode(seen.slate.items[row, slot]),
        }
    )
    keys = ["request_id", "item_id"]
    came = where.join(told.select(*keys, "path"), on=keys, how="left", maintain_order="left")
    path = np.full(seen.slate.items.shape, PAD, np.int8)
    path[row, slot] = Ids(paths).encode(came["path"])
    return replace(seen, slate=replace(seen.slate, path=path, paths=tuple(paths)))


def _without_kind(data: Dataset, kind: str) -> Dataset:
    """Without the events of one kind, whose users and items stay."""
    if kind not in data.kinds or data.log.kinds is None:
        return data
    gone = data.kinds.index(kind)
    log = data.log.where(data.log.kinds != gone)
    assert log.kinds is not None
    log = replace(log, kinds=(log.kinds - (log.kinds > gone)).astype(np.int8))
    return replace(data, log=log, kinds=tuple(each for each in data.kinds if each != kind))
