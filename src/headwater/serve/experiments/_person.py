"""One number for each person: what they did between two times of their own."""

from __future__ import annotations

import polars as pl

from ...errors import DataError, MissingColumn, UnknownName
from ._experiment import LATENCY, METRICS

__all__ = ["BOUNDS", "between", "checked", "needs_columns", "numbers"]

COUNTED = {"clicks": "click", "plays": "play", "bookmarks": "bookmark"}
BOUNDS = {"active": (0.0, 1.0), "degraded": (0.0, 1.0), "satisfaction": (1.0, 5.0)}
EVENTS = ("user_id", "kind", "time", "seconds", "satisfaction")
ANSWERS = ("user_id", "time", "seconds", "degraded", "experiment", "arm")
EXPOSURES = ("user_id", "arm", "time")
MEASURED = ("user_id", "time", "name", "value")


def checked(frame: pl.DataFrame, columns: tuple[str, ...], where: str) -> pl.DataFrame:
    """These columns of it; `MissingColumn` if one is not there, `DataError` for other times."""
    for name in columns:
        if name not in frame.columns:
            raise MissingColumn(name, where, frame.columns)
    if not frame["time"].dtype.is_integer() and len(frame):
        raise DataError(f"time of {where} is in unix microseconds; got {frame['time'].dtype}")
    return frame.select(columns)


def needs_columns(events: pl.DataFrame, answers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return checked(events, EVENTS, "the events"), checked(answers, ANSWERS, "the answers")


def between(people: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The ``rows`` from ``start`` on and before ``end`` of the person whose they are."""
    mine = people.select("user_id", "start", "end")
    joined = rows.join(mine, on="user_id", how="inner", maintain_order="left")
    return joined.filter((pl.col("time") >= pl.col("start")) & (pl.col("time") < pl.col("end")))


def numbers(
    name: str,
    people: pl.DataFrame,
    events: pl.DataFrame,
    answers: pl.DataFrame,
    measured: pl.DataFrame | None,
) -> pl.Series:
    """The metric ``name`` of each of ``people`` (user_id, start, end), in their order.

    Null where there is none: nobody asked them, or nothing was shown to them.
    """
    value: pl.Expr
    none: float | None = 0.0
    if name in COUNTED:
        rows, value = events.filter(pl.col("kind") == COUNTED[name]), pl.len()
    elif name == "minutes":
        rows, value = events.filter(pl.col("kind") == "play"), pl.col("seconds").sum() / 60
    elif name == "active":
        rows, value = events.filter(pl.col("kind").is_in([*COUNTED.values()])), pl.lit(1.0)
    elif name == "satisfaction":
        rows, value, none = events.filter(pl.col("kind") == "survey"), pl.col(name).mean(), None
    elif name == "degraded":
        left_out = pl.col("degraded").fill_null("[]") != "[]"
        rows, value, none = answers, left_out.mean(), None
    elif name in METRICS:
        raise UnknownName("metric of a person", name, [each for each in METRICS if each != LATENCY])
    else:
        have = [] if measured is None else measured["name"].unique().sort().to_list()
        if measured is None or name not in have:
            raise UnknownName("metric", name, [*METRICS, *have], "Nobody has measured it.")
        rows = measured.filter((pl.col("name") == name) & pl.col("value").is_not_nan())
        value, none = pl.col("value").mean(), None
    found = between(people, rows).group_by("user_id").agg(value.cast(pl.Float64).alias("number"))
    joined = people.select("user_id").join(found, on="user_id", how="left", maintain_order="left")
    return joined["number"].fill_null(none) if none is not None else joined["number"]
