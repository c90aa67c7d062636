"""Made-up news: seconds and memory, and how like real ones they are.

    python benchmarks/news_world.py                   -> benchmarks/results/news_world.json
    python benchmarks/news_world.py --quick           2,000 articles; seconds
    python benchmarks/news_world.py --show FILE       the table of a result

`make` draws the world and `write` writes it in the files of MIND, on one core. AUC are means over
requests: of the true log-odds of a click, of the part of them that is the person's own (taste and
reading level), of the share of the article's subcategory in the history, of clicks on the article
until then, and of chance. Divergences are sqrt JS, base 2, between the categories of the history
and those of the ten candidates that the true log-odds put first, or of ten by chance; the
correlation is with the log of the length of the history.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from common import Meter, arguments, obeyed, ordered, typed, write_json
from numpy.typing import NDArray
from run import RESULTS, machine
from scipy.spatial.distance import jensenshannon

PACKAGES = ("headwater", "polars", "numpy")
QUICK = {"n_articles": 2_000, "n_users": 1_000, "n_impressions": 3_000}
JUDGED = 5_000  # requests that AUC and divergences are of
SPAN = np.int64(1 << 34)


def main() -> int:
    if obeyed(ORDERS):
        return 0
    parser = arguments(__doc__, RESULTS / "news_world.json", quick="2,000 articles")
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: version(name) for name in PACKAGES},
        **ordered(__file__, "measure", {"settings": QUICK if asked.quick else {}}, 1),
    }
    write_json(asked.out, results)
    print(table(results))
    return 0


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    from headwater.simulate.news import NewsWorld

    meter = Meter()
    world = NewsWorld(**settings)
    with meter("make"):
        made = world.make()
    with tempfile.TemporaryDirectory() as folder, meter("write"):
        made.write_mind(Path(folder) / "mind")
    seen = made.data.impressions
    assert seen is not None
    there = seen.slate.filled
    stories = made.data.catalog.table["story"].value_counts()["count"]
    past = seen.queries.history.lengths
    return {
        "settings": asdict(world),
        **meter.seen,
        "slots": round(float(there.sum(1).mean()), 2),
        "clicks": round(float(seen.clicks.sum() / there.sum()), 5),
        "clicks_a_request": round(float(seen.clicks.sum(1).mean()), 3),
        "history_median": float(np.median(past)),
        "history_mean": round(float(past.mean()), 1),
        "history_none": round(float((past == 0).mean()), 4),
        "read_median": float(np.median(made.truth.likes.readers.read)),
        "stories": int((stories > 1).sum()),
        "singles": int((stories == 1).sum()),
        "known": len(made.people),
        **_judged(made),
    }


def _judged(made: Any) -> dict[str, Any]:
    data, truth = made.data, made.truth
    rng = np.random.default_rng(0)
    n = len(data.impressions)
    seen = data.impressions[np.sort(rng.choice(n, min(n, JUDGED), replace=False))]
    there = seen.slate.filled
    items = np.where(there, seen.slate.items, 0)
    user, now = seen.queries.user[:, None], seen.queries.now[:, None]
    log, past = data.log, seen.queries.history
    by_item = np.sort(log.items * SPAN + log.times)
    popular = np.searchsorted(by_item, items * SPAN + now) - np.searchsorted(by_item, items * SPAN)
    sub = truth.subcategory
    read = _counts(past.rows, sub[past.items], len(seen), len(truth.subcategories))
    odds = np.where(there, truth.log_odds(user, items, now), -np.inf)
    scores = {
        "odds": odds,
        "own": truth.liking(user, items),
        "history": np.take_along_axis(read, sub[items], 1),
        "popularity": popular,
        "chance": rng.random(items.shape),
    }
    kind = data.catalog.codes("category")
    before = _counts(past.rows, kind[past.items], len(seen), int(kind.max()) + 1)
    some = past.lengths > 0
    found: dict[str, Any] = {}
    for name, score in scores.items():
        found[f"auc_{name}"] = round(_auc(score, seen.clicks, there), 4)
    for name in ("odds", "chance"):
        order = np.argsort(-np.where(there, scores[name], -np.inf), axis=1, kind="stable")[:, :10]
        rows = np.repeat(np.arange(len(seen))[:, None], 10, 1)
        after = _counts(rows, kind[np.take_along_axis(items, order, 1)], *before.shape)
        off = jensenshannon(before[some], after[some], base=2, axis=1)
        found[f"divergence_{name}"] = round(float(off.mean()), 4)
        with_length = np.corrcoef(off, np.log(past.lengths[some]))[0, 1]
        found[f"divergence_{name}_by_length"] = round(float(with_length), 4)
    return found


def _counts(rows: NDArray[Any], codes: NDArray[Any], n: int, kinds: int) -> NDArray[Any]:
    flat = np.bincount((rows * kinds + codes).ravel(), minlength=n * kinds)
    return flat.reshape(n, kinds)


def _auc(scores: NDArray[Any], clicks: NDArray[Any], there: NDArray[Any]) -> float:
    found = []
    for score, click, some in zip(scores, clicks, there, strict=True):
        good, bad = score[some & (click > 0)], score[some & (click == 0)]
        if len(bad):
            over = np.sign(good[:, None] - bad)
            found.append((over + 1).mean() / 2)
    return float(np.mean(found))


def table(results: dict[str, Any]) -> str:
    r, s = results, results["settings"]
    return "\n".join(
        [
            f"{s['n_articles']:,} articles, {s['n_users']:,} users, {s['n_impressions']:,} requests"
            f": made in {r['make_s']:.1f} s, peak {r['make_peak_mib']:.0f} MiB; written in "
            f"{r['write_s']:.1f} s, peak {r['write_peak_mib']:.0f} MiB",
            f"{r['clicks']:.2%} of {r['slots']:.1f} slots clicked; histories: median "
            f"{r['history_median']:.0f} of requests, {r['read_median']:.0f} of people",
            f"{r['stories']:,} stories of several, {r['singles']:,} articles alone",
            "AUC " + ", ".join(f"{k[4:]} {v:.3f}" for k, v in r.items() if k.startswith("auc_")),
            f"divergence from the history: by odds {r['divergence_odds']:.3f} "
            f"({r['divergence_odds_by_length']:+.2f} with length), by chance "
            f"{r['divergence_chance']:.3f} ({r['divergence_chance_by_length']:+.2f})",
        ]
    )


ORDERS: dict[str, Callable[..., dict[str, Any]]] = {"measure": measure}

if __name__ == "__main__":
    sys.exit(main())
