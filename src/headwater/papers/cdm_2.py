"""Table 2 of the CDM paper: a ranker, re-rankers behind it, and CDM, which learned from one.

Data       made from public sources, since the paper's are not: see `_funnel`.
Rankers    `dcn`; `ipw`, the same with weights against the user's mix of kinds.
Re-rankers of dcn's list: `mmr`, `dpp`, `ssd` and `interest_mmr` compare the vectors that the
           ranker learned of the items, as in the paper; `mmr kinds` the kinds.
CDM        `cdm` learns jointly, as in the paper; `cdm apart` leaves the ranker alone; `cdm shared`
           draws its contexts once for a request, too. The teacher of `cdm kinds` compares kinds.
Settings   each method between accuracy and variety is turned to the most varied lists that cost at
           most 1 % (10 % in another line) of dcn's Recall@20 on the validation people; the paper
           chose another for each K, and does not say how. What costs more even at its mildest
           stays at that, and is named in the notes.
Metrics    Recall and MRR; ILAD by kinds and by the ranker's vectors; CC over all requests, and of
           lists. Mean over the tested requests, and over the seeds.
Beside dcn the difference at 20, each person's mean over the seeds counting once, with the 95 %
           interval of the paired bootstrap over people: it says how other people would have
           fared, not how another training would. For CC over all requests, of which there is one a
           seed, it is that of Student's t over the seeds. None is corrected for their number.
Teacher    for CDM: AUC of the student's opinion against what the teacher picks on the tested
           requests, and the share of the teacher's ten that is among dcn's, and CDM's, first ten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import rankdata

from ..evaluation import Evaluation, measure
from ..registry import build
from ..types import Floats
from . import Asked, Reproduction
from ._funnel import (
    DATA,
    DEPTHS,
    LEAVES,
    OWN,
    Dial,
    Part,
    about,
    evaluated,
    learned,
    parts,
    tabled,
)

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "CDM paper, Table 2: rankers, re-rankers and CDM (x 100)"
METHODS = tuple(DATA)
SPLITS = 5
RESUMES = True

TEACHER = {"model": "interest_mmr", "by": "genres", "diversity": 0.3}
CDM: dict[str, dict[str, Any]] = {
    "cdm": {},
    "cdm apart": {"apart": True},
    "cdm shared": {"apart": True, "context": "shared"},
    "cdm kinds": {"apart": True, "teacher": TEACHER},
}
GAMMA = Dial(name="gamma", values=(0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0))
TRADE = Dial(name="trade", values=(1.0, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.5))
RERANKERS: dict[str, tuple[dict[str, Any], Dial]] = {
    "mmr": ({"model": "mmr", "by": OWN}, TRADE),
    "mmr kinds": ({"model": "mmr", "by": "genres"}, TRADE),
    "interest_mmr": (
        {"model": "interest_mmr", "by": OWN},
        Dial(name="diversity", values=(0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)),
    ),
    "dpp": (
        {"model": "dpp", "by": OWN, "window": 10},
        Dial(name="theta", values=(0.999, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.5)),
    ),
    "ssd": (
        {"model": "ssd", "by": OWN},
        Dial(name="gamma", values=(0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)),
    ),
}


def cdm(line: str) -> dict[str, Any]:
    return {
        "model": "cdm",
        "ranker": {"model": "dcn"},
        "beta_kd": 0.1,
        "beta_nce": 0.01,
        "k": 5,
        **CDM[line],
    }


def reproduce(asked: Asked) -> Reproduction:
    runs: dict[str, dict[str, list[Evaluation]]] = {name: {} for name in asked.methods}
    chosen: list[dict[str, Any]] = []
    students: list[dict[str, Any]] = []
    described = {}
    for seed, part in parts(asked, "cdm-2"):
        described[part.name] = about(part, asked, "cdm-2")
        for line, found, more in measured(part, seed, asked):
            runs[part.name].setdefault(line, []).append(found)
            who = {"data": part.name, "seed": seed, "line": line}
            if "dial" in more:
                chosen.append(who | more["dial"])
            if "student" in more:
                students.append(who | more["student"])
    tables = [tabled(name, each, "dcn", asked.seed) for name, each in runs.items()]
    taught = pl.DataFrame(students, infer_schema_length=None)
    return Reproduction(
        name="cdm-2",
        title=TITLE,
        table=pl.concat(tables),
        notes=(*notes(tables, taught), *missed(chosen)),
        about={
            "seeds": asked.seeds,
            "data": described,
            "settings": chosen,
            "students": students,
        },
    )


def measured(
    part: Part, seed: int, asked: Asked
) -> Iterator[tuple[str, Evaluation, dict[str, Any]]]:
    """(line, figures, what else there is to say) of every method."""
    said: dict[str, Any]
    ranked, validation = part.ranked(part.split), part.ranked(part.validation)
    recall = float(np.nanmean(measure(part.dcn, part.validation, ["Recall@20"])["Recall@20"]))
    yield "dcn", evaluated("dcn", part.dcn, part.split), {}
    ipw = learned({"model": "ipw"}, part.split, seed, asked)
    yield "ipw", evaluated("ipw", ipw, part.split), {}
    for name, (tree, dial) in RERANKERS.items():
        model: Any = build(tree, k=max(DEPTHS)).fit(part.split.train)
        for cost, share in LEAVES.items():
            setting, met = dial.chosen(model, validation, share * recall)
            line = f"{name}, {cost}"
            said = {"dial": {"setting": setting, "met": met}}
            yield line, evaluated(line, model, ranked), said
    for name in CDM:
        model = learned(cdm(name), part.split, seed, asked, name)
        for cost, share in LEAVES.items():
            setting, met = GAMMA.chosen(model, part.validation, share * recall)
            line = f"{name}, {cost}"
            dialled = {"setting": setting, "met": met}
            said = {"dial": dialled, "student": student(model, part)}
            yield line, evaluated(line, model, part.split), said


def student(model: Any, part: Part) -> dict[str, float]:
    """How well the student knows its teacher, on the tested requests."""
    asked, shown = part.split.queries, part.split.candidates
    assert shown is not None
    picked = model.picked(asked, shown)
    f, y = model.opinions(asked, shown)
    first = {"dcn": part.dcn.logits(asked, shown), "ranker": f, "cdm": f + model.gamma * y}
    return {
        "AUC": area(y, picked, shown.filled),
        **{f"overlap of {n}": overlap(s, picked, shown.filled) for n, s in first.items()},
    }


def area(scores: Floats, picked: Floats, filled: Any) -> float:
    """Mean over requests of the chance that what was picked is scored above what was not."""
    rank = rankdata(np.where(filled, scores, -np.inf), axis=1)
    empty = (~filled).sum(1)
    n, m = picked.sum(1), (filled & (picked == 0)).sum(1)
    above = (rank * picked).sum(1) - n * empty - n * (n + 1) / 2
    some = (n > 0) & (m > 0)
    return float((above[some] / (n * m)[some]).mean())


def overlap(scores: Floats, picked: Floats, filled: Any) -> float:
    """The share of what was picked that is among as many with the highest scores."""
    order = np.argsort(-np.where(filled, scores, -np.inf), axis=1, kind="stable")
    n = picked.sum(1, keepdims=True)
    first = np.arange(order.shape[1]) < n
    found = (np.take_along_axis(picked, order, 1) * first).sum(1)
    return float((found / n[:, 0]).mean())


def notes(tables: list[pl.DataFrame], taught: pl.DataFrame) -> Iterator[str]:
    for table in tables:
        source = table["data"][0]
        for line in (f"{name}, 1 %" for name in CDM):
            mine = table.filter(pl.col("method") == line)
            said = ", ".join(
                f"{row['metric']} {row['beside dcn']:+.2f}"
                + (f" ({row['low']:.2f} to {row['high']:.2f})" if row["low"] is not None else "")
                for row in mine.iter_rows(named=True)
            )
            yield f"{source}: {line}, beside dcn at 20: {said}"
        for cost in LEAVES:
            mine = table.filter(pl.col("method").str.ends_with(f", {cost}"))
            for (what,), rows in mine.group_by(["metric"], maintain_order=True):
                if what not in ("Recall", "MRR"):
                    order = rows.sort("@20", descending=True)["method"].to_list()
                    yield f"{source}: {what} at 20, most first: {'; '.join(order)}"
    means = taught.group_by(["data", "line"], maintain_order=True).agg(
        pl.col("AUC", "^overlap of .*$").mean()
    )
    for row in means.iter_rows(named=True):
        yield (
            f"{row['data']}: student of {row['line']}: AUC {row['AUC']:.3f}; of the teacher's ten, "
            f"dcn has {row['overlap of dcn']:.1%}, its own ranker {row['overlap of ranker']:.1%}, "
            f"CDM {row['overlap of cdm']:.1%}"
        )


def missed(chosen: list[dict[str, Any]]) -> Iterator[str]:
    """Lines that cost more than they say, on the validation people, whatever they are set to."""
    for each in chosen:
        if not each["met"]:
            yield (
                f"{each['data']}: {each['line']} costs more on the validation people of seed "
                f"{each['seed']} even at {each['setting']:g}"
            )
