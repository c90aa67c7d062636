"""Figure 3.4 of the thesis: weighted F1 by loss, and of sigmoidF1 by beta and eta.

Data, encoders and head are those of thesis-3.3: boxes of the tested items' weighted F1 at a
threshold of 0.5, over the seeds; below, its mean over the seeds at each beta and eta of sigmoidF1,
by what it is put on. Figures of the second kind are of the tuning part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from ..evaluation import multilabel
from ..pictures import altair, png
from . import Asked, Reproduction
from ._multilabel import BETAS, CORPORA, LOSSES, TUNED, about, corpora, grid, tried, worth

__all__ = ["METHODS", "TITLE", "picture", "reproduce"]

TITLE = "Thesis, Figure 3.4: weighted F1 by loss, and by beta and eta (x 100)"
METHODS = tuple(CORPORA)
SPLITS = 5
RESUMES = True
FILES = True


def reproduce(asked: Asked) -> Reproduction:
    altair("thesis-fig3.4")  # not after all the work
    found: list[dict[str, Any]] = []
    described = {}
    for i, corpus in enumerate(corpora(asked)):
        for j, seed in enumerate(asked.seeds):
            asked.tell(
                f"{corpus.name}, seed {seed}",
                i * asked.splits + j,
                len(asked.methods) * asked.splits,
            )
            who: dict[str, Any] = {"data": corpus.name, "seed": seed}
            for line, loss in LOSSES.items():
                if line in TUNED:
                    best, most = None, -1.0
                    for beta, eta, one in grid(corpus, TUNED[line], seed):
                        at = worth(corpus.truth[one.tune], one.on_tune)
                        f1 = multilabel(corpus.truth[one.tune], one.on_tune > 0.5)["f1_weighted"]
                        cell = {**who, "line": line, "part": "tune", "beta": beta, "eta": eta}
                        found.append({**cell, "f1_weighted": 100 * f1})
                        if at > most:
                            best, most = one, at
                    assert best is not None
                else:
                    best = tried(corpus, loss, seed)
                f1 = multilabel(corpus.truth[best.test], best.on_test > 0.5)["f1_weighted"]
                cell = {**who, "line": line, "part": "test", "beta": None, "eta": None}
                found.append({**cell, "f1_weighted": 100 * f1})
        described[corpus.name] = about(corpus, asked, "thesis-fig3.4")
    asked.tell("thesis-fig3.4", 1, 1)
    table = pl.DataFrame(found, infer_schema_length=None).with_columns(
        pl.col("f1_weighted").round(2)
    )
    return Reproduction(
        name="thesis-fig3.4",
        title=TITLE,
        table=table,
        notes=tuple(notes(table)),
        picture=picture(table),
        about={"seeds": asked.seeds, "data": described},
    )


def notes(table: pl.DataFrame) -> Iterator[str]:
    cells = (
        table.filter(pl.col("part") == "tune")
        .group_by(["data", "line", "beta", "eta"], maintain_order=True)
        .agg(pl.col("f1_weighted").mean())
    )
    for (data, line), mine in cells.group_by(["data", "line"], maintain_order=True):
        best = mine.sort("f1_weighted", descending=True).row(0, named=True)
        worst = mine.sort("f1_weighted").row(0, named=True)
        yield (
            f"{data}: {line}: from {worst['f1_weighted']:.1f} at beta {worst['beta']:g}, eta "
            f"{worst['eta']:g} to {best['f1_weighted']:.1f} at beta {best['beta']:g}, eta "
            f"{best['eta']:g}"
        )


def picture(table: pl.DataFrame) -> bytes:
    """A row of charts for each source: the boxes, and a map for each input of sigmoidF1."""
    alt = altair("thesis-fig3.4")
    charts = []
    for (data,), rows in table.group_by(["data"], maintain_order=True):
        boxes = rows.filter(pl.col("part") == "test").select("line", "f1_weighted").to_dicts()
        charts.append(
            alt.Chart(alt.Data(values=boxes), title=str(data), width=260, height=330)
            .mark_boxplot(extent="min-max", size=9)
            .encode(
                x=alt.X("f1_weighted:Q", title="weighted F1, test"),
                y=alt.Y("line:N", sort=list(LOSSES), title=None),
            )
        )
        maps = rows.filter(pl.col("part") == "tune").group_by(["line", "beta", "eta"])
        means = maps.agg(pl.col("f1_weighted").mean().round(1)).sort("line", "beta", "eta")
        for line in TUNED:
            cells = alt.Data(values=means.filter(pl.col("line") == line).to_dicts())
            base = alt.Chart(cells, title=line, width=220, height=200).encode(
                x=alt.X("beta:O"), y=alt.Y("eta:O", sort="descending")
            )
            color = alt.Color("f1_weighted:Q", title="weighted F1", scale=alt.Scale(scheme="blues"))
            charts.append(
                base.mark_rect().encode(color=color)
                + base.mark_text(fontSize=9).encode(text=alt.Text("f1_weighted:Q", format=".1f"))
            )
    wide = 1 + len(BETAS)
    return png(
        alt.concat(*charts, columns=wide)
        .resolve_scale(color="independent")
        .configure_view(stroke="#ddd")
    )
