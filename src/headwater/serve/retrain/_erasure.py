"""Whom the versions on a shelf know that were erased since, and the end of such versions."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import polars as pl

from ...data.store import load_data
from ...errors import BadArtifact
from ..events import microseconds
from ..shelf import Shelf
from ..store import Store
from ..store._rows import AT_ONCE, parts
from ..store._standing import erased

__all__ = ["forget", "held", "known_to", "read_at"]

log = logging.getLogger("headwater")


def held(store: Store, users: Iterable[str], since: int) -> set[str]:
    """Those of ``users`` who were erased, and have not come back or were so only ``since`` then.

    ``since`` is when their data was read, in unix microseconds: who came back before that is known
    by what they did after.
    """
    ids = list(users)
    found = store.erased_among(ids)
    with store._begin() as db:
        for some in parts(ids, AT_ONCE):
            found |= {user for user, last in erased(db, some, store._who).items() if last >= since}
    return found


def read_at(shelf: Shelf, name: str) -> int:
    """When the data of a version was read, in unix microseconds; 0 where nobody says."""
    try:
        return microseconds(datetime.fromisoformat(shelf.report(name)["read"]))
    except (BadArtifact, KeyError, TypeError, ValueError):
        return 0


def known_to(folder: Path) -> list[str]:
    """The users of a saved model's data, as text."""
    if not (folder / "data").is_dir():
        return []  # of nobody by name
    return load_data(folder / "data").users.values.cast(pl.String).to_list()


def forget(store: Store, shelf: Shelf) -> list[str]:
    """Remove the versions, but for the one that answers, that know anybody who was erased; which.

    The receipts of whom no version is left to know are completed.
    """
    now, current, gone = store.now(), shelf.current, []
    still: set[str] = set()
    for name in shelf.names():
        try:
            who = held(store, known_to(shelf.path(name)), read_at(shelf, name))
        except BadArtifact as error:
            if name == current:
                raise
            log.warning("%s is removed, since nobody can tell whom it knows: %s", name, error)
            who = {name}
        if name == current:
            still = who
        elif who:
            shelf.remove(name)
            gone.append(name)
    shelf.sweep()
    if current is not None:
        store.complete(now, current, still=still)
    return gone
