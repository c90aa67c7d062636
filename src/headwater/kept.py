"""What was computed, on disk by the content that it is of: one SQLite file for many makers.

What was put is there whole or not at all, whatever becomes of the process, and several processes
may share a file.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import BadArtifact, DataError

__all__ = ["Kept", "Kind", "key_of"]

ASKED = 500  # most keys in one question; SQLite has a limit
PATIENCE = 60.0  # seconds to wait for another process that writes


def key_of(what: str, content: bytes) -> bytes:
    """32 bytes that stand for ``content`` as ``what`` makes something of it."""
    return hashlib.sha256(hashlib.sha256(what.encode()).digest() + content).digest()


@dataclass(frozen=True)
class Kind:
    """What a file keeps, in one table named after it."""

    thing: str  # "vector": the column, and with an s the table
    mark: int  # SQLite's application_id of these files
    format: int = 1

    @property
    def things(self) -> str:
        return f"{self.thing}s"


class Kept:
    """Bytes by key. Without a file it holds nothing, and keeps nothing."""

    def __init__(self, kind: Kind, path: Path | None, file: sqlite3.Connection | None):
        self.kind = kind
        self.path = path
        self.file = file

    @classmethod
    @contextmanager
    def opened(cls, kind: Kind, path: str | Path | None) -> Iterator[Kept]:
        """The file at ``path``, made if missing; `BadArtifact` if that is another file."""
        if path is None:
            yield cls(kind, None, None)
            return
        path = Path(path)
        with _said(kind, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        with closing(file):
            with _said(kind, path):
                _prepare(kind, path, file)
            yield cls(kind, path, file)

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """What is known of ``keys``."""
        found: dict[bytes, bytes] = {}
        if self.file is None or self.path is None:
            return found
        listed = list(keys)
        with _said(self.kind, self.path):
            for at in range(0, len(listed), ASKED):
                part = listed[at : at + ASKED]
                marks = ", ".join("?" * len(part))
                ask = (
                    f"SELECT key, {self.kind.thing} FROM {self.kind.things} WHERE key IN ({marks})"
                )
                found |= {key: self._bytes(blob) for key, blob in self.file.execute(ask, part)}
        return found

    def put(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep ``rows`` of key and bytes, in one transaction."""
        if self.file is None or self.path is None:
            return
        with _said(self.kind, self.path), _transaction(self.file):
            tell = f"INSERT OR REPLACE INTO {self.kind.things} VALUES (?, ?)"
            self.file.executemany(tell, rows)

    def damaged(self, why: str) -> BadArtifact:
        return BadArtifact(f"{self.path} is damaged: {why}; delete it to compute all of them again")

    def _bytes(self, blob: object) -> bytes:
        if not isinstance(blob, bytes):
            raise self.damaged(f"a {self.kind.thing} is no bytes")
        return blob


def _prepare(kind: Kind, path: Path, file: sqlite3.Connection) -> None:
    if _asked(file, "PRAGMA application_id") != kind.mark:
        with _transaction(file):  # another process may be doing the same
            if _asked(file, "PRAGMA application_id") != kind.mark:
                if _asked(file, "SELECT count(*) FROM sqlite_master"):
                    raise BadArtifact(
                        f"{path} is a database of something else than {kind.things}: choose "
                        "another name"
                    )
                file.execute(
                    f"CREATE TABLE {kind.things} (key BLOB PRIMARY KEY, {kind.thing} BLOB NOT NULL)"
                )
                file.execute(f"PRAGMA user_version = {kind.format}")
                file.execute(f"PRAGMA application_id = {kind.mark}")
    had = _asked(file, "PRAGMA user_version")
    if had != kind.format:
        raise BadArtifact(
            f"{path} has format {had}; this Headwater reads {kind.format}: choose another name, or "
            f"delete it to compute all {kind.things} again"
        )


def _asked(file: sqlite3.Connection, question: str) -> int:
    return int(file.execute(question).fetchone()[0])


@contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


@contextmanager
def _said(kind: Kind, path: Path) -> Iterator[None]:
    """SQLite's errors as ours, with the file and what to do."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:  # locked, full, read-only, no such folder
        raise DataError(f"{kind.things} cannot be kept in {path}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise BadArtifact(
            f"{path} is damaged, or no file of {kind.things} ({error}): choose another name, or "
            f"delete it to compute all {kind.things} again"
        ) from None
