"""Rows of another store's tables, as `Store.export` wrote them, taken into this one."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import DataError
from ...extras import needs
from ..events import LEVELS, instant
from ._answers import Answers
from ._ingest import Ingest
from ._items import Items
from ._people import People
from ._rows import parts, put, revised
from ._standing import known
from ._tables import CONSENTS, EXPERIMENTS, ITEMS, USERS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Counts", "Importing"]

log = logging.getLogger("headwater")

Row = dict[str, Any]
Counts = Counter[str]


class Importing(Ingest, People, Items, Answers):
    def _take(self, table: str, rows: Sequence[Row]) -> Counts:
        """Some rows of ``table``: how many were accepted, duplicate, not kept, refused."""
        found: Counts = getattr(self, f"_take_{table}")(rows)
        return found

    def _take_events(self, rows: Sequence[Row]) -> Counts:
        return self._take_sent([_sent(row) for row in rows])

    def _take_sent(self, rows: Sequence[Row]) -> Counts:
        """Events of any age, otherwise as for `ingest`."""
        found: Counts = Counter()
        for each in self._ingest([_said(row) for row in rows], 0):
            if each.status == "refused" and not found["refused"]:
                log.warning("refused event %s: %s", each.event_id, each.reason)
            found[each.status] += 1
        return found

    def _take_answers(self, rows: Sequence[Row]) -> Counts:
        made = [row | {n: json.loads(row[n]) for n in ("steps", "degraded")} for row in rows]
        new, kept = self._served(made)
        return _counts(accepted=new, duplicate=kept - new, not_kept=len(rows) - kept)

    def _take_exposures(self, rows: Sequence[Row]) -> Counts:
        new, kept = self._exposed([{**row, "consent": "essential"} for row in rows])
        return _counts(accepted=new, duplicate=kept - new, not_kept=len(rows) - kept)

    def _take_consents(self, rows: Sequence[Row]) -> Counts:
        c, counts = CONSENTS.c, _counts()
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            for some in parts(rows):
                users = sorted({row["user_id"] for row in some})
                people = known(db, users, self._who)
                asked = sa.select(c.user_id, c.level, c.time).where(c.user_id.in_(users))
                have = {tuple(row) for row in db.execute(asked)}
                new = []
                for row in some:
                    if row["level"] not in LEVELS:
                        levels = ", ".join(LEVELS)
                        raise DataError(f"consent is one of {levels}; got {row['level']!r}")
                    gone = people[row["user_id"]].erased
                    if gone is not None and row["time"] <= gone:
                        counts["refused"] += 1
                    elif (row["user_id"], row["level"], row["time"]) in have:
                        counts["duplicate"] += 1
                    else:
                        new.append(row)
                if new:
                    db.execute(sa.insert(CONSENTS), new)
                counts["accepted"] += len(new)
        return +counts

    def _take_users(self, rows: Sequence[Row]) -> Counts:
        keep, counts = [], _counts()
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            for some in parts(rows):
                people = known(db, sorted({row["user_id"] for row in some}), self._who)
                for row in some:
                    person = people[row["user_id"]]
                    level = person.level(None, self.default, trust=self.trust_consent)
                    if person.refuses(row["time"]):
                        counts["refused"] += 1
                    elif level == "none":
                        counts["not kept"] += 1
                    else:
                        keep.append(row)
            return +(counts + _newer(db, USERS, keep))

    def _take_items(self, rows: Sequence[Row]) -> Counts:
        with self._begin(writing=True) as db:
            revision = revised(db)
            return _newer(db, ITEMS, [{**row, "revision": revision} for row in rows])

    def _take_experiments(self, rows: Sequence[Row]) -> Counts:
        with self._begin(writing=True) as db:
            return _newer(db, EXPERIMENTS, rows)


def _newer(db: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> Counts:
    """Put those that are newer than what is there."""
    key = table.primary_key.columns[0]
    new = []
    for row in rows:
        if not isinstance(json.loads(row["about"]), dict):
            raise DataError(f"what is known of {row[key.name]!r} is no mapping: {row['about']}")
    for some in parts(rows):
        asked = sa.select(table).where(key.in_([row[key.name] for row in some]))
        have = {row[key.name]: _changed(row) for row in db.execute(asked).mappings()}
        new += [row for row in some if _changed(row) > have.get(row[key.name], -1)]
    put(db, table, new)
    return _counts(accepted=len(new), duplicate=len(rows) - len(new))


def _changed(row: Mapping[Any, Any]) -> int:
    return int(max(row["time"], row.get("removed") or 0))


def _counts(accepted: int = 0, duplicate: int = 0, not_kept: int = 0) -> Counts:
    return +Counter({"accepted": accepted, "duplicate": duplicate, "not kept": not_kept})


def _sent(row: Mapping[str, Any]) -> Row:
    """An event as it was sent, from the columns that it was kept in."""
    intents = row["intents"]
    return {
        **row,
        "time": instant(row["time"]),
        "intents": intents if intents is None else json.loads(intents),
    }


def _said(row: Mapping[str, Any]) -> Row:
    """What a row says of an event, without what only a store says of it."""
    return {n: v for n, v in row.items() if v is not None and n not in ("seq", "received")}
