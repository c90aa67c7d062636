"""Any table, some rows at a time: files, frames of any kind, lists of dicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from ..errors import DataError, UnknownName
from ._blocks import Batch, content, head
from ._rejects import SCHEMA
from ._text import SEPARATORS, Delimited, JsonLines

__all__ = ["Batch", "Table", "open_table", "whole"]

ROWS = 1 << 19  # rows of a frame looked at together
KINDS = (
    "a path, a polars or pandas frame, anything with an Arrow stream, a list of dicts or a dict "
    "of columns"
)


@dataclass(frozen=True)
class Table:
    """Something with columns whose rows can be gone through, more than once."""

    name: str  # for messages
    columns: list[str]
    batches: Callable[[list[str]], Iterator[Batch]]  # of these columns
    unit: str = "row"  # what `Batch.rows` counts
    typed: bool = True  # whether "1" was written as text on purpose
    sample: tuple[str, ...] = ()  # the first row, where there is no header
    note: str = ""


def open_table(source: Any, *, encoding: str = "utf-8", asked: Sequence[str] = ()) -> Table:
    """The table that ``source`` is; what a file is, is told from its content, not its name.

    ``asked`` are names the caller will use: "column_1" among them means there is no header.
    Raises `DataError` for what is no table, `UnknownName` for a file that is not there.
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, str | PathLike):
        return _file(Path(source), encoding, asked)
    if isinstance(source, pl.LazyFrame):
        return _lazy(source, "the frame")
    return _frame(_polars(source), "the frame")


def whole(table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All of a small table, and what in it is not a row."""
    parts = list(table.batches(table.columns))
    empty = pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String))
    frame = pl.concat([part.frame for part in parts]) if parts else empty
    return frame, pl.concat([pl.DataFrame(schema=SCHEMA), *(part.broken for part in parts)])


def _file(path: Path, encoding: str, asked: Sequence[str]) -> Table:
    path = path.expanduser()
    if path.is_dir():
        inside = ", ".join(sorted(each.name for each in path.iterdir())[:20])
        raise DataError(f"{path} is a folder; give one of its files: {inside}")
    if not path.exists():
        beside = [each.name for each in path.parent.glob("*")] if path.parent.is_dir() else []
        near = get_close_matches(path.name, beside, n=3)
        raise UnknownName("file", str(path), [str(path.with_name(name)) for name in near])
    with path.open("rb") as file:
        magic = file.read(8)
    if not magic:
        raise DataError(f"{path} is empty: it has 0 bytes")
    try:
        if magic[:4] == b"PAR1":
            return _lazy(pl.scan_parquet(path, glob=False), str(path))
        if magic[:6] == b"ARROW1":
            return _lazy(pl.scan_ipc(path, glob=False), str(path))
        if magic[:4] == b"\xff\xff\xff\xff":
            return _frame(pl.read_ipc_stream(path), str(path))
    except PolarsError as error:
        raise _damaged(path, error) from error
    if magic[:4] == b"PK\x03\x04":
        raise DataError(f"{path} is a zip archive: unpack it and give the table inside")
    start = head(path, encoding).lstrip()[:1]
    if start == "[":
        return _json_array(path, encoding)
    if start == "{":
        lines = JsonLines(path, encoding)
        return Table(str(path), lines.columns, lines.batches, "line", typed=False)
    text = Delimited(path, encoding, asked)
    return Table(
        str(path),
        text.columns,
        text.batches,
        "line",
        typed=False,
        sample=tuple(text.first) if text.headless else (),
        note="" if text.between == "," else f"columns are separated by {SEPARATORS[text.between]}",
    )


def _json_array(path: Path, encoding: str) -> Table:
    try:
        found = json.loads(content(path, encoding))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not all(isinstance(each, dict) for each in found):
        raise DataError(f"{path} is a JSON array, but not one of objects with columns")
    table = _frame(_polars(found), str(path))
    return Table(table.name, table.columns, table.batches, typed=False)


def _lazy(frame: pl.LazyFrame, name: str) -> Table:
    def batches(wanted: list[str]) -> Iterator[Batch]:
        at = 0
        try:
            for part in frame.select(wanted).collect_batches(chunk_size=ROWS, maintain_order=True):
                yield Batch(part, _rows(at, len(part)), pl.DataFrame(schema=SCHEMA))
                at += len(part)
        except PolarsError as error:
            raise _damaged(name, error) from error

    try:
        return Table(name, frame.collect_schema().names(), batches)
    except PolarsError as error:
        raise _damaged(name, error) from error


def _frame(frame: pl.DataFrame, name: str) -> Table:
    def batches(wanted: list[str]) -> Iterator[Batch]:
        at = 0
        for part in frame.select(wanted).iter_slices(ROWS):
            yield Batch(part, _rows(at, len(part)), pl.DataFrame(schema=SCHEMA))
            at += len(part)

    return Table(name, frame.columns, batches)


def _polars(source: Any) -> pl.DataFrame:
    if isinstance(source, pl.DataFrame):
        return source
    if type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns"):
        return pl.DataFrame([_column(str(name), source[name]) for name in source.columns])
    if hasattr(source, "__arrow_c_stream__"):
        return pl.DataFrame(source)
    if isinstance(source, list) and all(isinstance(row, Mapping) for row in source):
        return pl.DataFrame(source, strict=False, infer_schema_length=None)
    if isinstance(source, Mapping):
        return pl.DataFrame(source, strict=False)
    raise DataError(f"cannot read a {type(source).__name__} as a table: give {KINDS}")


def _column(name: str, column: Any) -> pl.Series:
    """A pandas column; one with objects of several types becomes text. Needs no pyarrow."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufbM":
        return pl.Series(name, column.to_numpy())
    gone = column.isna().tolist()
    pairs = zip(column.astype(object).tolist(), gone, strict=True)
    found = pl.Series(name, [None if empty else value for value, empty in pairs], strict=False)
    if found.dtype != pl.Object:
        return found
    return pl.Series(name, [None if value is None else str(value) for value in found])


def _rows(at: int, n: int) -> pl.Series:
    return pl.int_range(at, at + n, dtype=pl.Int64, eager=True)


def _damaged(name: object, error: Exception) -> DataError:
    return DataError(f"{name} cannot be read (is it whole?): {str(error).partition(chr(10))[0]}")
