"""The event store: what people did, kept for good, in SQLite or PostgreSQL by the same code.

    store = Store("events.db")                        or "postgresql://user:word@host/name"
    store.upgrade()                                   makes the tables, or brings old ones up
    store.consent("ann", "full")
    done = store.ingest([{"kind": "click", ...}])     forced to disk when this returns

Events are only ever added, each once: what is sent again under the same ``event_id`` is answered
as a duplicate. So whoever got no answer sends the whole batch again. Two things remove: `erase` all
of one person, and `forget_before` all that is older than a time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sqlite3
import time as clocks
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, Self

import polars as pl

from ..atomic import atomic_path
from ..data.frame import Duplicates, read
from ..data.impressions import read_impressions
from ..errors import BadParameter, DataError, StoreError, UnknownName
from ..extras import needs
from ..types import Dataset
from ._database import engine_for, insert
from ._learning import slots_of, without_kind
from ._tables import CONSENTS, EVENTS, ITEMS, META, PERSONAL, RECEIPTS, SENT, SHOWN, TYPES, USERS
from .events import LEVELS, Consent, Event, check, instant, microseconds

with needs("the event store", "serve"):
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

__all__ = ["Outcome", "Receipt", "Store"]

Status = Literal["accepted", "duplicate", "not kept", "refused"]

AT_ONCE = 500  # events in one statement: 19 columns each, and SQLite takes 32,766 values
MOST = 100_000  # events in a batch
FULL = ("database or disk is full", "no space left", "could not extend file")
LOCK = 0x48_65_61_64  # of a PostgreSQL database: ingestion shares it, erasure has it alone
log = logging.getLogger("headwater")
MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Outcome:
    """What became of one event. Accepted and duplicate are in the store, the others are not."""

    status: Status
    event_id: str | None = None  # None where it could not be read
    reason: str = ""


@dataclass(frozen=True)
class Receipt:
    """That somebody was erased: without their id, which only the key turns into ``who``."""

    receipt_id: str
    who: str  # HMAC-SHA256 of the user_id
    counts: Mapping[str, int]  # rows removed, by table
    time: datetime


class Store:
    """The events of a platform, in the database at ``url``: SQLAlchemy's, or the path of a file.

    ``default`` is the consent of people of whom neither event nor store knows any. Events from
    more than ``future`` after the present or more than ``past`` before it are refused.
    ``key`` is the secret of the hashes in receipts; without one, the store makes one and keeps it
    with the rest, which hides ids from readers of receipts, not from who has the whole database.
    ``timeout`` is how many seconds to wait while others write.

    `StoreError` says what the database would not do; the batch, erasure or migration that it broke
    off has left nothing behind.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        default: Consent = "none",
        future: timedelta = timedelta(minutes=5),
        past: timedelta = timedelta(days=30),
        key: bytes | None = None,
        timeout: float = 30,
        clock: Callable[[], float] = clocks.time,
    ):
        if default not in LEVELS:
            raise BadParameter(f"default is one of {', '.join(LEVELS)}; got {default!r}")
        if key is not None and len(key) < 16:
            raise BadParameter(f"key is a secret of at least 16 bytes; got {len(key)}")
        self.default, self.future, self.past = default, future, past
        self._given, self._key = key, b""
        self._clock = clock
        self.engine = engine_for(url, timeout)
        self.url = self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The tables and their version

    @property
    def version(self) -> str | None:
        """Of the tables as they are; None where there are none yet."""
        with self._begin(checked=False) as db:
            return MigrationContext.configure(db).get_current_revision()

    def upgrade(self) -> Self:
        """Make the tables, or bring those of an older Headwater up to this one, all or nothing."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self._begin(writing=True, checked=False) as db:
            self._lock(db, alone=True)
            self._not_newer(MigrationContext.configure(db).get_current_revision())
            config.attributes["connection"] = db
            command.upgrade(config, "head")
            key = self._given or bytes.fromhex(token_hex(32))
            mine = {"check": _keyed(key, "check")} | ({} if self._given else {"key": key.hex()})
            known = {"check", "key"} & set(_meta(db))
            if not known:
                db.execute(sa.insert(META), [{"name": n, "value": v} for n, v in mine.items()])
        return self

    def _not_newer(self, version: str | None) -> None:
        have = [each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
        if version is not None and version not in have:
            raise StoreError(
                f"{self.url} is of version {version}, and this Headwater knows {', '.join(have)}: "
                "it was written by a newer one; install that"
            )

    def _checked(self, db: sa.Connection) -> None:
        """That the tables are of this version and the key is theirs; once for each store."""
        version = MigrationContext.configure(db).get_current_revision()
        self._not_newer(version)
        newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        if version != newest:
            is_ = "has no tables yet" if version is None else f"is of the older version {version}"
            raise StoreError(
                f"{self.url} {is_} (this is {newest}): Store(...).upgrade() brings it up"
            )
        meta = _meta(db)
        key = self._given or bytes.fromhex(meta.get("key", ""))
        if not key:
            raise StoreError(f"{self.url} was made with a key of its own: give it as key=...")
        if not hmac.compare_digest(_keyed(key, "check"), meta["check"]):
            raise StoreError(
                f"the key is not the one that {self.url} was made with: with another, people who "
                "were erased would not be known as such"
            )
        self._key = key

    @contextmanager
    def _begin(self, *, writing: bool = False, checked: bool = True) -> Iterator[sa.Connection]:
        """A transaction: all of it is done and forced to disk at the end, or nothing of it."""
        try:
            with self.engine.connect() as bare:
                db = bare.execution_options(headwater_writes=writing)
                with db.begin():
                    if checked and not self._key:
                        self._checked(db)
                    yield db
        except sa.exc.SQLAlchemyError as error:
            raise self._told(error) from error

    def _told(self, error: sa.exc.SQLAlchemyError | sqlite3.Error) -> StoreError:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        if any(each in said.lower() for each in FULL):
            return StoreError(
                f"no room is left for {self.url} ({said}): nothing of this was kept; make room and "
                "send it again"
            )
        if "locked" in said:
            return StoreError(f"{self.url} is being written by others ({said}): send it again")
        return StoreError(f"{self.url} did not do it, and nothing of it was kept: {said}")

    def _lock(self, db: sa.Connection, *, alone: bool) -> None:
        """Nobody is erased while a batch that may hold their events is on its way in.

        On SQLite there is one writer at a time anyway.
        """
        if db.dialect.name == "postgresql":
            lock = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
            db.execute(sa.select(lock(LOCK)))

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _who(self, user_id: str) -> str:
        return _keyed(self._key, user_id)

    # Events in

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
                known = str(given)[:200] if isinstance(given, str | int) else None
                outcomes[at] = Outcome("refused", known, each)
                continue
            row = _row(each, now)
            if row["time"] > newest or row["time"] < oldest:
                outcomes[at] = Outcome("refused", each.event_id, _untimely(row["time"], now))
            elif each.consent == "none":
                outcomes[at] = Outcome("not kept", each.event_id, "no consent")
            else:
                rows.append((at, row))
        rows.sort(key=lambda pair: pair[1]["event_id"])  # so that batches never wait in a circle
        if rows:
            with self._begin(writing=True) as db:
                self._lock(db, alone=False)
                forgotten = int(_meta(db).get("forgotten", 0))
                for some in _parts(rows, AT_ONCE):
                    self._add(db, some, forgotten, outcomes)
        return [each for each in outcomes if each is not None]

    def _add(
        self,
        db: sa.Connection,
        rows: Sequence[tuple[int, dict[str, Any]]],
        forgotten: int,
        outcomes: list[Outcome | None],
    ) -> None:
        users = sorted({row["user_id"] for _, row in rows})
        consents, erased = self._consents(db, users), self._erased(db, users)
        keep: dict[str, tuple[int, dict[str, Any]]] = {}
        for at, row in rows:
            name, user = row["event_id"], row["user_id"]
            level, since = consents.get(user, (None, 0))
            gone = erased.get(user)
            agreed = [each for each in (row["consent"], level) if each] or [self.default]
            row["consent"] = min(agreed, key=LEVELS.index)
            if row["time"] < forgotten:
                outcomes[at] = Outcome("refused", name, "older than what this store keeps")
            elif gone is not None and (since <= gone or row["time"] <= gone):
                outcomes[at] = Outcome("refused", name, "of a user who was erased")
            elif row["consent"] == "none":
                outcomes[at] = Outcome("not kept", name, "no consent")
            elif name in keep:
                outcomes[at] = Outcome("duplicate", name)
            else:
                keep[name] = at, row
        if not keep:
            return
        statement = insert(db, EVENTS).on_conflict_do_nothing(index_elements=["event_id"])
        new = statement.returning(EVENTS.c.event_id)
        added = set(db.execute(new, [row for _, row in keep.values()]).scalars())
        for name, (at, _) in keep.items():
            outcomes[at] = Outcome("accepted" if name in added else "duplicate", name)

    def _consents(self, db: sa.Connection, users: Sequence[str]) -> dict[str, tuple[Any, int]]:
        """The latest level of each, and since when."""
        c = CONSENTS.c
        asked = sa.select(c.user_id, c.level, c.time).where(c.user_id.in_(users)).order_by(c.seq)
        return {user: (level, since) for user, level, since in db.execute(asked)}

    def _erased(self, db: sa.Connection, users: Sequence[str]) -> dict[str, int]:
        """When those of ``users`` were erased who were."""
        who = {self._who(user): user for user in users}
        c = RECEIPTS.c
        asked = sa.select(c.who, sa.func.max(c.time)).where(c.who.in_(list(who))).group_by(c.who)
        return {who[hashed]: last for hashed, last in db.execute(asked)}

    # People

    def consent(self, user_id: str, level: Consent) -> None:
        """From now on ``user_id`` agrees to this. What was kept under another level stays, but
        nothing is learned from it unless both say "full"; `erase` removes it."""
        if level not in LEVELS:
            raise BadParameter(f"consent is one of {', '.join(LEVELS)}; got {level!r}")
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            since = max(self._now(), self._erased(db, [user_id]).get(user_id, 0) + 1)
            row = {"user_id": user_id, "level": level, "time": since}
            db.execute(sa.insert(CONSENTS), [row])

    def consent_of(self, user_id: str) -> Consent:
        with self._begin() as db:
            level: Consent = self._consents(db, [user_id]).get(user_id, (self.default, 0))[0]
            return level

    def put_users(self, about: Mapping[str, Mapping[str, Any]]) -> None:
        """What is known of people, by user_id; what was known of them before is replaced.

        `DataError` for people who were erased and have not agreed to anything since, and for those
        who agreed to nothing: nothing of the rest is kept then either.
        """
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            for users in _parts(list(about), AT_ONCE):
                levels, gone = self._consents(db, users), self._erased(db, users)
                for user in users:
                    level, since = levels.get(user, (self.default, 0))
                    if level == "none" or since <= gone.get(user, -1):
                        raise DataError(f"user {user!r} has given no consent to be known")
            self._put(db, USERS, about)

    def put_items(self, about: Mapping[str, Mapping[str, Any]]) -> None:
        """What is known of items, by item_id, as for `headwater.data.frame.read`."""
        with self._begin(writing=True) as db:
            self._put(db, ITEMS, about)

    def remove_items(self, items: Sequence[str]) -> int:
        """Out of the catalogue; events with them stay. How many there were."""
        with self._begin(writing=True) as db:
            return sum(
                db.execute(sa.delete(ITEMS).where(ITEMS.c.item_id.in_(some))).rowcount
                for some in _parts(list(items), AT_ONCE)
            )

    def user(self, user_id: str) -> dict[str, Any]:
        return self._one(USERS, user_id)

    def item(self, item_id: str) -> dict[str, Any]:
        return self._one(ITEMS, item_id)

    def _put(self, db: sa.Connection, table: sa.Table, about: Mapping[str, Any]) -> None:
        key, now = table.primary_key.columns[0].name, self._now()
        odd = next((name for name in about if not isinstance(name, str) or not name), None)
        if odd is not None:
            raise DataError(f"{key} is a text that is not empty; got {odd!r}")
        rows = [{key: name, "about": _json(about[name]), "time": now} for name in sorted(about)]
        into = insert(db, table)
        new = {"about": into.excluded.about, "time": into.excluded.time}
        for some in _parts(rows, AT_ONCE):
            db.execute(into.on_conflict_do_update(index_elements=[key], set_=new), some)

    def _one(self, table: sa.Table, name: str) -> dict[str, Any]:
        key = table.primary_key.columns[0]
        with self._begin() as db:
            about = db.execute(sa.select(table.c.about).where(key == name)).scalar()
        if about is None:
            raise UnknownName(key.name.removesuffix("_id"), name, ())
        found: dict[str, Any] = json.loads(about)
        return found

    def export_user(self, user_id: str) -> dict[str, Any]:
        """All that is kept of one person, as plain values for JSON; times in UTC."""

        def plain(row: Mapping[str, Any]) -> dict[str, Any]:
            said = {name: value for name, value in row.items() if value is not None}
            said |= {n: instant(said[n]).isoformat() for n in ("time", "received") if n in said}
            said |= {n: json.loads(said[n]) for n in ("intents", "about") if n in said}
            return {name: value for name, value in said.items() if name not in ("seq", "user_id")}

        found: dict[str, Any] = {"user_id": user_id}
        with self._begin() as db:
            for table in PERSONAL:
                asked = sa.select(table).where(table.c.user_id == user_id)
                by = [table.c[name] for name in ("time", "seq") if name in table.c]
                found[table.name] = [
                    plain(dict(row)) for row in db.execute(asked.order_by(*by)).mappings()
                ]
        return found

    def erase(self, user_id: str) -> Receipt:
        """Remove all of ``user_id``, in one transaction; the receipt says how much there was.

        Events of theirs that still arrive are refused, until they `consent` anew, and those from
        before the erasure for good. Nobody is told whether the store had known them: erasing
        somebody unknown gives a receipt of nothing. No query finds anything of theirs from now on,
        and SQLite overwrites what it removes; but databases move rows about, and copies of single
        values can lie in unused parts of their files until `compact` writes them anew.
        """
        with self._begin(writing=True) as db:
            self._lock(db, alone=True)
            counts = {
                table.name: db.execute(sa.delete(table).where(table.c.user_id == user_id)).rowcount
                for table in PERSONAL
            }
            receipt = {
                "receipt_id": token_hex(16),
                "who": self._who(user_id),
                "counts": _json(counts),
                "time": self._now(),
            }
            db.execute(sa.insert(RECEIPTS), [receipt])
        self._scrub()
        return _receipt(receipt)

    def receipt(self, receipt_id: str) -> Receipt:
        with self._begin() as db:
            asked = sa.select(RECEIPTS).where(RECEIPTS.c.receipt_id == receipt_id)
            row = db.execute(asked).mappings().first()
        if row is None:
            raise UnknownName("receipt", receipt_id, ())
        return _receipt(row)

    def forget_before(self, time: datetime) -> int:
        """Remove the events from before ``time``, with a zone; how many there were.

        Events from before then that still arrive are refused."""
        if time.tzinfo is None:
            raise BadParameter(f"time needs a time zone, such as UTC; got {time}")
        micro = microseconds(time)
        with self._begin(writing=True) as db:
            self._lock(db, alone=True)
            gone = db.execute(sa.delete(EVENTS).where(EVENTS.c.time < micro)).rowcount
            before = int(_meta(db).get("forgotten", 0))
            into = insert(db, META)
            db.execute(
                into.on_conflict_do_update(
                    index_elements=["name"], set_={"value": into.excluded.value}
                ),
                [{"name": "forgotten", "value": str(max(micro, before))}],
            )
        self._scrub()
        return gone

    def compact(self) -> None:
        """Write the files of the database anew, without anything that was removed from them.

        Nobody can write meanwhile, and there has to be room for all of it once more: for the
        night after an erasure. Backups, and PostgreSQL's log, keep what they have.
        """
        with self._begin():
            pass  # what is wrong with it is said before
        try:
            with self.engine.connect() as db:
                if db.dialect.name == "postgresql":
                    alone = db.execution_options(isolation_level="AUTOCOMMIT")
                    for table in PERSONAL:
                        alone.exec_driver_sql(f"VACUUM (FULL) {table.name}")
                else:
                    _outside(db, "VACUUM")
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            raise self._told(error) from error
        self._scrub()

    def _scrub(self) -> None:
        """Out of SQLite's log, too, what was removed; readers that are at work put it off."""
        if self.engine.dialect.name != "sqlite":
            return
        try:
            with self.engine.connect() as db:
                found = _outside(db, "PRAGMA wal_checkpoint(TRUNCATE)")
            late = found is None or bool(found[0])
        except (sa.exc.SQLAlchemyError, sqlite3.Error):  # what was asked is done; this is the log
            late = True
        if late:
            log.warning("what was removed stays in the log of %s for now: others read it", self.url)

    # All of it, in and out

    def count(self) -> dict[str, int]:
        """The rows of every table."""
        with self._begin() as db:
            return {
                table.name: db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in (EVENTS, CONSENTS, USERS, ITEMS, RECEIPTS)
            }

    def frames(
        self, columns: Sequence[str] = (), *, where: Any = None, rows: int = 100_000
    ) -> Iterator[pl.DataFrame]:
        """The events as of now, in the order of their arrival, ``rows`` at a time."""
        chosen = [EVENTS.c[name] for name in columns or [c.name for c in EVENTS.columns]]
        asked = sa.select(*chosen).order_by(EVENTS.c.seq)
        asked = asked if where is None else asked.where(where)
        schema = {c.name: TYPES.get(c.name, pl.String) for c in chosen}
        with self._begin() as db:  # one statement: as the events were when it began
            for some in db.execution_options(yield_per=rows).execute(asked).partitions():
                yield pl.DataFrame([tuple(row) for row in some], schema=schema, orient="row")

    def export_events(self, folder: str | Path, *, rows: int = 100_000) -> int:
        """All events to ``folder``, in Parquet files of ``rows`` each; how many there were.

        The folder is written whole or not at all, and never more than one file is in memory.
        """
        n = 0
        with atomic_path(folder) as temp:
            temp.mkdir()
            for part, frame in enumerate(self.frames(rows=rows)):
                frame.drop("seq").write_parquet(temp / f"events-{part:06d}.parquet")
                n += len(frame)
        return n

    def import_events(self, source: str | Path, *, rows: int = 20_000) -> dict[str, int]:
        """The events of a Parquet file, or of a folder of them, as `export_events` writes.

        They are checked as those that `ingest` takes, but may be of any age. How many there were
        of each status; why the first was refused is logged. Each ``rows`` are a transaction: what
        broke off can be begun again from the start.
        """
        source = Path(source)
        files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
        if not files or not files[0].exists():
            raise DataError(f"no Parquet file of events at {source}")
        found: dict[str, int] = {}
        for file in files:
            lazy = pl.scan_parquet(file)
            have = lazy.collect_schema().names()
            if not {"event_id", "kind", "user_id", "time"} <= set(have):
                raise DataError(f"{file} holds no events of a store; it has: {', '.join(have)}")
            at = 0
            while len(some := lazy.slice(at, rows).collect()):
                at += len(some)
                for answer in self._ingest([_given(row) for row in some.iter_rows(named=True)], 0):
                    if answer.status == "refused" and "refused" not in found:
                        log.warning("refused event %s: %s", answer.event_id, answer.reason)
                    found[answer.status] = found.get(answer.status, 0) + 1
        return found

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
        data = without_kind(data, "impression")
        if not len(shown):
            return data
        slots, notes = slots_of(shown, done)
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


def _outside(db: sa.Connection, statement: str) -> Any:
    """On SQLite, without a transaction; the first row."""
    cursor = db.connection.cursor()
    try:
        cursor.execute(statement)
        return cursor.fetchone()
    finally:
        cursor.close()


def _meta(db: sa.Connection) -> dict[str, str]:
    rows = db.execute(sa.select(META.c.name, META.c.value))
    return {row.name: row.value for row in rows}


def _keyed(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _row(event: Event, now: int) -> dict[str, Any]:
    row = dict.fromkeys(SENT)
    row |= event.__dict__
    row["time"] = microseconds(event.time)
    row["received"] = now
    if row["intents"] is not None:
        row["intents"] = _json(row["intents"])
    return row


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a Parquet file as it was sent."""
    given = {n: v for n, v in row.items() if v is not None and n not in ("seq", "received")}
    if isinstance(given.get("time"), int):
        given["time"] = instant(given["time"])
    if isinstance(given.get("intents"), str):
        given["intents"] = json.loads(given["intents"])
    return given


def _receipt(row: Mapping[Any, Any]) -> Receipt:
    when = instant(row["time"])
    return Receipt(row["receipt_id"], row["who"], json.loads(row["counts"]), when)


def _untimely(micro: int, now: int) -> str:
    days = abs(micro - now) / 86_400e6
    off = f"{days:.1f} days" if days >= 1 else f"{days * 1440:.1f} minutes"
    side = "after" if micro > now else "before"
    return f"time: {instant(micro).isoformat()} is {off} {side} the clock of the store"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise DataError(f"what is kept has to be plain values for JSON: {error}") from None


def _parts(rows: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))
