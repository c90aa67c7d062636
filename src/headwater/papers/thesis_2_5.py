"""Table 2.5 of the RecFusion thesis: recommenders on MovieLens-1M, the baselines that do not learn
by gradient.

Data      MovieLens-1M, ratings of at least 4 as likes; users with fewer than 5 items dropped, then
          items with fewer than 5 users, once in this order.
Split     strong generalization: 80 / 10 / 10 % of the users, 80 % of a tested user's items fed in.
          All of these are fitted on the training and the validation users, 90 %.
Metrics   calibrated Recall@20 and @50, binary NDCG@100, mean over the tested users, x 100; what was
          fed in is not recommended. The thesis prints the median of 10 random splits.
Accept    an interval about the thesis's median, set before this was measured: half a point to two
          and a half points either side, by how much a figure varies over splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import t as student

from ..data import sources
from ..data.fingerprint import fingerprint
from ..data.split import StrongGeneralization
from ..data.split import splits as make_splits
from ..evaluation import measure
from ..registry import build, metric
from . import Progress, Reproduction

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "RecFusion thesis, Table 2.5: MovieLens-1M, strong generalization (x 100)"
METRICS = ("CalibratedRecall@20", "CalibratedRecall@50", "NDCG@100")

#          method: (tree, thesis's medians, accepted intervals)
ROWS: dict[str, tuple[Any, tuple[float, ...], tuple[tuple[float, float], ...]]] = {
    "random": ("random", (0.87, 1.71, 1.73), ((0.6, 1.2), (1.3, 2.2), (1.4, 2.2))),
    "popularity": (
        "popularity",
        (16.77, 24.30, 21.44),
        ((16.0, 17.6), (23.3, 25.3), (20.6, 22.2)),
    ),
    "slim": (
        {"model": "slim", "l1": 5e-4, "l2": 5e-5},
        (34.23, 45.25, 40.14),
        ((31.5, 35.5), (42.5, 46.5), (38.0, 41.2)),
    ),
    "ease": (
        {"model": "ease", "l2": 1000.0},
        (35.76, 46.92, 42.24),
        ((34.6, 37.0), (45.5, 48.3), (41.2, 43.2)),
    ),
}
METHODS = tuple(ROWS)
ORDER = ("ease", "slim", "popularity", "random")  # best first, on every split


def reproduce(
    methods: Sequence[str], *, splits: int, seed: int, progress: Progress | None = None
) -> Reproduction:
    data = sources.load("movielens-1m", like=4, min_items_per_user=5, min_users_per_item=5)
    metrics = [metric(name) for name in METRICS]
    parts = make_splits(data, StrongGeneralization(seed=seed), n=splits)
    figures: dict[str, list[list[float]]] = {name: [] for name in methods}  # per split
    seconds = dict.fromkeys(methods, 0.0)
    for i, split in enumerate(parts):
        for j, name in enumerate(methods):
            began = perf_counter()
            model = build(ROWS[name][0], **({"seed": seed + i} if name == "random" else {}))
            got = measure(model.fit(split.train), split, metrics)
            figures[name].append([100 * float(np.nanmean(got[label])) for label in METRICS])
            seconds[name] += perf_counter() - began
            if progress is not None:
                progress("thesis-2.5", i * len(methods) + j + 1, splits * len(methods))
    rows = [row(name, at, [f[at] for f in figures[name]]) for name in methods for at in range(3)]
    return Reproduction(
        name="thesis-2.5",
        title=TITLE,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=tuple(notes(figures, splits)),
        about={
            "command": f"headwater reproduce thesis-2.5 --splits {splits} --seed {seed}",
            "data": {
                "source": "movielens-1m",
                "users": len(data.users),
                "items": len(data.items),
                "events": len(data.log.items),
                "fingerprint": fingerprint(data),
            },
            "seeds": [seed + i for i in range(splits)],
            "metrics": list(METRICS),
            "per_split": figures,
            "seconds_per_split": {name: s / splits for name, s in seconds.items()},
        },
    )


def row(name: str, at: int, values: list[float]) -> dict[str, Any]:
    """One figure: the thesis's, our median, and the 95 % interval of the mean over splits."""
    low, high = ROWS[name][2][at]
    median = float(np.median(values))
    n = len(values)
    half = student.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5 if n > 1 else None
    mean = float(np.mean(values))
    return {
        "method": name,
        "metric": METRICS[at],
        "thesis": ROWS[name][1][at],
        "ours": round(median, 2),
        "mean_low": None if half is None else round(mean - half, 2),
        "mean_high": None if half is None else round(mean + half, 2),
        "least": round(min(values), 2),
        "most": round(max(values), 2),
        "accept": f"{low:.1f}-{high:.1f}",
        "accepted": low <= median <= high,
    }


def notes(figures: dict[str, list[list[float]]], splits: int) -> list[str]:
    said = [
        f"ours: median over {splits} splits; mean_low, mean_high: 95 % interval of their mean; "
        "least, most: over the splits"
    ]
    have = [name for name in ORDER if name in figures]
    for better, worse in pairwise(have):
        for at, label in enumerate(METRICS):
            ahead = sum(a[at] > b[at] for a, b in zip(figures[better], figures[worse], strict=True))
            said.append(f"{label}: {better} ahead of {worse} on {ahead} of {splits} splits")
    return said
