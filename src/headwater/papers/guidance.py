"""What steering costs and gives: a diffusion model led to a genre, filled in, and taken in steps.

Data, split and the epoch that is kept are those of thesis-2.5, for `recfusion_guided`.

Guide     the share of a genre in the 20 best, mean over the tested users and over five genres from
          rare to common, and NDCG@100 against what they did choose, by strength. The guide
          is not what they asked for: NDCG tells what it costs to lead everybody there.
Fill in   half of the catalogue, drawn anew for each split, is "elsewhere": what a tested user chose
          and did not choose there is known, and what they chose in the other half is to be found,
          ranking that half alone. Known are: nothing; what was chosen; what was not chosen, too.
Steps     the ordinary test, answered in one step or in several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..data.split import Split
from ..evaluation import EarlyStopping, fit_best, measure
from ..registry import build
from ..types import Dataset, Guide, Histories
from . import Asked, Reproduction
from ._comparison import films, parts

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "recfusion_guided on MovieLens-1M: guided, filled in, in steps (means over splits, x 100)"
METHODS = ("guide", "fill in", "steps")
SPLITS = 3
RESUMES = True
GENRES = ("Documentary", "Horror", "Sci-Fi", "Romance", "Comedy")
STRENGTHS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
WAYS: tuple[dict[str, Any], ...] = (
    {"steps": 1},
    {"steps": 4, "sampler": "deterministic"},
    {"steps": 16, "sampler": "deterministic"},
    {"steps": 4, "sampler": "ddpm"},
)
K = 20


def reproduce(asked: Asked) -> Reproduction:
    data = films()
    found: list[dict[str, Any]] = []
    for seed, split in parts(data, asked):
        model = build("recfusion_guided", **{"how.seed": seed, "how.checkpoint": asked.checkpoint})
        rules = {"": EarlyStopping(patience=15)}
        what = f"recfusion_guided, split {seed}"
        fit_best(model, split.validation, rules, what=what, progress=asked.progress)[""].give(model)
        ways = {"guide": guided, "fill in": filled, "steps": stepped}
        for name in asked.methods:
            found += [
                {"split": seed, "part": name, **row} for row in ways[name](model, split, data)
            ]
    raw = pl.DataFrame(found, infer_schema_length=None)
    keys = ["part", "asked", "metric"]
    table = raw.group_by(keys, maintain_order=True).agg(
        pl.col("value").mean().round(2).alias("mean"),
        pl.col("value").min().round(2).alias("least"),
        pl.col("value").max().round(2).alias("most"),
        pl.len().alias("figures"),
    )
    return Reproduction(
        name="guidance",
        title=TITLE,
        table=table,
        notes=tuple(notes(raw)),
        about={
            "command": asked.command("guidance"),
            "seeds": asked.seeds,
            "figures": raw.to_dicts(),
        },
    )


def guided(model: Any, split: Split, data: Dataset) -> Iterator[dict[str, Any]]:
    table = data.catalog.multi_hot("genres").toarray()
    names = data.catalog.kinds("genres")
    for strength in STRENGTHS:
        for genre in GENRES:
            guide = Guide("genres", (genre,), strength)
            led = replace(split, queries=replace(split.queries, guide=guide))
            slate = model.recommend(led.queries, K)
            share = table[slate.items, names.index(genre)].mean()
            asked = f"strength {strength:g}"
            yield {"asked": asked, "genre": genre, "metric": f"share@{K}", "value": 100 * share}
            if strength or genre == GENRES[0]:
                ndcg = measure(model, led, ["NDCG@100"])["NDCG@100"].mean()
                yield {"asked": asked, "genre": genre, "metric": "NDCG@100", "value": 100 * ndcg}


def filled(model: Any, split: Split, data: Dataset) -> Iterator[dict[str, Any]]:  # noqa: ARG001
    history, truth = split.queries.history, split.truth
    whole = Histories.of(
        np.concatenate([history.rows, truth.rows]),
        np.concatenate([history.items, truth.items]),
        n_rows=len(history),
        n_items=history.n_items,
    )
    elsewhere = np.random.default_rng(split.seed).random(whole.n_items) < 0.5
    there, here = whole.where(elsewhere[whole.items]), whole.where(~elsewhere[whole.items])
    not_chosen = np.argwhere((there.matrix().toarray() == 0) & elsewhere)
    declined = Histories.of(*not_chosen.T, n_rows=len(whole), n_items=whole.n_items)
    asked = replace(split.queries, pool=~elsewhere)
    known = {
        "nothing known": replace(asked, history=Histories.empty(len(whole), whole.n_items)),
        "chosen known": replace(asked, history=there),
        "chosen and not chosen known": replace(asked, history=there, declined=declined),
    }
    some = np.flatnonzero(here.lengths)
    for what, queries in known.items():
        part = replace(
            split, queries=queries[some], truth=here[some], users=split.users.gather(some)
        )
        for name, values in measure(model, part, ["CalibratedRecall@20", "NDCG@100"]).items():
            yield {"asked": what, "metric": name, "value": 100 * float(np.nanmean(values))}


def stepped(model: Any, split: Split, data: Dataset) -> Iterator[dict[str, Any]]:  # noqa: ARG001
    for way in WAYS:
        other = replace(model, **way)
        other.n_items_, other.kinds_, other.net_ = model.n_items_, model.kinds_, model.net_
        asked = f"{way['steps']} steps" + (f", {way['sampler']}" if way["steps"] > 1 else "")
        for name, values in measure(other, split, ["CalibratedRecall@20", "NDCG@100"]).items():
            yield {"asked": asked, "metric": name, "value": 100 * float(np.nanmean(values))}


def notes(raw: pl.DataFrame) -> Iterator[str]:
    shares = raw.filter((pl.col("part") == "guide") & (pl.col("metric") == f"share@{K}"))
    for (genre,), part in shares.group_by(["genre"], maintain_order=True):
        means = part.group_by("asked", maintain_order=True).agg(pl.col("value").mean())["value"]
        falls = np.flatnonzero(np.diff(means.to_numpy()) < 0)
        last = STRENGTHS[falls[0] if len(falls) else -1]
        said = " ".join(f"{value:.1f}" for value in means)
        yield f"{genre}, share at strength 0 to 8: {said}; it rises up to strength {last:g}"
