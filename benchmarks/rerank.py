"""Re-ranking one request, ours and the peers', by size; and a whole request through a flow.

    python benchmarks/rerank.py                       -> benchmarks/results/rerank.json
    python benchmarks/rerank.py --sizes 100 500       only these numbers of candidates
    python benchmarks/rerank.py --show FILE           the tables of a result

A request has N candidates with unit vectors of 32 numbers and scores from 1 down to 0, best first,
the same for every library, and 20 picks. Settings are alike where they can be: mmr gives scores 0.7
and likeness 0.3; dpp has an alpha of 7/6, but pyversity's weighs by z-scores; ssd has a window of
10. `agrees` counts how many of the 20 are those of ours. Each (library, method, size, repeat) is a
process of its own on one core, the order of the libraries turns round, and what is shown is the
median over repeats of the median of a process. ``textbook`` is no library but the algorithm as the
papers write it (`peers/textbook.py`). `cdm` ranks and re-ranks in one net; the student's own part
of it is what it takes more than `dcn`.

The flow is `wrmf` over 10,000 items, 500 of them to `dcn`, all of these to `mmr` and the 20 best
out, for people of a generated log; asked one by one and 64 at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import arguments, in_process, pin, typed, write_json
from run import OURS, RESULTS, interpreter, machine, shown
from setup_peers import note

HERE = Path(__file__).resolve().parent
SIZES = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
LIBRARIES = {
    OURS: ("mmr", "dpp", "ssd", "dcn", "cdm", "cdm shared"),
    "pyversity": ("mmr", "dpp", "ssd"),
    "textbook": ("mmr", "dpp"),
}
WIDEST = {"cdm": 5_000}  # every candidate looks at every other: 10,000 take 800 MB a layer
K, D = 20, 32


def main() -> int:
    if sys.argv[1:2] == ["flow"]:
        print(json.dumps(flow(int(sys.argv[2]))), flush=True)
        return 0
    parser = arguments(__doc__, RESULTS / "rerank.json")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    if asked.show:
        print(tables(json.loads(asked.show.read_text())))
        return 0
    own = interpreter(OURS) or sys.executable
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "peers": {name: shown(note(name)) for name in (OURS, "pyversity")},
        "picks": K,
        "vector_size": D,
        "runs": measured(asked.sizes, asked.repeats),
        "flow": {
            f"{n} threads": in_process([own, HERE / "rerank.py", "flow", str(n)], n) for n in (1, 2)
        },
    }
    write_json(asked.out, results)
    print(tables(results))
    return 0


def measured(sizes: list[int], repeats: int) -> list[dict[str, Any]]:
    runs = []
    with tempfile.TemporaryDirectory(prefix="headwater-rerank-") as temporary:
        for n in sizes:
            rng = np.random.default_rng(n)
            x = rng.normal(size=(n, D)).astype(np.float32)
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            request = Path(temporary) / f"{n}.npz"
            scores = np.sort(np.append(rng.random(n - 2), [0, 1])).astype(np.float32)[::-1]
            np.savez(request, x=x, scores=scores)
            todo = [(name, task) for name, tasks in LIBRARIES.items() for task in tasks]
            for repeat in range(repeats):
                for name, task in todo[repeat:] + todo[:repeat]:
                    python = interpreter(OURS if name == "textbook" else name)
                    if python is None or n > WIDEST.get(task, n):
                        continue
                    order = {
                        "kind": "rerank",
                        "library": name,
                        "task": task,
                        "request": str(request),
                        "times": 200,
                        "seconds": 4.0,
                        "how": {"threads": 1, "k": K},
                    }
                    try:
                        command = (python, HERE / "worker.py", json.dumps(order))
                        said = in_process(command, 1, stderr=subprocess.PIPE)
                    except subprocess.CalledProcessError as error:
                        last = error.stderr.strip().splitlines()[-1:]
                        print(f"{name} {task} at {n}: {' '.join(last)}", flush=True)
                        continue
                    runs.append({"library": name, "task": task, "n": n, "repeat": repeat, **said})
            print(f"{n} candidates done", flush=True)
    ours = {(r["task"], r["n"]): set(r["picked"]) for r in runs if r["library"] == OURS}
    for run in runs:
        mine = ours.get((run["task"], run["n"]), set())
        run["agrees"] = len(mine & set(run.pop("picked")))
    return runs


def flow(threads: int) -> dict[str, Any]:
    """Milliseconds of whole requests, one by one and 64 at once, and of each stage of one."""
    pin(threads)
    from generate import generate
    from peers.headwater import dataset
    from scipy.sparse import csr_matrix

    from headwater.registry import build
    from headwater.trace import traced

    with tempfile.TemporaryDirectory() as temporary:
        about = generate(Path(temporary), 4_000, 10_000, 400_000)
        items, lengths = (
            np.load(Path(temporary) / f"train_{what}.npy") for what in ("items", "lengths")
        )
    start = np.concatenate([[0], np.cumsum(lengths)])
    shape = (about["users"], about["items"])
    data = dataset(csr_matrix((np.ones(len(items), np.float32), items, start), shape=shape))
    model = build(
        "flow",
        retrieve={"model": "wrmf", "embedding_size": 64, "n_epochs": 3},
        stages=[
            {"model": "dcn", "how": {"n_epochs": 1}},
            {"model": "mmr", "by": "genres", "k": K},
        ],
        width=500,
    ).fit(data)
    queries = data.queries()
    out: dict[str, Any] = {"users": shape[0], "items": shape[1], "events": about["events"]}
    for size in (1, 64):
        model.recommend(queries[:size], K)
        takes, stages = [], []
        for at in range(0, 300 if size == 1 else 20 * size, size):
            part = queries[at : at + size]
            began = time.perf_counter()
            with traced() as steps:
                model.recommend(part, K)
            takes.append(1000 * (time.perf_counter() - began) / size)
            stages.append({step.name: 1000 * step.seconds / size for step in steps})
        out[f"batch of {size}"] = {
            "request_ms": median(takes),
            **({"p95_ms": float(np.quantile(takes, 0.95))} if size == 1 else {}),
            "stages_ms": {name: median(each[name] for each in stages) for name in stages[0]},
        }
    return out


def tables(results: dict[str, Any]) -> str:
    runs = results["runs"]
    sizes = sorted({run["n"] for run in runs})
    found: dict[tuple[str, str], dict[int, float]] = {}
    for run in runs:
        key = (run["library"], run["task"])
        same = [
            r["request_ms"] for r in runs if (r["library"], r["task"]) == key and r["n"] == run["n"]
        ]
        found.setdefault(key, {})[run["n"]] = median(same)
    lines = ["ms a request, and in brackets how many times ours", ""]
    lines.append(f"{'':22}" + "".join(f"{n:>16,}" for n in sizes))
    for (name, task), each in found.items():
        ours = found.get((OURS, task), {})
        cells = []
        for n in sizes:
            said = f"{each[n]:.3f}" if n in each else "-"
            if name != OURS and n in each and n in ours:
                said += f" ({each[n] / ours[n]:.2f}x)"
            cells.append(f"{said:>16}")
        lines.append(f"{name + ' ' + task:22}" + "".join(cells))
    for threads, said in results["flow"].items():
        for batch in ("batch of 1", "batch of 64"):
            each = said[batch]
            stages = ", ".join(f"{name} {ms:.2f}" for name, ms in each["stages_ms"].items())
            most = f", 95 % under {each['p95_ms']:.2f}" if "p95_ms" in each else ""
            lines.append(
                f"whole request, {threads}, {batch}: {each['request_ms']:.2f} ms a request{most} "
                f"({stages})"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
