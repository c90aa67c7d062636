"""Figures 5.3 to 5.9 of the thesis: how DART's metrics spread, and what they depend on.

A row of charts for each: the divergences of requests, with and without ranks, by Jensen-Shannon and
Kullback-Leibler (5.3, 5.4), and by recommender (5.5); how they change with the cut-off (5.8); and
for people and over time, section 5.7: calibration by how much somebody had read, by category and
by subcategory (5.6, 5.7), and day by day of what a person was shown in the three days before it,
beside its distance to what all were shown (5.9). The thesis's own figures are of MIND; which of
5.6, 5.7 and 5.9 shows which of these is not said in what is at hand of it.

The table has means over the seeds. The notes say of each claim of chapter 5 on how many of them it
holds here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from ..evaluation import measure
from ..pictures import altair, png
from ..registry import build
from ..types import Floats
from . import Asked, Reproduction
from ._radio import COLUMNS, DATA, Learned, about, dart, learned

TITLE = "Thesis, Figures 5.3 to 5.9: spread of DART's metrics, cut-offs, histories, time"
METHODS = DATA
DEFAULT = DATA[:1]  # of mind-demo hardly anything is defined: table 5.3 says how much
SPLITS = 3
RESUMES = True

CUTS = (1, 2, 5, 10, 20, None)
HISTORIES = (5, 10, 20, 40, 80)  # lengths that separate the groups
POOL = ("activation", "representation", "alternative voices")
DAY = 86_400


def reproduce(asked: Asked) -> Reproduction:
    altair("thesis-fig5")  # not after all the work
    rows: list[dict[str, Any]] = []
    described = {}
    for one in learned(asked, "thesis-fig5"):
        rows += [{"data": one.source, "seed": one.seed, **each} for each in looked_at(one)]
        described[one.source] = about(one, asked, "thesis-fig5")
    each = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("value").fill_nan(None))
    keys = [name for name in each.columns if name not in ("seed", "value")]
    table = each.group_by(keys, maintain_order=True).agg(pl.col("value").mean().round(4))
    return Reproduction(
        name="thesis-fig5",
        title=TITLE,
        table=table,
        notes=tuple(notes(each)),
        picture=picture(table),
        about={"seeds": asked.seeds, "data": described},
    )


def looked_at(one: Learned) -> Iterator[dict[str, Any]]:
    """The figures' numbers for one recommender: what is on the axes, and the value there."""
    asked: dict[tuple[str, str, str, str], Any] = {}
    depths: tuple[int | None, ...]
    for how in ("jensen_shannon", "kl"):
        for discount in ("reciprocal", "none"):
            depths = CUTS if how == "jensen_shannon" else (10,)
            for k in depths:
                ranks = "ranks" if discount == "reciprocal" else "no ranks"
                for name, made in dart(k, divergence=how, discount=discount).items():
                    asked[name, how, ranks, "all" if k is None else str(k)] = made
    topics = build("metrics.calibration", by="subcategory")
    asked["calibration (subcategory)", "jensen_shannon", "ranks", "10"] = topics
    window = {"window": 3.0, "half_life": 1.0}
    weekly = {
        "calibration (topic)": build("metrics.calibration", **window),
        "distance to the platform": build("metrics.platform_distance", **window),
    }
    for name, made in weekly.items():
        asked[name, "jensen_shannon", "three days", "10"] = made
    found = measure(one.model, one.split, list(asked.values()))
    values = dict(zip(asked, found.values(), strict=True))
    for (name, how, ranks, cut), each in values.items():
        at = {"method": one.name, "metric": name, "divergence": how, "ranks": ranks, "cut": cut}
        for what, value in spread_of(each).items():
            yield {**at, "figure": "spread", "x": what, "value": value}
    queries = one.split.queries
    lengths = queries.history.lengths
    group = np.searchsorted(HISTORIES, lengths, side="right")
    for name in ("calibration (topic)", "calibration (subcategory)"):
        each = values[name, "jensen_shannon", "ranks", "10"]
        at = {"method": one.name, "metric": name, "divergence": "jensen_shannon", "ranks": "ranks"}
        at["cut"] = "10"
        for number in range(len(HISTORIES) + 1):
            mine = each[group == number]
            if (~np.isnan(mine)).sum() >= 20:
                yield {**at, "figure": "history", "x": said(number), "value": np.nanmean(mine)}
        some = ~np.isnan(each)
        varied = some.sum() > 2 and np.ptp(lengths[some]) > 0 < np.ptp(each[some])
        rho = spearmanr(lengths[some], each[some]).statistic if varied else np.nan
        yield {**at, "figure": "history", "x": "correlation", "value": float(rho)}
    day = (queries.now - queries.now.min()) // (DAY // 4)
    for name in weekly:
        each = values[name, "jensen_shannon", "three days", "10"]
        at = {"method": one.name, "metric": name, "divergence": "jensen_shannon"}
        at |= {"ranks": "three days", "cut": "10"}
        for number in np.unique(day):
            mine = each[day == number]
            if (~np.isnan(mine)).sum() >= 20:
                x = f"{number / 4:.2f}"
                yield {**at, "figure": "time", "x": x, "value": np.nanmean(mine)}


def said(number: int) -> str:
    if number == 0:
        return f"below {HISTORIES[0]}"
    if number == len(HISTORIES):
        return f"{HISTORIES[-1]} and more"
    return f"{HISTORIES[number - 1]} to {HISTORIES[number] - 1}"


def spread_of(values: Floats) -> dict[str, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return {"defined": 0.0}
    low, q1, mid, q3, high = np.quantile(known, (0.05, 0.25, 0.5, 0.75, 0.95))
    out = {"mean": known.mean(), "low": low, "q1": q1, "median": mid, "q3": q3, "high": high}
    return {**{n: float(v) for n, v in out.items()}, "defined": len(known) / len(values)}


def notes(table: pl.DataFrame) -> Iterator[str]:
    """Each claim of chapter 5, and on how many of the seeds it holds."""
    means = table.filter((pl.col("figure") == "spread") & (pl.col("x") == "mean"))
    for (source,), rows in means.group_by(["data"], maintain_order=True):
        for text, holds in claims(rows):
            yield f"{source!s}: {text}: {sum(holds)} of {len(holds)}"
        yield f"{source!s}: {flattening(rows)}"
    falls = table.filter((pl.col("figure") == "history") & (pl.col("x") == "correlation"))
    for (source, name), rows in falls.group_by(["data", "metric"], maintain_order=True):
        each = rows.drop_nulls("value").group_by("method", maintain_order=True)
        told = [f"{method} {rho:+.2f}" for method, rho in each.agg(pl.col("value").mean()).rows()]
        yield f"{source!s}: {name!s} and length of history, rank correlation: {', '.join(told)}"


def flattening(means: pl.DataFrame) -> str:
    at = by_key(means)
    seeds, every = sorted(means["seed"].unique()), means["method"].unique().to_list()
    said = []
    for name in COLUMNS:
        shares = [
            100 * mean([behind(at, s, every, name, ranks, cut) for s in seeds])
            for ranks, cut in (("ranks", "10"), ("ranks", "20"), ("no ranks", "10"))
        ]
        said.append(f"{name} {shares[0]:.0f} / {shares[1]:.0f} / {shares[2]:.0f}")
    return (
        "% of what changes from 1 to all that comes behind 10 / behind 20 with ranks / behind 10 "
        f"without: {', '.join(said)}"
    )


def by_key(means: pl.DataFrame) -> dict[Any, float]:
    return {
        (r["seed"], r["method"], r["metric"], r["ranks"], r["cut"]): float(r["value"])
        for r in means.filter(pl.col("divergence") == "jensen_shannon").iter_rows(named=True)
    }


def claims(means: pl.DataFrame) -> Iterator[tuple[str, list[bool]]]:
    """Of one source: what is claimed, and whether it holds on each seed."""
    at = by_key(means)
    seeds = sorted(means["seed"].unique())
    every = means["method"].unique(maintain_order=True).to_list()
    learn = [method for method in every if method not in ("random", "pop")]

    def value(*key: Any) -> float:
        return at.get(key, np.nan)

    for others, who in ((learn, "all four that learn"), (["pop"], "popularity")):
        for name in COLUMNS:
            yield (
                f"{name}: random above {who} at 10",
                [
                    all(
                        value(s, "random", name, "ranks", "10") > value(s, m, name, "ranks", "10")
                        for m in others
                    )
                    for s in seeds
                ],
            )
    for name in POOL:
        yield (
            f"{name}: 0 of whole lists without ranks",
            [all(value(s, m, name, "no ranks", "all") < 1e-6 for m in every) for s in seeds],
        )
    for name in COLUMNS:
        yield (
            f"{name}: of what changes from 1 to all, less comes behind 10 with ranks than without",
            [
                behind(at, s, every, name, "ranks") < behind(at, s, every, name, "no ranks")
                for s in seeds
            ],
        )
    yield (
        "calibration by subcategory above that by category",
        [
            all(
                value(s, m, "calibration (subcategory)", "ranks", "10")
                > value(s, m, "calibration (topic)", "ranks", "10")
                for m in every
            )
            for s in seeds
        ],
    )


def behind(
    at: Mapping[Any, float], seed: int, methods: list[str], name: str, ranks: str, cut: str = "10"
) -> float:
    """Of what a metric changes from a cut-off at 1 to none, the share that comes behind ``cut``;
    the mean over the recommenders."""
    parts = []
    for method in methods:
        key = (seed, method, name, ranks)
        first, then, last = (at.get((*key, k), np.nan) for k in ("1", cut, "all"))
        parts.append(abs(last - then) / abs(last - first) if last != first else np.nan)
    return mean(parts)


def mean(values: list[float]) -> float:
    """Of those that are known."""
    known = [each for each in values if not np.isnan(each)]
    return float(np.mean(known)) if known else np.nan


def picture(table: pl.DataFrame) -> bytes:
    """Of the first source."""
    alt = altair("thesis-fig5")
    every = table.filter(pl.col("data") == table["data"][0])
    rows = [
        alt.hconcat(*boxes(alt, every, "jensen_shannon", "5.3: Jensen-Shannon")),
        alt.hconcat(*boxes(alt, every, "kl", "5.4: Kullback-Leibler")),
        alt.hconcat(*cuts(alt, every)),
        alt.hconcat(*others(alt, every)),
    ]
    return png(
        alt.vconcat(*rows)
        .resolve_scale(color="independent", strokeDash="independent")
        .configure_view(stroke="#ddd")
    )


def boxes(alt: Any, every: pl.DataFrame, how: str, title: str) -> Iterator[Any]:
    """From the 5 % to the 95 % quantile, and the quarters; with ranks and without."""
    there = (pl.col("figure") == "spread") & (pl.col("divergence") == how) & (pl.col("cut") == "10")
    wide = every.filter(there & pl.col("ranks").is_in(["ranks", "no ranks"])).pivot(
        on="x", index=["method", "metric", "ranks"], values="value"
    )
    for name in COLUMNS:
        rows = wide.filter(pl.col("metric") == name).to_dicts()
        base = alt.Chart(alt.Data(values=rows), title=f"{title}: {name}", width=170, height=150)
        y = alt.Y("method:N", title=None)
        offset = alt.YOffset("ranks:N")
        color = alt.Color("ranks:N", title=None)
        line = base.mark_rule().encode(
            x=alt.X("low:Q", title="divergence"), x2="high:Q", y=y, yOffset=offset, color=color
        )
        box = base.mark_bar(size=7).encode(x="q1:Q", x2="q3:Q", y=y, yOffset=offset, color=color)
        mid = base.mark_tick(size=7, color="white", thickness=2)
        yield line + box + mid.encode(x="median:Q", y=y, yOffset=offset)


def cuts(alt: Any, every: pl.DataFrame) -> Iterator[Any]:
    """The mean at each cut-off, with ranks and without."""
    there = (pl.col("figure") == "spread") & (pl.col("x") == "mean")
    there &= (pl.col("divergence") == "jensen_shannon") & pl.col("ranks").is_in(
        ["ranks", "no ranks"]
    )
    order = ["all" if k is None else str(k) for k in CUTS]
    for name in COLUMNS:
        rows = every.filter(there & (pl.col("metric") == name)).to_dicts()
        yield (
            alt.Chart(alt.Data(values=rows), title=f"5.8: {name}", width=170, height=150)
            .mark_line(point=True)
            .encode(
                x=alt.X("cut:N", sort=order, title="cut-off"),
                y=alt.Y("value:Q", title="mean divergence", scale=alt.Scale(zero=False)),
                color=alt.Color("method:N", title=None),
                strokeDash=alt.StrokeDash(
                    "ranks:N", title=None, legend=alt.Legend(symbolType="stroke")
                ),
            )
        )


def others(alt: Any, every: pl.DataFrame) -> Iterator[Any]:
    """By length of history, and over time."""
    names: Mapping[str, str] = {"history": "articles read before", "time": "days"}
    for figure, axis in names.items():
        rows = every.filter((pl.col("figure") == figure) & (pl.col("x") != "correlation"))
        for (name,), mine in rows.group_by(["metric"], maintain_order=True):
            sort = [said(i) for i in range(len(HISTORIES) + 1)] if figure == "history" else None
            kind = "N" if figure == "history" else "Q"
            yield (
                alt.Chart(alt.Data(values=mine.to_dicts()), title=str(name), width=260, height=170)
                .mark_line(point=figure == "history")
                .encode(
                    x=alt.X(f"x:{kind}", sort=sort, title=axis),
                    y=alt.Y("value:Q", title="mean divergence", scale=alt.Scale(zero=False)),
                    color=alt.Color("method:N", title=None),
                )
            )
