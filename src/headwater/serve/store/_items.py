"""The catalogue of a store: what is known of items, what was removed, and what changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import UnknownName
from ...extras import needs
from ._base import Base
from ._database import insert
from ._rows import described, meta, parts, put, revised
from ._tables import ITEMS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Items"]


class Items(Base):
    def put_items(self, about: Mapping[str, Mapping[str, Any]]) -> None:
        """What is known of items, by item_id, as for `headwater.data.frame.read`.

        Those that had been removed are back in the catalogue."""
        now = self._now()
        with self._begin(writing=True) as db:
            put(
                db,
                ITEMS,
                described(ITEMS, about, time=now, removed=None, revision=revised(db)),
            )

    def remove_items(self, items: Sequence[str]) -> int:
        """Out of the catalogue, until they are put again; how many there were.

        Events with them stay, and models learn from them; but what is in `removed` must not be
        recommended. That goes for items, too, of which only events tell."""
        now = self._now()
        with self._begin(writing=True) as db:
            revision, c, gone = revised(db), ITEMS.c, 0
            for some in parts(sorted(set(items))):
                there = (c.item_id.in_(some)) & c.removed.is_(None)
                gone += db.execute(
                    sa.update(ITEMS).where(there).values(removed=now, revision=revision)
                ).rowcount
                rows = described(
                    ITEMS, {name: {} for name in some}, time=now, removed=now, revision=revision
                )
                into = insert(db.dialect, ITEMS)
                db.execute(into.on_conflict_do_nothing(index_elements=["item_id"]), rows)
        return gone

    def removed(self) -> set[str]:
        """The items that were removed and not put again: not to be recommended."""
        with self._begin() as db:
            asked = sa.select(ITEMS.c.item_id).where(ITEMS.c.removed.is_not(None))
            return set(db.execute(asked).scalars())

    def item(self, item_id: str) -> dict[str, Any]:
        """`UnknownName` also for one that was removed."""
        asked = sa.select(ITEMS.c.about)
        asked = asked.where(ITEMS.c.item_id == item_id, ITEMS.c.removed.is_(None))
        with self._begin() as db:
            about = db.execute(asked).scalar()
        if about is None:
            raise UnknownName("item", item_id, ())
        found: dict[str, Any] = json.loads(about)
        return found

    def items_changed(self, since: int) -> tuple[list[tuple[str, dict[str, Any] | None]], int]:
        """The items that changed after the revision ``since``, 0 for all of them, each with what
        is known of it or None if it was removed; and the revision to ask with next time.

        However many write meanwhile, whoever asks again and again misses no change. A ``since``
        that the store has not come to, since it was restored from a copy, gives all items.
        """
        c = ITEMS.c
        with self._begin() as db:
            last = int(meta(db)["revision"])
            since = since if since <= last else 0
            asked = sa.select(c.item_id, c.about, c.removed, c.revision)
            asked = asked.where(c.revision > since).order_by(c.revision, c.item_id)
            rows = db.execute(asked).all()
        changed = [
            (row.item_id, json.loads(row.about) if row.removed is None else None) for row in rows
        ]
        return changed, max([last, *(row.revision for row in rows)])
