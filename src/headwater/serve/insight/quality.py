"""How good the model was found to be before it answered, and how it does since.

A place is clicked if a click or a play names its request, its item and its user, as in
`Store.dataset`; a click on nothing that is known to have been shown is counted beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...errors import BadArtifact, HeadwaterError
from ...wording import percent, plural
from ..events import KINDS, instant
from . import kept
from ._rates import by
from ._read import DAY, Period, answers_of, catalogue, day_of, events_of, period, visits

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["quality"]

SURE = 1 - 1e-6  # a propensity from here on was no draw
COLUMNS = ("kind", "user_id", "item_id", "time", "request_id", "position", "propensity", "path")
ANSWERED = ("user_id", "time", "model", "surface", "seconds", "degraded", "k", "filled")
UNKNOWN = "not known"
PLACE = ["request_id", "user_id", "item_id"]


def quality(service: Service, days: int = 14) -> dict[str, Any]:
    """Offline, live and coverage, as plain values; kept for a minute."""
    return kept(service, "quality", (days,), lambda: _made(service, days))


def _made(service: Service, days: int) -> dict[str, Any]:
    when = period(service, days)
    events = events_of(service.store, (*COLUMNS, "seconds"), KINDS, when)
    answers = answers_of(service.store, ANSWERED, when)
    answers = answers.join(events, on="user_id", how="semi")  # of those who agree to it still
    places, apart = _places(events, answers)
    return {
        **when.told,
        "events": len(events),
        "people": events["user_id"].n_unique(),
        "notes": [*when.notes, *_notes(apart)],
        "offline": _offline(service),
        "history": _history(service),
        "live": _live(events, places, answers, when) if len(events) else None,
        "coverage": _coverage(service, places),
        "off_policy": _drawn(places),
    }


def _places(events: pl.DataFrame, answers: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Each place that was shown, whether it was clicked, and which model had answered; and how many
    clicks are on none of them."""
    shown = events.filter(pl.col("kind") == "impression").with_columns(day=day_of())
    shown = shown.unique([*PLACE, "position"], keep="first", maintain_order=True)
    done = events.filter(pl.col("kind").is_in(["click", "play"]))
    clicked = done.filter(pl.col("request_id").is_not_null()).select(PLACE).unique()
    model = answers.select("user_id", "time", "model").unique(["user_id", "time"], keep="first")
    places = (
        shown.join(clicked.with_columns(clicked=pl.lit(1)), on=PLACE, how="left")
        .join(model, on=["user_id", "time"], how="left")
        .with_columns(
            pl.col("clicked").fill_null(0),
            pl.col("model", "path").fill_null(UNKNOWN),
            shown=pl.lit(1),
        )
    )
    clicks = done.filter(pl.col("kind") == "click")
    return places, len(clicks) - len(clicks.join(shown, on=PLACE, how="semi"))


def _notes(apart: int) -> list[str]:
    if not apart:
        return []
    return [
        f"{plural(apart, 'click')} of this time on nothing that is known to have been shown: these "
        "are in plays and visits, and in no click rate"
    ]


# Since it answers -------------------------------------------------------------------------------


def _live(
    events: pl.DataFrame, places: pl.DataFrame, answers: pl.DataFrame, when: Period
) -> dict[str, Any]:
    those = visits(events).with_columns(visits=pl.lit(1))
    every = [str(instant(when.since + back * DAY).date()) for back in range(when.days)]
    ctr, plays, minutes = (
        by(places, ["day"], "clicked", "shown"),
        by(those, ["day"], "plays", "visits", share=False),
        by(those, ["day"], "minutes", "visits", share=False),
    )
    many = {row["day"]: row for row in _sums(those, "day", "visits", "plays", "clicks")}
    seen = {row["day"]: row for row in _sums(places, "day", "shown", "clicked")}
    catalogue_ = places.group_by("day").agg(pl.col("item_id").n_unique())
    items = dict(catalogue_.iter_rows())
    days = [
        {
            "day": day,
            **_pick(many.get(day), ("visits", "people", "clicks", "plays")),
            **_pick(seen.get(day), ("shown", "clicked")),
            "items": items.get(day, 0),
            "ctr": ctr.get((day,)),
            "plays_per_visit": plays.get((day,)),
            "minutes_per_visit": minutes.get((day,)),
        }
        for day in every
    ]
    whole = {
        "visits": len(those),
        "shown": len(places),
        "clicked": int(places["clicked"].sum()),
        "ctr": by(places, [], "clicked", "shown")[()],
        "plays_per_visit": by(those, [], "plays", "visits", share=False)[()],
        "minutes_per_visit": by(those, [], "minutes", "visits", share=False)[()],
    }
    return {
        "whole": whole,
        "days": days,
        "positions": _split(places, "position", 20),
        "paths": _split(places, "path", 40, most_first=True),
        "versions": _versions(places, answers),
    }


def _split(
    places: pl.DataFrame, key: str, most: int, *, most_first: bool = False
) -> list[dict[str, Any]]:
    """Shown, clicked and the click rate for each value of ``key``."""
    rates = by(places, [key], "clicked", "shown")
    rows = [
        {key: row[key], **_pick(row, ("shown", "clicked", "people")), "ctr": rates[(row[key],)]}
        for row in _sums(places, key, "shown", "clicked")
        if row[key] is not None
    ]
    rows.sort(key=lambda row: (-row["shown"], str(row[key])) if most_first else row[key])
    return rows[:most]


def _versions(places: pl.DataFrame, answers: pl.DataFrame) -> list[dict[str, Any]]:
    rows = _split(places, "model", 40, most_first=True)
    found = answers.group_by("model").agg(
        answers=pl.len(),
        p95=pl.col("seconds").quantile(0.95, "linear"),
        degraded=(pl.col("degraded") != "[]").mean(),
        short=(pl.col("filled") < pl.col("k")).filter(pl.col("surface") != "home").mean(),
        last=pl.col("time").max(),
    )
    about = {row["model"]: row for row in found.to_dicts()}
    for row in rows:
        mine = about.get(row["model"], {})
        row |= {name: mine.get(name) for name in ("answers", "p95", "degraded", "short")}
        row["version"] = row.pop("model")
    return rows


def _sums(rows: pl.DataFrame, key: str, *columns: str) -> list[dict[str, Any]]:
    return (
        rows.group_by(key)
        .agg(*(pl.col(each).sum().cast(pl.Int64) for each in columns), people=_people())
        .to_dicts()
    )


def _people() -> pl.Expr:
    return pl.col("user_id").n_unique()


def _pick(row: Mapping[str, Any] | None, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: 0 if row is None else row[name] for name in names}


def _coverage(service: Service, places: pl.DataFrame) -> dict[str, Any]:
    """How much of the catalogue was shown to anybody, and how much the most shown tenth had."""
    have = catalogue(service)["item_id"]
    often = places.filter(pl.col("item_id").is_in(have.implode()))["item_id"].value_counts()
    counts = np.sort(often["count"].to_numpy())[::-1]
    tenth = max(1, round(len(have) / 10))
    return {
        "catalogue": len(have),
        "shown": len(counts),
        "share": len(counts) / len(have) if len(have) else None,
        "top_tenth": float(counts[:tenth].sum() / counts.sum()) if len(counts) else None,
    }


def _drawn(places: pl.DataFrame) -> dict[str, Any]:
    """Whether the log can say what other models would have earned."""
    chance = places["propensity"].fill_null(1.0)
    drawn = int((chance < SURE).sum())
    found = {"places": len(places), "drawn": drawn}
    if not len(places):
        return {**found, "says": "Nothing is known to have been shown."}
    if not drawn:
        return {
            **found,
            "says": f"None of {plural(len(places), 'place')} was drawn by chance: what another "
            "model would have earned cannot be estimated from what was shown. A flow that ends in "
            "rerank.plackett_luce draws, and records how likely each place was.",
        }
    return {
        **found,
        "least": float(chance.to_numpy().min()),
        "says": f"{percent(drawn / len(places))} of {plural(len(places), 'place')} were drawn by "
        "chance, with the chance recorded: what another model would have earned in them can be "
        "estimated before anybody is shown it (serve.experiments.before_launch).",
    }


# Before it answered -----------------------------------------------------------------------------


def _offline(service: Service) -> dict[str, Any]:
    """What was measured of the version that answers."""
    shelf = service.shelf
    try:
        name = shelf.current
        if name is None:
            return {"version": None, "says": "No model was published yet.", "metrics": []}
        since = shelf.since
        report = shelf.report(name)
    except BadArtifact as error:
        return {"version": None, "says": str(error), "metrics": []}
    told = {
        key: report.get(key)
        for key in ("verdict", "reason", "against", "window", "counts", "latency", "read")
    }
    metrics = _metrics(report)
    says = "" if metrics else "Its report has no measurements: it was not made by a retraining."
    return {"version": name, "since": since, "says": says, "metrics": metrics, **told}


def _history(service: Service) -> list[dict[str, Any]]:
    """Of all versions on the shelf, the newest first."""
    rows = []
    try:
        current = service.shelf.current
    except BadArtifact:
        current = None
    for name in reversed(service.shelf.names()):
        try:
            report = service.shelf.report(name)
        except HeadwaterError as error:  # taken away meanwhile, or damaged
            rows.append({"version": name, "says": str(error), "metrics": [], "current": False})
            continue
        rows.append(
            {
                "version": name,
                "made": f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}+00:00",
                "current": name == current,
                "verdict": report.get("verdict"),
                "says": str(report.get("reason") or ""),
                "metrics": _metrics(report),
            }
        )
    return rows


def _metrics(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows that a retraining wrote; of others, what can be read as such."""
    found = report.get("metrics")
    rows = [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    return [_metric(row) for row in rows if "metric" in row]


def _metric(row: Mapping[str, Any]) -> dict[str, Any]:
    """One that a retraining wrote has a difference and its ends; of another these are its own."""
    told = {name: row.get(name) for name in ("role", "baseline", "users", "tolerated", "passed")}
    if "candidate" in row:
        own = (row["candidate"], row.get("candidate_low"), row.get("candidate_high"))
        gap = (row.get("difference"), row.get("low"), row.get("high"))
    else:
        own, gap = (row.get("mean"), row.get("low"), row.get("high")), (None, None, None)
    told |= zip(("value", "value_low", "value_high"), own, strict=True)
    return {
        "metric": str(row["metric"]),
        **told,
        **dict(zip(("difference", "low", "high"), gap, strict=True)),
    }
