"""Rows that cannot be used: counted, the first few remembered, all of them written down."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import polars as pl

from ..atomic import atomic_path
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

    The file appears whole or not at all, also when the reading ends in an error about the data.
    With ``strict`` the first bad rows raise `DataError`.
    """

    def __init__(self, path: str | Path | None = None, *, strict: bool = False):
        self.path = None if path is None else Path(path)
        self.strict = strict
        self.unit = "row"  # what is counted: rows of a frame, lines of a file
        self.count = 0  # rows that were left out
        self.reasons: Counter[tuple[str, str]] = Counter()  # (column, reason) -> how often
        self.first: dict[tuple[str, str], list[str]] = {}  # some examples of each
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._open = ExitStack()
        if self.path is not None:
            part = self._open.enter_context(atomic_path(self.path))
            self._file = self._open.enter_context(part.open("wb"))
            pl.DataFrame(schema=SCHEMA).write_csv(self._file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, HeadwaterError):  # then what was found is wanted most
            self._open.__exit__(None, None, None)
        else:
            self._open.__exit__(kind, error, trace)

    def add(self, found: pl.DataFrame) -> None:
        """Note what is wrong; ``found`` is as `bad` makes it, and several lines may share a row."""
        if found.is_empty():
            return
        found = found.sort("row", maintain_order=True)
        self.count += found["row"].n_unique()
        for (column, reason), part in found.group_by("column", "reason", maintain_order=True):
            key = str(column), str(reason)
            self.reasons[key] += len(part)
            some = self.first.setdefault(key, [])
            for row, _, value, _ in part.head(SHOWN - len(some)).rows():
                shown = f" {value!r}" if value else ""
                some.append(f"{self.unit} {row}: {column}{shown} {reason}")
        if self._file is not None:
            found.write_csv(self._file, include_header=False)
        if self.strict:
            raise DataError(
                f"strict: {self.count:,} bad {self.unit}s so far, e.g. {self.examples}. "
                "Mend them, or read without strict to leave them out"
            )

    @property
    def examples(self) -> str:
        """A few of the bad rows, for as many reasons as there are."""
        turns = zip_longest(*self.first.values())
        return "; ".join([each for turn in turns for each in turn if each][:SHOWN])

    def note(self, seen: int) -> str:
        """What was left out, for people."""
        why = ", ".join(
            f"{n:,} x {column} {why}" for (column, why), n in self.reasons.most_common(5)
        )
        where = f"; all of them are in {self.path}" if self.path else ""
        return (
            f"left out {self.count:,} of {seen:,} {self.unit}s ({why}), e.g. {self.examples}{where}"
        )
