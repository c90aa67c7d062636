"""What the pages read of a store: events of a period, visits, the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from ...errors import BadParameter
from ...extras import needs
from ...wording import plural
from ..events import instant, microseconds
from ..store import Store
from ..store._described import in_columns
from ..store._rows import whole
from ..store._tables import ANSWERS, CONSENTS, EVENTS, EXPERIMENTS, RECEIPTS

with needs("the event store", "serve"):
    import sqlalchemy as sa

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = [
    "DAY",
    "MOST",
    "Period",
    "answers_of",
    "catalogue",
    "day_of",
    "events_of",
    "period",
    "stamp",
    "taken",
    "visits",
]

DAY = 86_400_000_000  # microseconds
GAP = 1_800_000_000  # without anything, after which a visit is over
MOST = 500_000  # events that a page looks at
LONGEST = 366  # days
STATUSES = ("accepted", "duplicate", "not kept", "refused")


@dataclass(frozen=True)
class Period:
    """From midnight (UTC) some days ago until now; times in unix microseconds."""

    since: int
    until: int
    days: int
    notes: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, Any]:
        return {
            "days": self.days,
            "from": instant(self.since).date().isoformat(),
            "to": instant(self.until).date().isoformat(),
        }


def stamp(store: Store) -> tuple[Any, ...]:
    """What changes when somebody is erased, or agrees to something else."""
    with store._begin() as db:
        return tuple(
            db.execute(sa.select(each)).scalar_one()
            for each in (
                sa.func.count(RECEIPTS.c.receipt_id),
                sa.func.max(CONSENTS.c.seq),
                sa.func.max(EXPERIMENTS.c.time),
            )
        )


def period(service: Service, days: int) -> Period:
    """The last ``days``, today among them; fewer where these have more events than a page takes."""
    if not 1 <= days <= LONGEST:
        raise BadParameter(f"days is from 1 to {LONGEST}; got {days}")
    now = datetime.fromtimestamp(service.clock(), UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = microseconds(today - timedelta(days=days - 1))
    until = microseconds(now) + 1 + int(service.store.future / timedelta(microseconds=1))
    c = EVENTS.c
    day = c.time // DAY
    asked = sa.select(day, sa.func.count()).where(c.time >= first, c.time < until)
    with service.store._begin() as db:
        often = {int(each): n for each, n in db.execute(asked.group_by(day))}
    total, since, notes = 0, microseconds(today), tuple[str, ...]()
    for back in range(days):
        at = microseconds(today - timedelta(days=back))
        total += often.get(at // DAY, 0) + (often.get(at // DAY + 1, 0) if not back else 0)
        if back and total > MOST:
            notes = (f"only the last {plural(back, 'day')}: there are more than {MOST:,} events",)
            return Period(since, until, back, notes)
        since = at
    return Period(since, until, days, notes)


def events_of(
    store: Store, columns: Sequence[str], kinds: Sequence[str], when: Period | None = None
) -> pl.DataFrame:
    """The events of those who agreed to it, in the order of their arrival."""
    where: sa.ColumnElement[bool] = store._full() & EVENTS.c.kind.in_(kinds)
    if when is not None:
        where &= (EVENTS.c.time >= when.since) & (EVENTS.c.time < when.until)
    return whole(columns, store.frames(columns, where=where))


def answers_of(store: Store, columns: Sequence[str], when: Period) -> pl.DataFrame:
    c = ANSWERS.c
    where = (c.consent == "full") & (c.time >= when.since) & (c.time < when.until)
    return whole(columns, store.answers(columns, where=where))


def day_of(column: str = "time") -> pl.Expr:
    """The date (UTC) of unix microseconds, as text."""
    return pl.from_epoch(column, "us").dt.date().cast(pl.String)


def visits(events: pl.DataFrame) -> pl.DataFrame:
    """A row for each visit: user_id, day, start, and how much there was in it: shown, clicks,
    plays, minutes, answers.

    Whatever somebody does within half an hour of what they did before is of the same visit; a play
    lasts as long as it did. ``events`` have user_id, kind, time and seconds.
    """
    lasts = (pl.col("seconds").fill_null(0) * 1e6).cast(pl.Int64)
    in_order = events.sort("user_id", "time").with_columns(
        end=pl.col("time") + pl.when(pl.col("kind") == "play").then(lasts).otherwise(0)
    )
    before = pl.col("end").cum_max().shift(1).over("user_id")
    begins = before.is_null() | (pl.col("time") - before > GAP)
    numbered = in_order.with_columns(visit=begins.cast(pl.Int64).cum_sum())

    def count(kind: str) -> pl.Expr:
        return (pl.col("kind") == kind).sum().cast(pl.Int64)

    played = pl.col("seconds").filter(pl.col("kind") == "play").sum()
    return (
        numbered.group_by("visit", maintain_order=True)
        .agg(
            pl.col("user_id").first(),
            start=pl.col("time").min(),
            shown=count("impression"),
            clicks=count("click"),
            plays=count("play"),
            minutes=played / 60,
            answers=count("survey"),
        )
        .with_columns(day=day_of("start"))
    )


def catalogue(service: Service) -> pl.DataFrame:
    """What could be shown: item_id and all that is known of it; of the model's items and the
    store's, without those that were removed. Where they differ in the type of a column, that of
    more items counts."""
    changed, _ = service.store.items_changed(0)
    parts = []
    if service.fleet.current is not None:
        version = service.fleet.live().version
        known = version.data.catalog.table.with_columns(pl.Series("item_id", version.names))
        parts.append(known.filter(~pl.col("item_id").is_in([name for name, _ in changed])))
    told = [{**about, "item_id": name} for name, about in changed if about is not None]
    if told:
        parts.append(in_columns(told, "item_id", []))
    if not parts:
        return pl.DataFrame(schema={"item_id": pl.String})
    if len(parts) == 1:
        return parts[0]
    mine, theirs = parts
    both = [name for name in mine.columns if name in theirs.columns]
    odd = [name for name in both if not _joins(mine[name].dtype, theirs[name].dtype)]
    fewer = [name for name in odd if theirs[name].count() < mine[name].count()]
    mine, theirs = mine.drop(set(odd) - set(fewer)), theirs.drop(fewer)
    return pl.concat([mine, theirs], how="diagonal_relaxed")


def _joins(one: pl.DataType, other: pl.DataType) -> bool:
    return one == other or (one.is_numeric() and other.is_numeric())


def taken(service: Service) -> dict[str, int]:
    """What became of the events that this server was sent since it began."""
    value = service.telemetry.registry.get_sample_value
    found = {each: value("headwater_events_total", {"status": each}) for each in STATUSES}
    return {status: int(many or 0) for status, many in found.items()}
