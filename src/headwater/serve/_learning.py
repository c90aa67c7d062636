"""From what a store keeps to what may be learned from: a `Dataset`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..data.frame import Duplicates, read
from ..data.impressions import read_impressions
from ..errors import DataError
from ..extras import needs
from ..types import Dataset
from ._ingest import Ingest
from ._tables import CONSENTS, EVENTS, ITEMS, SHOWN, TYPES, USERS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Learning"]


class Learning(Ingest):
    def dataset(self, *, duplicates: Duplicates = "keep", seed: int = 0) -> Dataset:
        """What may be learned from, by `read` and `read_impressions`: the events of people who
        agreed to "full", then and now.

        The log is of clicks, plays and bookmarks, its kinds; what was shown is in ``impressions``,
        with a click where one (or a play) names the same request, user and item, and as dwell the
        seconds played. Items that were only shown are items, too. Of a request that several people
        claim, the first one to be received counts.
        """
        c = EVENTS.c
        full = self._full()
        done = self._gathered(
            ["user_id", "item_id", "time", "kind", "request_id", "seconds"],
            full & c.item_id.is_not(None) & c.kind.in_(("click", "play", "bookmark")),
        )
        shown = self._gathered(SHOWN, full & (c.kind == "impression"))
        if not len(done) and not len(shown):
            raise DataError(
                f"{self.url} holds nothing to learn from: no click, play, bookmark or impression "
                "of anybody who agrees to it (consent 'full')"
            )
        events = [done, shown.with_columns(kind=pl.lit("impression"))]
        columns = ["user_id", "item_id", "kind", pl.from_epoch("time", "us")]
        data = read(
            pl.concat([each.select(columns) for each in events]),
            user="user_id",
            item="item_id",
            time="time",
            event="kind",
            rating=False,
            items=self._about(ITEMS),
            users=self._about(USERS),
            duplicates=duplicates,
            seed=seed,
        )
        data = _without_kind(data, "impression")
        if not len(shown):
            return data
        slots, notes = _slots_of(shown, done)
        data = replace(data, notes=(*data.notes, *notes))
        return read_impressions(
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
            creative="creative" if slots["creative"].count() else False,
            creative_propensity="creative_propensity" if slots["creative"].count() else False,
            history=False,
        )

    def _full(self) -> sa.ColumnElement[bool]:
        """Kept under full consent, of people who have not taken it back since."""
        last = sa.select(sa.func.max(CONSENTS.c.seq)).group_by(CONSENTS.c.user_id)
        less = sa.select(CONSENTS.c.user_id).where(
            CONSENTS.c.seq.in_(last), CONSENTS.c.level != "full"
        )
        return (EVENTS.c.consent == "full") & EVENTS.c.user_id.not_in(less)

    def _gathered(self, columns: Sequence[str], where: Any) -> pl.DataFrame:
        empty = pl.DataFrame(schema={name: TYPES.get(name, pl.String) for name in columns})
        return pl.concat([empty, *self.frames(columns, where=where)])

    def _about(self, table: sa.Table) -> pl.DataFrame | None:
        key = table.primary_key.columns[0]
        with self._begin() as db:
            rows = db.execute(sa.select(key, table.c.about).order_by(key)).all()
        told = [{**json.loads(about), key.name: name} for name, about in rows]
        return pl.from_dicts(told, infer_schema_length=None) if told else None


def _without_kind(data: Dataset, kind: str) -> Dataset:
    """Without the events of one kind, whose users and items stay."""
    if kind not in data.kinds or data.log.kinds is None:
        return data
    gone = data.kinds.index(kind)
    log = data.log.where(data.log.kinds != gone)
    assert log.kinds is not None
    log = replace(log, kinds=(log.kinds - (log.kinds > gone)).astype(np.int8))
    return replace(data, log=log, kinds=tuple(each for each in data.kinds if each != kind))


def _slots_of(shown: pl.DataFrame, done: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """A row for every slot, with what was done with it; a request is of one user and one time."""
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
