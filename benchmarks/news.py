"""News recommenders against popularity and chance, and how long an epoch takes.

    python benchmarks/news.py                         -> benchmarks/results/news.json
    python benchmarks/news.py --worlds made           only this; what is known of others stays
    python benchmarks/news.py --methods nrms npa      only these
    python benchmarks/news.py --quick                 few requests and one epoch; seconds
    python benchmarks/news.py --show FILE             the tables of a result

Candidates of requests of people who are not learned from are put in order (`split_requests`), and
AUC and NDCG@10 are the means over people with their 95 % intervals. The worlds:

    made        `simulate.news.NewsWorld`: 8,000 articles, 12,000 requests. ``truth`` is the order
                by the log-odds that clicks were drawn with, ``taste`` by the person's own part.
    mind-demo   The Parquet sample of MIND has the texts of one article in twenty. What has none is
                left out of requests and histories, and so is each request without both a click
                and something not clicked: 121 of 4,532 are left, in ten splits that learn from
                four fifths. ``... (log)`` learned from what was read, without the requests.

``seconds`` are those of the processor for an epoch of 10,000 clicks, on one thread; `load_before`
and `load_after` say what else ran on the machine.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from common import arguments, typed, write_json
from run import RESULTS, machine

SEED = 0
METRICS = ["AUC", "NDCG@10"]
SMALL: dict[str, dict[str, Any]] = {
    "nrms": {"heads": 8, "head_size": 8},
    "naml": {"filters": 64, "kind_size": 32, "body_length": 30},
    "lstur": {"filters": 64, "kind_size": 32},
    "npa": {"filters": 64, "user_size": 32},
}
ALL: dict[str, Any] = {"word_size": 64, "query_size": 64, "history": 30}
HOW = {
    "made": {"n_epochs": 5, "batch_size": 64, "learning_rate": 1e-3},
    "mind-demo": {"n_epochs": 2, "batch_size": 64, "learning_rate": 1e-3},
}


def main() -> int:
    parser = arguments(__doc__, RESULTS / "news.json", quick="few requests and one epoch")
    parser.add_argument("--worlds", nargs="+", choices=HOW, default=list(HOW))
    parser.add_argument("--methods", nargs="+", choices=SMALL, default=list(SMALL))
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    import torch

    torch.set_num_threads(1)
    found: dict[str, Any] = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    for world in asked.worlds:
        about = {
            "command": typed(),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "parameters": {name: {**ALL, **SMALL[name]} for name in asked.methods},
            "how": HOW[world],
            "load_before": os.getloadavg()[0],
        }
        make = made if world == "made" else mind_demo
        measured = make(asked.methods, quick=asked.quick)
        found[world] = about | {"load_after": os.getloadavg()[0]} | measured
        write_json(asked.out, found)
    print(table(found))
    return 0


def made(methods: list[str], *, quick: bool) -> dict[str, Any]:
    from headwater.data.requests import split_requests
    from headwater.evaluation import compare
    from headwater.model import Scorer
    from headwater.registry import build
    from headwater.simulate.news import NewsWorld

    sizes = {"n_articles": 4_000, "n_users": 300, "n_impressions": 300} if quick else WORLD
    world = NewsWorld(**sizes, seed=SEED).make()
    truth = world.truth

    @dataclass(kw_only=True, eq=False)
    class Known(Scorer):
        taste: bool

        def scores(self, queries: Any) -> Any:
            items = np.arange(queries.history.n_items)[None]
            user = queries.user[:, None]
            if self.taste:
                return truth.liking(user, items)
            return truth.log_odds(user, items, queries.now[:, None])

    split = split_requests(world.data, seed=SEED)
    how = HOW["made"] | ({"n_epochs": 1} if quick else {})
    models = {"random": build("random"), "popularity": build("popularity")}
    models |= {name: build(name, **ALL, **SMALL[name], how=how) for name in methods}
    models |= {"taste": Known(taste=True), "truth": Known(taste=False)}
    clicks = int(split.train.impressions.clicks.sum())
    seconds = {}
    for name, model in models.items():
        if isinstance(model, Known):
            continue
        before = time.process_time()
        model.fit(split.train)
        if name in methods:
            each = (time.process_time() - before) / how["n_epochs"]
            seconds[name] = round(1e4 * each / clicks, 1)
    result = compare(models, split, METRICS, baseline="popularity", fitted=True, resamples=1_000)
    return {"clicks": clicks, "requests": len(split), "seconds": seconds, **numbers(result)}


WORLD = {"n_articles": 8_000, "n_users": 3_000, "n_impressions": 12_000}


def mind_demo(methods: list[str], *, quick: bool) -> dict[str, Any]:
    from headwater.data.requests import split_requests
    from headwater.data.sources import load
    from headwater.evaluation import compare
    from headwater.registry import build
    from headwater.types import PAD

    data = load("mind-demo", seed=SEED)
    read = data.catalog.table["title"].is_not_null().to_numpy()
    shown = data.impressions
    there = shown.slate.filled & read[shown.slate.items]
    clicked = (shown.clicks > 0) & there
    rows = np.flatnonzero(clicked.any(1) & (there & ~clicked).any(1))
    first = np.argsort(~there[rows], axis=1, kind="stable")  # the slots that stay, in their order
    slots = np.where(np.take_along_axis(there[rows], first, 1), first, PAD)[:, : there.sum(1).max()]
    some = shown[rows]
    past = some.queries.history
    clicks = np.take_along_axis(some.clicks, np.maximum(slots, 0), 1) * (slots != PAD)
    some = replace(
        some,
        queries=replace(some.queries, history=past.where(read[past.items])),
        slate=some.slate.take(slots),
        clicks=clicks.astype(np.float32),
    )
    data = replace(data, log=data.log.where(read[data.log.items]), impressions=some)
    splits = [
        split_requests(data, shares=(0.8, 0.0, 0.2), seed=seed)
        for seed in range(1 if quick else 10)
    ]
    logs = [replace(each, train=replace(each.train, impressions=None)) for each in splits]
    how = HOW["mind-demo"] | ({"n_epochs": 1} if quick else {})
    own = {name: build(name, **ALL, **SMALL[name], how=how) for name in methods}
    plain = {"random": build("random"), "popularity": build("popularity")}
    result = compare(plain | own, splits, METRICS, baseline="popularity", resamples=1_000)
    from_log = compare(
        {"popularity": plain["popularity"]} | {f"{name} (log)": own[name] for name in methods},
        logs,
        METRICS,
        baseline="popularity",
        resamples=1_000,
    )
    events = np.mean([len(each.train.log.items) for each in logs])
    whole, more = numbers(result), numbers(from_log)
    for part, name in (("rows", "model"), ("tests", "model_a")):
        whole[part] += [row for row in more[part] if row[name].endswith("(log)")]
    return {
        "requests": len(some),
        "clicks": int(some.clicks.sum()),
        "candidates": int(some.slate.filled.sum()),
        "articles_with_text": int(read.sum()),
        "events_to_learn_from": round(float(events)),
        **whole,
    }


def numbers(result: Any) -> dict[str, Any]:
    """The table, and the tests against popularity."""
    keep = ("model", "metric", "mean", "low", "high", "defined")
    rows = result.table().select(keep).to_dicts()
    keep = ("model_a", "model_b", "metric", "difference", "low", "high", "users")
    return {"rows": rows, "tests": result.tests().select(keep).to_dicts()}


def table(found: Mapping[str, Any]) -> str:
    lines = []
    for world, one in found.items():
        lines += [f"{world}: {one['clicks']:,} clicks", ""]
        lines += ["| method | AUC | NDCG@10 | s / 10,000 clicks |", "|---|---|---|---|"]
        for name in dict.fromkeys(row["model"] for row in one["rows"]):
            mine = {row["metric"]: row for row in one["rows"] if row["model"] == name}
            cells = [
                f"{mine[m]['mean']:.3f} ({mine[m]['low']:.3f} to {mine[m]['high']:.3f})"
                for m in METRICS
            ]
            took = one.get("seconds", {}).get(name, "")
            lines.append(f"| {name} | {' | '.join(cells)} | {took} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
