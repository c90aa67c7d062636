"""The normative metrics on a made-up world of the shape of MIND, and beside RADio's way.

    python benchmarks/normative.py                    -> benchmarks/results/normative.json
    python benchmarks/normative.py --quick            a small world; seconds
    python benchmarks/normative.py --show FILE        the tables of a result

`everything` is seven settings of the six metrics, at the cut-offs 1, 2, 5, 10, 20 and all, by the
root of Jensen-Shannon and by Kullback-Leibler, over all impressions in a process of two threads;
the lists are the candidates in the order of the true chances of a click. `peak` is the highest
resident memory, `before` that with the world in memory.

`beside` is one thread: some of the impressions, cut at 10, by a rendition of how the public code of
RADio computes (`peers/radio.py`): one after the other, pandas, dictionaries, bins fitted for each.
Both give four values of each list, by both divergences with and without ranks. Ours are timed on
the same lists, and on all. Where the definitions are the same, and the rendition's sums exact, the
values must be: `differs` is the largest difference; `released` that to its numbers as they are.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np
from common import Meter, arguments, obeyed, ordered, rss, typed, write_json
from run import RESULTS, machine

PACKAGES = ("headwater", "numpy", "scipy", "polars", "pandas", "scikit-learn")
NEWS = ("category", "news")
METRICS: dict[str, tuple[str, dict[str, Any]]] = {
    "calibration": ("calibration", {}),
    "calibration, complexity": ("calibration", {"by": "complexity"}),
    "fragmentation, 5 pairs": ("fragmentation", {"pairs": 5}),
    "fragmentation, 20 pairs": ("fragmentation", {"pairs": 20}),
    "activation": ("activation", {}),
    "representation": ("representation", {"only": NEWS}),
    "alternative voices": ("alternative_voices", {"only": NEWS, "both": True}),
}
BESIDE = tuple(name for name in METRICS if name != "fragmentation, 20 pairs")
CUTS = (1, 2, 5, 10, 20, None)
DIVERGENCES = ("jensen_shannon", "kl")
CUT = 10
WORLD = {"n_articles": 50_000, "n_users": 20_000, "n_impressions": 100_000}
SMALL = {"n_articles": 3_000, "n_users": 500, "n_impressions": 1_000}
TOLERANCE = 1e-7  # roots of what is near 0 have half of the digits in the rendition


def main() -> int:
    if obeyed(ORDERS):
        return 0
    parser = arguments(__doc__, RESULTS / "normative.json", quick="a small world")
    parser.add_argument("--impressions", type=int, default=WORLD["n_impressions"])
    parser.add_argument("--sample", type=int, default=500, help="impressions done RADio's way")
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    how = SMALL if asked.quick else {**WORLD, "n_impressions": asked.impressions}
    sample = 50 if asked.quick else asked.sample
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "world": how,
        "everything": ordered(__file__, "everything", {"how": how}, 2),
        "beside": ordered(__file__, "beside", {"how": how, "sample": sample}, 1),
    }
    write_json(asked.out, results)
    print(table(results))
    return 0


def world(how: dict[str, Any]) -> Any:
    """Evidence: what was offered is the candidates, the list is these by their chances."""
    from headwater.evidence import Evidence
    from headwater.simulate.news import NewsWorld
    from headwater.types import Histories

    made = NewsWorld(**how).make()
    asked = made.data.impressions
    assert asked is not None
    order = np.argsort(-made.truth.chances, axis=1, kind="stable")
    return Evidence(
        queries=asked.queries,
        slate=asked.slate.take(order),
        truth=Histories.empty(len(asked.queries), len(made.data.items)),
        data=made.data,
        offered=asked.slate,
    )


def built(name: str, **how: Any) -> Callable[[Any], Any]:
    from headwater.registry import build

    where, settings = METRICS[name]
    metric: Callable[[Any], Any] = build(f"metrics.{where}", **settings, **how)
    return metric


def everything(how: dict[str, Any]) -> dict[str, Any]:
    seen = world(how)
    meter = Meter()
    values: dict[str, Any] = {}
    before = rss()
    began = time.perf_counter()
    for name in METRICS:
        with meter(name):
            for divergence in DIVERGENCES:
                for k in CUTS:
                    got = built(name, k=k, divergence=divergence)(seen)
                    values.setdefault(f"{name}, {divergence}", []).append(
                        [float(np.nanmean(got)), int(np.isnan(got).sum())]
                    )
    lengths = seen.queries.history.lengths
    return {
        "impressions": len(seen),
        "median_history": float(np.median(lengths)),
        "mean_history": float(lengths.mean()),
        "mean_candidates": float(seen.offered.filled.sum(1).mean()),
        "seconds": time.perf_counter() - began,
        "before_mib": round(before, 1),
        "peak_mib": max(value for name, value in meter.seen.items() if name.endswith("_peak_mib")),
        **meter.seen,
        "cuts": ["all" if k is None else k for k in CUTS],
        "means_and_undefined": values,
    }


def beside(how: dict[str, Any], sample: int) -> dict[str, Any]:
    from peers.radio import FOUR, Radio

    seen = world(how)
    rows = np.sort(np.random.default_rng(0).choice(len(seen), sample, replace=False))
    some = taken(seen, rows)
    radio = Radio(articles(seen), released=True)
    spent = dict.fromkeys((*BESIDE, "look up"), 0.0)
    rng = np.random.default_rng(0)

    def clocked(name: str, do: Callable[..., Any], *what: Any) -> Any:
        began = time.perf_counter()
        out = do(*what)
        spent[name] += time.perf_counter() - began
        return out

    for row in range(-3, len(some)):  # three to warm up
        if row == 0:
            spent = dict.fromkeys(spent, 0.0)
        pool, read, listed = parts(some, max(row, 0))
        others = [parts(seen, int(at))[2] for at in rng.integers(0, len(seen), 5)]
        history, around, shown, *lists = clocked(
            "look up", lambda *lists: [radio.look_up(each) for each in lists],
            *(read, pool, listed), *others,
        )  # fmt: skip
        shown = shown[:CUT]
        if read:
            clocked("calibration", radio.by_category, history, shown)
            clocked("calibration, complexity", radio.by_complexity, history, shown)
        clocked("fragmentation, 5 pairs", radio.fragmentation, shown, lists)
        clocked("activation", radio.activation, around, shown)
        clocked("representation", radio.representation, around, shown)
        clocked("alternative voices", radio.alternative_voices, around, shown)

    def ours(name: str, of: Any) -> float:
        began = time.perf_counter()
        for divergence, discount in FOUR:
            built(name, k=CUT, divergence=divergence, discount=discount)(of)
        return (time.perf_counter() - began) / len(of)

    found: dict[str, Any] = {}
    for name in BESIDE:
        theirs = spent[name] / len(some)
        same = median(ours(name, some) for _ in range(3))
        whole = ours(name, seen)
        found[name] = {
            "radio_ms": 1e3 * theirs,
            "ours_ms": 1e3 * same,
            "ours_of_all_ms": 1e3 * whole,
            "ratio": theirs / same,
            "ratio_of_all": theirs / whole,
        }
    few = taken(some, np.arange(min(200, len(some))))
    off = {str(k): differences(few, k, released=False) for k in (CUT, None)}
    worst = max(value for each in off.values() for value in each.values())
    if worst > TOLERANCE:
        raise AssertionError(f"the same definitions, and values that differ by {worst}: {off}")
    return {
        "sample": len(some),
        "look_up_ms": 1e3 * spent["look up"] / len(some),
        "metrics": found,
        "compared": len(few),
        "differs": worst,
        "released": differences(few, CUT, released=True),
    }


def taken(seen: Any, rows: Any) -> Any:
    return replace(
        seen,
        queries=seen.queries[rows],
        slate=seen.slate[rows],
        offered=seen.offered[rows],
        truth=seen.truth[rows],
    )


def articles(seen: Any) -> Any:
    import pandas as pd

    columns = ("category", "complexity", "sentiment", "story", "parties", "voices")
    frame = seen.data.catalog.table
    return pd.DataFrame({name: pd.Series(frame[name].to_list()) for name in columns})


def parts(seen: Any, row: int) -> tuple[list[int], list[int], list[int]]:
    """What was offered, what was read, newest first, and the list."""
    history = seen.queries.history
    read = history.items[history.start[row] : history.start[row + 1]][::-1]
    offered, listed = (each.items[row][each.filled[row]] for each in (seen.offered, seen.slate))
    return offered.tolist(), read.tolist(), listed.tolist()


def differences(seen: Any, k: int | None, *, released: bool) -> dict[str, float]:
    """The largest difference of any value, by metric, where both have one."""
    from peers.radio import FOUR, Radio

    radio = Radio(articles(seen), released=released)
    theirs: dict[str, list[Any]] = {name: [] for name in BESIDE}
    pairs = [
        list(zip(one.tolist(), other.tolist(), strict=True))
        for one, other, _ in built("fragmentation, 5 pairs", k=k).compared(seen)  # type: ignore[attr-defined]
    ]
    others: list[list[int]] = [[] for _ in range(len(seen))]
    for one, other in (pair for step in pairs for pair in step):
        others[one].append(other)
    for row in range(len(seen)):
        pool, read, listed = parts(seen, row)
        around, history, shown = (radio.look_up(each) for each in (pool, read, listed[:k]))
        lists = [radio.look_up(parts(seen, at)[2][:k]) for at in others[row]]
        theirs["calibration"].append(radio.by_category(history, shown) if read else None)
        theirs["calibration, complexity"].append(
            radio.by_complexity(history, shown) if read else None
        )
        theirs["fragmentation, 5 pairs"].append(
            radio.fragmentation(shown, lists) if lists else None
        )
        theirs["activation"].append(radio.activation(around, shown))
        theirs["representation"].append(radio.representation(around, shown))
        theirs["alternative voices"].append(radio.alternative_voices(around, shown))
    out = {}
    for name in BESIDE:
        off = []
        for divergence, discount in FOUR:
            got = built(name, k=k, divergence=divergence, discount=discount)(seen)
            want = np.array(
                [np.nan if each is None else each[divergence, discount] for each in theirs[name]]
            )
            if (np.isnan(want) & ~np.isnan(got)).any():
                raise AssertionError(f"{name}: a value where RADio's way has none")
            both = ~np.isnan(got - want)
            if not both.any():
                raise AssertionError(f"{name}@{k}: of no list there are two values to compare")
            off.append(abs(got - want)[both].max())
        out[name] = float(max(off))
    return out


def table(results: dict[str, Any]) -> str:
    all_, beside = results["everything"], results["beside"]
    lines = [
        f"{all_['impressions']:,} impressions, {len(METRICS)} settings x {len(CUTS)} cut-offs x "
        f"{len(DIVERGENCES)} divergences: {all_['seconds']:.1f} s, at most "
        f"{all_['peak_mib']:,.0f} MiB ({all_['before_mib']:,.0f} before)",
        *(f"  {name:26} {all_[f'{name}_s']:7.1f} s" for name in METRICS),
        "",
        f"{beside['sample']:,} impressions at {CUT}, four values each, ms an impression; looking "
        f"up takes RADio's way {beside['look_up_ms']:.2f} more",
        f"  {'':26} {'RADio':>8} {'ours':>9} {'times':>7} {'of all':>9} {'times':>7}"
        f" {'released differs':>17}",
    ]
    for name, each in beside["metrics"].items():
        lines.append(
            f"  {name:26} {each['radio_ms']:8.3f} {each['ours_ms']:9.4f} {each['ratio']:7.0f} "
            f"{each['ours_of_all_ms']:9.4f} {each['ratio_of_all']:7.0f} "
            f"{beside['released'][name]:17.1e}"
        )
    lines.append(f"  with exact sums and shares the largest difference is {beside['differs']:.1e}")
    return "\n".join(lines)


ORDERS: dict[str, Callable[..., dict[str, Any]]] = {"everything": everything, "beside": beside}

if __name__ == "__main__":
    sys.exit(main())
