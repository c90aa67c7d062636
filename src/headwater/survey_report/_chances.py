"""How well chances foretell: ROC curves, and whether chances are what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy import special, stats

from ..evaluation import Folds
from ..report import calibration_chart
from ..types import Floats, Mask
from ..wording import plural
from ._picture import FEWEST, KIND, Picture, Rows, colours_of

__all__ = ["calibration", "roc"]

POINTS = 200  # of a curve


def roc(folds: Folds) -> Picture | None:
    """How many that were what is asked for are found, for how many that were not; None where
    either are too few."""
    import altair as alt

    y = folds.y
    if min(y.sum(), (~y).sum()) < FEWEST:
        return None
    areas = {name: _area(p, y, len(folds.chances)) for name, p in folds.chances.items()}
    order = sorted(areas, key=lambda name: -areas[name][0])
    labels = {name: f"{name}, {areas[name][0]:.2f}" for name in order}
    colours = _of_models(folds)
    rows = [
        row | {"model": labels[name]} for name in order for row in _curve(folds.chances[name], y)
    ]
    share = alt.Scale(domain=[0, 1])
    axis = alt.Axis(tickCount=5)
    x = alt.X("false:Q", title="of the others, share above the cut", scale=share, axis=axis)
    title = f"of the {KIND[folds.target]}, share above it"
    up = alt.Y("true:Q", title=title, scale=share, axis=axis)
    scale = alt.Scale(domain=list(labels.values()), range=[colours[name] for name in order])
    legend = alt.Legend(title=None, orient="top", columns=1, symbolOpacity=1, labelLimit=280)
    lines = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(strokeWidth=1.8)
        .encode(x=x, y=up, order="at:Q", color=alt.Color("model:N", scale=scale, legend=legend))
    )
    ends = alt.Data(values=[{"false": 0, "true": 0}, {"false": 1, "true": 1}])
    diagonal = alt.Chart(ends).mark_line(color="#bbb", strokeDash=[4, 4]).encode(x=x, y=up)
    chart = alt.layer(diagonal, lines).properties(width="container", height=320)
    note = (
        f"Chances to be {KIND[folds.target]}, said of {plural(len(y), 'answered session')} whose "
        "people the model had not seen. On the dashed line a model knows nothing; beside its name "
        "is the area below its curve."
    )
    return Picture(
        f"How well models tell who is {KIND[folds.target]}",
        (chart,),
        _best(areas, KIND[folds.target]),
        note,
        width=360,
    )


def _of_models(folds: Folds) -> dict[str, str]:
    return colours_of(list(folds.chances))


def _curve(p: Floats, y: Mask) -> Rows:
    """At cuts that part the sessions evenly, so that no step is that of one person."""
    cuts = np.unique(np.quantile(p, np.linspace(0, 1, min(POINTS, len(p) // FEWEST) + 1)[1:-1]))
    points = [(1.0, 1.0), *((float((p > c)[~y].mean()), float((p > c)[y].mean())) for c in cuts)]
    points.append((0.0, 0.0))
    return [{"false": f, "true": t, "at": i} for i, (f, t) in enumerate(dict.fromkeys(points))]


def _area(p: Floats, y: Mask, tests: int) -> tuple[float, float, float]:
    """The area below the curve and its 95 % interval for ``tests`` models together, after DeLong,
    DeLong, Clarke-Pearson, "Comparing the Areas under Two or More Correlated ROC Curves", 1988."""
    n1, n0 = int(y.sum()), int((~y).sum())
    ranks = stats.rankdata(p)
    above = (ranks[y] - stats.rankdata(p[y])) / n0  # of each that is: the share that it is above
    below = 1 - (ranks[~y] - stats.rankdata(p[~y])) / n1
    area = float(above.mean())
    error = np.sqrt(above.var(ddof=1) / n1 + below.var(ddof=1) / n0)
    wide = float(special.ndtri(1 - 0.025 / tests) * error)
    return area, max(area - wide, 0.0), min(area + wide, 1.0)


def _best(areas: Mapping[str, tuple[float, float, float]], kind: str) -> str:
    name = max(areas, key=lambda each: areas[each][0])
    area, low, high = areas[name]
    several = len(areas) > 1
    around = f"95 % interval {100 * low:.0f} to {100 * high:.0f}"
    around += f", corrected for {len(areas)} models" if several else ""
    if low > 0.5:
        return (
            f"Of a session that was {kind} and one that was not, {name} gives the first the higher "
            f"chance in {100 * area:.0f} of 100 pairs, ties counted as half ({around}); guessing "
            "does in 50."
        )
    who = "No model" if several else f"The model {name}"
    return (
        f"{who} is {'' if several else 'not '}clearly better than guessing: of a session that was "
        f"{kind} and one that was not, {'the best, ' + name + ',' if several else 'it'} gives the "
        f"first the higher chance in {100 * area:.0f} of 100 pairs, ties counted as half "
        f"({around})."
    )


def calibration(folds: Folds) -> Picture | None:
    """How often it was so, where it was said to be so and so likely."""
    import altair as alt

    tables = folds.calibration()
    shown = {name: t.filter(pl.col("candidates") >= FEWEST) for name, t in tables.items()}
    if not any(len(each) for each in shown.values()):
        return None
    colours = _of_models(folds)
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    legend = alt.Legend(title=None, orient="top", columns=2, symbolOpacity=1, labelLimit=160)
    chart = calibration_chart(
        shown,
        happened="that was",
        colour=alt.Color("model:N", scale=scale, legend=legend),
    ).properties(width="container", height=320)
    note = (
        f"Of the sessions that were said to be so likely {KIND[folds.target]}, the share that was. "
        "On the dashed line both are the same."
    )
    few = sum(len(t) - len(shown[name]) for name, t in tables.items())
    if few:
        note += f" Not shown: {plural(few, 'point')} of fewer than {FEWEST} sessions."
    return Picture(
        "Whether chances are what they say", (chart,), _off(tables, shown), note, width=360
    )


def _off(tables: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """By how much chances are off, in the mean over sessions, and whether that is more than
    chance."""
    said = []
    for name, table in tables.items():
        n = table["candidates"].to_numpy().astype(np.float64)
        gap = abs(table["said"] - table["chosen"]).to_numpy()
        said.append((name, 100 * float(gap @ n / n.sum())))
    said.sort(key=lambda each: each[1])
    points = sum(len(each) for each in shown.values())
    missed = sum(
        int(((t["said"] < t["low"]) | (t["said"] > t["high"])).sum()) for t in shown.values()
    )
    name, off = said[0]
    first = f"The chances of {name} are off by {off:.1f} percentage points on average"
    if len(said) > 1:
        first += f", those of {said[-1][0]} by {said[-1][1]:.1f}"
    return (
        f"{first}; {missed} of {plural(points, 'point')} {'has' if missed == 1 else 'have'} the "
        "line outside of the 95 % interval; by chance alone 1 of 20 would."
    )
