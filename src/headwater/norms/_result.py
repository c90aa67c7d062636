"""What came out: a verdict for each target, of whom, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from ..types import Floats

__all__ = ["FEWEST", "Checked", "Finding", "Part", "Verdict"]

FEWEST = 5  # people that a number stands for, so that it tells nothing of one of them
Verdict = str  # met, missed, undecided


@dataclass(frozen=True, kw_only=True)
class Part:
    """A target for some requests: all, those of a segment, or of a period."""

    name: str  # "all", the segment's value, or the first day of the period
    column: str = ""  # of the segment
    verdict: Verdict
    why: str = ""  # of what is undecided
    mean: float | None  # over people, each the mean of their requests
    low: float | None  # of its 95 % interval
    high: float | None
    range_low: float | None  # what is wanted; None is no end
    range_high: float | None
    chance: float | None  # what lists by chance have; None where no word was to be resolved
    by: float  # how far the mean is above the range, below 0 under it, 0 in it
    asked: int  # requests
    defined: int  # of them with a value
    people: int  # with a value
    in_range: float | None  # share of these whose own mean is in the range


@dataclass(frozen=True, eq=False, kw_only=True)
class Finding:
    """What is known of one target."""

    name: str
    metric: str
    address: str
    by: str  # the column of the catalogue; nothing where the metric has none
    wanted: str  # a word, or "range"
    why: str
    dials: Mapping[str, Any]  # how it measures, where that is its own: what a re-ranker must share
    least: float  # share of requests that must have a value
    bounds: tuple[float, float]
    whole: Part
    segments: tuple[Part, ...]
    periods: tuple[Part, ...]
    undefined: Mapping[str, int]  # requests without a value, by the reason
    people: Floats = field(repr=False)  # (people,) the mean of each
    groups: Mapping[tuple[str, str], Floats] = field(repr=False)  # likewise, of each segment

    @property
    def verdict(self) -> Verdict:
        return self.whole.verdict

    @property
    def since(self) -> str | None:
        """The first period that missed it after the last that met it."""
        found = None
        for part in reversed(self.periods):
            if part.verdict == "met":
                break
            if part.verdict == "missed":
                found = part.name
        return found

    @property
    def now_missed(self) -> bool:
        """Whether the last period misses it."""
        return bool(self.periods) and self.periods[-1].verdict == "missed"

    @property
    def missed(self) -> bool:
        """Whether it is missed, over all or in the last period."""
        return self.verdict == "missed" or self.now_missed

    @property
    def worst(self) -> tuple[Part, ...]:
        """The segments that miss it, those furthest from the range first."""
        some = [part for part in self.segments if part.asked < self.whole.asked]
        off = [part for part in some if part.verdict == "missed"]
        return tuple(sorted(off, key=lambda part: -abs(part.by)))

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "metric": self.metric,
            "address": self.address,
            "column": self.by,
            "wanted": self.wanted,
            "why": self.why,
            "least_defined": self.least,
            **{key: value for key, value in asdict(self.whole).items() if key not in NAMES},
            "undecided_because": self.whole.why,
            "missed_since": self.since,
            "missed_in_last_period": self.now_missed,
            "missed_segments": [f"{part.column} {part.name}" for part in self.worst],
            "undefined": dict(self.undefined),
            "segments": [asdict(part) for part in self.segments],
            "periods": [asdict(part) for part in self.periods],
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Checked:
    """How lists stand to norms."""

    norms: str
    model: str | None
    period: str  # day, week or none
    requests: int
    people: int
    first: str | None  # day of the first request, and of the last; None where nobody knows
    last: str | None
    levels: Mapping[str, tuple[float | None, float | None]]
    draws: int
    seed: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.missed)

    def __getitem__(self, name: str) -> Finding:
        return next(each for each in self.findings if each.name == name)

    def table(self) -> pl.DataFrame:
        """A row a target."""
        return _table([(each, each.whole) for each in self.findings]).drop("column", "part")

    def segments(self) -> pl.DataFrame:
        """A row a target and segment."""
        return _table([(each, part) for each in self.findings for part in each.segments])

    def periods(self) -> pl.DataFrame:
        """A row a target and period."""
        rows = [(each, part) for each in self.findings for part in each.periods]
        return _table(rows).drop("column").rename({"part": "period"})

    def undefined(self) -> pl.DataFrame:
        """A row a target and reason for which requests have no value."""
        rows = [
            {"target": each.name, "because": why, "requests": many}
            for each in self.findings
            for why, many in each.undefined.items()
        ]
        schema = {"target": pl.String, "because": pl.String, "requests": pl.Int64}
        return pl.DataFrame(rows, schema=schema)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "norms": self.norms,
            "model": self.model,
            "period": self.period,
            "requests": self.requests,
            "people": self.people,
            "first": self.first,
            "last": self.last,
            "levels": {word: list(ends) for word, ends in self.levels.items()},
            "draws": self.draws,
            "seed": self.seed,
            "missed": [each.name for each in self.missed],
            "targets": [each.as_dict() for each in self.findings],
            "notes": list(self.notes),
        }


def _table(rows: list[tuple[Finding, Part]]) -> pl.DataFrame:
    made = [
        {
            "target": finding.name,
            "column": part.column,
            "part": part.name,
            "verdict": part.verdict,
            "wanted": finding.wanted,
            **{name: getattr(part, name) for name in NUMBERS},
            "why": part.why,
        }
        for finding, part in rows
    ]
    return pl.DataFrame(made, schema=SCHEMA)


NAMES = ("name", "column", "why")
NUMBERS = {
    "mean": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "range_low": pl.Float64,
    "range_high": pl.Float64,
    "chance": pl.Float64,
    "by": pl.Float64,
    "asked": pl.Int64,
    "defined": pl.Int64,
    "people": pl.Int64,
    "in_range": pl.Float64,
}
TEXT = dict.fromkeys(("target", "column", "part", "verdict", "wanted"), pl.String)
SCHEMA = {**TEXT, **NUMBERS, "why": pl.String}
