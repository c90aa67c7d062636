"""Pages: tables and charts in one HTML file that needs no network to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from .atomic import atomic_path
from .errors import BadParameter

__all__ = ["file_at", "html_table", "listed", "number", "plots", "section", "write"]


def write(path: Path, heading: str, sections: Iterable[str]) -> Path:
    """The page of ``sections``, each HTML as `section` and `plots` make it, at ``path``."""
    from vl_convert import javascript_bundle

    library = javascript_bundle()  # type: ignore[call-arg]  # its stub knows no defaults
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


def file_at(path: str | Path, such_as: str) -> Path:
    """``path`` as a place for a file; `BadParameter` where there is a folder."""
    path = Path(path)
    if path.is_dir():
        raise BadParameter(f"{path} is a folder; this writes a file, such as {path / such_as}")
    return path


def html_table(frame: pl.DataFrame) -> str:
    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    head = "".join(
        f"<th{'' if counts else ' scope=row'}>{escape(name.replace('_', ' '))}</th>"
        for name, counts in zip(frame.columns, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{number(value)}</td>" if counts else f"<th>{escape(str(value))}</th>"
            for value, counts in zip(row, numeric, strict=True)
        )
        + "</tr>"
        for row in frame.iter_rows()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def number(value: float | int | None) -> str:
    """Of a table's cell."""
    if value is None:
        return "&ndash;"
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0:
        return "0"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def section(heading: str, content: str, note: str) -> str:
    return (
        f"<section><h2>{escape(heading)}</h2><p>{escape(note)}</p>"
        f'<div class="wide">{content}</div></section>\n'
    )


def plots(
    heading: str,
    charts: Sequence[Any],
    note: str,
    *,
    says: str = "",
    colours: Mapping[str, str] | None = None,
) -> str:
    """The charts side by side, below what they say; nothing if there are none.

    ``colours`` says what each colour stands for, where the charts have no legend of their own.
    """
    if not charts:
        return ""
    specs = [json.dumps(chart.to_dict()).replace("<", "\\u003c") for chart in charts]
    drawn = "".join(
        f'<figure><script type="application/json">{spec}</script></figure>' for spec in specs
    )
    said = f'<p class="says">{escape(says)}</p>' if says else ""
    swatches = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in (colours or {}).items()
    )
    legend = f'<p class="key">{swatches}</p>' if swatches else ""
    return (
        f"<section><h2>{escape(heading)}</h2>{said}<p>{escape(note)}</p>{legend}"
        f'<div class="grid">{drawn}</div></section>\n'
    )


def listed(heading: str, lines: Sequence[str]) -> str:
    """A list of sentences; nothing if there are none."""
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<section><h2>{escape(heading)}</h2><ul>{items}</ul></section>\n"


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
p, ul { color: var(--soft); margin: 0 0 12px; max-width: 75ch; }
ul { padding-left: 18px; overflow-wrap: anywhere; }
.says { color: var(--ink); font-size: 16px; margin-bottom: 4px; }
.key span { display: inline-block; margin-right: 16px; }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 500; }
tbody th, th[scope=row] { text-align: left; }
thead th { color: var(--soft); }
small { color: var(--soft); display: block; }
.grid { display: grid; gap: 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); }
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
    axis: { ...text, gridColor: line, domainColor: line, tickColor: line }, legend: text,
    title: { color: ink, subtitleColor: soft, anchor: "start", fontSize: 13, fontWeight: 500,
      subtitleFontSize: 12 }, text: { color: ink }, rule: { color: ink } };
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
