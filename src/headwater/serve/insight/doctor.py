"""Why is nothing happening? Causes in the order in which to look for them, each a check.

What stands further up hides what is below: without events nothing can be said of clicks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...data.validate import Check
from ...wording import percent, plural
from ..events import CHOSEN
from ._facts import Facts
from ._read import DAY

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["doctor"]

QUIET = 1.0  # days without an event
AHEAD = 60.0  # seconds
LATE = 3_600.0
PART = 0.05  # of the newest events, from which on something is wrong with the sender
SURE = 1 - 1e-6
CLOCK = "the clock of the store"  # as the store says of an event from a wrong time
TIME = (
    "set the clocks of senders and of this machine by a time server, and send UTC; harmless if a "
    "history was imported, or if apps send what they kept while offline"
)


def doctor(service: Service, seen: Facts) -> list[Check]:
    """What was looked at, in order; what could not be, for want of events, is left out."""
    found = [*_server(service), *_arriving(service, seen), *_clocks(service, seen)]
    if not len(seen.last):
        return [*found, *_erased(seen)]
    shown = seen.last.filter(pl.col("kind") == "impression")
    done = seen.last.filter(pl.col("kind").is_in(CHOSEN))
    for each in (_consent, _lately):
        found.append(each(seen))
    found += _showing(shown, done)
    found += _items(seen, shown, done)
    found += _model(seen)
    found += _erased(seen)
    return found


def _check(rule: str, wrong: bool, found: str, fix: str, some: tuple[str, ...] = ()) -> Check:
    return Check(rule, not wrong, found, some if wrong else (), fix)


# What the server is about ------------------------------------------------------------------------


def _server(service: Service) -> Iterator[Check]:
    yield _check(
        "the store answers",
        bool(service.trouble),
        service.trouble or f"{service.store.url}, version {service.store.version}",
        "start the database, or mend its address (store in the settings)",
    )
    current, trouble = service.fleet.current, service.fleet.trouble
    yield _check(
        "a model answers",
        current is None or bool(trouble),
        trouble or current or f"nothing was published in {service.shelf.folder}",
        "fit one and publish it: headwater retrain --method ease, or Shelf.publish",
    )
    waits, lost, said = len(service.recorder), service.recorder.lost, service.recorder.trouble
    told = f"{plural(waits, 'answer')} waiting, {lost:,} lost since the server began"
    yield _check(
        "answers are recorded",
        bool(said) or lost > 0,
        f"{told}; {said}" if said else told,
        "what is shown is written behind the request; see that the store is there and has room, "
        "and what is lost is known nowhere",
    )


def _arriving(service: Service, seen: Facts) -> Iterator[Check]:
    taken = seen.taken
    sent = sum(taken.values())
    unkept = taken["not kept"]
    yield _check(
        "there are events",
        not seen.events,
        plural(seen.events, "event"),
        f"{unkept:,} were sent and not kept, for want of consent: see the next lines"
        if unkept
        else "send them to POST /v1/events, with a key whose role is ingest, and read the outcome "
        "of each; and open /v1/home for somebody, so that something is shown",
    )
    reasons = tuple(dict.fromkeys([*service.refused][::-1]))[:3]
    yield _check(
        "events are not refused",
        bool(sent) and taken["refused"] > PART * sent,
        f"{taken['refused']:,} of {sent:,} that were sent since this server began",
        "each outcome says why; what is most often wrong is a time without a zone, a kind that "
        "there is not, and an id of the wrong type",
        reasons,
    )
    yield _check(
        "events are kept",
        bool(sent) and unkept > sent / 2,
        f"{unkept:,} of {sent:,} that were sent since this server began were without consent; "
        f"whoever is not known counts as {seen.default!r}",
        "tell the server what people agreed to: PUT /v1/users/ID/consent, or consent with the "
        "event",
    )


# What is in the store ----------------------------------------------------------------------------


def _consent(seen: Facts) -> Check:
    return _check(
        "people agree to be learned from",
        seen.learnable < PART * seen.events,
        f"{seen.learnable:,} of {plural(seen.events, 'event')}; of {seen.said:,} people "
        f"who told the store something {seen.agreed:,} said full at some time",
        "ask for it (the banner of the home page does), and send what they say to "
        "PUT /v1/users/ID/consent; what is kept as essential serves people and teaches nothing",
    )


def _lately(seen: Facts) -> Check:
    newest = int(seen.last["received"].cast(pl.Int64).max() or 0)  # type: ignore[arg-type]
    age = (seen.now - newest) / DAY
    return _check(
        "events arrive",
        age > QUIET,
        f"the last one was received {_ago(age)}",
        "see whether the site still sends them: its key, its address, its queue",
    )


def _clocks(service: Service, seen: Facts) -> Iterator[Check]:
    """Of senders, against that of the store."""
    why = [*service.refused]  # others go on adding to it
    off = sum(CLOCK in each for each in why)
    if not len(seen.last) and not off:
        return
    if not len(seen.last):
        found = f"of the last {len(why):,} refused events {off:,} are for their time"
        yield _check("clocks agree", True, found, TIME)
        return
    late = (seen.last["received"] - seen.last["time"]) / 1e6
    ahead, behind = float((late < -AHEAD).to_numpy().mean()), float((late > LATE).to_numpy().mean())
    middle = float(np.median(late.to_numpy()))
    yield _check(
        "clocks agree",
        ahead > PART or behind > 0.5 or off > len(why) / 2,
        f"of the newest {plural(len(late), 'event')} {percent(ahead)} are from over a minute after "
        f"they were received and {percent(behind)} from over an hour before it; half of them took "
        f"{middle:,.1f} s or less"
        + (f"; {off:,} of the last {len(why):,} refused are for their time" * bool(off)),
        TIME,
    )


def _showing(shown: pl.DataFrame, done: pl.DataFrame) -> Iterator[Check]:
    clicks = done.filter(pl.col("kind") == "click")
    yield _check(
        "what is shown is recorded",
        not len(shown),
        f"{len(shown):,} impressions beside {len(done):,} clicks, plays and bookmarks",
        "ask for pages with the user_id of who sees them and with their consent, or send "
        "impressions yourself: without them there is no click rate, no norm and no propensity",
    )
    yield _check(
        "people do something",
        not len(done),
        f"{len(done):,} clicks, plays and bookmarks beside {len(shown):,} impressions",
        "report clicks from the page, to POST /v1/events",
    )
    if len(shown) and len(clicks):
        keys = ["request_id", "user_id", "item_id"]
        on = len(clicks.join(shown, on=keys, how="semi"))
        yield _check(
            "clicks name what they were shown in",
            on < len(clicks) / 2,
            f"{on:,} of {plural(len(clicks), 'click')} name a request that showed the item to that "
            "person",
            "send the trace_id of the strip with each click, as request_id",
        )
    if len(shown):
        drawn = int((shown["propensity"].cast(pl.Float64).fill_null(1.0) < SURE).sum())
        yield _check(
            "something is left to chance",
            not drawn,
            f"{drawn:,} of {plural(len(shown), 'place')} have a propensity below 1",
            "without it no other model can be judged by what was shown: explore in the settings, "
            "or a flow that ends in rerank.plackett_luce",
        )


def _items(seen: Facts, shown: pl.DataFrame, done: pl.DataFrame) -> Iterator[Check]:
    items, kinds = seen.items, seen.kinds
    have = [name for name in items.columns if name != "item_id"]
    bare = len(items) if kinds not in items.columns else _without(items[kinds])
    yield _check(
        "items have kinds",
        not len(items) or bare > len(items) / 2,
        f"{bare:,} of {plural(len(items), 'item')} have nothing in the column {kinds!r}"
        + (f"; there are: {', '.join(have)}" if kinds not in items.columns else ""),
        "send it with PUT /v1/items/ID, or name another column as kinds in the settings: strips "
        "by kind, norms and guidance need it",
    )
    used = pl.concat([shown["item_id"], done["item_id"]]).drop_nulls()
    strange = used.filter(~used.is_in(items["item_id"].implode()))
    yield _check(
        "items of events are in the catalogue",
        len(strange) > PART * len(used),
        f"{strange.n_unique():,} are not, with {len(strange):,} of {len(used):,} events",
        "send them with PUT /v1/items/ID, and see that both sides spell ids alike",
        tuple(f"item {each!r}" for each in strange.unique().sort().head(3)),
    )


def _without(column: pl.Series) -> int:
    empty = column.list.len() == 0 if isinstance(column.dtype, pl.List) else column == ""
    return int((column.is_null() | empty.fill_null(False)).sum())


# What the model knows ----------------------------------------------------------------------------


def _model(seen: Facts) -> Iterator[Check]:
    if seen.current is None:
        return
    if seen.model_age is not None:
        yield _check(
            "the model is new enough",
            seen.model_age > seen.model_days,
            f"{seen.current} is of {_ago(seen.model_age)}",
            "headwater retrain, every night (docs/serving has a cron line)",
        )
    some = seen.last.filter(pl.col("consent") == "full")
    people = some["user_id"].unique()
    new = int((~people.is_in(list(seen.model_users))).sum())
    yield _check(
        "the model knows people",
        bool(len(people)) and new > len(people) / 2,
        f"{new:,} of the {len(people):,} people of the newest events are new to it",
        "they get what strangers get, and what they just clicked; retrain, or see that user ids "
        "are the same everywhere",
    )
    items = seen.items["item_id"]
    fresh = int((~items.is_in(list(seen.model_items))).sum())
    yield _check(
        "the model knows the catalogue",
        fresh > len(items) / 2,
        f"{fresh:,} of {plural(len(items), 'item')} are new to it",
        "new items are shown by chance alone until it is trained again; retrain, or see that item "
        "ids are the same everywhere",
    )
    last = seen.retrained
    if last is not None:
        yield _check(
            "the last retraining was published",
            last.get("verdict") == "rejected",
            f"{last.get('verdict')}: {last.get('reason')}",
            "the model before goes on; look at what it says, and whether what it guards is right",
        )


def _erased(seen: Facts) -> Iterator[Check]:
    """Whoever was erased is to be in no model after the next retraining."""
    waits = [(seen.now - since) / DAY for since in seen.open_since]
    yield _check(
        "erasures are complete",
        bool(waits) and max(waits) > seen.model_days,
        f"{plural(len(waits), 'erasure')} waiting for a retraining"
        + (f", the oldest of {_ago(max(waits))}" if waits else ""),
        "headwater retrain: models know whom they learned from until it has run",
    )


def _ago(days: float) -> str:
    """
    >>> _ago(1 / 1440), _ago(1.1 / 24), _ago(3)
    ('1 minute ago', '1 hour ago', '3 days ago')
    """
    if days < 0:
        return "in the future"
    if days < 1 / 24:
        return f"{plural(round(days * 1440), 'minute')} ago"
    return f"{plural(round(days * 24), 'hour') if days < 2 else plural(round(days), 'day')} ago"
