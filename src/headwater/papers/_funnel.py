"""What the tables of the CDM paper share: requests, what learned from them, and how it is judged.

The paper's own data are not public. Here a request is somebody with four fifths of what they chose
behind them; its 100 candidates are the last fifth, drawn at random, and what `data.requests.drawn`
puts around it, by popularity and by what an `itemknn` that learned from the rest would show.

movielens-1m    ratings of at least 4; one request a user; kinds are the 18 genres
lastfm-hetrec   artists; three requests a user, each with a fifth that is drawn anew; kinds are the
                tags that at least 10 artists have, about 950

People go by 80 / 10 / 10 % into training, validation and test; nobody tested is known to a ranker.
Whatever learns in epochs keeps that of the best NDCG@20 on validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import torch

from ..data import sources
from ..data.fingerprint import fingerprint
from ..data.labelled import frequent
from ..data.requests import drawn, renumbered, split_requests
from ..data.split import RandomPerUser, Split
from ..data.split import split as make_split
from ..evaluation import Comparison, EarlyStopping, Evaluation, evaluate, fit_best, measure
from ..evidence import Metric
from ..features import unit_rows
from ..model import Ranker
from ..registry import build, label
from ..types import Dataset, Impressions
from . import Asked
from ._comparison import LIKES, spread

DATA: dict[str, Mapping[str, Any]] = {
    "movielens-1m": LIKES,
    "lastfm-hetrec": {"min_items_per_user": 5, "min_users_per_item": 5},
}
ROUNDS = {"movielens-1m": 1, "lastfm-hetrec": 3}  # requests of a user
RARE = {"lastfm-hetrec": 10}  # items that a kind must have
CANDIDATES = 100
KINDS = "genres"
OWN = "ranker"  # the vectors that the ranker learned of the items, as a vector of the catalogue
DEPTHS = (3, 5, 20, 50)
HOW = {"n_epochs": 15, "batch_size": 32, "learning_rate": 3e-3}
KEEP = EarlyStopping(metric="NDCG@20", patience=3)
LEAVES = {"1 %": 0.99, "10 %": 0.9}  # of the ranker's recall, what a method may cost


@dataclass(frozen=True, eq=False)
class Part:
    """One split of one source, and the ranker in the middle of its funnel."""

    name: str
    data: Dataset
    split: Split  # with a validation part of its own
    dcn: Ranker

    @property
    def validation(self) -> Split:
        return self.split.validation

    def ranked(self, part: Split) -> Split:
        """``part`` whose candidates come in the ranker's order and with its scores."""
        assert part.candidates is not None
        return replace(part, candidates=self.dcn(part.queries, part.candidates))


def parts(asked: Asked, what: str) -> Iterator[tuple[int, Part]]:
    """Of each source and seed: the requests, and a DCN that learned from them."""
    total = len(asked.methods) * asked.splits
    for i, name in enumerate(asked.methods):
        data = sourced(name)
        for j, seed in enumerate(asked.seeds):
            asked.tell(f"{what}: {name}, seed {seed}", i * asked.splits + j, total)
            split = requests(data, ROUNDS[name], seed)
            dcn = learned({"model": "dcn"}, split, seed, asked)
            yield seed, Part(name, data, described(split, dcn), dcn)
    asked.tell(what, total, total)


def sourced(name: str) -> Dataset:
    data = sources.load(name, **DATA[name])
    return frequent(data, KINDS, RARE[name]) if name in RARE else data


def requests(data: Dataset, rounds: int, seed: int) -> Split:
    shown = []
    for i in range(rounds):
        held = make_split(data, RandomPerUser(seed=seed * rounds + i))
        near = build("itemknn").fit(held.train)
        found = drawn(held, [near], k=CANDIDATES, seed=seed * rounds + i)
        shown.append(renumbered(found, held.train.users, data.users))
    return split_requests(data, Impressions.stack(shown), seed=seed)


def learned(
    tree: Mapping[str, Any], split: Split, seed: int, asked: Asked, what: str | None = None
) -> Any:
    """A ranker that learned from the training people, at its best on the validation people."""
    how = {**HOW, "seed": seed, "checkpoint": asked.checkpoint}
    model = build(tree, how=how)
    what = f"{what or tree['model']}, seed {seed}"
    found = fit_best(model, split.validation, {"": KEEP}, what=what, progress=asked.progress)
    found[""].give(model)
    return model


def described(split: Split, ranker: Any) -> Split:
    """The split and its validation part, with the ranker's vectors in their catalogue."""
    with torch.inference_mode():
        every = torch.arange(len(split.train.items))
        x = ranker.net_["fields"].item_vectors(every).float().cpu().numpy()
    catalog = split.train.catalog
    catalog = replace(catalog, vectors={**catalog.vectors, OWN: unit_rows(x).astype(np.float32)})

    def with_it(part: Split) -> Split:
        return replace(part, train=replace(part.train, catalog=catalog))

    return replace(with_it(split), inner=with_it(split.validation))


METRICS: dict[str, tuple[str, dict[str, Any]]] = {
    "Recall": ("recall", {}),
    "MRR": ("mrr", {}),
    "ILAD": ("intra_list_distance", {"by": KINDS}),
    "ILAD by vectors": ("intra_list_distance", {"by": OWN}),
    "CC": ("category_coverage", {"by": KINDS}),
    "CC of lists": ("category_coverage", {"by": KINDS, "over": "lists"}),
}


def metrics(k: int) -> dict[str, Metric]:
    """The paper's, at one depth, by its names: ILAD by kinds and by the ranker's vectors, CC over
    all requests and of each list."""
    return {n: build(f"metrics.{name}", k=k, **how) for n, (name, how) in METRICS.items()}


@dataclass(frozen=True, kw_only=True)
class Dial:
    """A setting between accuracy and variety, mildest first."""

    name: str
    values: tuple[float, ...]

    def chosen(self, model: Any, split: Split, least: float) -> tuple[float, bool]:
        """The one with the highest mean of both ILADs whose recall on ``split`` is at least
        ``least``, and True; the mildest and False if there is none. ``model`` is left with it."""
        best, most, met = self.values[0], -np.inf, False
        asked = [metrics(20)[name] for name in ("Recall", "ILAD", "ILAD by vectors")]
        for value in self.values:
            setattr(model, self.name, value)
            recall, *far = (np.nanmean(each) for each in measure(model, split, asked).values())
            if recall >= least and np.mean(far) > most:
                best, most, met = value, float(np.mean(far)), True
        setattr(model, self.name, best)
        return best, met


def evaluated(line: str, model: Any, split: Split) -> Evaluation:
    every = [each for k in DEPTHS for each in metrics(k).values()]
    return evaluate(model, split, every, name=line, fitted=True)


def about(part: Part, asked: Asked, name: str) -> dict[str, Any]:
    data, split = part.data, part.split
    learned_from = split.validation.train.impressions
    assert learned_from is not None
    return {
        "command": asked.command(name, part.name),
        "users": len(data.users),
        "items": len(data.items),
        "events": len(data.log.items),
        "kinds": len(data.catalog.kinds(KINDS)),
        "fingerprint": fingerprint(data),
        "requests": [len(learned_from), len(split.validation), len(split)],
    }


def tabled(source: str, runs: Mapping[str, list[Evaluation]], base: str, seed: int) -> pl.DataFrame:
    """A row for each line and metric: its means over the seeds, and what it is beside ``base``."""
    whole = {
        line: Evaluation(line, tuple(run for one in each for run in one.runs), each[0].bounds)
        for line, each in runs.items()
    }
    found = Comparison(evaluations=whole, baseline=base, kinds=("bootstrap",), seed=seed)
    tests = {(r["metric"], r["model_a"]): r for r in found.tests().iter_rows(named=True)}
    rows = []
    for line, each in whole.items():
        for name, what in metrics(20).items():
            at = label(what)
            means = [
                np.mean([run.mean(at.replace("@20", f"@{k}")) for run in each.runs]) for k in DEPTHS
            ]
            test = tests.get((at, line))
            gap: tuple[float | None, ...] = (None, None, None)
            if test is not None:
                gap = (test["difference"], test["low"], test["high"])
            elif line != base:
                gap = over_seeds(each, whole[base], at)
            numbers = {
                **dict(zip((f"@{k}" for k in DEPTHS), means, strict=True)),
                **dict(zip((f"beside {base}", "low", "high"), gap, strict=True)),
            }
            rows.append(
                {
                    "data": source,
                    "method": line,
                    "metric": name,
                    **{n: None if v is None else round(100 * v, 2) for n, v in numbers.items()},
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def over_seeds(one: Evaluation, other: Evaluation, metric: str) -> tuple[float | None, ...]:
    """The mean difference of a metric that has one value a seed, and its interval."""
    gaps = [a.mean(metric) - b.mean(metric) for a, b in zip(one.runs, other.runs, strict=True)]
    return float(np.mean(gaps)), *spread(gaps)
