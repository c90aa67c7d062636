"""Text a block at a time: rows of fields, or of JSON, each with the number of its line.

polars parses a block, and what it gives is checked: as many rows as lines, as many separators as
there should be. A block that does not pass is parsed again line by line, which finds the lines
that are not rows.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import polars as pl
from polars.exceptions import PolarsError

from ..errors import BadParameter, DataError
from ._rejects import SCHEMA

__all__ = ["SEPARATORS", "Batch", "Delimited", "JsonLines", "content", "head"]

BLOCK = 1 << 24  # bytes read at once
HEAD = 1 << 18  # bytes looked at to tell what a file is
LONGEST = 1000  # lines that one quoted field may span
SEPARATORS = {"\t": "tabs", ",": "commas", ";": ";", "|": "|", "::": "::", " ": "spaces"}
BOM = codecs.BOM_UTF8


@dataclass(frozen=True)
class Batch:
    """Some rows of a table."""

    frame: pl.DataFrame  # (n, the columns that were asked for)
    rows: pl.Series  # (n,) Int64, the line of each in its file, or its place in the frame
    broken: pl.DataFrame  # lines that are no rows at all, as `Rejects` takes them


class Delimited:
    """A file of lines of fields: CSV and its like.

    A first line that holds nothing but numbers is no header, nor is any if ``headless``: the
    columns then are column_1, column_2 and so on.
    """

    def __init__(self, path: Path, encoding: str, *, headless: bool = False):
        self.path, self.encoding = path, encoding
        top = head(path, encoding)
        lines = [line for line in top.splitlines() if line.strip()][:50]
        if not lines:
            raise DataError(f"{path} is empty")
        self.between = _separator(path, lines)
        self._byte = "\t" if self.between == "::" else self.between
        reader = csv.reader(io.StringIO(self._single(top), newline=""), delimiter=self._byte)
        first = next(record for record in reader if any(record))
        self.headless = headless or all(_numeric(field) for field in first)
        self.first = first
        self.columns = [
            f"column_{i + 1}" if self.headless or not name.strip() else name.strip()
            for i, name in enumerate(first)
        ]
        for name in self.columns:
            if self.columns.count(name) > 1:
                raise DataError(f"{path} has two columns named {name!r}: rename one of them")
        self._skip = 0 if self.headless else reader.line_num

    def _single(self, text: Any) -> Any:
        if self.between != "::":
            return text
        return text.replace(b"::", b"\t") if isinstance(text, bytes) else text.replace("::", "\t")

    def batches(self, wanted: list[str]) -> Iterator[Batch]:
        return _batches(self.path, self.encoding, self._skip, partial(self._parse, wanted))

    def _parse(self, wanted: list[str], block: bytes, line: int, last: bool) -> tuple[Batch, bytes]:
        block = self._single(block)
        frame = self._quick(wanted, block)
        if frame is None:
            return self._careful(wanted, block, line, last)
        return Batch(frame, _count(line, len(frame)), pl.DataFrame(schema=SCHEMA)), b""

    def _quick(self, wanted: list[str], block: bytes) -> pl.DataFrame | None:
        """The block as polars reads it, or None unless that is surely right."""
        end = self.columns[-1]
        try:
            frame = pl.read_csv(
                block,
                has_header=False,
                separator=self._byte,
                schema=dict.fromkeys(self.columns, pl.String),
                columns=[i for i, name in enumerate(self.columns) if name in {*wanted, end}],
            )
        except PolarsError:
            return None
        if len(frame) != block.count(b"\n"):
            return None
        separators = len(frame) * (len(self.columns) - 1)
        if b'"' in block:  # then separators may be text; a short row has no last field
            sure = frame[end].null_count() == 0
        else:
            sure = block.count(self._byte.encode()) == separators
        return frame.select(wanted) if sure else None

    def _careful(
        self, wanted: list[str], block: bytes, line: int, last: bool
    ) -> tuple[Batch, bytes]:
        lines = block.decode().split("\n")[:-1]
        width = len(self.columns)
        records: list[list[str]] = []
        at: list[int] = []
        broken: list[tuple[int, str, str, str]] = []
        begun = 0  # where the record that is being read begins

        def feed() -> Iterator[str]:
            for i in range(begun, len(lines)):
                if i - begun > LONGEST:
                    return
                yield lines[i] + "\n"

        unread = b""
        while begun < len(lines):
            start, reader = begun, csv.reader(feed(), delimiter=self._byte, strict=True)
            try:
                for record in reader:
                    if len(record) == width:
                        records.append(record)
                        at.append(line + begun)
                    elif any(field.strip() for field in record):
                        what = f"has {len(record)} fields, not {width}"
                        broken.append((line + begun, "the line", lines[begun][:80], what))
                    begun = start + reader.line_num
            except csv.Error as error:
                ends = start + reader.line_num == len(lines)
                if ends and not last and len(lines) - begun <= LONGEST:
                    unread = "".join(f"{text}\n" for text in lines[begun:]).encode()
                    break
                what = f"is not a row ({error})"
                broken.append((line + begun, "the line", lines[begun][:80], what))
                begun += 1
        place = {name: i for i, name in enumerate(self.columns)}
        frame = pl.DataFrame(
            {name: [record[place[name]] or None for record in records] for name in wanted},
            schema=dict.fromkeys(wanted, pl.String),
        )
        return Batch(frame, pl.Series(at, dtype=pl.Int64), _broken(broken)), unread


class JsonLines:
    """A file with one JSON object a line; its columns are the keys of the first ones."""

    def __init__(self, path: Path, encoding: str):
        self.path, self.encoding = path, encoding
        keys: dict[str, None] = {}
        for line in head(path, encoding).split("\n")[:1000]:
            found = _loads(line)
            keys.update(dict.fromkeys(found) if isinstance(found, dict) else {})
        self.columns = list(keys)

    def batches(self, wanted: list[str]) -> Iterator[Batch]:
        return _batches(self.path, self.encoding, 0, partial(self._parse, wanted))

    def _parse(
        self,
        wanted: list[str],
        block: bytes,
        line: int,
        last: bool,  # noqa: ARG002
    ) -> tuple[Batch, bytes]:
        try:
            frame = pl.read_ndjson(block, schema=dict.fromkeys(wanted, pl.String))
        except PolarsError:
            frame = None
        if frame is None or len(frame) != block.count(b"\n"):
            return self._careful(wanted, block, line), b""
        return Batch(frame, _count(line, len(frame)), pl.DataFrame(schema=SCHEMA)), b""

    def _careful(self, wanted: list[str], block: bytes, line: int) -> Batch:
        at: list[int] = []
        found: list[dict[str, Any]] = []
        broken: list[tuple[int, str, str, str]] = []
        for i, text in enumerate(block.decode().split("\n"), line):
            if not text.strip():
                continue
            value = _loads(text)
            if isinstance(value, dict):
                found.append(value)
                at.append(i)
            else:
                broken.append((i, "the line", text[:80], "is not a JSON object"))
        frame = pl.DataFrame(
            {name: [_text(row.get(name)) for row in found] for name in wanted},
            schema=dict.fromkeys(wanted, pl.String),
        )
        return Batch(frame, pl.Series(at, dtype=pl.Int64), _broken(broken))


def head(path: Path, encoding: str) -> str:
    """The first lines of a file, as text; `DataError` if it is in another encoding."""
    start = next(_chunks(path, encoding, HEAD), b"")
    if len(start) >= HEAD:
        start = start[: start.rfind(b"\n") + 1] or start[:-4]
    _check(path, start, 0, 1)
    if b"\0" in start[:4096]:
        raise DataError(
            f"{path} is not a table: it holds zero bytes. Headwater reads CSV, TSV, JSON lines, "
            "Parquet and Arrow files"
        )
    return start.removeprefix(BOM).decode()


def content(path: Path, encoding: str) -> str:
    """All of a file as text; `DataError` if it is in another encoding."""
    everything = b"".join(_chunks(path, encoding, BLOCK))
    _check(path, everything, 0, 1)
    return everything.removeprefix(BOM).decode()


def _batches(
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


def _separator(path: Path, lines: list[str]) -> str:
    bare = [re.sub('"[^"]*"', "", line) for line in lines]
    often = {each: bare[0].count(each) for each in SEPARATORS if each in bare[0]}
    if not often:
        raise DataError(
            f"cannot tell the columns of {path} apart: its first line is {lines[0][:80]!r}. They "
            "may be separated by commas, tabs, semicolons, bars, :: or spaces"
        )
    steady = {
        each for each, n in often.items() if 2 * sum(b.count(each) == n for b in bare) > len(bare)
    }
    return max(often, key=lambda each: (each in steady, often[each]))


def _numeric(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _count(line: int, n: int) -> pl.Series:
    return pl.int_range(line, line + n, dtype=pl.Int64, eager=True)


def _broken(found: list[tuple[int, str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
