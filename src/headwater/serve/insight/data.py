"""What the store holds, whether it is fit for use, and why nothing happens."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from ...data.validate import Check, validate
from ...errors import BadArtifact, HeadwaterError, StoreError
from ...extras import needs
from ..events import CHOSEN, LEVELS, instant
from ..store._tables import CONSENTS, EVENTS
from . import kept
from ._facts import MODEL_DAYS, facts
from ._read import MOST, catalogue, events_of, taken
from .doctor import doctor

with needs("the event store", "serve"):
    import sqlalchemy as sa

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["data"]


def data(service: Service, model_days: float = MODEL_DAYS) -> dict[str, Any]:
    """Counts, rules, and the doctor; kept for a minute. A model older than ``model_days`` is old.

    While the store is away there are no numbers, and the doctor says so.
    """
    try:
        return kept(service, "data", (model_days,), lambda: _made(service, model_days))
    except StoreError as error:
        now = datetime.fromtimestamp(service.clock(), UTC).isoformat(timespec="seconds")
        away = Check(
            "the store answers",
            False,
            str(error),
            fix="start the database, or mend its address (store in the settings)",
        )
        return {"page": "data", "computed": now, "events": 0, "doctor": [_plain(away)]}


def _made(service: Service, model_days: float) -> dict[str, Any]:
    store = service.store
    counts = store.count()
    c = EVENTS.c
    with store._begin(still=True) as db:
        kinds = _counted(db, c.kind)
        consents = _counted(db, c.consent)
        latest = sa.select(sa.func.max(c.time), sa.func.max(c.received), sa.func.min(c.time))
        newest, received, oldest = db.execute(latest).one()
        people = _levels(db)
    return {
        "events": counts["events"],
        "counts": counts,
        "kinds": kinds,
        "times": {
            "oldest": _iso(oldest),
            "newest": _iso(newest),
            "last_received": _iso(received),
        },
        "consent": {
            "of_events": {level: consents.get(level, 0) for level in LEVELS},
            "of_people": people,
            "otherwise": store.default,
        },
        "taken": taken(service),
        "erasures": _erasures(service),
        "versions": _versions(service),
        "rules": [_plain(each) for each in _rules(service)],
        "doctor": [_plain(each) for each in doctor(service, facts(service, model_days))],
        "refusals": [*service.refused],
    }


def _counted(db: sa.Connection, column: Any) -> dict[str, int]:
    asked = sa.select(column, sa.func.count()).group_by(column).order_by(column)
    return {str(name): int(many) for name, many in db.execute(asked)}


def _levels(db: sa.Connection) -> dict[str, int]:
    """How many people last agreed to what, of those who said so to the store."""
    c = CONSENTS.c
    place = sa.func.row_number().over(
        partition_by=c.user_id, order_by=[c.time.desc(), c.seq.desc()]
    )
    last = sa.select(c.level, place.label("place")).subquery()
    asked = sa.select(last.c.level, sa.func.count()).where(last.c.place == 1)
    found = {str(n): int(m) for n, m in db.execute(asked.group_by(last.c.level))}
    return {level: found.get(level, 0) for level in LEVELS}


def _iso(time: int | None) -> str | None:
    return None if time is None else instant(time).isoformat()


def _erasures(service: Service) -> list[dict[str, Any]]:
    """Those whom models may still know; whoever they were is in no receipt."""
    return [
        {"receipt": each.receipt_id, "time": each.time.isoformat(), "counts": dict(each.counts)}
        for each in service.store.open_receipts()
    ]


def _versions(service: Service) -> dict[str, Any]:
    shelf = service.shelf
    try:
        current, before, since = shelf.current, shelf.before, shelf.since
    except BadArtifact as error:
        return {"names": shelf.names()[::-1], "current": None, "says": str(error)}
    return {
        "names": shelf.names()[::-1],
        "current": current,
        "before": before,
        "since": since,
        "answers": service.fleet.current,
        "store": service.store.version,
        "says": "",
    }


def _rules(service: Service) -> list[Check]:
    """The validator's, on the clicks, plays and bookmarks that may be learned from."""
    done = events_of(service.store, ("user_id", "item_id", "time", "kind"), CHOSEN)
    done = done.filter(pl.col("item_id").is_not_null())
    if not len(done):
        return []
    table = done.tail(MOST).with_columns(pl.from_epoch("time", "us"))
    try:
        return validate(
            table,
            user="user_id",
            item="item_id",
            time="time",
            event="kind",
            items=catalogue(service),
            duplicates="keep",
        )
    except HeadwaterError as error:
        return [Check("the events can be validated", False, str(error))]


def _plain(check: Check) -> dict[str, Any]:
    """Without the examples that name people."""
    told = asdict(check)
    told["examples"] = [each for each in check.examples if not each.startswith("user ")]
    if check.rule.startswith("user "):
        told |= {"found": check.found.partition(", such as ")[0], "examples": []}
    return told
