"""A list and a home page, asked one by one, without a server around it.

    python benchmarks/home.py                         -> benchmarks/results/home.json
    python benchmarks/home.py --quick                 1,000 items; seconds
    python benchmarks/home.py --show FILE             the table of a result

20,000 people chose 400,000 times of N items, few of them often. The flow is `itemknn`, 200
candidates of it re-ranked by `radio` to the kinds of the history, behind `serve.live`. People are
drawn at random and have made one choice that the model does not know. On one core, in one process.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from common import Meter, arguments, obeyed, ordered, typed, write_json
from run import RESULTS, machine

SIZES = (10_000, 100_000)
USERS, CHOICES, ASKED, K = 20_000, 400_000, 1_000, 20


def main() -> int:
    if obeyed(ORDERS):
        return 0
    parser = arguments(__doc__, RESULTS / "home.json", quick="1,000 items")
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    sizes = (1_000,) if asked.quick else SIZES
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: version(name) for name in ("headwater", "numpy", "scipy")},
        "sizes": [ordered(__file__, "measure", {"n_items": n}, 1) for n in sizes],
    }
    write_json(asked.out, results)
    print(table(results))
    return 0


def platform(n_items: int) -> tuple[Any, Any]:
    """The fitted flow, and its data."""
    import polars as pl

    from headwater.registry import build
    from headwater.types import Catalog, Dataset, Histories, Ids

    rng = np.random.default_rng(0)
    items = np.minimum((rng.pareto(1.0, CHOICES) * n_items / 50).astype(int), n_items - 1)
    log = Histories.of(
        rng.integers(0, USERS, CHOICES),
        items,
        n_rows=USERS,
        n_items=n_items,
        times=rng.integers(1_600_000_000, 1_700_000_000, CHOICES),
    )
    kinds = [[f"g{i % 18}"] for i in range(n_items)]
    films = [f"film {i}" for i in range(n_items)]
    people = pl.Series([f"u{i}" for i in range(USERS)])
    names = pl.Series([f"i{i}" for i in range(n_items)])
    table = pl.DataFrame({"title": films, "genres": kinds})
    data = Dataset(Ids(people), Ids(names), log, Catalog(table))
    flow = {
        "model": "flow",
        "retrieve": {"model": "itemknn", "k": 50},
        "stages": [{"model": "radio", "by": "genres", "to": "history"}],
        "width": 200,
    }
    return build(flow).fit(data), data


def measure(n_items: int) -> dict[str, Any]:
    from headwater.artifact import save
    from headwater.serve.answers import Done, Person
    from headwater.serve.home import home
    from headwater.serve.live import Live

    model, data = platform(n_items)
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        saved = save(model, f"{folder}/flow", data)
        meter = Meter()
        with meter("load"):
            live = Live.of(saved)
    found: dict[str, Any] = {"n_items": n_items, **meter.seen}
    done = (Done("i5", 1_700_000_001),)
    asks = {"recommend": live.recommend, "home": lambda person, k: home(live, person, k)}
    for what, ask in asks.items():
        ask(Person("u0", done), K)
        took = []
        for user in rng.integers(0, USERS, ASKED):
            began = time.perf_counter()
            ask(Person(f"u{user}", done), K)
            took.append(1000 * (time.perf_counter() - began))
        found[what] = [round(float(np.quantile(took, q)), 3) for q in (0.5, 0.95, 0.99)]
    return found


def table(results: dict[str, Any]) -> str:
    lines = ["ms of one request                 p50     p95     p99"]
    for each in results["sizes"]:
        for what, name in (("recommend", "list of 20"), ("home", "home page")):
            cells = "".join(f"{value:8.2f}" for value in each[what])
            lines.append(f"{each['n_items']:>9,} items  {name:<12}{cells}")
    return "\n".join(lines)


ORDERS = {"measure": measure}

if __name__ == "__main__":
    sys.exit(main())
