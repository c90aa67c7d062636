"""All of a file or folder is written, or nothing of it: what was there before stays until then.

The new content grows in a hidden sibling, is forced to disk and then renamed over the old. A file
is replaced in one step. A folder needs two renames (old one aside, new one in), so a process killed
exactly between them leaves the old folder aside, whole: `recover` puts it back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from .errors import DataError

__all__ = ["Taken", "atomic_path", "holds_else", "locked", "moved", "recover"]


class Taken(Exception):
    """Somebody else has the lock."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A path to write to, as a file or as a folder; it takes the place of ``path`` at the end.

    Any exception, Ctrl-C among them, removes what was written and leaves ``path`` as it was.
    Missing parents are made. Two writers at once are safe: the last to finish wins. A process that
    is killed outright can leave its hidden ``.tmp-...`` sibling behind, and nothing worse.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "note.txt") as temp:
    ...     _ = temp.write_text("whole")
    >>> [each.name for each in folder.iterdir()]
    ['note.txt']
    """
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".tmp-{os.getpid()}-{token_hex(4)}-{path.name}")
    try:
        yield temp
        _sync_all(temp)
        if temp.is_dir():
            _replace_folder(temp, path)
        else:
            os.replace(temp, path)
        _sync(path.parent)
    except BaseException:
        _remove(temp)
        raise


def holds_else(folder: str | Path, mark: str) -> bool:
    """Whether ``folder`` has something in it, and not the file ``mark`` that is in all of ours: it
    is somebody else's, and must not be replaced."""
    folder = Path(folder)
    return folder.is_dir() and any(folder.iterdir()) and not (folder / mark).exists()


def recover(path: str | Path) -> bool:
    """Put the folder ``path`` back if a save was killed between its two renames; whether it did."""
    path = Path(path).resolve()
    old = _aside(path)
    if path.exists() or not old.exists():
        return False
    with locked(path.parent, needed=False):  # waits for a writer that is alive
        return _put_back(path)


def moved(path: Path, to: Path) -> None:
    """Rename ``path`` within its folder, forced to disk."""
    os.rename(path, to)
    _sync(to.parent)


@contextmanager
def locked(path: Path, *, wait: bool = True, needed: bool = True) -> Iterator[None]:
    """One process at a time has ``path``, a folder or a file that is made and stays; `Taken` if not
    to ``wait`` for it. It is free again when whoever has it dies.

    On systems that are not POSIX nothing is locked, nor, unless it is ``needed``, on file systems
    that know no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":
        yield
        return
    import fcntl

    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Taken(str(path)) from None
        except OSError:
            if needed:
                raise
        yield
    finally:
        os.close(handle)


def _replace_folder(temp: Path, path: Path) -> None:
    old = _aside(path)
    with locked(path.parent, needed=False):
        _put_back(path)
        if path.exists() and not path.is_dir():
            raise DataError(f"{path} is a file and a folder is to be written: choose another name")
        _remove(old)  # left by a process killed after its second rename
        try:
            if path.exists():
                os.rename(path, old)
            os.rename(temp, path)
        except BaseException:
            _put_back(path)
            raise
        _sync(path.parent)
        _remove(old)


def _put_back(path: Path) -> bool:
    old = _aside(path)
    if path.exists() or not old.exists():
        return False
    moved(old, path)
    return True


def _aside(path: Path) -> Path:
    return path.with_name(f".old-{path.name}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _sync_all(path: Path) -> None:
    if path.is_dir():
        for inner in path.iterdir():
            _sync_all(inner)
    _sync(path)


def _sync(path: Path) -> None:
    if os.name != "posix" and path.is_dir():
        return  # only files can be forced to disk there
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
