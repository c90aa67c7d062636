"""People in a store: what they agreed to, what is known of them, and how they are erased."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from secrets import token_hex
from typing import Any

from ...errors import BadParameter, NoConsent, UnknownName
from ...extras import needs
from ..events import CHOSEN, LEVELS, Consent, instant
from ._base import Base
from ._rows import AT_ONCE, as_json, described, micro, parts, put
from ._standing import Standing, erased, known
from ._tables import CONSENTS, EVENTS, PERSONAL, RECEIPTS, USERS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["People", "Receipt"]

LAST = (  # built once, as those of `known`
    sa.select(EVENTS.c.item_id, EVENTS.c.time)
    .where(EVENTS.c.user_id == sa.bindparam("user"), EVENTS.c.kind.in_(CHOSEN))
    .order_by(EVENTS.c.time.desc(), EVENTS.c.seq.desc())
    .limit(sa.bindparam("most"))
)
TIMES = ("time", "received")
JSON = ("intents", "about", "steps", "degraded")


@dataclass(frozen=True)
class Receipt:
    """That somebody was erased: without their id, which only the key turns into ``who``."""

    receipt_id: str
    who: str  # HMAC-SHA256 of the user_id
    counts: Mapping[str, int]  # rows removed, by table
    time: datetime
    completed: datetime | None = None  # since when no model knows them either; None: not yet
    completed_by: str | None = None  # the model that took the place of the last that did


class People(Base):
    def consent(self, user_id: str, level: Consent) -> None:
        """From now on ``user_id`` agrees to this. What was kept under another level stays, but
        nothing is learned from it unless both say "full"; `erase` removes it."""
        if level not in LEVELS:
            raise BadParameter(f"consent is one of {', '.join(LEVELS)}; got {level!r}")
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            before = known(db, [user_id], self._who)[user_id]
            since = max(self._now(), before.since, (before.erased or 0) + 1)
            row = {"user_id": user_id, "level": level, "time": since}
            db.execute(sa.insert(CONSENTS), [row])

    def standing(self, user_id: str) -> Standing:
        """What ``user_id`` agrees to as of now, and when they were last erased."""
        with self._begin() as db:
            return self._standing(db, user_id)

    def _standing(self, db: sa.Connection, user_id: str) -> Standing:
        person = known(db, [user_id], self._who)[user_id]
        level: Consent = "none" if person.gone else person.recorded or self.default
        return Standing(level, person.erased, person.recorded)

    def person(self, user_id: str, k: int = 200) -> tuple[Standing, list[tuple[str, int]]]:
        """Their `standing`, and the last ``k`` items that they clicked on, played or bookmarked,
        the newest last, with the time in unix microseconds; none of those without consent.

        It is what a page needs to know, in one transaction."""
        with self._begin() as db:
            standing = self._standing(db, user_id)
            if standing.consent == "none":
                return standing, []
            found = db.execute(LAST, {"user": user_id, "most": k})
            return standing, [(item, time) for item, time in found][::-1]

    def consent_of(self, user_id: str) -> Consent:
        """The recorded level, or the default; "none" of who was erased and has not come back."""
        return self.standing(user_id).consent

    def put_users(self, about: Mapping[str, Mapping[str, Any]]) -> None:
        """What is known of people, by user_id; what was known of them before is replaced.

        `NoConsent` for people who were erased and have not agreed to anything since, and for those
        who agreed to nothing: nothing of the rest is kept then either.
        """
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            for users in parts(list(about)):
                for user, person in known(db, users, self._who).items():
                    level = person.level(None, self.default, trust=self.trust_consent)
                    if level == "none" or person.gone:
                        raise NoConsent(f"user {user!r} has given no consent to be known")
            put(db, USERS, described(USERS, about, time=self._now()))

    def user(self, user_id: str) -> dict[str, Any]:
        with self._begin() as db:
            asked = sa.select(USERS.c.about).where(USERS.c.user_id == user_id)
            about = db.execute(asked).scalar()
        if about is None:
            raise UnknownName("user", user_id, ())
        found: dict[str, Any] = json.loads(about)
        return found

    def export_user(self, user_id: str) -> dict[str, Any]:
        """All that is kept of one person, as plain values for JSON; times in UTC."""

        def plain(row: Mapping[str, Any]) -> dict[str, Any]:
            said = {name: value for name, value in row.items() if value is not None}
            said |= {n: instant(said[n]).isoformat() for n in TIMES if n in said}
            said |= {n: json.loads(said[n]) for n in JSON if n in said}
            return {name: value for name, value in said.items() if name not in ("seq", "user_id")}

        found: dict[str, Any] = {"user_id": user_id}
        with self._begin(still=True) as db:
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
        values can lie in unused parts of their files until `compact` writes them anew. Models that
        learned from them know them until `complete` says otherwise.
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
                "counts": as_json(counts),
                "time": self._now(),
            }
            db.execute(sa.insert(RECEIPTS), [receipt])
        self._scrub()
        return _receipt({**receipt, "completed": None, "completed_by": None})

    def receipt(self, receipt_id: str) -> Receipt:
        with self._begin() as db:
            asked = sa.select(RECEIPTS).where(RECEIPTS.c.receipt_id == receipt_id)
            row = db.execute(asked).mappings().first()
        if row is None:
            raise UnknownName("receipt", receipt_id, ())
        return _receipt(row)

    def erased_among(self, user_ids: Iterable[str]) -> set[str]:
        """Those of ``user_ids`` who were erased and have not come back."""
        gone: set[str] = set()
        rest = iter(user_ids)
        with self._begin() as db:
            while users := list(islice(rest, AT_ONCE)):
                found = list(erased(db, users, self._who))
                if found:
                    gone |= {u for u, p in known(db, found, self._who).items() if p.gone}
        return gone

    def complete(self, until: datetime, by: str, *, still: Iterable[str] = ()) -> int:
        """No model knows any more whoever was erased by ``until``, a time with a zone, since the
        model ``by`` was published: their receipts say so from now on; how many.

        ``until`` is when the oldest model that is left began to read its data. ``still`` are
        people whom one of them knows all the same, as `erased_among` finds: theirs stay open.
        """
        last, c = micro(until, "until"), RECEIPTS.c
        with self._begin(writing=True) as db:
            self._lock(db, alone=True)
            open_ = sa.select(c.receipt_id, c.who).where(c.completed.is_(None), c.time <= last)
            waiting = {row.receipt_id: row.who for row in db.execute(open_)}
            if not waiting:
                return 0
            left = set(map(self._who, still))
            done = [name for name, who in waiting.items() if who not in left]
            for some in parts(done):
                mark = sa.update(RECEIPTS).where(c.receipt_id.in_(some))
                db.execute(mark.values(completed=self._now(), completed_by=by))
        return len(done)

    def open_receipts(self) -> Iterator[Receipt]:
        """The receipts of people whom models may still know, the oldest first."""
        asked = sa.select(RECEIPTS).where(RECEIPTS.c.completed.is_(None)).order_by(RECEIPTS.c.time)
        with self._begin() as db:
            yield from [_receipt(row) for row in db.execute(asked).mappings()]

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
                    self._outside(db, "VACUUM")
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            raise self._told(error) from error
        self._scrub()


def _receipt(row: Mapping[Any, Any]) -> Receipt:
    done = row["completed"]
    return Receipt(
        row["receipt_id"],
        row["who"],
        json.loads(row["counts"]),
        instant(row["time"]),
        None if done is None else instant(done),
        row["completed_by"],
    )
