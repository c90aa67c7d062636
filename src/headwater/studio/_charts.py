"""Charts that several pages draw: numbers with their intervals, over days or side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from .drawing import INK, SERIES, SOFT, chart
from .wording import number, percent

__all__ = ["ROOM", "over_days", "said", "side_by_side", "verdicts", "wanted"]

Rows = Sequence[Mapping[str, Any]]
BLUE, ORANGE, GREEN, GREY = SERIES[0], SERIES[1], SERIES[2], SERIES[5]
WIDE, HIGH, ROW = 430, 190, 26
ROOM = {"left": 36, "right": 16, "top": 5, "bottom": 5}  # for wider fonts than those of here
MARKS = {"met": ("circle", GREEN), "missed": ("triangle-up", ORANGE), "undecided": ("square", GREY)}


def said(rate: Mapping[str, Any] | None, how: Callable[[Any], str] = percent) -> str:
    """
    >>> said({"mean": 0.5, "low": 0.25, "high": 0.75})
    '50 % (25 % to 75 %)'
    """
    if rate is None or rate["mean"] is None:
        return how(None)
    ends = rate["low"] is not None and rate["high"] is not None
    return how(rate["mean"]) + (f" ({how(rate['low'])} to {how(rate['high'])})" if ends else "")


def over_days(
    title: str, says: str, rows: Rows, key: str, *, share: bool = False, unit: str = ""
) -> dict[str, Any] | None:
    """``rows`` have day and under ``key`` a rate: mean, low, high and people; None without any."""
    told = [{"day": row["day"], **row[key]} for row in rows if row[key] and _some(row[key])]
    if not told:
        return None
    y = _y(unit or title, share=share)
    layers = [
        {
            "mark": {"type": "rule", "color": BLUE, "opacity": 0.55, "strokeWidth": 2},
            "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": BLUE, "strokeWidth": 1.5},
            "encoding": {"y": {"field": "mean", **y}},
        },
        {
            "mark": {"type": "point", "filled": True, "color": BLUE, "size": 45, "opacity": 1},
            "encoding": {"y": {"field": "mean", **y}},
        },
    ]
    how = percent if share else number
    table = [
        {"day": row["day"], "value and 95 % interval": said(row, how), "people": row["people"]}
        for row in told
    ]
    return chart(title, says, _timed(told, layers), table)


def side_by_side(
    title: str,
    says: str,
    rows: Rows,
    *,
    share: bool = False,
    zero: bool = False,
    unit: str = "",
    more: Sequence[str] = (),
) -> dict[str, Any] | None:
    """``rows`` have name, mean, low and high, one below the other; ``zero`` draws a line there.
    ``more`` are columns for the table."""
    told = [dict(row) for row in rows if _some(row)]
    if not told:
        return None
    x = {"type": "quantitative", "title": unit or title, "scale": {"zero": not zero, "nice": True}}
    x["axis"] = {"format": ".1%" if share else ",~f", "tickCount": 4, "labelOverlap": True}
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"grid": False, "ticks": False, "labelLimit": 200},
    }
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "color": BLUE, "strokeWidth": 2.5, "opacity": 0.6},
            "encoding": {"y": y, "x": {"field": "low", **x}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "color": BLUE, "size": 60, "opacity": 1},
            "encoding": {"y": y, "x": {"field": "mean", **x}},
        },
    ]
    if zero:
        line = {"mark": {"type": "rule", "color": SOFT}, "encoding": {"x": {"datum": 0}}}
        layers.insert(0, line)
    spec = {
        "data": {"values": told},
        "width": 300,
        "height": ROW * len(told),
        "layer": layers,
        "padding": ROOM,
    }
    how = percent if share else number
    table = [
        {"name": row["name"], "value and 95 % interval": said(row, how)}
        | {name: row[name] for name in more}
        for row in told
    ]
    return chart(title, says, spec, table)


def verdicts(title: str, says: str, parts: Rows) -> dict[str, Any] | None:
    """The periods of a norm, with their verdicts, over the range that is wanted."""
    known = [part for part in parts if part["mean"] is not None]
    if not known:
        return None
    means = [part[end] for part in known for end in ("mean", "low", "high")]
    ends = [part[end] for part in known for end in ("range_low", "range_high")]
    least = min([*means, *(end for end in ends if end is not None)])
    most = max([*means, *(end for end in ends if end is not None)])
    room = 0.08 * ((most - least) or 1)
    told = [
        {
            **{name: part[name] for name in ("mean", "low", "high", "verdict", "people")},
            "day": part["name"],
            "from": least - room if part["range_low"] is None else part["range_low"],
            "until": most + room if part["range_high"] is None else part["range_high"],
        }
        for part in known
    ]
    y = _y("mean of people", share=False)
    y["scale"] = {"zero": False, "domain": [least - room, most + room]}
    span = _ordinal(known[-1]["name"]) - _ordinal(known[0]["name"]) + 1
    weekly = all(date.fromisoformat(part["name"]).weekday() == 0 for part in known)
    step = min(WIDE, WIDE / span * (7 if weekly else 1))
    names = [name for name in MARKS if any(row["verdict"] == name for row in told)]
    by = {"field": "verdict", "type": "nominal", "title": None}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "bar", "color": GREEN, "opacity": 0.16, "width": step},
            "encoding": {"y": {"field": "from", **y}, "y2": {"field": "until"}},
        },
        {
            "mark": {"type": "rule", "color": GREY, "strokeWidth": 2},
            "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
            "encoding": {
                "y": {"field": "mean", **y},
                "shape": {**by, "scale": {"domain": names, "range": [MARKS[n][0] for n in names]}},
                "color": {**by, "scale": {"domain": names, "range": [MARKS[n][1] for n in names]}},
            },
        },
    ]
    table = [
        {
            "day": part["name"],
            "verdict": part["verdict"],
            "mean and 95 % interval": said(part, number),
            "wanted": wanted(part),
            "people": part["people"],
        }
        for part in parts
    ]
    return chart(title, says, _timed(told, layers), table)


def wanted(part: Mapping[str, Any]) -> str:
    """
    >>> wanted({"range_low": None, "range_high": 0.5})
    'at most 0.5000'
    """
    low, high = part["range_low"], part["range_high"]
    if low is None and high is None:
        return number(None)
    if low is None:
        return f"at most {number(high)}"
    return f"at least {number(low)}" if high is None else f"{number(low)} to {number(high)}"


def _some(rate: Mapping[str, Any]) -> bool:
    return rate.get("mean") is not None


def _y(title: str, *, share: bool) -> dict[str, Any]:
    axis = {"format": ".1%" if share else ",~f", "tickCount": 4, "titlePadding": 16}
    return {"type": "quantitative", "title": title, "axis": axis, "scale": {"zero": True}}


def _timed(rows: list[dict[str, Any]], layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Layers over days, in UTC, with a date at every so many."""
    days = sorted({row["day"] for row in rows})
    rows = [{**row, "at": f"{row['day']}T00:00:00Z"} for row in rows]
    span = max(1, _ordinal(days[-1]) - _ordinal(days[0]) + 1)
    axis = {
        "format": "%-d %b",
        "title": None,
        "grid": False,
        "labelColor": INK,
        "labelOverlap": True,
        "tickCount": {"interval": "day", "step": max(1, round(span / 7))},
    }
    pad = {"type": "utc", "padding": 14}
    x = {"field": "at", "type": "temporal", "axis": axis, "scale": pad}
    for layer in layers:
        layer["encoding"]["x"] = x
    return {
        "data": {"values": rows},
        "width": WIDE,
        "height": HIGH,
        "layer": layers,
        "padding": ROOM,
    }


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()
