"""A file as blocks of whole lines in UTF-8, whatever it is packed or written in."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from ..errors import BadParameter, DataError

__all__ = ["Batch", "batches", "content", "head"]

BLOCK = 1 << 24  # bytes read at once
HEAD = 1 << 18  # bytes looked at to tell what a file is
BOM = codecs.BOM_UTF8


@dataclass(frozen=True)
class Batch:
    """Some rows of a table."""

    frame: pl.DataFrame  # (n, the columns that were asked for)
    rows: pl.Series  # (n,) Int64, the line of each in its file, or its place in the frame
    broken: pl.DataFrame  # lines that are no rows at all, as `Rejects` takes them


def head(path: Path, encoding: str) -> str:
    """The first lines of a file, as text; `DataError` if it is in another encoding."""
    start = next(_chunks(path, encoding, HEAD), b"")
    if len(start) >= HEAD:
        start = start[: start.rfind(b"\n") + 1] or start[:-4]
    _check(path, start, 0, 1)
    if b"\0" in start[:4096]:
        raise DataError(
            f"{path} is not a table: it holds zero bytes. Headwater reads CSV and its like, JSON "
            "lines, Parquet and Arrow files; for text in UTF-16 pass encoding='utf-16'"
        )
    return start.removeprefix(BOM).decode()


def content(path: Path, encoding: str) -> str:
    """All of a file as text; `DataError` if it is in another encoding."""
    everything = b"".join(_chunks(path, encoding, BLOCK))
    _check(path, everything, 0, 1)
    return everything.removeprefix(BOM).decode()


def batches(
    path: Path,
    encoding: str,
    skip: int,
    parse: Callable[[bytes, int, bool], tuple[Batch, bytes]],
) -> Iterator[Batch]:
    """Blocks of whole lines, without the first ``skip``, through ``parse`` (block, line, last).

    What it gives back as not yet read comes again at the front of the next block.
    """
    rest, line, passed = b"", 1, 0
    chunks = _chunks(path, encoding, BLOCK)
    chunk = next(chunks, b"")
    while chunk or rest:
        after = next(chunks, b"")
        block = rest + chunk
        if not after and not block.endswith(b"\n"):
            block += b"\n"
        cut = block.rfind(b"\n") + 1
        whole, rest = block[:cut], block[cut:]
        if len(rest) > 8 * BLOCK:
            raise DataError(f"{path}, line {line}: longer than {8 * BLOCK:,} bytes, so not a table")
        _check(path, whole, passed, line)
        passed += len(whole)
        whole = whole.removeprefix(BOM)
        while skip and whole:
            whole, line, skip = whole[whole.find(b"\n") + 1 :], line + 1, skip - 1
        if whole:
            batch, unread = parse(whole, line, not after)
            line += whole.count(b"\n") - unread.count(b"\n")
            passed -= len(unread)
            rest = unread + rest
            yield batch
        chunk = after


def _chunks(path: Path, encoding: str, size: int) -> Iterator[bytes]:
    """The file in UTF-8, some ``size`` bytes at a time, unpacked if it is gzipped."""
    try:
        named = codecs.lookup(encoding).name
    except LookupError:
        raise BadParameter(
            f"no encoding {encoding!r}; try utf-8, latin-1, cp1252 or utf-16"
        ) from None
    try:
        with closing(_opened(path)) as raw:
            if named in ("utf-8", "utf-8-sig"):
                while chunk := raw.read(size):
                    yield chunk
                return
            text = io.TextIOWrapper(raw, encoding, newline="")
            while letters := text.read(size):
                yield letters.encode()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is not a whole gzip file: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not {encoding} text: {error.reason}") from error


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def _check(path: Path, text: bytes, passed: int, line: int) -> None:
    """Raise `DataError` unless ``text`` is UTF-8; it begins at byte ``passed``, in ``line``."""
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as error:
        at = error.start
        if text[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            fix = "it begins like UTF-16, so pass encoding='utf-16'"
        else:
            fix = "if it is an older Western file (MovieLens is one), pass encoding='latin-1'"
        around = text[max(0, at - 20) : at].rpartition(b"\n")[2].decode(errors="replace")
        raise DataError(
            f"{path} is not UTF-8 text: byte 0x{text[at]:02x} at position {passed + at:,}, in line "
            f"{line + text.count(bytes([10]), 0, at):,}, after {around!r}; {fix}"
        ) from None
