"""The event store: what people did, kept for good, in SQLite or PostgreSQL by the same code.

    store = Store("events.db")                        or "postgresql://user:word@host/name"
    store.upgrade()                                   makes the tables, or brings old ones up
    store.consent("ann", "full")
    store.ingest([{"kind": "click", ...}])            forced to disk when this returns

Events are only ever added, each once: what is sent again under the same ``event_id`` is answered
as a duplicate. So whoever got no answer sends the whole batch again. Two things remove: `erase` all
of one person, and `forget_before` all that is older than a time.

    _base.py      the database: tables and their versions, transactions      _tables.py, migrations/
    _ingest.py    events in, and what somebody did last                      events.py, _standing.py
    _people.py    consent, what is known of people, export, erasure
    _items.py     the catalogue
    _answers.py   what was answered, experiments
    _parquet.py   all of it out, and in again
    _learning.py  what may be learned from it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...extras import needs
from ._answers import Answers
from ._ingest import Ingest, Outcome
from ._items import Items
from ._learning import Learning
from ._parquet import Parquet
from ._people import People, Receipt
from ._standing import Standing
from ._tables import ANSWERS, CONSENTS, EVENTS, EXPERIMENTS, EXPOSURES, ITEMS, RECEIPTS, USERS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Outcome", "Receipt", "Standing", "Store"]

TABLES = (EVENTS, CONSENTS, USERS, ITEMS, ANSWERS, EXPOSURES, EXPERIMENTS, RECEIPTS)


class Store(Learning, Parquet, Ingest, People, Items, Answers):
    """The events of a platform, in the database at ``url``: SQLAlchemy's, or the path of a file.

    ``default`` is the consent of people of whom neither event nor store knows any. What an event
    says of consent is believed of people of whom the store knows none: whoever sends it answers for
    it. With trust_consent=False it can only lower what is recorded, or ``default``. Events from
    more than ``future`` after the present or more than ``past`` before it are refused.
    ``key`` is the secret of the hashes in receipts; without one, the store makes one and keeps it
    with the rest, which hides ids from readers of receipts, not from who has the whole database.
    ``timeout`` is how many seconds to wait while others write.

    `StoreError` says what the database would not do; the batch, erasure or migration that it broke
    off has left nothing behind.
    """

    def keep(
        self,
        answers: Sequence[Mapping[str, Any]],
        exposures: Sequence[tuple[str, str, str]],
        impressions: Sequence[Mapping[str, Any]],
    ) -> None:
        """What a server has answered and shown, all of it or nothing, and each once: rows as for
        `served`, the arguments of `expose`, and events of the kind impression, which the server
        made itself and which are not looked at again. Of people of whom it may be kept."""
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            self._kept(db, answers, exposures)
            self._shown(db, impressions)

    def count(self) -> dict[str, int]:
        """The rows of every table; of items, those in the catalogue."""
        found = {}
        with self._begin(still=True) as db:
            for table in TABLES:
                asked = sa.select(sa.func.count()).select_from(table)
                asked = asked.where(table.c.removed.is_(None)) if table is ITEMS else asked
                found[table.name] = db.execute(asked).scalar_one()
        return found
