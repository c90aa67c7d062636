"""The database of a store: opened, its tables made, and every piece of work a transaction."""

from __future__ import annotations

import hashlib
import hmac
import logging
import sqlite3
import time as clocks
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

from ...errors import BadParameter, StoreError
from ...extras import needs
from ..events import LEVELS, Consent, instant
from ._database import engine_for
from ._rows import meta
from ._tables import META

with needs("the event store", "serve"):
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

__all__ = ["Base"]

FULL = ("database or disk is full", "no space left", "could not extend file")
BUSY = ("locked", "lock timeout", "deadlock")
LOCK = 0x48_65_61_64  # of a PostgreSQL database: ingestion shares it, erasure has it alone
log = logging.getLogger("headwater")
MIGRATIONS = Path(__file__).parent / "migrations"


class Base:
    """What all parts of `headwater.serve.store.Store`, which says what the arguments are, need."""

    def __init__(
        self,
        url: str | Path,
        *,
        default: Consent = "none",
        trust_consent: bool = True,
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
        self.default, self.trust_consent = default, trust_consent
        self.future, self.past = future, past
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

    @property
    def version(self) -> str | None:
        """Of the tables as they are; None where there are none yet."""
        if self._nowhere:
            return None
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
            known = {"check", "key"} & set(meta(db))
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

    def _behind(self, version: str | None) -> StoreError:
        newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        is_ = "has no tables yet" if version is None else f"is of the older version {version}"
        return StoreError(
            f"{self.url} {is_} (this is {newest}): `headwater store upgrade`, or "
            "Store(...).upgrade(), brings it up"
        )

    @property
    def _nowhere(self) -> bool:
        """Whether it is a file that is not there, which opening it would make."""
        file = self.engine.url.database or ""
        is_file = self.engine.dialect.name == "sqlite" and not file.startswith("file:")  # a URI
        return is_file and not Path(file).exists()

    def _checked(self, db: sa.Connection) -> None:
        """That the tables are of this version and the key is theirs; once for each store."""
        version = MigrationContext.configure(db).get_current_revision()
        self._not_newer(version)
        if version != ScriptDirectory(str(MIGRATIONS)).get_current_head():
            raise self._behind(version)
        said = meta(db)
        key = self._given or bytes.fromhex(said.get("key", ""))
        if not key:
            raise StoreError(f"{self.url} was made with a key of its own: give it as key=...")
        if not hmac.compare_digest(_keyed(key, "check"), said["check"]):
            raise StoreError(
                f"the key is not the one that {self.url} was made with: with another, people who "
                "were erased would not be known as such"
            )
        self._key = key

    @contextmanager
    def _begin(
        self, *, writing: bool = False, checked: bool = True, still: bool = False
    ) -> Iterator[sa.Connection]:
        """A transaction: all of it is done and forced to disk at the end, or nothing of it.

        With ``still`` all its statements see the tables as they were at the first of them; on
        SQLite they do so anyway.
        """
        if checked and not self._key and self._nowhere:
            raise self._behind(None)
        try:
            with self.engine.connect() as bare:
                db = bare.execution_options(headwater_writes=writing)
                if still and db.dialect.name == "postgresql":
                    db = db.execution_options(isolation_level="REPEATABLE READ")
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
        if any(each in said.lower() for each in BUSY):
            return StoreError(f"{self.url} is being written by others ({said}): send it again")
        return StoreError(f"{self.url} did not do it, and nothing of it was kept: {said}")

    def _lock(self, db: sa.Connection, *, alone: bool) -> None:
        """Nobody is erased while a batch that may hold their events is on its way in.

        On SQLite there is one writer at a time anyway.
        """
        if db.dialect.name == "postgresql":
            lock = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
            db.execute(sa.select(lock(LOCK)))

    def _scrub(self) -> None:
        """Out of SQLite's log, too, what was removed; readers that are at work put it off."""
        if self.engine.dialect.name != "sqlite":
            return
        try:
            with self.engine.connect() as db:
                found = self._outside(db, "PRAGMA wal_checkpoint(TRUNCATE)")
            late = found is None or bool(found[0])
        except (sa.exc.SQLAlchemyError, sqlite3.Error):  # what was asked is done; this is the log
            late = True
        if late:
            log.warning("what was removed stays in the log of %s for now: others read it", self.url)

    @staticmethod
    def _outside(db: sa.Connection, statement: str) -> Any:
        """On SQLite, without a transaction; the first row."""
        cursor = db.connection.cursor()
        try:
            cursor.execute(statement)
            return cursor.fetchone()
        finally:
            cursor.close()

    def now(self) -> datetime:
        """The time by the clock of the store, in UTC."""
        return instant(self._now())

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def who(self, user_id: str) -> str:
        """The keyed hash by which `user_id` is known once they are erased: hex, 64 characters."""
        if not self._key:
            with self._begin():
                pass  # which reads the key
        return self._who(user_id)

    def _who(self, user_id: str) -> str:
        return _keyed(self._key, user_id)


def _keyed(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
