"""One process at a time: a lock on a file, which is free again when whoever has it dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Taken", "locked"]


class Taken(Exception):
    """Somebody else has the lock."""


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Have the lock ``path``, a file that is made and stays; `Taken` if not to ``wait`` for it.

    On systems that are not POSIX nothing is locked, as in `headwater.atomic`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":
        yield
        return
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Taken(str(path)) from None
        yield
    finally:
        os.close(handle)
