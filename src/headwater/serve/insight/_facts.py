"""The numbers that the doctor looks at, read at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from ...errors import BadArtifact
from ...extras import needs
from ..events import microseconds
from ..store._tables import CONSENTS, EVENTS
from ._read import DAY, catalogue, taken

with needs("the event store", "serve"):
    import sqlalchemy as sa

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["MODEL_DAYS", "Facts", "facts"]

LAST = 50_000  # events that are looked at one by one
MODEL_DAYS = 7.0
COLUMNS = (
    "kind",
    "user_id",
    "item_id",
    "time",
    "received",
    "consent",
    "request_id",
    "propensity",
    "path",
)


@dataclass(frozen=True, eq=False)
class Facts:
    """Times are unix microseconds, ages days."""

    now: int
    events: int
    learnable: int  # of people who agreed to it, then and now
    agreed: int  # people who told the store "full"
    said: int  # people who told the store anything
    last: pl.DataFrame  # the newest events, by arrival
    items: pl.DataFrame  # the catalogue
    kinds: str  # its column of kinds
    default: str  # consent of whom nothing is known
    current: str | None  # the version that answers
    model_age: float | None  # since its data were read, or it was published
    model_days: float  # from when on it is old
    model_items: frozenset[str]
    model_users: frozenset[str]
    open_since: tuple[int, ...]  # erasures that no model has caught up with
    taken: dict[str, int]
    retrained: dict[str, Any] | None  # what the last retraining said


def facts(service: Service, model_days: float = MODEL_DAYS) -> Facts:
    store = service.store
    c = EVENTS.c
    with store._begin(still=True) as db:
        events = int(db.execute(sa.select(sa.func.count()).select_from(EVENTS)).scalar_one())
        learnable = sa.select(sa.func.count()).select_from(EVENTS).where(store._full())
        able = int(db.execute(learnable).scalar_one())
        who = sa.func.count(sa.distinct(CONSENTS.c.user_id))
        said = int(db.execute(sa.select(who)).scalar_one())
        agreed = int(db.execute(sa.select(who).where(CONSENTS.c.level == "full")).scalar_one())
        newest = int(db.execute(sa.select(sa.func.max(c.seq))).scalar() or 0)
    parts = [*store.frames(COLUMNS, where=c.seq > newest - LAST)]
    last = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    live = service.fleet.live() if service.fleet.current else None
    return Facts(
        now=microseconds(store.now()),
        events=events,
        learnable=able,
        agreed=agreed,
        said=said,
        last=last,
        items=catalogue(service),
        kinds=service.settings.kinds,
        default=store.default,
        current=service.fleet.current,
        model_age=_age(service),
        model_days=model_days,
        model_items=frozenset(live.version.items) if live else frozenset(),
        model_users=frozenset(live.version.users) if live else frozenset(),
        open_since=tuple(microseconds(each.time) for each in store.open_receipts()),
        taken=taken(service),
        retrained=_retrained(service),
    )


def _age(service: Service) -> float | None:
    """Of what the model knows: when its data were read, or else when it was published."""
    name = service.fleet.current
    if name is None:
        return None
    try:
        since = service.shelf.report(name).get("read") or service.shelf.since
        read = microseconds(datetime.fromisoformat(str(since)))
    except (BadArtifact, ValueError, TypeError):
        return None
    return (microseconds(service.store.now()) - read) / DAY


def _retrained(service: Service) -> dict[str, Any] | None:
    try:
        found = json.loads((service.shelf.folder / "retrain.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
