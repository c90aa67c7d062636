"""What was shown, against what the platform asks of its lists: `headwater.norms` on the store.

A list is a strip, or whatever else was shown under one request id; what somebody had chosen before
it is what the store knows of that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from ...errors import DataError, HeadwaterError, MissingColumn
from ...extras import needs
from ...norms import Norms, Shown, in_brief, shown, told
from ...wording import plural
from ..events import CHOSEN
from ..store._learning import slots_of
from ..store._tables import USERS
from . import kept
from ._read import MOST, catalogue, events_of, period

with needs("the event store", "serve"):
    import sqlalchemy as sa

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["default", "norms"]

LISTS = 20_000  # the newest of them
SHOWN = ("request_id", "user_id", "item_id", "time", "position")
DONE = ("user_id", "item_id", "time", "request_id", "kind", "seconds")


def default(kinds: str) -> dict[str, Any]:
    """What is asked where nobody set norms: ours, to begin with, and no platform's own."""
    return {
        "name": "default",
        "segments": [{"history": [1, 10]}],
        "targets": {
            f"{kinds} that people choose": {
                "metric": "calibration",
                "by": kinds,
                "target": "low",
                "why": "Lists follow what each person chose, better than lists by chance do.",
            },
            f"{kinds} of the catalogue": {
                "metric": "representation",
                "by": kinds,
                "target": [None, 0.5],
                "why": "No kind is shown far more, or far less, than there is of it.",
            },
        },
    }


def norms(service: Service, days: int = 28) -> dict[str, Any]:
    """Verdicts of the last ``days``, by day and segment; kept for a minute."""
    return kept(service, "norms", (days,), lambda: _made(service, days))


def _made(service: Service, days: int) -> dict[str, Any]:
    file, kinds = service.settings.norms, service.settings.kinds
    found: dict[str, Any] = {
        "source": str(file) if file else "default",
        "own": bool(file),
        "events": 0,
        "checked": None,
        "text": "",
        "notes": [],
    }
    when = period(service, days)
    found |= when.told
    try:
        asked = Norms.of(file if file else default(kinds))
    except HeadwaterError as error:
        return {**found, "empty": _empty(str(error), "Mend the norms file, and load this again.")}
    slots = events_of(service.store, SHOWN, ("impression",), when)
    found["events"] = len(slots)
    found["notes"] = [*when.notes]
    if not len(slots):
        what = "Nothing is known to have been shown in this time to people who agreed to it."
        do = "Ask for pages by /v1/home, or send what was shown as events of the kind impression."
        return {**found, "empty": _empty(what, do)}
    items = catalogue(service)
    lacking = _lacking(asked, items)
    if lacking:
        have = ", ".join(name for name in items.columns if name != "item_id") or "nothing"
        what = f"The catalogue has no column {lacking!r}; it has: {have}."
        do = (
            f"Send {lacking} with each item (PUT /v1/items/ID), or name a column that there is: "
            "kinds in the settings of the server, or by in the norms file."
        )
        return {**found, "empty": _empty(what, do)}
    try:
        read, notes = _read(service, asked, slots, items)
        checked = asked.check(read.seen, segments=read.columns, period="auto")
    except (DataError, MissingColumn) as error:
        return {**found, "empty": _empty(str(error), "Mend what it says, and load this again.")}
    return {
        **found,
        "notes": [*found["notes"], *notes, *read.notes],
        "checked": checked.as_dict(),
        "brief": in_brief(checked),
        "text": told(checked),
    }


def _empty(what: str, do: str) -> dict[str, str]:
    return {"what": what, "do": do}


def _newest(slots: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The newest lists, in the order of time."""
    slots = slots.sort("time", "request_id", "position")
    lists = slots["request_id"].unique(maintain_order=True)
    if len(lists) <= LISTS:
        return slots, []
    slots = slots.filter(pl.col("request_id").is_in(lists.tail(LISTS).implode()))
    return slots, [f"of {plural(len(lists), 'list')} the newest {LISTS:,} are looked at"]


def _lacking(asked: Norms, items: pl.DataFrame) -> str:
    """A column of the catalogue that a norm speaks of and nothing is known of."""
    for target in asked.targets:
        by = getattr(target.metric, "by", None)
        if by and (by not in items.columns or items[by].null_count() == len(items)):
            return str(by)
    return ""


def _read(
    service: Service, asked: Norms, slots: pl.DataFrame, items: pl.DataFrame
) -> tuple[Shown, list[str]]:
    done = events_of(service.store, DONE, CHOSEN).tail(MOST)
    slots, others = slots_of(slots, done)
    lists, older = _newest(slots)
    segments = {name for target in asked.targets for name in target.segments} - {"history"}
    read = shown(
        lists,
        items=items,
        log=done.select("user_id", "item_id", pl.from_epoch("time", "us")) if len(done) else None,
        users=_people(service, sorted(segments), lists["user_id"].unique()) if segments else None,
        request="request_id",
        user="user_id",
        item="item_id",
        time="time",
        position="position",
        click="click",
        history=False,
    )
    return read, [*others, *older]


def _people(service: Service, columns: list[str], users: pl.Series) -> pl.DataFrame:
    """What is known of those who were shown something, as far as norms ask for it."""
    with service.store._begin() as db:
        rows = db.execute(sa.select(USERS.c.user_id, USERS.c.about)).all()
    about: Mapping[str, Any] = {user: json.loads(said) for user, said in rows}
    told_of = [
        {"user_id": user, **{name: about.get(user, {}).get(name) for name in columns}}
        for user in users
    ]
    return pl.from_dicts(told_of, infer_schema_length=None, strict=False)
