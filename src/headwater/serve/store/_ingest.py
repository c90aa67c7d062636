"""Events into the store, each once; and what somebody did last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from ...errors import BadParameter, DataError
from ...extras import needs
from ..events import CHOSEN, UNKEPT, Event, check, instant, microseconds
from ._base import Base
from ._database import add_plain, insert
from ._rows import as_json, frames, meta, micro, parts, put
from ._standing import known
from ._tables import ANSWERS, EVENTS, EXPOSURES, META, SENT

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Ingest", "Outcome"]

Status = Literal["accepted", "duplicate", "not kept", "refused"]

MOST = 100_000  # events in a batch
BLANK: dict[str, Any] = dict.fromkeys(SENT)
RECENT = (*CHOSEN, "impression")


@dataclass(frozen=True)
class Outcome:
    """What became of one event. Accepted and duplicate are in the store, the others are not."""

    status: Status
    event_id: str | None = None  # None where it could not be read
    reason: str = ""


class Ingest(Base):
    def ingest(self, events: Sequence[Mapping[str, Any] | Event]) -> list[Outcome]:
        """Keep ``events``, mappings as in `headwater.serve.events`; what became of each, in order.

        When this returns, what is accepted has been forced to disk. An event that cannot be read,
        comes from a wrong time or belongs to somebody who was erased is refused, with one line on
        why; one without consent is not kept. Neither spoils the rest.
        """
        if isinstance(events, Mapping | str | bytes) or not isinstance(events, Sequence):
            raise DataError(f"events come in a list, not in a {type(events).__name__}")
        if len(events) > MOST:
            raise DataError(f"{len(events):,} events are more than the {MOST:,} of one batch")
        return self._ingest(events, self._now() - self.past // timedelta(microseconds=1))

    def _ingest(self, events: Sequence[Any], oldest: int) -> list[Outcome]:
        now = self._now()
        newest = now + self.future // timedelta(microseconds=1)
        outcomes: list[Outcome | None] = [None] * len(events)
        rows: list[tuple[int, dict[str, Any]]] = []  # those that may be kept, and their places
        for at, each in enumerate(check(events)):
            if isinstance(each, str):
                given = events[at].get("event_id") if isinstance(events[at], Mapping) else None
                named = isinstance(given, str | int)
                name = UNKEPT.sub("\ufffd", str(given)[:200]) if named else None
                outcomes[at] = Outcome("refused", name, each)
                continue
            row = _row(each, now)
            if row["time"] > newest or row["time"] < oldest:
                outcomes[at] = Outcome("refused", each.event_id, _untimely(row["time"], now))
            elif each.consent == "none":
                outcomes[at] = Outcome("not kept", each.event_id, "no consent")
            else:
                rows.append((at, row))
        self._put(rows, outcomes)
        return [each for each in outcomes if each is not None]

    def _put(self, rows: list[tuple[int, dict[str, Any]]], outcomes: list[Outcome | None]) -> None:
        """What may be kept, in one transaction; what became of each, at its place."""
        if rows:
            with self._begin(writing=True) as db:
                self._lock(db, alone=False)
                self._keep(db, rows, outcomes)

    def _shown(self, db: sa.Connection, impressions: Sequence[Mapping[str, Any]]) -> None:
        """As `ingest`, but the form and the time of what the server made itself are not looked at
        again, and nobody is told what became of each: the keys are columns of the events."""
        more = {"received": self._now(), "consent": None}
        rows = [
            {**BLANK, **each, **more, "time": microseconds(each["time"])} for each in impressions
        ]
        self._keep(db, list(enumerate(rows)), [None] * len(rows), told=False)

    def _keep(
        self,
        db: sa.Connection,
        rows: list[tuple[int, dict[str, Any]]],
        outcomes: list[Outcome | None],
        told: bool = True,
    ) -> None:
        rows.sort(key=lambda pair: pair[1]["event_id"])  # so that batches never wait in a circle
        forgotten = int(meta(db).get("forgotten", 0))
        for some in parts(rows):
            self._add(db, some, forgotten, outcomes, told)

    def _add(
        self,
        db: sa.Connection,
        rows: Sequence[tuple[int, dict[str, Any]]],
        forgotten: int,
        outcomes: list[Outcome | None],
        told: bool,
    ) -> None:
        people = known(db, sorted({row["user_id"] for _, row in rows}), self._who)
        keep: dict[str, tuple[int, dict[str, Any]]] = {}
        for at, row in rows:
            name, person = row["event_id"], people[row["user_id"]]
            row["consent"] = person.level(row["consent"], self.default, trust=self.trust_consent)
            if row["time"] < forgotten:
                outcomes[at] = Outcome("refused", name, "older than what this store keeps")
            elif person.refuses(row["time"]):
                outcomes[at] = Outcome("refused", name, "of a user who was erased")
            elif row["consent"] == "none":
                outcomes[at] = Outcome("not kept", name, "no consent")
            elif name in keep:
                outcomes[at] = Outcome("duplicate", name)
            else:
                keep[name] = at, row
        if not keep:
            return
        if not told:
            add_plain(db, EVENTS, "event_id", [row for _, row in keep.values()])
            return
        statement = insert(db.dialect, EVENTS).on_conflict_do_nothing(index_elements=["event_id"])
        new = statement.returning(EVENTS.c.event_id)
        added = set(db.execute(new, [row for _, row in keep.values()]).scalars())
        for name, (at, _) in keep.items():
            outcomes[at] = Outcome("accepted" if name in added else "duplicate", name)

    def recent(
        self, user_id: str, k: int = 200, *, kinds: Sequence[str] = RECENT
    ) -> list[dict[str, Any]]:
        """The last ``k`` clicks, plays, bookmarks and impressions of one person, or those ``kinds``
        of it, the newest last: mappings of all columns of the events, with ``time`` in unix
        microseconds."""
        if k < 1:
            raise BadParameter(f"k must be at least 1, got {k}")
        c = EVENTS.c
        asked = sa.select(EVENTS).where(c.user_id == user_id, c.kind.in_(kinds))
        asked = asked.order_by(c.time.desc(), c.seq.desc()).limit(k)
        with self._begin() as db:
            return [dict(row) for row in db.execute(asked).mappings()][::-1]

    def frames(
        self, columns: Sequence[str] = (), *, where: Any = None, rows: int = 100_000
    ) -> Iterator[pl.DataFrame]:
        """The events as of now, in the order of their arrival, ``rows`` at a time."""
        with self._begin() as db:
            yield from frames(db, EVENTS, columns, where, rows)

    def forget_before(self, time: datetime) -> int:
        """Remove events, answers and exposures from before ``time``, with a zone; how many.

        What is from before then and still arrives is refused."""
        old = micro(time)
        with self._begin(writing=True) as db:
            self._lock(db, alone=True)
            gone = sum(
                db.execute(sa.delete(table).where(table.c.time < old)).rowcount
                for table in (EVENTS, ANSWERS, EXPOSURES)
            )
            before = int(meta(db).get("forgotten", 0))
            put(db, META, [{"name": "forgotten", "value": str(max(old, before))}])
        self._scrub()
        return gone


def _row(event: Event, now: int) -> dict[str, Any]:
    row = BLANK | event.__dict__
    row["time"] = microseconds(event.time)
    row["received"] = now
    if row["intents"] is not None:
        row["intents"] = as_json(row["intents"])
    return row


def _untimely(time: int, now: int) -> str:
    days = abs(time - now) / 86_400e6
    off = f"{days:.1f} days" if days >= 1 else f"{days * 1440:.1f} minutes"
    side = "after" if time > now else "before"
    return f"time: {instant(time).isoformat()} is {off} {side} the clock of the store"
