"""Vectors on disk by the content that they are of: one SQLite file, for any number of encoders."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from ..errors import BadArtifact, DataError
from ..types import Floats

__all__ = ["Cache", "key_of"]

MARK = 0x68777663  # SQLite's application_id of these files: "hwvc"
FORMAT = 1
ASKED = 500  # most keys in one question; SQLite has a limit
PATIENCE = 60.0  # seconds to wait for another process that writes


def key_of(what: str, content: bytes) -> bytes:
    """32 bytes that stand for ``content`` as ``what`` encodes it."""
    return hashlib.sha256(hashlib.sha256(what.encode()).digest() + content).digest()


class Cache:
    """Vectors of ``dimensions`` numbers. Without a file it holds nothing, and keeps nothing.

    What was `put` is there whole or not at all, whatever becomes of the process.
    """

    def __init__(self, path: Path | None, file: sqlite3.Connection | None, dimensions: int):
        self.path = path
        self.file = file
        self.dimensions = dimensions

    @classmethod
    @contextmanager
    def opened(cls, path: str | Path | None, dimensions: int) -> Iterator[Cache]:
        """The cache at ``path``, made if missing; `BadArtifact` if that is another file."""
        if path is None:
            yield cls(None, None, dimensions)
            return
        path = Path(path)
        with _said(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        with closing(file):
            with _said(path):
                _prepare(path, file)
            yield cls(path, file, dimensions)

    def get(self, keys: Iterable[bytes]) -> dict[bytes, Floats]:
        """The vectors of those of ``keys`` that are known."""
        found: dict[bytes, Floats] = {}
        if self.file is None or self.path is None:
            return found
        listed = list(keys)
        with _said(self.path):
            for at in range(0, len(listed), ASKED):
                part = listed[at : at + ASKED]
                marks = ", ".join("?" * len(part))
                ask = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"
                found |= {key: self._vector(blob) for key, blob in self.file.execute(ask, part)}
        return found

    def put(self, keys: Sequence[bytes], vectors: Floats) -> None:
        """Keep ``vectors`` (n, D), in one transaction."""
        if self.file is None or self.path is None:
            return
        rows = [(k, v.astype("<f4").tobytes()) for k, v in zip(keys, vectors, strict=True)]
        with _said(self.path), _transaction(self.file):
            self.file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def _vector(self, blob: object) -> Floats:
        if not isinstance(blob, bytes) or len(blob) != 4 * self.dimensions:
            raise BadArtifact(
                f"{self.path} is damaged: a vector is not of {self.dimensions} numbers; delete it "
                "to compute all of them again"
            )
        return np.frombuffer(blob, "<f4")


def _prepare(path: Path, file: sqlite3.Connection) -> None:
    if _asked(file, "PRAGMA application_id") != MARK:
        with _transaction(file):  # another process may be doing the same
            if _asked(file, "PRAGMA application_id") != MARK:
                if _asked(file, "SELECT count(*) FROM sqlite_master"):
                    raise BadArtifact(
                        f"{path} is a database of something else than vectors: choose another name"
                    )
                file.execute("CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
                file.execute(f"PRAGMA user_version = {FORMAT}")
                file.execute(f"PRAGMA application_id = {MARK}")
    had = _asked(file, "PRAGMA user_version")
    if had != FORMAT:
        raise BadArtifact(
            f"{path} has format {had}; this Headwater reads {FORMAT}: choose another name, or "
            "delete it to compute all vectors again"
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
def _said(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, with the file and what to do."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:  # locked, full, read-only, no such folder
        raise DataError(f"vectors cannot be kept in {path}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise BadArtifact(
            f"{path} is damaged, or no file of vectors ({error}): choose another name, or delete "
            "it to compute all vectors again"
        ) from None
