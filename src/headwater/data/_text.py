"""Lines of fields, or of JSON, as rows, each with the number of its line.

polars parses a block, and what it gives is checked: as many rows as lines, as many separators as
there should be. A block that does not pass is parsed again line by line, which finds the lines
that are not rows.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from ..errors import DataError
from ._blocks import Batch, batches, head
from ._rejects import SCHEMA

__all__ = ["SEPARATORS", "Delimited", "JsonLines"]

LONGEST = 1000  # lines that one quoted field may span
SEPARATORS = {"\t": "tabs", ",": "commas", ";": ";", "|": "|", "::": "::", " ": "spaces"}


class Delimited:
    """A file of lines of fields: CSV and its like.

    A first line that holds nothing but numbers is no header, nor is any if "column_1" or its like
    is ``asked`` for and not there: the columns are column_1, column_2 and so on.
    """

    def __init__(self, path: Path, encoding: str, asked: Sequence[str] = ()):
        self.path, self.encoding = path, encoding
        top = head(path, encoding)
        lines = [line for line in top.splitlines() if line.strip()][:50]
        if not lines:
            raise DataError(f"{path} is empty")
        self.between = _separator(path, lines)
        self._byte = "\t" if self.between == "::" else self.between
        reader = csv.reader(io.StringIO(self._single(top), newline=""), delimiter=self._byte)
        first = next(record for record in reader if any(record))
        places = [name for name in asked if re.fullmatch("column_[0-9]+", name)]
        self.headless = all(map(_numeric, first)) or bool(set(places) - set(first))
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
        return batches(self.path, self.encoding, self._skip, partial(self._parse, wanted))

    def _parse(self, wanted: list[str], block: bytes, line: int, last: bool) -> tuple[Batch, bytes]:
        block = self._single(block)
        frame = self._quick(wanted, block)
        if frame is None:
            return self._careful(wanted, block, line, last)
        return Batch(frame, _count(line, len(frame)), pl.DataFrame(schema=SCHEMA)), b""

    def _quick(self, wanted: list[str], block: bytes) -> pl.DataFrame | None:
        """The block as polars reads it, or None unless that is surely right."""
        end = self.columns[-1]
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return None
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
        if b'""' in block:  # an empty field, for polars another one than nothing at all
            frame = frame.with_columns(pl.all().replace("", None))
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
        return batches(self.path, self.encoding, 0, partial(self._parse, wanted))

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
