"""How good the model was found to be before it answered, and how it does since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...serve.insight.quality import quality as found_in
from .._charts import over_days, said, side_by_side
from ..page import Asked, Page
from ..wording import number

__all__ = ["QUALITY"]

DAYS = 14
LONGEST = 366
STAMP = 15  # letters of the name of a version that say when it was made
PATHS = 12  # that are drawn; the table has all


def quality(asked: Asked) -> dict[str, Any]:
    days = asked.query.number("days", DAYS, least=1, most=LONGEST)
    found = found_in(asked.service, days)
    return {**found, "charts": _charts(found), "measured": measured(found["offline"]["metrics"])}


def measured(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was measured of a version, as a table says it."""
    rows = []
    for row in metrics:
        own = {"mean": row["value"], "low": row["value_low"], "high": row["value_high"]}
        gap = {"mean": row["difference"], "low": row["low"], "high": row["high"]}
        rows.append(
            {
                "metric": row["metric"],
                "of it": said(own, number),
                "of the one before": row["baseline"],
                "difference and 95 % interval": said(gap, number),
                "people": row["users"],
                "role": row["role"],
                "good enough": row["passed"],
            }
        )
    return rows


def _charts(found: Mapping[str, Any]) -> dict[str, Any]:
    live = found["live"]
    if live is None:
        return {}
    whole = live["whole"]
    people = whole["ctr"]["people"]
    positions = [
        {"name": f"{row['position'] + 1}", **row, **row["ctr"]} for row in live["positions"]
    ]
    paths = [{"name": row["path"], **row, **row["ctr"]} for row in live["paths"][:PATHS]]
    versions = [{"name": row["version"][:STAMP], **row, **row["ctr"]} for row in live["versions"]]
    made = {
        "ctr": over_days(
            "Click rate by day",
            f"{said(whole['ctr'])} of what was shown was clicked, over all of this time.",
            live["days"],
            "ctr",
            share=True,
            unit="share of places clicked",
        ),
        "plays": _a_visit("Plays", "plays_per_visit", live),
        "minutes": _a_visit("Minutes played", "minutes_per_visit", live),
        "positions": side_by_side(
            "Click rate by place in the strip",
            _most(positions, "Place"),
            positions,
            share=True,
            more=("shown", "clicked"),
        ),
        "paths": side_by_side(
            "Click rate by the method that brought it",
            _most(paths, "What came by"),
            paths,
            share=True,
            more=("shown", "clicked"),
        ),
        "versions": side_by_side(
            "Click rate by version",
            "Versions were shown at other times, or to others: only an experiment compares like "
            "with like.",
            versions,
            share=True,
            more=("shown", "clicked"),
        ),
    }
    made = {name: each for name, each in made.items() if each is not None}
    return made if people else {k: v for k, v in made.items() if k in ("plays", "minutes")}


def _a_visit(what: str, key: str, live: Mapping[str, Any]) -> dict[str, Any] | None:
    says = f"{said(live['whole'][key], number)} {what.lower()} a visit, over all of this time."
    return over_days(f"{what} a visit by day", says, live["days"], key)


def _most(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    known = [row for row in rows if row["mean"] is not None]
    if not known:
        return "Nothing was shown."
    best = max(known, key=lambda row: row["mean"])
    return f"{what} {best['name']} is clicked most often: {said(best)}."


QUALITY = Page("quality", "Quality", quality)
