"""Rows that cannot be used: counted, the first few remembered, all of them written down."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import polars as pl

from ..errors import DataError, HeadwaterError

__all__ = ["SCHEMA", "Rejects", "bad"]

SCHEMA = pl.Schema({"row": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String})
SHOWN = 3


def bad(rows: pl.Series, column: str, values: pl.Series, reason: str | pl.Series) -> pl.DataFrame:
    """One line for each of the row numbers ``rows`` (n,): what is wrong with which value."""
    why = reason if isinstance(reason, pl.Series) else pl.repeat(reason, len(rows), eager=True)
    shown = values.cast(pl.String, strict=False).str.slice(0, 80)
    return pl.DataFrame(
        {
            "row": rows,
            "column": pl.repeat(column, len(rows), dtype=pl.String, eager=True),
            "value": shown,
            "reason": why.cast(pl.String),
        },
        schema=SCHEMA,
    )


class Rejects:
    """Collects bad rows while a table is read; as a context it writes them to ``path`` at the end.

    The file appears whole or not at all, and also when the reading ends in an error about the data.
    With ``strict`` the first bad rows raise `DataError`.
    """

    def __init__(self, path: str | Path | None = None, *, unit: str = "row", strict: bool = False):
        self.path = None if path is None else Path(path)
        self.unit = unit
        self.strict = strict
        self.count = 0  # rows that were left out
        self.reasons: Counter[tuple[str, str]] = Counter()  # (column, reason) -> how often
        self.first: list[str] = []
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if self.path is not None:
            self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
            self._file = self._part.open("wb")
            pl.DataFrame(schema=SCHEMA).write_csv(self._file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None or self.path is None:
            return
        self._file.close()
        if error is None or isinstance(error, HeadwaterError):
            os.replace(self._part, self.path)
        else:
            with suppress(OSError):
                self._part.unlink()

    def add(self, found: pl.DataFrame) -> None:
        """Note what is wrong; ``found`` is as `bad` makes it, and several lines may share a row."""
        if found.is_empty():
            return
        found = found.sort("row", maintain_order=True)
        self.count += found["row"].n_unique()
        for column, reason, often in found.group_by("column", "reason").len().rows():
            self.reasons[column, reason] += often
        for row, column, value, reason in found.head(SHOWN - len(self.first)).rows():
            shown = "" if value is None else f" {value!r}"
            self.first.append(f"{self.unit} {row}: {column}{shown} {reason}")
        if self._file is not None:
            found.write_csv(self._file, include_header=False)
        if self.strict:
            raise DataError(
                f"strict: {self.count:,} bad {self.unit}s so far, e.g. {self.examples}. "
                "Mend them, or read without strict to leave them out"
            )

    @property
    def examples(self) -> str:
        return "; ".join(self.first)

    def note(self, seen: int) -> str:
        """What was left out, for people."""
        why = ", ".join(
            f"{n:,} x {column} {why}" for (column, why), n in self.reasons.most_common(5)
        )
        where = f"; all of them are in {self.path}" if self.path else ""
        return (
            f"left out {self.count:,} of {seen:,} {self.unit}s ({why}), e.g. {self.examples}{where}"
        )
