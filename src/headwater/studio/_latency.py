"""How long answers took in the last hours, from what the store has of them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from ..extras import needs
from ..serve.store import Store
from ..serve.store._tables import ANSWERS
from .drawing import SERIES, chart

with needs("the studio", "serve"):
    import sqlalchemy as sa

__all__ = ["latency"]

MOST = 20_000  # answers that are looked at, the newest
BINS = 24
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
COLUMNS = ("time", "surface", "seconds", "degraded", "steps", "k", "filled")


def latency(store: Store, *, now: float, hours: int) -> dict[str, Any]:
    """Percentiles of the answers of the last ``hours``, by surface and by step, and over time."""
    since = int((now - 3_600 * hours) * 1_000_000)
    last = sa.select(sa.func.max(ANSWERS.c.seq)).scalar_subquery()
    where = (ANSWERS.c.time >= since) & (ANSWERS.c.seq > last - MOST)
    found = list(store.answers(COLUMNS, where=where))
    if not sum(len(each) for each in found):
        return {"answers": 0, "most": MOST, "surfaces": [], "steps": [], "chart": None}
    frame = pl.concat(found)
    quantiles = [pl.col("seconds").quantile(at).alias(name) for name, at in SHARES.items()]
    surfaces = (
        frame.group_by("surface")
        .agg(
            pl.len().alias("answers"),
            *quantiles,
            (pl.col("degraded") != "[]").mean().alias("degraded"),
        )
        .sort("surface")
    )
    return {
        "answers": len(frame),
        "most": MOST,
        "surfaces": surfaces.to_dicts(),
        "steps": _steps(frame["steps"].to_list(), quantiles),
        "chart": _over_time(frame, quantiles, hours),
    }


def _steps(told: list[str], quantiles: list[pl.Expr]) -> list[dict[str, Any]]:
    """Of the steps of flows: what they took, and how often they failed."""
    rows = [
        (step["name"], step["seconds"], bool(step["failed"]))
        for each in told
        for step in json.loads(each)
    ]
    if not rows:
        return []
    schema = {"step": pl.String, "seconds": pl.Float64, "failed": pl.Boolean}
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .group_by("step", maintain_order=True)
        .agg(pl.len().alias("runs"), *quantiles, pl.col("failed").mean())
        .to_dicts()
    )


def _over_time(frame: pl.DataFrame, quantiles: list[pl.Expr], hours: int) -> dict[str, Any]:
    every = f"{max(1, 60 * hours // BINS)}m"
    rows = (
        frame.with_columns(at=pl.from_epoch("time", "us").dt.truncate(every))
        .group_by("at")
        .agg(pl.len().alias("answers"), *quantiles)
        .sort("at")
        .with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%MZ"))
        .to_dicts()
    )
    long = [
        {"at": row["at"], "share": name, "ms": 1_000 * row[name]} for row in rows for name in SHARES
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": long},
        "width": 560,
        "height": 220,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "title": None,
                "scale": {"type": "utc"},
                "axis": {"format": "%H:%M", "tickCount": 8},
            },
            "y": {"field": "ms", "type": "quantitative", "title": "milliseconds"},
            "color": {
                "field": "share",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(SHARES), "range": list(SERIES[: len(SHARES)])},
            },
        },
    }
    last = rows[-1]
    says = (
        f"Half of the {last['answers']:,} answers since {last['at'][11:16]} UTC took at most "
        f"{1_000 * last['p50']:.1f} ms, 99 % at most {1_000 * last['p99']:.1f} ms."
    )
    return chart("Time of an answer, by when it was given (UTC)", says, spec, rows)
