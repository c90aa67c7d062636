"""A page of an evaluation: tables and plots in one HTML file that needs no network to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .atomic import atomic_path
from .errors import BadParameter
from .evaluation import Comparison, Evaluation
from .pictures import altair, png

__all__ = ["calibration_plot", "write"]

BINS = 20
Rows = list[dict[str, Any]]


def write(result: Evaluation | Comparison, path: str | Path, *, title: str | None = None) -> Path:
    """Write the page of ``result`` to ``path``, in place of what is there; the path it is at.

    It has the metrics with their intervals, accuracy against coverage where coverage was measured,
    how each metric spreads over users, the paired tests, and the times. `MissingExtra` without the
    extra "report".
    """
    altair("a report")
    from vl_convert import javascript_bundle

    path = _file(path, "out.html")
    runs = _models(result)
    table = result.table()
    library = javascript_bundle()  # type: ignore[call-arg]  # its stub knows no defaults
    heading = title or f"{', '.join(runs)}, measured"
    sections = [
        _section("Results", _summary(table), _about(runs)),
        _plots("With 95 % intervals", _intervals(table, list(runs)), INTERVALS),
        _plots("Accuracy against coverage", _against(table, list(runs)), AGAINST),
        _plots("Over users", _histograms(runs), HISTOGRAMS),
    ]
    if isinstance(result, Comparison):
        sections.append(_section("Differences, user by user", _html(result.tests()), TESTS))
    sections += [
        _section("Time", _html(result.times()), TIMES),
        _section("All numbers", _html(table), NUMBERS),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(heading)}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style>\n<script>{library}</script></head>\n"
        f"<body><main><h1>{escape(heading)}</h1>\n{''.join(sections)}</main>\n"
        f"<script>{DRAW}</script></body></html>\n"
    )
    with atomic_path(path) as temp:
        temp.write_text(page, encoding="utf-8")
    return path


def _file(path: str | Path, such_as: str) -> Path:
    path = Path(path)
    if path.is_dir():
        raise BadParameter(f"{path} is a folder; this writes a file, such as {path / such_as}")
    return path


def calibration_plot(
    tables: Mapping[str, pl.DataFrame], path: str | Path, *, title: str = "Calibration"
) -> Path:
    """Draw what `evaluation.calibration` says of each model, by its name, as a PNG at ``path``.

    What lies on the diagonal happens as often as was said.
    """
    alt = altair("a calibration plot")
    path = _file(path, "plot.png")
    rows = [row | {"model": name} for name, each in tables.items() for row in each.to_dicts()]
    ends = [{"said": 0, "chosen": 0}, {"said": 1, "chosen": 1}]
    share = alt.Scale(domain=[0, 1])
    said = alt.X("said:Q", title="said to be so likely", scale=share)
    chosen = alt.Y("chosen:Q", title="share chosen, with its 95 % interval", scale=share)
    base = alt.Chart(alt.Data(values=rows)).encode(x=said, color=alt.Color("model:N", title=None))
    diagonal = alt.Chart(alt.Data(values=ends)).mark_line(color="#bbb", strokeDash=[4, 4])
    chart = alt.layer(
        diagonal.encode(x=said, y=chosen),
        base.mark_rule().encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(point=True).encode(y=chosen),
    )
    with atomic_path(path) as temp:
        temp.write_bytes(png(chart.properties(width=320, height=320, title=title), scale=2))
    return path


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
    around = "" if low is None else f" <small>{_say(low)} to {_say(high)}</small>"
    return f"{_say(row['mean'])}{around}"


def _ends(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The interval over users, or over splits for a system metric."""
    users = row["low"], row["high"]
    return users if row["low"] is not None else (row["split_low"], row["split_high"])


def _html(frame: pl.DataFrame) -> str:
    number = [dtype.is_numeric() for dtype in frame.dtypes]
    head = "".join(
        f"<th{'' if numeric else ' scope=row'}>{escape(name.replace('_', ' '))}</th>"
        for name, numeric in zip(frame.columns, number, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{_say(value)}</td>" if numeric else f"<th>{escape(str(value))}</th>"
            for value, numeric in zip(row, number, strict=True)
        )
        + "</tr>"
        for row in frame.iter_rows()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _say(value: float | int | None) -> str:
    if value is None:
        return "&ndash;"
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0:
        return "0"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def _section(heading: str, content: str, note: str) -> str:
    return (
        f"<section><h2>{escape(heading)}</h2><p>{escape(note)}</p>"
        f'<div class="wide">{content}</div></section>\n'
    )


def _plots(heading: str, charts: Sequence[Any], note: str) -> str:
    """The charts side by side; nothing if there are none."""
    if not charts:
        return ""
    specs = [json.dumps(chart.to_dict()).replace("<", "\\u003c") for chart in charts]
    drawn = "".join(
        f'<figure><script type="application/json">{spec}</script></figure>' for spec in specs
    )
    return (
        f"<section><h2>{escape(heading)}</h2><p>{escape(note)}</p>"
        f'<div class="grid">{drawn}</div></section>\n'
    )


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
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5c6670; --line: #d8dee4; --paper: #fff;
  --card: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa5b1; --line: #30363d;
  --paper: #0d1117; --card: #161b22; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 24px; margin: 8px 0 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 4px; }
p { color: var(--soft); margin: 0 0 12px; max-width: 75ch; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 500; }
tbody th, th[scope=row] { text-align: left; }
thead th { color: var(--soft); }
small { color: var(--soft); display: block; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 16px; }
figure { margin: 0; padding: 12px; background: var(--card); border-radius: 8px; min-width: 0; }
figure:only-child { max-width: 640px; grid-column: 1 / -1; }
figure div { width: 100%; }
"""
DRAW = """
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {
  const style = getComputedStyle(document.documentElement);
  const [ink, soft, line] = ["ink", "soft", "line"].map(
    name => style.getPropertyValue("--" + name).trim());
  const text = { labelColor: soft, titleColor: ink, labelFontSize: 12, titleFontSize: 12,
    titleFontWeight: 500, labelLimit: 240 };
  const config = { background: "transparent", view: { stroke: null },
    axis: { ...text, gridColor: line, domainColor: line, tickColor: line }, legend: text };
  for (const figure of document.querySelectorAll("figure")) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    let box = figure.querySelector("div");
    if (!box) { box = document.createElement("div"); figure.append(box); }
    delete spec.config;
    vegaEmbed(box, spec, { config, actions: false, renderer: "svg", ast: true });
  }
}
draw();
dark.addEventListener("change", draw);
"""
