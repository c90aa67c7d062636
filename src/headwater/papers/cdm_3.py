"""Table 3 of the CDM paper: CDM without parts of it.

Data, split and metrics are those of cdm-2, and so is the model of the line `cdm`; gamma is 0.2 for
all. Without InfoNCE the third part of the loss is left out; without CCE there is one context for
each item, all candidates by attention, instead of a positive and a negative one, and so nothing to
contrast either. Intervals are those of cdm-2, not corrected for their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from ..evaluation import Evaluation
from . import Asked, Reproduction
from ._funnel import DATA, about, evaluated, learned, parts, tabled
from .cdm_2 import cdm

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "CDM paper, Table 3: CDM without parts of it (x 100)"
METHODS = tuple(DATA)
SPLITS = 5
RESUMES = True

GAMMA = 0.2
LINES: dict[str, dict[str, Any]] = {
    "cdm": {},
    "cdm without InfoNCE": {"beta_nce": 0.0},
    "cdm without CCE": {"contrast": False},
}


def reproduce(asked: Asked) -> Reproduction:
    runs: dict[str, dict[str, list[Evaluation]]] = {name: {} for name in asked.methods}
    described = {}
    for seed, part in parts(asked, "cdm-3"):
        described[part.name] = about(part, asked, "cdm-3")
        for line, less in LINES.items():
            model = learned({**cdm("cdm"), **less}, part.split, seed, asked, line)
            model.gamma = GAMMA
            runs[part.name].setdefault(line, []).append(evaluated(line, model, part.split))
    tables = [tabled(name, each, "cdm", asked.seed) for name, each in runs.items()]
    return Reproduction(
        name="cdm-3",
        title=TITLE,
        table=pl.concat(tables),
        notes=tuple(notes(tables)),
        about={"seeds": asked.seeds, "data": described},
    )


def notes(tables: list[pl.DataFrame]) -> Iterator[str]:
    """What differs from all of it by an interval beside 0."""
    for table in tables:
        for (line,), rows in table.group_by(["method"], maintain_order=True):
            if line == "cdm":
                continue
            less = rows.filter(pl.col("high") < 0)["metric"].to_list()
            more = rows.filter(pl.col("low") > 0)["metric"].to_list()
            said = f"less {', '.join(less) or 'nothing'}; more {', '.join(more) or 'nothing'}"
            yield f"{table['data'][0]}, {line}: at 20, with an interval beside 0, {said}"
