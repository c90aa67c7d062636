"""What the tables of chapter 5 share: news, recommenders that learned of it, and DART's metrics.

Microsoft's articles cannot be scraped any more, and their text is what the metrics look at. So the
first source is made up, and the thesis's own is used as far as it is at hand:

made         `simulate.news`: 50,000 articles, 10,000 people and 24,000 requests, a world a seed;
             what the articles say is known
mind-demo    1,000 of its articles and 4,532 requests, of whose candidates one in 40 has a text;
             enriched from title and abstract, parties by the gazetteer of the 116th House
mind-small, mind-large   once fetched (headwater data fetch), enriched likewise

The requests go by time: the first half is learned from, a tenth tuned on, and the rest tested on.
Each recommender orders the candidates of a request. Random draws without putting back, and "random,
with repeats" with, as the released code does, so that its lists lack a third of the candidates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ..data import sources
from ..data.fingerprint import fingerprint
from ..data.requests import split_requests
from ..data.split import Split
from ..enrichment import enrich
from ..evaluation import measure
from ..evidence import Evidence, Metric
from ..model import top
from ..registry import build
from ..simulate.news import NewsWorld
from ..types import Dataset, Ints, Queries, Slate
from . import Asked, Reproduction
from ._comparison import spread

__all__ = [
    "COLUMNS",
    "DATA",
    "DEFAULT",
    "MODELS",
    "Learned",
    "Ranked",
    "about",
    "dart",
    "learned",
    "ordered",
    "rows_of",
    "tabled",
]

DATA = ("made", "mind-demo", "mind-small", "mind-large")
DEFAULT = DATA[:2]
WORLD: Mapping[str, Any] = {"n_articles": 50_000, "n_users": 10_000, "n_impressions": 24_000}
SHARES = (0.5, 0.1, 0.4)
SMALL: Mapping[str, Any] = {"word_size": 32, "title_length": 14, "history": 15, "query_size": 32}
MODELS: Mapping[str, Any] = {
    "lstur": {"model": "retrieve.content.lstur", **SMALL, "filters": 32, "kind_size": 32},
    "naml": {
        "model": "retrieve.content.naml",
        **SMALL,
        "filters": 32,
        "kind_size": 32,
        "body_length": 12,
    },
    "npa": {"model": "retrieve.content.npa", **SMALL, "filters": 32},
    "nrms": {"model": "retrieve.content.nrms", **SMALL, "heads": 4, "head_size": 8},
    "pop": {"model": "retrieve.matrix.popularity"},
    "random": {"model": "retrieve.matrix.random"},
}
HOW: Mapping[str, Any] = {"n_epochs": 4, "batch_size": 64, "learning_rate": 3e-3}
REPEATS = "random, with repeats"
NEWS = ("category", "news")
PEOPLE = "us_house_116"  # whose parties are known, of what is not made up
COLUMNS: Mapping[str, tuple[str, Mapping[str, Any]]] = {  # DART's metrics, as RADio has them
    "calibration (topic)": ("calibration", {}),
    "calibration (complexity)": ("calibration", {"by": "complexity"}),
    "fragmentation": ("fragmentation", {"pairs": 5}),
    "activation": ("activation", {}),
    "representation": ("representation", {"only": NEWS}),
    "alternative voices": ("alternative_voices", {"only": NEWS}),
}


@dataclass(frozen=True, eq=False)
class Learned:
    """A recommender that learned from one source."""

    source: str
    seed: int
    name: str
    model: Any
    data: Dataset
    split: Split


def dart(k: int | None = 10, **how: Any) -> dict[str, Metric]:
    """The six metrics by their names, with settings ``how``."""
    return {
        name: build(f"metrics.{metric}", k=k, **own, **how)
        for name, (metric, own) in COLUMNS.items()
    }


def learned(asked: Asked, what: str, models: Mapping[str, Any] = MODELS) -> Iterator[Learned]:
    """Every recommender on every source and seed."""
    total = len(asked.methods) * asked.splits * len(models)
    done = 0
    for source in asked.methods:
        for seed in asked.seeds:
            data = sourced(source, seed)
            split = split_requests(data, by="time", shares=SHARES, seed=seed)
            for name, tree in models.items():
                asked.tell(f"{what}: {name} on {source}, seed {seed}", done, total)
                done += 1
                own: dict[str, Any] = {"seed": seed} if name == "random" else {}
                if "content" in tree["model"]:
                    own["how"] = {**HOW, "seed": seed, "checkpoint": asked.checkpoint}
                model = build({**tree, **own}).fit(split.train)
                yield Learned(source, seed, name, model, data, split)
    asked.tell(what, total, total)


def rows_of(split: Split, rows: Ints) -> Split:
    """Some of the tested requests, in this order."""
    assert split.candidates is not None
    return replace(
        split,
        queries=split.queries[rows],
        truth=split.truth[rows],
        users=split.users.gather(rows),
        candidates=split.candidates[rows],
    )


def ordered(model: Any, split: Split) -> Slate:
    """The candidates in the order of the scores that ``model`` gives them."""
    assert split.candidates is not None
    scores = model.score(split.queries, split.candidates.items).astype(np.float32)
    return replace(split.candidates, scores=scores).take(top(scores, scores.shape[1]))


class Ranked:
    """A stage behind an order that is known already: what it answers for requests that come in the
    order of ``slate``."""

    def __init__(self, slate: Slate, stage: Any = None):
        self.slate, self.stage, self.at = slate, stage, 0

    def __call__(self, queries: Queries, slate: Slate) -> Slate:
        part = self.slate[slice(self.at, self.at + len(slate))]
        self.at += len(slate)
        return part if self.stage is None else self.stage(queries, part)


def sourced(source: str, seed: int) -> Dataset:
    if source == "made":
        return NewsWorld(**WORLD, seed=seed).make().data
    found = enrich(sources.load(source), people=PEOPLE).data
    assert found is not None
    return found


def tabled(
    asked: Asked,
    name: str,
    title: str,
    metrics: Mapping[str, Metric],
    paper: Mapping[str, tuple[float, ...]],
    scale: float = 100.0,
) -> Reproduction:
    """The mean of every metric for every recommender; ``paper`` has the figures of the first of
    them, in their order, by recommender."""
    values: dict[tuple[str, str, str], list[float]] = {}
    defined: dict[tuple[str, str], list[float]] = {}
    described = {}
    for one in learned(asked, name):
        found = measure(one.model, one.split, list(metrics.values()))
        for metric, each in zip(metrics, found.values(), strict=True):
            known = ~np.isnan(each)
            mean = float(each[known].mean()) if known.any() else np.nan
            values.setdefault((one.source, one.name, metric), []).append(scale * mean)
            defined.setdefault((one.source, metric), []).append(100 * float(known.mean()))
        if one.name == "random":
            seen = repeated(one)
            for metric in COLUMNS:
                each = np.asarray(metrics[metric](seen))
                mean = float(np.nanmean(each)) if not np.isnan(each).all() else np.nan
                values.setdefault((one.source, REPEATS, metric), []).append(scale * mean)
        described[one.source] = about(one, asked, name)
    rows = [
        row(
            source,
            method,
            metric,
            _printed(paper, method.partition(",")[0], list(metrics).index(metric)),
            each,
            digits=2 if scale == 100 else 4,
        )
        for (source, method, metric), each in values.items()
    ]
    return Reproduction(
        name=name,
        title=title,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=(*orders(values, MODELS), *counted(defined)),
        about={
            "seeds": asked.seeds,
            "data": described,
            "per_seed": [
                {"data": source, "method": method, "metric": metric, "values": each}
                for (source, method, metric), each in values.items()
                if not np.isnan(each).any()
            ],
        },
    )


def repeated(one: Learned) -> Evidence:
    """Lists as long as there are candidates, drawn from them with putting back, as the released
    code draws what it calls random."""
    offered = one.split.candidates
    assert offered is not None
    rng = np.random.default_rng([one.seed, 1])
    number = np.maximum(offered.filled.sum(1, keepdims=True), 1)
    at = (rng.random(offered.items.shape) * number).astype(np.int64)
    slate = offered.take(np.where(offered.filled, at, -1))
    return Evidence(one.split.queries, slate, one.split.truth, one.split.train, offered=offered)


def orders(
    values: Mapping[tuple[str, str, str], list[float]], models: Mapping[str, Any]
) -> Iterator[str]:
    """Of each source and metric, who is highest, and on how many of the seeds random is."""
    for source, metric in dict.fromkeys((source, metric) for source, _, metric in values):
        mine = {m: values[source, m, metric] for m in models if (source, m, metric) in values}
        if "random" not in mine or len(mine) < 2 or np.isnan(list(mine.values())).any():
            continue
        order = sorted(mine, key=lambda method: -float(np.mean(mine[method])))
        others = np.array([each for method, each in mine.items() if method != "random"])
        ahead = int((np.array(mine["random"]) > others.max(0)).sum())
        yield (
            f"{source}: {metric}: {', '.join(order)}; random above all others on {ahead} of "
            f"{others.shape[1]} seeds"
        )


def counted(defined: Mapping[tuple[str, str], list[float]]) -> Iterator[str]:
    """Of each source, the share of requests that metrics are defined for, where it is not all."""
    for source in dict.fromkeys(source for source, _ in defined):
        said = [
            f"{metric} {np.mean(each):.1f} %"
            for (where, metric), each in defined.items()
            if where == source and np.mean(each) < 99.95
        ]
        if said:
            yield f"{source}: defined for not all requests: {', '.join(said)}"


def _printed(paper: Mapping[str, tuple[float, ...]], method: str, at: int) -> float | None:
    return paper[method][at] if method in paper and at < len(paper[method]) else None


def row(
    source: str,
    method: str,
    metric: str,
    paper: float | None,
    values: Sequence[float],
    digits: int,
) -> dict[str, Any]:
    """One figure, the mean over the seeds of ``values``, beside that of the paper."""
    low, high = spread(values)

    def said(value: float | None) -> float | None:
        return None if value is None or np.isnan(value) else round(float(value), digits)

    return {
        "data": source,
        "method": method,
        "metric": metric,
        "paper": paper,
        "ours": said(float(np.mean(values))),
        "low": said(low),
        "high": said(high),
        "seeds": len(values),
    }


def about(one: Learned, asked: Asked, name: str) -> dict[str, Any]:
    shown = one.split.train.impressions
    assert shown is not None
    return {
        "command": asked.command(name, one.source),
        "users": len(one.data.users),
        "items": len(one.data.items),
        "events": len(one.data.log.items),
        "fingerprint": fingerprint(one.data),
        "requests": [len(shown), len(one.split)],
    }
