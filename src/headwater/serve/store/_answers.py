"""What was answered, and the experiments that people took part in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from ...errors import DataError
from ...extras import needs
from ..events import LEVELS, Consent
from ._base import Base
from ._database import insert
from ._rows import as_json, described, frames, gathered, meta, micro, parts, put
from ._standing import known
from ._tables import ANSWERS, EXPERIMENTS, EXPOSURES

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Answers"]

COLUMNS = [column.name for column in ANSWERS.columns if column.name != "seq"]
MUST = ("trace_id", "user_id", "time", "surface", "seconds", "k", "filled")


class Answers(Base):
    def served(self, answers: Sequence[Mapping[str, Any]]) -> int:
        """Keep what was answered, each once by its ``trace_id``; how many were new.

        The keys are the columns of the answers: ``trace_id``, ``user_id``, ``time`` (a datetime
        with a zone, or unix microseconds), ``surface``, ``seconds``, ``k`` and ``filled`` of all,
        and ``model``, ``steps``, ``degraded`` (both plain values for JSON), ``experiment``, ``arm``
        and ``consent``, what the request said, of those that have them. As with events, those of
        people without consent, or who were erased, are not kept.
        """
        return self._served(answers)[0]

    def _served(self, answers: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        """How many were new, and how many may be kept."""
        return self._add_once(ANSWERS, ["trace_id"], _rows(answers))

    def _add_once(
        self, table: sa.Table, keys: list[str], rows: Sequence[dict[str, Any]]
    ) -> tuple[int, int]:
        """Of those that may be kept the first of each; how many were new, and may be kept."""
        if not rows:
            return 0, 0
        with self._begin(writing=True) as db:
            self._lock(db, alone=False)
            return self._once(db, table, keys, rows)

    def _once(
        self, db: sa.Connection, table: sa.Table, keys: list[str], rows: Sequence[dict[str, Any]]
    ) -> tuple[int, int]:
        new = kept = 0
        columns = [column.name for column in table.columns if column.name != "seq"]
        for some in parts(rows):
            keep = self._allowed(db, some)
            if keep:
                plain = [{name: row[name] for name in columns} for row in keep]
                once = insert(db.dialect, table).on_conflict_do_nothing(index_elements=keys)
                made = db.execute(once.returning(table.c[keys[0]]), plain)
                new, kept = new + len(made.all()), kept + len(keep)
        return new, kept

    def _allowed(self, db: sa.Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that may be kept, with the consent under which they are."""
        people = known(db, sorted({row["user_id"] for row in rows}), self._who)
        forgotten, keep = int(meta(db).get("forgotten", 0)), []
        for row in rows:
            person = people[row["user_id"]]
            level = person.level(row["consent"], self.default, trust=self.trust_consent)
            if level != "none" and row["time"] >= forgotten and not person.refuses(row["time"]):
                keep.append({**row, "consent": level})
        return keep

    def answers(
        self, columns: Sequence[str] = (), *, where: Any = None, rows: int = 100_000
    ) -> Iterator[pl.DataFrame]:
        """What was answered as of now, in the order of its arrival, ``rows`` at a time; ``steps``
        and ``degraded`` are JSON."""
        with self._begin() as db:
            yield from frames(db, ANSWERS, columns, where, rows)

    def put_experiment(self, name: str, about: Mapping[str, Any]) -> None:
        """What there is to know of an experiment, plain values; in place of what was known."""
        with self._begin(writing=True) as db:
            put(db, EXPERIMENTS, described(EXPERIMENTS, {name: about}, time=self._now()))

    def experiments(self) -> dict[str, dict[str, Any]]:
        """What is known of each experiment, by name."""
        with self._begin() as db:
            asked = sa.select(EXPERIMENTS.c.name, EXPERIMENTS.c.about).order_by(EXPERIMENTS.c.name)
            return {name: json.loads(about) for name, about in db.execute(asked)}

    def expose(
        self, experiment: str, user_id: str, arm: str, *, consent: Consent | None = None
    ) -> bool:
        """``user_id`` saw this arm now; whether that is new. Only the first time is kept, and as
        with events nothing of people without consent, ``consent`` being what the request said, or
        who were erased."""
        row = _exposure((experiment, user_id, arm), self._now())
        return bool(self._exposed([{**row, "consent": consent}])[0])

    def _exposed(self, rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
        in_order = sorted(rows, key=lambda row: (row["experiment"], row["user_id"], row["time"]))
        return self._add_once(EXPOSURES, ["experiment", "user_id"], in_order)

    def _kept(
        self,
        db: sa.Connection,
        answers: Sequence[Mapping[str, Any]],
        exposures: Sequence[tuple[str, str, str]],
    ) -> None:
        """As `served`, and `expose` of experiment, user_id and arm of each."""
        self._once(db, ANSWERS, ["trace_id"], _rows(answers))
        seen = [_exposure(each, self._now()) for each in sorted(exposures)]
        self._once(db, EXPOSURES, ["experiment", "user_id"], seen)

    def exposures(self, experiment: str) -> pl.DataFrame:
        """Who saw which arm of ``experiment``, and when first: user_id, arm, time (unix
        microseconds), by user_id."""
        with self._begin() as db:
            columns = ["user_id", "arm", "time"]
            return gathered(db, EXPOSURES, columns, EXPOSURES.c.experiment == experiment)


def _exposure(seen: tuple[str, str, str], now: int) -> dict[str, Any]:
    row = dict(zip(("experiment", "user_id", "arm"), seen, strict=True))
    for what, value in row.items():
        if not isinstance(value, str) or not value:
            raise DataError(f"{what} is a text that is not empty; got {value!r}")
    return {**row, "time": now, "consent": None}


def _rows(answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted((_row(each) for each in answers), key=lambda row: str(row["trace_id"]))


def _row(answer: Mapping[str, Any]) -> dict[str, Any]:
    lacking = [name for name in MUST if answer.get(name) is None]
    if lacking:
        raise DataError(f"an answer without {', '.join(lacking)}; it has: {', '.join(answer)}")
    odd = [name for name in answer if name not in COLUMNS]
    if odd:
        raise DataError(f"an answer has no {', '.join(odd)}; it may have: {', '.join(COLUMNS)}")
    row = {**dict.fromkeys(COLUMNS), **answer}
    if row["consent"] not in (None, *LEVELS):
        raise DataError(f"consent is one of {', '.join(LEVELS)}; got {row['consent']!r}")
    if isinstance(row["time"], datetime):
        row["time"] = micro(row["time"])
    row["steps"] = as_json([] if row["steps"] is None else row["steps"])
    row["degraded"] = as_json([] if row["degraded"] is None else row["degraded"])
    return row
