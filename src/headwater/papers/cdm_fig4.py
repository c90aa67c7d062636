"""Figure 4 of the CDM paper: accuracy and variety of CDM's lists, by gamma.

Data, split, seeds and models are those of cdm-2; means over the tested requests, and over the
seeds, at 20. The paper has gamma from 0 to 0.25; here it goes on to 0.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from ..evaluation import measure
from ..pictures import altair, png
from . import Asked, Reproduction
from ._funnel import DATA, METRICS, about, learned, metrics, parts
from .cdm_2 import CDM, cdm

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "CDM paper, Figure 4: by gamma (x 100)"
METHODS = tuple(DATA)
SPLITS = 5
RESUMES = True

GAMMAS = tuple(round(0.05 * i, 2) for i in range(11))
RISING = ("ILAD", "ILAD by vectors", "CC", "CC of lists")


def reproduce(asked: Asked) -> Reproduction:
    altair("cdm-fig4")  # not after hours
    rows: list[dict[str, Any]] = []
    described = {}
    for seed, part in parts(asked, "cdm-fig4"):
        described[part.name] = about(part, asked, "cdm-fig4")
        for line in CDM:
            model = learned(cdm(line), part.split, seed, asked, line)
            for gamma in GAMMAS:
                model.gamma = gamma
                found = measure(model, part.split, list(metrics(20).values()))
                values = (100 * float(np.nanmean(each)) for each in found.values())
                who = {"data": part.name, "method": line, "gamma": gamma, "seed": seed}
                rows.append(who | dict(zip(METRICS, values, strict=True)))
    raw = pl.DataFrame(rows)
    means = raw.group_by(["data", "method", "gamma"], maintain_order=True).agg(
        pl.col(*METRICS).mean().round(2)
    )
    return Reproduction(
        name="cdm-fig4",
        title=TITLE,
        table=means,
        notes=tuple(notes(means)),
        picture=picture(means),
        about={
            "seeds": asked.seeds,
            "data": described,
            "figures": rows,
        },
    )


def notes(means: pl.DataFrame) -> Iterator[str]:
    for (data, line), rows in means.group_by(["data", "method"], maintain_order=True):
        said = []
        for name in RISING:
            values = rows[name].to_numpy()
            if np.ptp(values):
                said.append(f"{name} {spearmanr(GAMMAS, values).statistic:.2f}")
            else:
                said.append(f"{name} does not change")
        yield f"{data}, {line}: rank correlation with gamma: {', '.join(said)}"


def picture(means: pl.DataFrame) -> bytes:
    """Lines by gamma: a row of charts for each source, a chart for each metric."""
    alt = altair("cdm-fig4")
    charts = []
    for (data,), rows in means.group_by(["data"], maintain_order=True):
        for name in METRICS:
            values = rows.select("gamma", "method", value=name).to_dicts()
            charts.append(
                alt.Chart(
                    alt.Data(values=values), title=f"{data}: {name}@20", width=190, height=150
                )
                .mark_line(point=alt.OverlayMarkDef(size=18))
                .encode(
                    x=alt.X("gamma:Q"),
                    y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
                    color=alt.Color("method:N", sort=list(CDM), title=None),
                )
            )
    return png(alt.concat(*charts, columns=len(METRICS)).configure_view(stroke="#ddd"))
