"""What tables of accuracy share: methods on the same splits, the paper's figures beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from ..data import sources
from ..data.fingerprint import fingerprint
from ..data.split import Split, StrongGeneralization
from ..data.split import splits as make_splits
from ..evaluation import EarlyStopping, fit_best, interval, measure
from ..registry import build
from ..types import Dataset, Floats
from . import Asked, Reproduction

Span = tuple[float, float]

ACCURACY = ("CalibratedRecall@20", "CalibratedRecall@50", "NDCG@100")  # of the RecFusion thesis
# and how it reads ratings
LIKES: dict[str, Any] = {"like": 4, "min_items_per_user": 5, "min_users_per_item": 5}


def films() -> Dataset:
    """MovieLens-1M as in the RecFusion thesis."""
    return sources.load("movielens-1m", **LIKES)


def parts(data: Dataset, asked: Asked) -> Iterator[tuple[int, Split]]:
    """The splits by strong generalization, each with its seed."""
    made = make_splits(data, StrongGeneralization(seed=asked.seed), n=asked.splits)
    return zip(asked.seeds, made, strict=True)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a table."""

    tree: Mapping[str, Any]  # the method; lines of one tree share its training
    paper: tuple[float | None, ...] | None = None  # a figure a metric
    accept: tuple[Span, ...] | None = None  # an interval a metric; None: reported only
    keep: EarlyStopping | None = None  # which epoch, for what learns in epochs


def methods_of(lines: Mapping[str, Line]) -> tuple[str, ...]:
    """What people name on the command line: the first word of each line."""
    return tuple(dict.fromkeys(name.split()[0] for name in lines))


def compare(
    name: str,
    title: str,
    lines: Mapping[str, Line],
    metrics: Sequence[str],
    data: Dataset,
    source: str,
    asked: Asked,
) -> Reproduction:
    """Fit the ``lines`` of ``methods`` on each split by strong generalization, and measure them.

    What has no epochs learns from the training and the validation users, what has them from the
    training users, and the epoch is chosen on the validation users.
    """
    mine = {n: line for n, line in lines.items() if n.split()[0] in asked.methods}
    groups: list[dict[str, Line]] = []  # of one training
    for n, line in mine.items():
        group = next((g for g in groups if next(iter(g.values())).tree == line.tree), None)
        if group is None or line.keep is None:
            groups.append({n: line})
        else:
            group[n] = line
    got = {n: Figures() for n in mine}
    total = asked.splits * len(groups)
    for i, (seed, split) in enumerate(parts(data, asked)):
        for j, group in enumerate(groups):
            asked.tell(name, i * len(groups) + j, total)
            began = perf_counter()
            for n, model, epoch in fitted(group, split, seed, asked):
                found = measure(model, split, metrics)
                got[n].values.append([100 * float(np.nanmean(v)) for v in found.values()])
                got[n].epochs += [epoch] if epoch else []
                got[n].seconds.append(perf_counter() - began)
    asked.tell(name, total, total)
    called = list(found)
    rows = [
        row(n, mine[n], called[at], at, got[n].values) for n in mine for at in range(len(called))
    ]
    return Reproduction(
        name=name,
        title=title,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=(
            "ours: median over the splits; mean_low, mean_high: 95 % interval of their mean; "
            "least, most: over the splits",
        ),
        about={
            "data": {
                "source": source,
                "users": len(data.users),
                "items": len(data.items),
                "events": len(data.log.items),
                "fingerprint": fingerprint(data),
            },
            "metrics": called,
            "lines": {
                n: {
                    "command": asked.command(name, n.split()[0]),
                    "seeds": asked.seeds,
                    "per_split": got[n].values,
                    **({"epochs": got[n].epochs} if got[n].epochs else {}),
                    # a run that went on from a checkpoint took longer than this one saw
                    **(
                        {}
                        if asked.checkpoint
                        else {"seconds_per_split": float(np.mean(got[n].seconds))}
                    ),
                }
                for n in mine
            },
        },
    )


@dataclass
class Figures:
    values: list[list[float]] = field(default_factory=list)  # a list a split, a figure a metric
    epochs: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def fitted(
    group: Mapping[str, Line], split: Split, seed: int, asked: Asked
) -> Iterator[tuple[str, Any, int]]:
    """(name, model, epoch) of each line; the epoch is 0 where there is none."""
    rules = {name: line.keep for name, line in group.items() if line.keep is not None}
    name, line = next(iter(group.items()))
    if not rules:
        seeded = {"seed": seed} if line.tree["model"] == "random" else {}
        yield name, build(line.tree, **seeded).fit(split.train), 0
        return
    model = build(line.tree, **{"how.seed": seed, "how.checkpoint": asked.checkpoint})
    what = f"{name.split()[0]}, split {seed}"
    found = fit_best(model, split.validation, rules, what=what, progress=asked.progress)
    for n, best in found.items():
        best.give(model)
        yield n, model, best.epoch


def row(
    name: str, line: Line, metric: str, at: int, per_split: list[list[float]]
) -> dict[str, Any]:
    """One figure: the paper's, our median, and the 95 % interval of the mean over splits."""
    values = [each[at] for each in per_split]
    span = line.accept[at] if line.accept else None
    median = float(np.median(values))
    low, high = spread(values)
    return {
        "method": name,
        "metric": metric,
        "paper": line.paper[at] if line.paper else None,
        "ours": round(median, 2),
        "mean_low": None if low is None else round(low, 2),
        "mean_high": None if high is None else round(high, 2),
        "least": round(min(values), 2),
        "most": round(max(values), 2),
        "splits": len(values),
        "accept": f"{span[0]:.1f}-{span[1]:.1f}" if span else None,
        "accepted": span[0] <= median <= span[1] if span else None,
    }


def spread(values: Sequence[float] | Floats) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval of the mean by Student's t; of one value there is none."""
    if len(values) < 2:
        return None, None
    low, high = interval(np.asarray(values, np.float64), normal=False)
    return low, high


def ahead(found: Reproduction, better: str, worse: str) -> list[str]:
    """On how many of the splits that both have one line is ahead of another."""
    lines = found.about["lines"]
    if better not in lines or worse not in lines:
        return []
    pairs = list(zip(lines[better]["per_split"], lines[worse]["per_split"], strict=False))
    return [
        f"{label}: {better} ahead of {worse} on {sum(a[at] > b[at] for a, b in pairs)} of "
        f"{len(pairs)} splits"
        for at, label in enumerate(found.about["metrics"])
    ]
