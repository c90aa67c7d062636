"""Unpacking an archive that nobody vouches for: nothing outside the folder, nothing without end."""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from ..atomic import atomic_path
from ..errors import DataError

__all__ = ["is_archive", "unpack"]

RATIO = 50  # unpacked bytes to packed ones; the sources here stay below 10
LEAST = 1 << 26  # bytes that any archive may unpack to
MEMBERS = 100_000
CHUNK = 1 << 20


def is_archive(path: Path) -> bool:
    return path.name.endswith((".zip", ".tar.gz", ".tgz", ".tar"))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar file as ``folder``, which is replaced, all or nothing.

    `DataError`, and nothing written, if a member points outside, is a link or a device, comes
    twice, or if there is more of it than such an archive can honestly hold or the disk has room.
    """
    most = max(LEAST, RATIO * archive.stat().st_size)
    try:
        with atomic_path(folder) as temp:
            temp.mkdir()
            written = 0
            for count, (name, size, source) in enumerate(_members(archive), 1):
                if count > MEMBERS or written + size > most:
                    raise DataError(_bomb(archive, most))
                if size > shutil.disk_usage(temp).free:
                    raise DataError(f"no room for {size:,} bytes of {name!r} in {folder.parent}")
                written += _copy(source, _target(archive, temp, name), most - written)
                if written > most:
                    raise DataError(_bomb(archive, most))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as fault:
        raise DataError(f"{archive} is damaged: {fault}") from fault
    except (RuntimeError, NotImplementedError) as fault:  # encrypted, or packed in a foreign way
        raise DataError(f"{archive} cannot be unpacked: {fault}") from fault
    except OSError as fault:
        raise DataError(f"cannot unpack {archive} as {folder}: {fault}") from fault


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, claimed size and content of every file in the archive."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise DataError(f"{archive} holds {info.filename!r}, which is not a plain file")
                if not info.is_dir():
                    with opened.open(info) as source:
                        yield info.filename, info.file_size, source
    else:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isdir():
                    continue
                source_or_none = tar.extractfile(member) if member.isfile() else None
                if source_or_none is None:
                    raise DataError(f"{archive} holds {member.name!r}, which is not a plain file")
                yield member.name, member.size, source_or_none


def _target(archive: Path, folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    bad = not parts or name[0] == "/" or ".." in parts or any(c in name for c in "\\:\0")
    if bad:
        raise DataError(f"{archive} holds {name!r}, which points outside the folder: not unpacked")
    return folder.joinpath(*parts)


def _copy(source: IO[bytes], target: Path, most: int) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("xb") as out:  # x: no member twice
        while written <= most and (chunk := source.read(CHUNK)):
            out.write(chunk)
            written += len(chunk)
    return written


def _bomb(archive: Path, most: int) -> str:
    return (
        f"{archive} ({archive.stat().st_size:,} bytes) unpacks to more than {most:,} bytes or "
        f"{MEMBERS:,} files: not unpacked"
    )
