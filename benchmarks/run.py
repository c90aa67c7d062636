"""Headwater against its peers, each in its own environment: `make bench`, or

    python benchmarks/setup_peers.py                 once
    python benchmarks/run.py                         everything, on MovieLens-1M
    python benchmarks/run.py --tasks ials --libraries headwater implicit --threads 1
    python benchmarks/run.py --data gowalla --tasks ials bpr

Every measurement is a process of its own, pinned to as many cores as it has threads, with the same
arrays and the same hyper-parameters; the order of the libraries turns round from repeat to repeat,
and what is shown is the median. Results go to benchmarks/results/peers-<data>.json; `--show` prints
the tables of such a file again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import ndcg, read_world, threads_environment, typed, write_json
from setup_peers import note, python

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
OURS = "headwater"

HOW: dict[str, dict[str, Any]] = {
    "ease": {"l2": 500.0},
    "ials": {"factors": 64, "l2": 10.0, "alpha": 1.0, "epochs": 15},
    "bpr": {"factors": 64, "l2": 0.01, "learning_rate": 0.05, "epochs": 20},
    "multvae": {"hidden": 600, "factors": 200, "learning_rate": 1e-3, "batch": 500, "epochs": 5},
    "recfusion": {"hidden": 200, "learning_rate": 1e-4, "batch": 200, "epochs": 5},
}
LIBRARIES = {
    "ease": ("headwater", "floor", "floor32", "rectools", "lenskit", "cornac", "recbole"),
    "ials": ("headwater", "implicit", "rectools", "lenskit"),
    "bpr": ("headwater", "implicit", "rectools", "cornac", "recbole"),
    "multvae": ("headwater", "recbole", "recpack"),
    "recfusion": ("headwater",),  # no package of PyPI has it
    "metrics": ("headwater", "rectools", "ranx"),
    "first": ("headwater", "implicit", "rectools", "lenskit", "cornac", "recbole"),
}
TASKS = tuple(LIBRARIES)
FITS = tuple(HOW)
# RecBole's Adam has its own learning rate and needs its own number of epochs: only the time of an
# epoch can be compared, and three of them are enough for that
OWN_HOW = {("recbole", "bpr"): {"epochs": 3}}
# Here every library spreads the work over threads of its own. A threaded BLAS below them makes them
# wait for each other, up to fourfold (implicit warns of it), so all get a BLAS of one thread
ONE_BLAS = ("ials", "bpr")
SLOW = 4.0  # seconds: side measurements (recommend, evaluate) that take longer are made once
PATIENCE = 300.0  # seconds that one process may take


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="ml-1m", choices=["ml-1m", "gowalla", "toy"])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--libraries", nargs="+", help="only these; the default is all there are")
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 1])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="another file for the results")
    parser.add_argument("--show", type=Path, help="print the tables of this file, measure nothing")
    asked = parser.parse_args()
    if asked.show:
        print(tables(json.loads(asked.show.read_text())))
        return 0
    out = asked.out or RESULTS / f"peers-{asked.data}.json"
    results = measure(
        asked.data, asked.tasks, asked.libraries, sorted(asked.threads, reverse=True), asked.repeats
    )
    write_json(out, results)
    print(tables(results))
    print(f"\n{out}")
    return 1 if any(environment(each["library"]) == OURS for each in results["failed"]) else 0


def measure(
    data: str, tasks: list[str], only: list[str] | None, threads: list[int], repeats: int
) -> dict[str, Any]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as temporary:
        bench = Bench(Path(temporary), data, repeats, only)
        for count in threads:
            for task in FITS:
                # EASE of a wide catalogue is a matter of gigabytes, and of hours
                if task in tasks and not (task == "ease" and bench.n_items > 20_000):
                    bench.fits(task, count, main=count == threads[0])
        if "metrics" in tasks:
            bench.metrics(threads[0])
        if "first" in tasks:
            bench.firsts(threads[0])
    return {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "machine": machine(),
        "data": bench.about,
        "how": HOW,
        "own_how": {f"{library} {task}": how for (library, task), how in OWN_HOW.items()},
        "peers": {
            p: shown(note(p)) for p in sorted({environment(r["library"]) for r in bench.runs})
        },
        "failed": bench.failed,
        "runs": bench.runs,
    }


class Bench:
    """One data set on disk, and the measurements made with it so far."""

    def __init__(self, folder: Path, data: str, repeats: int, only: list[str] | None):
        self.folder, self.repeats, self.only = folder, repeats, only
        self.world = folder / "world.npz"
        self.runs: list[dict[str, Any]] = []
        self.failed: list[dict[str, Any]] = []
        self.slow: set[tuple[str, str, str]] = set()
        subprocess.run(
            [interpreter(OURS), HERE / "prepare.py", data, self.world],
            check=True,
            env=os.environ | {"HEADWATER_DATA": data_folder()},
        )
        loaded = read_world(self.world)
        self.test, self.n_items = loaded.test, loaded.train.shape[1]
        self.about = {
            "name": data,
            "users": loaded.train.shape[0],
            "items": loaded.train.shape[1],
            "train": loaded.train.nnz,
            "held_out": loaded.test.nnz,
            "liked_negatives": liked_negatives(loaded.train),
        }

    def rounds(self, task: str) -> Iterator[tuple[int, str]]:
        have = [each for each in LIBRARIES[task] if not self.only or each in self.only]
        have = [each for each in have if interpreter(each)]
        for repeat in range(self.repeats):
            for library in have if repeat % 2 == 0 else reversed(have):
                yield repeat, library

    def fits(self, task: str, threads: int, *, main: bool) -> None:
        for repeat, library in self.rounds(task):
            lists = self.folder / f"lists-{library}-{task}.npz"
            lists.unlink(missing_ok=True)
            also = ["recommend", *(["evaluate", "evaluate_all"] if main else [])]
            also = [part for part in also if (library, task, part) not in self.slow]
            floor = library.startswith("floor")
            order = {
                "kind": "fit",
                "library": "floor" if floor else library,
                "task": "ease32" if library == "floor32" else task,
                "threads": threads,
                "repeat": repeat,
                "world": str(self.world),
                "lists": str(lists),
                "also": also,
                "save": str(self.saved(library, task)) if main and repeat == 0 else None,
                "how": {
                    **HOW[task],
                    **OWN_HOW.get((library, task), {}),
                    "threads": threads,
                    "seed": repeat,
                },
            }
            found = self.run(library, task, order)
            if found is None:
                continue
            if lists.exists():
                with np.load(lists, allow_pickle=False) as file:
                    found["ndcg@10"] = ndcg(file["lists"], self.test)
                    np.save(self.answers(library, task), file["lists"])
            for part in ("recommend", "evaluate", "evaluate_all"):
                if found.get(f"{part}_s", 0) > SLOW:
                    self.slow.add((library, task, part))

    def metrics(self, threads: int) -> None:
        answers = [self.answers(OURS, task) for task in ("ease", "ials", "bpr")]
        have = [each for each in answers if each.exists()]
        if not have:
            print("metrics: no lists to judge; measure ease, ials or bpr in the same run")
            return
        lists = self.folder / "lists.npz"
        np.savez(lists, lists=np.load(have[0]))
        for repeat, library in self.rounds("metrics"):
            if repeat:
                continue
            order = {
                "times": self.repeats,
                "kind": "metrics",
                "library": library,
                "task": "metrics",
                "threads": threads,
                "repeat": repeat,
                "world": str(self.world),
                "lists": str(lists),
                "how": {"threads": threads},
            }
            self.run(library, "metrics", order)

    def firsts(self, threads: int) -> None:
        for task in ("ease", "ials"):
            for repeat, library in self.rounds("first"):
                if library not in LIBRARIES[task] or not self.saved(library, task).exists():
                    continue
                user = int(np.flatnonzero(np.diff(self.test.indptr))[17])
                order = {
                    "kind": "first",
                    "library": library,
                    "task": task,
                    "threads": threads,
                    "repeat": repeat,
                    "folder": str(self.saved(library, task)),
                    "user": user,
                }
                found = self.run(library, task, order)
                if found is not None and self.answers(library, task).exists():
                    # a later repeat of the fit has other factors: only EASE must agree
                    usual = np.load(self.answers(library, task))[user].tolist()
                    found["agrees"] = found["answer"] == usual if task == "ease" else None

    def saved(self, library: str, task: str) -> Path:
        return self.folder / "saved" / f"{library}-{task}"

    def answers(self, library: str, task: str) -> Path:
        return self.folder / f"answers-{library}-{task}.npy"

    def run(self, library: str, task: str, order: dict[str, Any]) -> dict[str, Any] | None:
        """One process; None, and a line in ``failed``, if it did not give what was asked."""
        surroundings = threads_environment(order["threads"])
        if task in ONE_BLAS:
            surroundings["OPENBLAS_NUM_THREADS"] = "1"
        command = [interpreter(library), HERE / "worker.py", json.dumps(order)]
        head = {key: order[key] for key in ("kind", "task", "threads", "repeat")}
        head = {"library": library, **head, "task": task}
        print(" ".join(str(value) for value in head.values()), end=" ", flush=True)
        start = time.perf_counter()
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                [str(part) for part in command],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=self.folder,
                env=surroundings,
            ) as process,
        ):
            lines, answered = listen(process, start)
            wall = time.perf_counter() - start
            if process.returncode != 0 or not lines:
                errors.seek(0)
                why = (errors.read().strip().splitlines() or ["no output"])[-1]
                if wall >= PATIENCE:
                    why = f"stopped after {PATIENCE:.0f} s"
                self.failed.append({**head, "why": why})
                print(f"FAILED: {why}", flush=True)
                return None
        found = {**head, **json.loads(lines[-1]), "process_s": round(wall, 3)}
        if answered is not None:
            found["first_s"] = round(answered, 4)
            found["answer"] = json.loads(lines[0].removeprefix("answer "))
        self.runs.append(found)
        shown = {key: found[key] for key in ("fit_s", "first_s", "compute_s") if key in found}
        print(" ".join(f"{key[:-2]} {value:.3f} s" for key, value in shown.items()), flush=True)
        return found


def liked_negatives(x: Any) -> dict[str, float]:
    """How often a random negative is something the user chose: libraries that skip such a draw
    make that much less of an epoch. By what it is drawn from: all items alike, or all events."""
    lengths = np.diff(x.indptr)
    popular = np.bincount(x.indices, minlength=x.shape[1])
    reached = np.add.reduceat(np.append(popular[x.indices], 0), x.indptr[:-1]) * (lengths > 0)
    return {
        "from_items": round(float((lengths**2).sum() / x.nnz / x.shape[1]), 4),
        "from_events": round(float((lengths * reached).sum() / x.nnz / x.nnz), 4),
    }


def listen(process: subprocess.Popen[str], start: float) -> tuple[list[str], float | None]:
    """What the process says, and how long after ``start`` it gave its first answer."""
    assert process.stdout is not None
    lines: list[str] = []
    answered = None
    while True:
        left = PATIENCE - (time.perf_counter() - start)
        if left <= 0:
            process.kill()
            break
        if not select.select([process.stdout], [], [], min(left, 1.0))[0]:
            continue
        line = process.stdout.readline()
        if not line:
            break
        if line.startswith("answer ") and answered is None:
            answered = time.perf_counter() - start
        if line.startswith(("answer ", "{")):
            lines.append(line.strip())
    process.wait()
    return lines, answered


def environment(library: str) -> str:
    return OURS if library.startswith("floor") else library


def interpreter(library: str) -> Path | None:
    """The Python of a library's environment; ours may be the one that runs this."""
    peer = environment(library)
    if note(peer).get("ok"):
        return python(peer)
    return Path(sys.executable) if peer == OURS else None


def shown(peer: dict[str, Any]) -> dict[str, Any]:
    named = ("numpy", "scipy", "numba", "torch", "implicit", "RecTools", "lenskit", "cornac")
    named += ("recbole", "recpack", "ranx", "headwater", "pandas", "polars")
    have = peer.get("versions", {})
    return {"wanted": peer.get("wanted"), "mib": peer.get("mib")} | {
        name: have[name] for name in named if name in have
    }


def data_folder() -> str:
    return os.environ.get("HEADWATER_DATA", str(HERE.parent.parent / "shared" / "data"))


def machine() -> dict[str, Any]:
    try:
        info = Path("/proc/cpuinfo").read_text()
        name = next(
            line.split(":", 1)[1].strip()
            for line in info.splitlines()
            if line.startswith("model name")
        )
        memory = int(Path("/proc/meminfo").read_text().split()[1]) >> 20
    except (OSError, StopIteration):
        name, memory = platform.processor(), 0
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def tables(results: dict[str, Any]) -> str:
    """The medians as text: ours first, then each peer as its own numbers and as a ratio to ours."""
    data, runs = results["data"], results["runs"]
    out = [
        f"{data['name']}: {data['users']:,} users, {data['items']:,} items, {data['train']:,} to "
        f"learn from; {results['machine']['processor']}, {results['machine']['cores']} cores",
        "x is the peer's number over Headwater's: above 1 the peer needs more.",
    ]
    counts = sorted({run["threads"] for run in runs}, reverse=True)
    for task in FITS:
        for threads in counts:
            some = [
                r for r in runs if (r["kind"], r["task"], r["threads"]) == ("fit", task, threads)
            ]
            if some:
                out += ["", f"fit {task}, {threads} thread(s): {results['how'][task]}"]
                out += fit_table(some, results, task)
        some = [r for r in runs if r["kind"] == "fit" and r["task"] == task]
        judged = [r for r in some if "evaluate_s" in r or "evaluate_all_s" in r]
        if judged:
            out += ["", f"rank everything for everybody and judge, {task}, {counts[0]} thread(s)"]
            out += plain_table(
                judged, {"evaluate_s": "10 best", "evaluate_all_s": "all metrics", "fit_s": "fit"}
            )
    for kind, title, columns in (
        (
            "metrics",
            "metrics of given lists",
            {"warm_up_s": "warm up", "convert_s": "convert", "compute_s": "compute"},
        ),
        ("first", "first recommendation of a cold process", {"first_s": "s", "peak_mib": "MiB"}),
    ):
        for task in sorted({r["task"] for r in runs if r["kind"] == kind}):
            some = [r for r in runs if (r["kind"], r["task"]) == (kind, task)]
            out += ["", f"{title}{'' if kind == 'metrics' else ', ' + task}"]
            out += plain_table(some, columns)
    out += [f"FAILED: {each}" for each in results["failed"]]
    return "\n".join(out)


def fit_table(runs: list[dict[str, Any]], results: dict[str, Any], task: str) -> list[str]:
    for run in runs:
        how = results["how"][task] | results["own_how"].get(f"{run['library']} {task}", {})
        after_first = run.get("epochs_s", [])[1:]
        if after_first:
            run["epoch_s"] = median(after_first)
        elif "epochs" in how:
            run["epoch_s"] = run["fit_s"] / how["epochs"]
        run["grew_mib"] = run["fit_peak_mib"] - run["before_mib"]
    columns = {
        "fit_s": "fit s",
        "epoch_s": "epoch s",
        "fit_cpu_s": "CPU s",
        "fit_peak_mib": "peak MiB",
        "grew_mib": "grew MiB",
        "convert_s": "convert s",
        "ndcg@10": "NDCG@10",
    }
    return plain_table(runs, columns, bare=("ndcg@10", "convert_s"))


def plain_table(
    runs: list[dict[str, Any]], columns: dict[str, str], bare: tuple[str, ...] = ()
) -> list[str]:
    names = list(dict.fromkeys(run["library"] for run in runs))
    found = {
        name: {
            key: median(values)
            for key in columns
            if (values := [run[key] for run in runs if run["library"] == name and key in run])
        }
        for name in names
    }
    ours = found.get(OURS, {})
    rows = [["", *columns.values()]]
    for name in sorted(names, key=lambda each: each != OURS):
        row = [name]
        for key in columns:
            value = found[name].get(key)
            said = "-" if value is None else number(value)
            if value is not None and name != OURS and key not in bare and ours.get(key):
                said += f" ({value / ours[key]:.2f}x)"
            row.append(said)
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]


def number(value: float) -> str:
    """Four digits, and never an exponent for what people count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
