"""What it costs to keep to a norm: NDCG against each of DART's metrics, as the dial is turned.

Not a table of the thesis, which measures norms and leaves open how to keep to them. In made-up
worlds of news (`simulate.news`) `naml` orders the candidates of a request, and a re-ranker picks
ten of them: `rerank.radio` with the context of the metric, told to come to a range, or `mmr` and
`dpp`, which want variety of the metric's own column (of categories, where that is of numbers, and
of subcategories in place of stories, of which there are too many).

nearer     the range is up to 0.85 of what naml has without; 0.98 of fragmentation, since requests
           have some 37 candidates each among the thousands of two days, and lists share little in
           whatever order
further    from 1.1 of it, or a quarter of the way up to what is possible, if that is less
cost       % of NDCG@10 that is lost at the mildest dial that brings the mean into the range; where
           none does, at the strongest, and ``reached`` is no
mmr, dpp   the furthest that they bring the metric, at any dial, for no higher a cost
at 3 %     the furthest that each brings it for at most 3 % of NDCG@10, any range aside
monotone   whether no dial moves the mean the wrong way by more than 0.002

Fragmentation is measured between all lists; the platform is what was put before people in the
tested requests, whatever they clicked. Intervals over worlds are Student's t.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..data.split import Split
from ..evaluation import measure
from ..evidence import Metric
from ..pictures import altair, png
from ..registry import build, metric
from ..types import Impressions, Slate
from . import Asked, Reproduction
from ._comparison import spread
from ._radio import COLUMNS, MODELS, NEWS, Ranked, dart, learned, ordered, rows_of

TITLE = "NDCG against each of DART's metrics, by radio, mmr and dpp (x 100)"
METHODS = ("made",)
SPLITS = 3
RESUMES = True

K = 10
REQUESTS = 2_500
TRADES = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 0.97)
PLAIN = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)  # how far mmr and dpp are turned to variety
CONTEXT: Mapping[str, Mapping[str, Any]] = {
    "calibration (topic)": {"by": "category", "to": "history"},
    "calibration (complexity)": {"by": "complexity", "to": "history"},
    "fragmentation": {"by": "story", "to": "platform"},
    "activation": {"by": "sentiment", "to": "pool", "absolute": True},
    "representation": {"by": "parties", "to": "pool", "only": NEWS},
    "alternative voices": {"by": "voices", "to": "pool", "only": NEWS},
}
NEARER = {"fragmentation": 0.98}
COST = 0.03
BY_KINDS = {"complexity": "category", "sentiment": "category", "story": "subcategory"}


def target(name: str, value: float, most: float, way: str) -> tuple[float, float]:
    """The range to come to."""
    if way == "nearer":
        return 0.0, NEARER.get(name, 0.85) * value
    return min(1.1 * value, value + (most - value) / 4), most


def curve(split: Split, slate: Slate, stages: Mapping[float, Any], asked: Metric) -> list[Any]:
    """(dial, NDCG, metric) of each stage behind the order of ``slate``."""
    out = []
    for dial, stage in stages.items():
        ranked: Any = Ranked(slate, stage)
        found = measure(ranked, split, [metric(f"NDCG@{K}"), asked])
        ndcg, value = (float(np.nanmean(each)) for each in found.values())
        out.append((dial, ndcg, value))
    return out


def within(line: list[Any], base: Any, ndcg: float, up: bool) -> float:
    """The furthest that the points of a curve, or doing nothing, bring the metric without falling
    below ``ndcg``."""
    values = [base[2], *(value for _, has, value in line if has >= min(ndcg, base[1]))]
    return float(max(values) if up else min(values))


def others(by: str, split: Split) -> dict[str, dict[float, Any]]:
    """`mmr` and `dpp` at each dial, fitted."""
    kinds = BY_KINDS.get(by, by)
    made: dict[str, dict[float, Any]] = {"mmr": {}, "dpp": {}}
    for far in PLAIN:
        mmr = build("mmr", by=kinds, k=K, trade=1 - far)
        made["mmr"][far] = mmr.fit(split.train)
        made["dpp"][far] = build("dpp", by=kinds, k=K, theta=min(1 - far, 0.999)).fit(split.train)
    return made


def reproduce(asked: Asked) -> Reproduction:
    altair("radio-tradeoff")  # not after all the work
    points: list[dict[str, Any]] = []
    ends: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in learned(asked, "radio-tradeoff", {"naml": MODELS["naml"]}):
        split = some(one.split, one.seed)
        slate = ordered(one.model, split)
        shown = Impressions(split.queries, slate, np.zeros(slate.items.shape, np.float32))
        for name, made in dart(K).items():
            base = curve(split, slate, {0.0: None}, made)[0]
            plain = {
                way: curve(split, slate, stages, made)
                for way, stages in others(CONTEXT[name]["by"], split).items()
            }
            for way in ("nearer", "further"):
                low, high = target(name, base[2], made.bounds[1], way)  # type: ignore[attr-defined]
                stages = {}
                for trade in TRADES:
                    stage = build("rerank.radio", **CONTEXT[name], k=K, low=low, high=high)
                    stage = replace(stage, trade=trade).fit(split.train)
                    stages[trade] = stage.update(shown) if name == "fragmentation" else stage
                line = curve(split, slate, stages, made)
                ends.setdefault((name, way), []).append(
                    end(line, plain, base, low, high, way == "further")
                )
                for label, each in {"radio": line, **plain}.items():
                    points += [
                        {
                            "seed": one.seed, "metric": name, "way": way, "method": label,
                            "dial": dial, "ndcg": round(100 * ndcg, 3), "value": round(100 * v, 3),
                        }
                        for dial, ndcg, v in each
                    ]  # fmt: skip
    rows = [summary(name, way, each) for (name, way), each in ends.items()]
    return Reproduction(
        name="radio-tradeoff",
        title=TITLE,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=tuple(notes(ends)),
        about={
            "command": asked.command("radio-tradeoff"),
            "seeds": asked.seeds,
            "requests": REQUESTS,
            "points": points,
        },
        picture=picture(points),
    )


def some(split: Split, seed: int) -> Split:
    """So many of the tested requests, by lot."""
    n = len(split.queries)
    return rows_of(split, np.sort(np.random.default_rng(seed).permutation(n)[:REQUESTS]))


def end(
    line: list[Any],
    plain: Mapping[str, list[Any]],
    base: Any,
    low: float,
    high: float,
    up: bool,
) -> dict[str, Any]:
    reached = [point for point in line if low <= point[2] <= high]
    dial, ndcg, value = reached[0] if reached else line[-1]
    moves = np.diff([point[2] for point in line]) * (1 if up else -1)
    beside = {name: within(each, base, ndcg, up) for name, each in plain.items()}
    least = (1 - COST) * base[1]
    return {
        "base": base[2],
        "target": low if up else high,
        "value": value,
        "reached": bool(reached),
        "dial": dial,
        "cost": 100 * (1 - ndcg / base[1]),
        "monotone": bool((moves > -0.002).all()),
        **beside,
        "ahead": all((value > each) if up else (value < each) for each in beside.values()),
        **{f"{n} at 3 %": within(e, base, least, up) for n, e in {"radio": line, **plain}.items()},
    }


def summary(name: str, way: str, each: list[dict[str, Any]]) -> dict[str, Any]:
    def mean(key: str) -> float:
        return round(100 * float(np.mean([one[key] for one in each])), 2)

    def count(key: str) -> str:
        return f"{sum(one[key] for one in each)} of {len(each)}"

    costs = [one["cost"] for one in each]
    low, high = spread(costs)
    return {
        "metric": name,
        "way": way,
        "naml": mean("base"),
        "target": mean("target"),
        "radio": mean("value"),
        "reached": count("reached"),
        "dial": "/".join(f"{one['dial']:g}" for one in each),
        "cost": round(float(np.mean(costs)), 2),
        "cost_low": None if low is None else round(low, 2),
        "cost_high": None if high is None else round(high, 2),
        "mmr": mean("mmr"),
        "dpp": mean("dpp"),
        "radio ahead of both": count("ahead"),
        "monotone": count("monotone"),
        **{f"{name} at 3 %": mean(f"{name} at 3 %") for name in ("radio", "mmr", "dpp")},
    }


def notes(ends: Mapping[tuple[str, str], list[dict[str, Any]]]) -> Iterator[str]:
    every = [one for each in ends.values() for one in each]
    yield (
        f"into the range in {sum(one['reached'] for one in every)} of {len(every)} cases (metrics, "
        f"ways and worlds); monotone in {sum(one['monotone'] for one in every)}; further than mmr "
        f"and dpp at the same cost in {sum(one['ahead'] for one in every)}"
    )
    yield f"{len(COLUMNS)} metrics at {K}, of {REQUESTS:,} requests of each world"


def picture(points: list[dict[str, Any]]) -> bytes:
    """A chart a metric: NDCG over the metric, a line a method, the mean over the worlds."""
    alt = altair("radio-tradeoff")
    table = (
        pl.DataFrame(points)
        .with_columns(
            line=pl.when(pl.col("method") == "radio")
            .then(pl.format("radio, {}", "way"))
            .otherwise("method")
        )
        .group_by(["metric", "line", "dial"], maintain_order=True)
        .agg(pl.col("ndcg").mean(), pl.col("value").mean())
    )
    charts = [
        alt.Chart(alt.Data(values=rows.to_dicts()), title=str(name), width=260, height=200)
        .mark_line(point=True, strokeWidth=1.5)
        .encode(
            x=alt.X("value:Q", title="divergence (x 100)", scale=alt.Scale(zero=False)),
            y=alt.Y("ndcg:Q", title="NDCG@10 (x 100)", scale=alt.Scale(zero=False)),
            color=alt.Color("line:N", title=None),
            order="dial:Q",
        )
        for (name,), rows in table.group_by(["metric"], maintain_order=True)
    ]
    return png(alt.concat(*charts, columns=3).configure_view(stroke="#ddd"))
