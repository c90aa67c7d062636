"""A page of an evaluation: tables and plots in one HTML file that needs no network to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .atomic import atomic_path
from .evaluation import Comparison, Evaluation
from .pages import file_at, html_table, number, plots, section
from .pages import write as write_page
from .pictures import altair, png

__all__ = ["calibration_chart", "calibration_plot", "write"]

BINS = 20
Rows = list[dict[str, Any]]


def write(result: Evaluation | Comparison, path: str | Path, *, title: str | None = None) -> Path:
    """Write the page of ``result`` to ``path``, in place of what is there; the path it is at.

    It has the metrics with their intervals, accuracy against coverage where coverage was measured,
    how each metric spreads over users, the paired tests, and the times. `MissingExtra` without the
    extra "report".
    """
    altair("a report")
    path = file_at(path, "out.html")
    runs = _models(result)
    table = result.table()
    heading = title or f"{', '.join(runs)}, measured"
    sections = [
        section("Results", _summary(table), _about(runs)),
        plots("With 95 % intervals", _intervals(table, list(runs)), INTERVALS),
        plots("Accuracy against coverage", _against(table, list(runs)), AGAINST),
        plots("Over users", _histograms(runs), HISTOGRAMS),
    ]
    if isinstance(result, Comparison):
        sections.append(section("Differences, user by user", html_table(result.tests()), TESTS))
    sections += [
        section("Time", html_table(result.times()), TIMES),
        section("All numbers", html_table(table), NUMBERS),
    ]
    return write_page(path, heading, sections)


def calibration_plot(
    tables: Mapping[str, pl.DataFrame], path: str | Path, *, title: str = "Calibration"
) -> Path:
    """Draw what `evaluation.calibration` says of each model, by its name, as a PNG at ``path``.

    What lies on the diagonal happens as often as was said.
    """
    altair("a calibration plot")
    path = file_at(path, "plot.png")
    chart = calibration_chart(tables).properties(width=320, height=320, title=title)
    with atomic_path(path) as temp:
        temp.write_bytes(png(chart, scale=2))
    return path


def calibration_chart(
    tables: Mapping[str, pl.DataFrame], *, happened: str = "chosen", colour: Any = None
) -> Any:
    """The chart of `calibration_plot`; the column ``chosen`` is the share that ``happened``."""
    import altair as alt

    rows = [row | {"model": name} for name, each in tables.items() for row in each.to_dicts()]
    ends = [{"said": 0, "chosen": 0}, {"said": 1, "chosen": 1}]
    share = alt.Scale(domain=[0, 1])
    axis = alt.Axis(tickCount=5)
    said = alt.X("said:Q", title="said to be so likely", scale=share, axis=axis)
    title = f"share {happened}, with its 95 % interval"
    chosen = alt.Y("chosen:Q", title=title, scale=share, axis=axis)
    colour = alt.Color("model:N", title=None) if colour is None else colour
    base = alt.Chart(alt.Data(values=rows)).encode(x=said, color=colour)
    diagonal = alt.Chart(alt.Data(values=ends)).mark_line(color="#bbb", strokeDash=[4, 4])
    return alt.layer(
        diagonal.encode(x=said, y=chosen),
        base.mark_rule().encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(point=True).encode(y=chosen),
    )


def _models(result: Evaluation | Comparison) -> Mapping[str, Evaluation]:
    return {result.model: result} if isinstance(result, Evaluation) else result.evaluations


def _about(models: Mapping[str, Evaluation]) -> str:
    runs = next(iter(models.values())).runs
    kinds = ", ".join(dict.fromkeys(run.split for run in runs))
    seeds = ", ".join(dict.fromkeys(str(run.seed) for run in runs))
    several = f"{len(runs)} splits" if len(runs) > 1 else "One split"
    asked = sum(len(run.users) for run in runs)
    return (
        f"{several} ({kinds}; seed {seeds}) with {asked:,} requests. Mean, and its 95 % interval."
    )


def _summary(table: pl.DataFrame) -> str:
    """Models down, metrics across."""
    metrics = table["metric"].unique(maintain_order=True).to_list()
    head = "".join(f"<th>{escape(each)}</th>" for each in metrics)
    lines = []
    for (model,), rows in table.group_by("model", maintain_order=True):
        by = {row["metric"]: row for row in rows.iter_rows(named=True)}
        cells = "".join(f"<td>{_estimate(by[each])}</td>" for each in metrics)
        lines.append(f"<tr><th>{escape(str(model))}</th>{cells}</tr>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _estimate(row: Mapping[str, Any]) -> str:
    low, high = _ends(row)
    around = "" if low is None else f" <small>{number(low)} to {number(high)}</small>"
    return f"{number(row['mean'])}{around}"


def _ends(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The interval over users, or over splits for a system metric."""
    users = row["low"], row["high"]
    return users if row["low"] is not None else (row["split_low"], row["split_high"])


def _colour(models: Sequence[str], *, legend: bool = False) -> Any:
    import altair as alt

    scheme = "tableau10" if len(models) <= 10 else "tableau20"
    scale = alt.Scale(domain=list(models), scheme=scheme)
    shown = alt.Legend(title=None, orient="top", columns=4, symbolOpacity=1) if legend else None
    return alt.Color("model:N", scale=scale, legend=shown)


def _intervals(table: pl.DataFrame, models: Sequence[str]) -> list[Any]:
    """For each metric, a line a model: mean, interval, and the thinner one over splits."""
    import altair as alt

    charts = []
    axis = alt.Axis(tickCount=5, format="~g")
    for (metric,), frame in table.group_by("metric", maintain_order=True):
        rows = [row for row in frame.iter_rows(named=True) if row["mean"] is not None]
        if not rows:
            continue
        y = alt.Y("model:N", sort=list(models), title=None)
        layers = []
        for thick, low, high in ((1, "split_low", "split_high"), (4, "low", "high")):
            known = [row for row in rows if row[low] is not None]
            if known:
                line = alt.Chart(alt.Data(values=known)).mark_rule(strokeWidth=thick, opacity=0.6)
                x = alt.X(f"{low}:Q", scale=alt.Scale(zero=False), title=str(metric), axis=axis)
                layers.append(line.encode(x=x, x2=f"{high}:Q", y=y, color=_colour(models)))
        dots = alt.Chart(alt.Data(values=rows)).mark_point(filled=True, size=70, opacity=1)
        tip = [alt.Tooltip("model:N"), *(alt.Tooltip(f"{c}:Q", format=".4f") for c in TIPS)]
        x = alt.X("mean:Q", scale=alt.Scale(zero=False), title=str(metric), axis=axis)
        layers.append(dots.encode(x=x, y=y, color=_colour(models), tooltip=tip))
        charts.append(alt.layer(*layers).properties(width="container", height=26 * len(rows) + 20))
    return charts


def _against(table: pl.DataFrame, models: Sequence[str]) -> list[Any]:
    """The first metric of single requests against the first coverage."""
    import altair as alt

    metrics = table["metric"].unique(maintain_order=True).to_list()
    system = set(table.filter(pl.col("asked").is_null())["metric"])
    wide = [each for each in metrics if "coverage" in each.lower()]
    sharp = [each for each in metrics if each not in system and each not in wide]
    if not wide or not sharp:
        return []
    means = {(row["model"], row["metric"]): row["mean"] for row in table.iter_rows(named=True)}
    rows = [{"model": m, "x": means[m, wide[0]], "y": means[m, sharp[0]]} for m in models]
    rows = [row for row in rows if row["x"] is not None and row["y"] is not None]
    if not rows:
        return []
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:Q", title=wide[0], axis=alt.Axis(tickCount=6)),
        y=alt.Y("y:Q", title=sharp[0], axis=alt.Axis(tickCount=6)),
    )
    tip = [
        alt.Tooltip("model:N"),
        alt.Tooltip("x:Q", title=wide[0], format=".4f"),
        alt.Tooltip("y:Q", title=sharp[0], format=".4f"),
    ]
    dots = base.mark_point(filled=True, size=110, opacity=1)
    names = base.mark_text(dy=-12, fontSize=12).encode(text="model:N", color=_colour(models))
    both = alt.layer(dots.encode(color=_colour(models), tooltip=tip), names)
    return [both.properties(width="container", height=320)]


def _histograms(models: Mapping[str, Evaluation]) -> list[Any]:
    """For each metric of single requests, the share of the users in each of 20 equal bins."""
    import altair as alt

    charts = []
    for metric in next(iter(models.values())).metrics:
        values = {name: each.users(metric)["value"].to_numpy() for name, each in models.items()}
        every = np.concatenate(list(values.values()))
        every = every[np.isfinite(every)]
        if not len(every):
            continue
        edges = np.histogram_bin_edges(every, BINS)
        rows = [row for name, each in values.items() for row in _steps(name, each, edges)]
        base = alt.Chart(alt.Data(values=rows)).encode(
            x=alt.X(
                "at:Q",
                title=f"{metric} of a user",
                scale=alt.Scale(zero=False, nice=False),
                axis=alt.Axis(tickCount=5),
            ),
            y=alt.Y("share:Q", title="share of users", axis=alt.Axis(format="%"), stack=None),
            color=_colour(list(models), legend=len(models) > 1),
        )
        area = base.mark_area(interpolate="step-after", opacity=0.12)
        line = base.mark_line(interpolate="step-after", strokeWidth=1.5)
        charts.append(alt.layer(area, line).properties(width="container", height=200))
    return charts


def _steps(model: str, values: np.ndarray[Any, Any], edges: np.ndarray[Any, Any]) -> Rows:
    """One point an edge: the share of the bin that begins there; the last share twice."""
    values = values[np.isfinite(values)]
    share = np.histogram(values, edges)[0] / max(len(values), 1)
    heights = zip(edges.tolist(), [*share.tolist(), share[-1].item()], strict=True)
    return [{"model": model, "at": at, "share": height} for at, height in heights]


TIPS = ("mean", "low", "high", "split_low", "split_high")
INTERVALS = (
    "Thick: over users. Thin: over splits, where there are several. Each plot has its scale."
)
AGAINST = "To the right: more of the catalogue is ever shown. Up: more of it was what people chose."
HISTOGRAMS = "A mean can hide that it is good for few: the mean over the requests of each user."
TESTS = (
    "Difference is a minus b, its interval is that of the bootstrap; p values are two-sided, those "
    "marked holm corrected for all rows of the table."
)
TIMES = "Seconds to fit, to answer all requests, and for the metrics after that."
NUMBERS = (
    "Mean, low and high are over users. The columns named split are over the means of the splits, "
    "which share data, so their interval is narrower than that over fresh data. Defined of the "
    "asked requests had a value. System metrics have one number a split, and no users."
)
