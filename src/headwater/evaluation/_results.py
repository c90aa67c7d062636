"""What came out: every value of every request, and the tables made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..types import Floats, Ids
from ._statistics import bootstrap, holm, interval, paired_p

__all__ = ["Comparison", "Evaluation", "Run"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """One model on one split."""

    split: str  # the name of its protocol
    seed: int
    users: pl.Series  # (B,) who asked
    values: Mapping[str, Floats]  # by the label of a metric: (B,), NaN where undefined; or ()
    fit_seconds: float
    recommend_seconds: float
    metric_seconds: float
    dropped: Mapping[str, int] = field(default_factory=dict)  # what the split left out

    def mean(self, metric: str) -> float:
        """Over the requests that it is defined for; NaN if there is none."""
        known = np.atleast_1d(self.values[metric])
        known = known[~np.isnan(known)]
        return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One model on some splits."""

    model: str  # its name
    runs: tuple[Run, ...]
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # of the metrics

    @property
    def metrics(self) -> list[str]:
        return list(self.runs[0].values)

    def system(self, metric: str) -> bool:
        """Whether the metric is one number for all requests, such as coverage."""
        return all(run.values[metric].ndim == 0 for run in self.runs)

    def users(self, metric: str) -> pl.DataFrame:
        """``user`` and ``value``: the mean over all requests of each user, in every split, for
        which the metric is defined. Empty for a system metric."""
        names = ["user", "value"]
        parts = [
            pl.DataFrame([run.users.alias("user"), pl.Series("value", run.values[metric])])
            for run in self.runs
            if run.values[metric].ndim
        ]
        if not parts:
            return pl.DataFrame(schema=dict.fromkeys(names, pl.Float64))
        known = pl.concat(parts).filter(pl.col("value").is_not_nan())
        return known.group_by("user", maintain_order=True).agg(pl.col("value").mean())

    def table(self) -> pl.DataFrame:
        """One row a metric.

        * ``mean`` over users, each the mean of their requests in all splits; ``low`` and ``high``
          are its 95 % interval, by the normal approximation over users. With a system metric it is
          the mean over splits and has no such interval.
        * ``split_mean`` and ``median`` over the means of the splits; ``split_low`` and
          ``split_high`` are the 95 % interval of the former by Student's t, null with one split.
          Splits of the same data overlap, so it is narrower than fresh data would make it.
        * No interval reaches beyond what the metric can be.
        * ``defined`` of the ``asked`` requests, in all ``splits``, had a value.
        """
        return pl.DataFrame([self._row(metric) for metric in self.metrics], schema=SCHEMA)

    def times(self) -> pl.DataFrame:
        """Seconds for each split: to fit, to answer all requests, and for the metrics after it."""
        names = ("split", "seed", "fit_seconds", "recommend_seconds", "metric_seconds")
        return pl.DataFrame(
            [
                {"model": self.model} | {each: getattr(run, each) for each in names}
                for run in self.runs
            ]
        )

    def splits(self) -> list[dict[str, Any]]:
        """Of each split: its protocol, seed, number of requests, and what it had to leave out."""
        return [
            {
                "split": run.split,
                "seed": run.seed,
                "requests": len(run.users),
                "dropped": dict(run.dropped),
            }
            for run in self.runs
        ]

    def __repr__(self) -> str:
        return _brief(self.table())

    def _row(self, metric: str) -> dict[str, object]:
        means = np.array([run.mean(metric) for run in self.runs])
        means = means[~np.isnan(means)]
        system = self.system(metric)
        users = self.users(metric)["value"].to_numpy()
        values = [run.values[metric] for run in self.runs]
        bounds = self.bounds.get(metric, (-np.inf, np.inf))
        low, high = np.clip(interval(users, normal=True), *bounds)
        split_low, split_high = np.clip(interval(means, normal=False), *bounds)
        over = means if system else users
        numbers = {
            "mean": over.mean() if len(over) else np.nan,
            "low": low,
            "high": high,
            "split_mean": means.mean() if len(means) else np.nan,
            "split_low": split_low,
            "split_high": split_high,
            "median": np.median(means) if len(means) else np.nan,
        }
        return {
            "model": self.model,
            "metric": metric,
            **{name: None if np.isnan(value) else float(value) for name, value in numbers.items()},
            "defined": None if system else int(sum((~np.isnan(each)).sum() for each in values)),
            "asked": None if system else sum(map(len, values)),
            "splits": len(self.runs),
        }


def _brief(table: pl.DataFrame) -> str:
    """One line a model and metric; `table` and `tests` have the rest."""
    columns = ["model", "metric", "mean", "low", "high", "splits"]
    lines = [columns]
    for row in table.select(columns).rows():
        lines.append(
            [
                "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
                for value in row
            ]
        )
    wide = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, wide, strict=True))
        ).rstrip()
        for line in lines
    )


NUMBERS = ("mean", "low", "high", "split_mean", "split_low", "split_high", "median")
SCHEMA = {
    "model": pl.String,
    "metric": pl.String,
    **dict.fromkeys(NUMBERS, pl.Float64),
    "defined": pl.Int64,
    "asked": pl.Int64,
    "splits": pl.Int64,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Several models on the same splits."""

    evaluations: Mapping[str, Evaluation]
    baseline: str | None = None  # if given, the others are tested against it alone
    kinds: tuple[str, ...] = ()  # the tests that are made
    resamples: int = 10_000
    seed: int = 0

    @property
    def metrics(self) -> list[str]:
        return next(iter(self.evaluations.values())).metrics

    def table(self) -> pl.DataFrame:
        """See `Evaluation.table`."""
        return pl.concat([each.table() for each in self.evaluations.values()])

    def times(self) -> pl.DataFrame:
        """See `Evaluation.times`."""
        return pl.concat([each.times() for each in self.evaluations.values()])

    def splits(self) -> list[dict[str, Any]]:
        """See `Evaluation.splits`."""
        return self._all[0].splits()

    def __repr__(self) -> str:
        return _brief(self.table())

    def tests(self) -> pl.DataFrame:
        """One row a metric and pair of models: ``difference`` is that of a minus b.

        Users are paired: of each, the mean difference over the requests, in all splits, for which
        both models have a value; ``users`` is their number. ``low`` and ``high`` are the 95 %
        interval of the bootstrap. ``p_...`` are two-sided; ``p_..._holm`` are corrected for all
        rows of this table. System metrics have no pairs and are not in it.
        """
        return self._tests

    @cached_property
    def _tests(self) -> pl.DataFrame:
        metrics = [m for m in self.metrics if not any(e.system(m) for e in self._all)]
        names = list(self.evaluations)
        against = [(name, self.baseline) for name in names if name != self.baseline]
        pairs = against if self.baseline else list(combinations(names, 2))
        rows = [(metric, a, b) for metric in metrics for a, b in pairs]
        columns = {
            name: pl.Series([row[i] for row in rows], dtype=pl.String)
            for i, name in enumerate(("metric", "model_a", "model_b"))
        }
        d = np.empty((len(self._people[0]), len(rows)))  # (users, rows)
        for i, (metric, a, b) in enumerate(rows):
            d[:, i] = self._differences(metric, str(a), str(b))
        known = (~np.isnan(d)).sum(0)
        means = np.divide(np.nansum(d, 0), known, out=np.full(len(rows), np.nan), where=known > 0)
        columns["users"] = pl.Series(known, dtype=pl.Int64)
        columns["difference"] = pl.Series(means, dtype=pl.Float64)
        for test in self.kinds:
            if test == "bootstrap":
                low, high, p = bootstrap(d, resamples=self.resamples, seed=self.seed)
                columns |= {"low": pl.Series(low), "high": pl.Series(high)}
            else:
                p = np.array([paired_p(each[~np.isnan(each)], test) for each in d.T], np.float64)
            columns |= {f"p_{test}": pl.Series(p), f"p_{test}_holm": pl.Series(holm(p))}
        return pl.DataFrame(columns).fill_nan(None)

    @property
    def _all(self) -> list[Evaluation]:
        return list(self.evaluations.values())

    @cached_property
    def _people(self) -> tuple[Ids, NDArray[np.int32]]:
        """The users of all requests of all splits, and which of them made each request."""
        users = pl.concat([run.users for run in self._all[0].runs])
        ids = Ids(users.unique(maintain_order=True))
        return ids, ids.encode(users)

    def _differences(self, metric: str, a: str, b: str) -> Floats:  # (users,)
        """NaN for who has no request at which both are defined."""
        ids, who = self._people
        first, second = (
            np.concatenate([run.values[metric] for run in self.evaluations[name].runs])
            for name in (a, b)
        )
        gap = first - second
        known = ~np.isnan(gap)
        times = np.bincount(who[known], minlength=len(ids))
        total = np.bincount(who[known], weights=gap[known], minlength=len(ids))
        out = np.full(len(ids), np.nan)
        np.divide(total, times, out=out, where=times > 0)
        return out
