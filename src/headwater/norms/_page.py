"""A page of verdicts: over time with the range that is wanted, and over people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..pages import file_at, html_table, listed, plots, section
from ..pages import write as write_page
from ..pictures import altair, axis_of_names
from ..types import Floats
from ._result import FEWEST, Checked, Finding, Part
from ._text import asked, asked_of, in_brief, real_ends, rows, said_day, share, spread

__all__ = ["write"]

BLUE, GREY, VERMILION, BAND = "#0072B2", "#999999", "#D55E00", "#009E73"
COLOURS = {"met": BLUE, "undecided": GREY, "missed": VERMILION}
SHAPES = {"met": "circle", "undecided": "diamond", "missed": "triangle-up"}
GRID = 81  # places at which a violin is drawn
MOST = 12  # rows of a picture
HALF = 0.42  # of a row, the half width of the widest violin


def write(checked: Checked, path: str | Path) -> Path:
    """Write the page of ``checked`` to ``path``, in place of what is there; the path it is at.

    It needs no network to be read, and names nobody. `MissingExtra` without the extra "report".
    """
    altair("a report")
    path = file_at(path, "norms.html")
    colours = {**COLOURS, "what is wanted": BAND}
    sections = [
        section("Verdicts", html_table(rows(checked)), in_brief(checked)),
        listed("What was asked", [f"{each.name}: {asked(each)}" for each in checked.findings]),
        plots(
            "Over time",
            [_over_time(each, checked.period) for each in checked.findings if _drawn(each)],
            OVER_TIME,
            colours=colours,
        ),
        plots(
            "Over people",
            [chart for each in checked.findings if (chart := _over_people(each)) is not None],
            OVER_PEOPLE,
            colours=colours,
        ),
    ]
    if any(each.segments for each in checked.findings):
        sections.append(section("By segment", html_table(_segments(checked)), SEGMENTS))
    if len(checked.undefined()):
        note = "Requests of which a norm says nothing, by the first reason that holds."
        sections.append(section("Not known", html_table(checked.undefined()), note))
    sections.append(listed("How it was measured", _told(checked)))
    return write_page(path, f"{checked.norms}: norms of diversity", sections)


def _segments(checked: Checked) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "norm": each.name,
                "column": part.column,
                "segment": part.name,
                "verdict": part.verdict,
                "asked": asked_of(each, part),
                "is (95 % interval)": spread(part),
                "people in range": share(part),
                "people": part.people,
                "requests": part.asked,
                "with a value": part.defined,
            }
            for each in checked.findings
            for part in each.segments
        ]
    )


def _told(checked: Checked) -> list[str]:
    told = [
        "Means are over people, each the mean of their lists; the intervals are of 95 %, over "
        "people, by Student's t, those of segments as wide as it takes for all groups of a column "
        "together; of people who are all alike an interval reaches as far as people who were not "
        "met may move the mean. A norm is missed, or met, where the whole interval is out of the "
        "range, or in it.",
        f"Nothing is shown of groups of fewer than {FEWEST} people; that there are such is.",
    ]
    words = [each for each in checked.findings if each.wanted != "range"]
    if words:
        ends = "; ".join(
            f"{word} from {0 if low is None else low:g}" + ("" if high is None else f" to {high:g}")
            for word, (low, high) in checked.levels.items()
        )
        told.append(
            f"Words are told against lists by chance: as long, drawn without replacement from what "
            f"each list was chosen from, {checked.draws} for each request, seed {checked.seed}. "
            f"Times what these have: {ends}. The factors are those of the norms file, not of the "
            "theory."
        )
    if checked.period != "none":
        told.append(
            f"Times are UTC. Lists are compared with each other within the same {checked.period}."
        )
    return [*told, *checked.notes]


# Pictures ---------------------------------------------------------------------------------------


def _drawn(finding: Finding) -> bool:
    return len(finding.periods) > 1 and any(part.mean is not None for part in finding.periods)


def _colour(name: str = "verdict:N") -> Any:
    import altair as alt

    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    return alt.Color(name, scale=scale, legend=None)


def _title(finding: Finding, *more: str) -> Any:
    import altair as alt

    lines = [f"{asked_of(finding, finding.whole)}; {finding.verdict}", *more]
    return alt.TitleParams(finding.name, subtitle=lines, anchor="start", frame="group")


def _over_time(finding: Finding, period: str) -> Any:
    """The mean of each period with its interval, before the range."""
    import altair as alt

    days = 7 if period == "week" else 1
    known = [part for part in finding.periods if part.mean is not None]
    low, high = _reach(finding, known)
    points, bands = [], []
    for part in known:
        first = date.fromisoformat(part.name)
        row = {
            "from": first.isoformat(),
            "to": (first + timedelta(days=days)).isoformat(),
            "at": f"{first.isoformat()}T{'12:00:00' if days == 1 else '00:00:00'}Z",
            "verdict": part.verdict,
            "mean": part.mean,
            "low": part.low,
            "high": part.high,
            "people": part.people,
            "wanted": asked_of(finding, part),
        }
        if days == 7:
            row["at"] = f"{(first + timedelta(days=3)).isoformat()}T12:00:00Z"
        points.append(row)
        ends = _ends(part, low, high)
        if ends is not None:
            bands.append({**row, "bottom": ends[0], "top": ends[1]})
    scale = alt.Scale(type="utc", nice=False)
    few = alt.Axis(format="%-d %b", tickCount=5, labelOverlap=True, grid=False)
    x = alt.X("at:T", scale=scale, title=None, axis=few)
    y = alt.Scale(domain=[low, high], nice=False, zero=False)
    axis = alt.Axis(tickCount=4, format=".2~f")
    band = (
        alt.Chart(alt.Data(values=bands))
        .mark_rect(color=BAND, opacity=0.16, clip=True)
        .encode(
            x=alt.X("from:T", scale=scale, title=None, axis=few),
            x2="to:T",
            y=alt.Y("bottom:Q", scale=y, title=None, axis=axis),
            y2="top:Q",
        )
    )
    base = alt.Chart(alt.Data(values=points)).encode(x=x)
    line = base.mark_line(color=GREY, strokeWidth=1).encode(y=alt.Y("mean:Q", scale=y))
    rule = base.mark_rule(strokeWidth=1.5, clip=True).encode(
        y=alt.Y("low:Q", scale=y), y2="high:Q", color=_colour()
    )
    tip = [alt.Tooltip("from:N", title=period), alt.Tooltip("verdict:N"), alt.Tooltip("wanted:N")]
    tip += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("mean", "low", "high")]
    tip += [alt.Tooltip("people:Q", format=",")]
    shape = alt.Shape(
        "verdict:N",
        scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())),
        legend=None,
    )
    dots = base.mark_point(filled=True, size=60, opacity=1, clip=True).encode(
        y=alt.Y("mean:Q", scale=y), color=_colour(), shape=shape, tooltip=tip
    )
    layers = [*([band] if bands else []), line, rule, dots]
    since = [] if finding.since is None else [f"missed since {said_day(finding.since)}"]
    return alt.layer(*layers).properties(
        width="container", height=170, title=_title(finding, *since)
    )


def _reach(finding: Finding, parts: Sequence[Part]) -> tuple[float, float]:
    """What an axis shows: the intervals, the ends of the range, and some room."""
    known = [v for part in parts for v in (part.low, part.high) if v is not None]
    known += [end for part in parts for end in real_ends(finding, part) if end is not None]
    room = 0.08 * ((max(known) - min(known)) or 0.1)
    least, most = finding.bounds
    return max(least, min(known) - room), min(most, max(known) + room)


def _ends(part: Part, low: float, high: float) -> tuple[float, float] | None:
    """The range, as far as an axis shows it."""
    if part.range_low is None and part.range_high is None:
        return None
    bottom = low if part.range_low is None else max(low, part.range_low)
    top = high if part.range_high is None else min(high, part.range_high)
    return (bottom, top) if bottom < top else None


def _over_people(finding: Finding) -> Any:
    """A violin and a box of the means of people, of all and of each segment; None for too few."""
    import altair as alt

    if len(finding.people) < FEWEST:
        return None
    shown = [("all", finding.whole, finding.people)]
    for part in finding.segments:
        mine = finding.groups[part.column, part.name]
        if len(mine) >= FEWEST and part.mean is not None:
            shown.append((f"{part.column} {part.name}", part, mine))
    shown = shown[:MOST]
    every = np.concatenate([values for _, _, values in shown])
    low, high = float(every.min()), float(every.max())
    ends = [end for end in real_ends(finding, finding.whole) if end is not None]
    low, high = min([low, *ends]), max([high, *ends])
    room = 0.06 * ((high - low) or 0.1)
    low, high = max(low - room, finding.bounds[0]), min(high + room, finding.bounds[1])
    grid = np.linspace(low, high, GRID)
    shapes = [_density(values, grid) for _, _, values in shown]
    violins, boxes = [], []
    for at, ((name, part, values), shape) in enumerate(zip(shown, shapes, strict=True)):
        half = HALF * shape / (shape.max() or 1)
        violins += [
            {"name": name, "x": x, "bottom": at - wide, "top": at + wide}
            for x, wide in zip(grid.round(4).tolist(), half.round(4).tolist(), strict=True)
        ]
        q = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
        boxes.append(
            {
                "name": name,
                "at": at,
                "people": len(values),
                "mean": part.mean,
                "verdict": part.verdict,
                **dict(zip(("p5", "q1", "median", "q3", "p95"), q, strict=True)),
            }
        )
    places = {float(at): f"{name} ({len(v):,})" for at, (name, _, v) in enumerate(shown)}
    y = alt.Scale(domain=[len(shown) - 0.5, -0.5], nice=False, zero=False)
    row = alt.Y("bottom:Q", scale=y, axis=axis_of_names(places))
    x = alt.Scale(domain=[low, high], nice=False, zero=False)
    across = alt.Axis(tickCount=4, format=".2~f", grid=False)
    place = alt.X("x:Q", scale=x, title=None, axis=across)
    shape = (
        alt.Chart(alt.Data(values=violins))
        .mark_area(opacity=0.35, color=GREY, orient="vertical")
        .encode(x=place, y=row, y2="top:Q", detail="name:N")
    )
    layers = [shape]
    band = _ends(finding.whole, low, high)
    if band is not None:
        wide = {"from": band[0], "to": band[1], "first": -0.5, "last": len(shown) - 0.5}
        layers.insert(
            0,
            alt.Chart(alt.Data(values=[wide]))
            .mark_rect(color=BAND, opacity=0.16)
            .encode(
                x=alt.X("from:Q", scale=x, title=None, axis=across),
                x2="to:Q",
                y=alt.Y("first:Q", scale=y, axis=axis_of_names(places)),
                y2="last:Q",
            ),
        )
    base = alt.Chart(alt.Data(values=boxes)).encode(y=alt.Y("at:Q", scale=y))

    def along(name: str) -> Any:
        return alt.X(f"{name}:Q", scale=x, title=None)

    tip = [alt.Tooltip("name:N"), alt.Tooltip("people:Q", format=","), alt.Tooltip("verdict:N")]
    tip += [alt.Tooltip(f"{n}:Q", format=".3f") for n in ("mean", "median", "q1", "q3")]
    layers += [
        base.mark_rule(strokeWidth=1.2, color=GREY).encode(x=along("p5"), x2="p95:Q"),
        base.mark_bar(height=9, opacity=0.9).encode(x=along("q1"), x2="q3:Q", color=_colour()),
        base.mark_tick(thickness=2, size=15, color="#ffffff").encode(x=along("median")),
        base.mark_point(
            filled=True, size=48, color="#111111", stroke="#ffffff", strokeWidth=1.2, opacity=1
        ).encode(x=along("mean"), tooltip=tip),
    ]
    return alt.layer(*layers).properties(
        width="container", height=34 * len(shown) + 16, title=_title(finding)
    )


def _density(values: Floats, grid: Floats) -> Floats:
    """A kernel density, as wide as Silverman's rule of thumb says; of equal values a spike."""
    step = grid[1] - grid[0]
    q1, q3 = np.quantile(values, [0.25, 0.75])
    spread_ = min(values.std(ddof=1), (q3 - q1) / 1.349) or values.std(ddof=1)
    wide = max(0.9 * spread_ * len(values) ** -0.2, step)
    edges = np.concatenate([grid - step / 2, [grid[-1] + step / 2]])
    counts = np.histogram(values, edges)[0].astype(np.float64)
    kernel = np.exp(-((grid[:, None] - grid) ** 2) / (2 * wide**2))
    return np.asarray(kernel @ counts)


OVER_TIME = (
    "Dots are means over people, lines their 95 % intervals, and the green ground is what is "
    "wanted: where it is told against chance it moves with what could be shown. Each interval is "
    "for itself: of many days near an end some are missed by chance."
)
OVER_PEOPLE = (
    "A violin is as wide as that many people have such a mean over their lists. The box is the "
    "middle half of them, the white tick the median, the thin line from 5 to 95 %, the dot the "
    "mean; in brackets how many people."
)
SEGMENTS = "Norms of groups of people, or of requests; all groups, also those that keep to them."
