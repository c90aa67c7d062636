"""Time and memory against size, on generated data: `python benchmarks/scaling.py`.

    popularity   fit
    itemknn      fit, 200 neighbours
    wrmf         fit, 64 factors, conjugate gradient; and the time of one epoch
    multvae      20 steps of a training epoch, after one to warm up, with everything in memory; the
    recfusion    time of an epoch is that times the number of batches (one thread)
    evaluation   of that WRMF: ten best and six metrics, then every metric there is, for a random
                 2,000 of the users (all items ranked for each): the time grows with the number of
                 requests, so multiply

Each point is a process of its own. It is ended when it takes more memory than `--memory` or longer
than `--point`, and a method's larger points are left out when the last two say that they would, or
when `--budget` minutes are used up; the results say which and why. They go to
benchmarks/results/scaling.json, and a chart of them to scaling.svg.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import Meter, pin, rss, threads_environment, typed, write_json
from run import OURS, RESULTS, interpreter, machine, plain_table, shown
from setup_peers import note

HERE = Path(__file__).resolve().parent
SIZES = (  # users, items, events
    (10_000, 2_000, 1_000_000),
    (30_000, 5_000, 3_000_000),
    (100_000, 15_000, 10_000_000),
    (300_000, 40_000, 30_000_000),
    (1_000_000, 100_000, 102_000_000),  # a little more, so that it is 100 M at least
)
METHODS = ("popularity", "itemknn", "wrmf", "multvae", "recfusion", "recfusion_guided")
NEURAL = METHODS[3:]
STEPS = 20  # of an epoch of what is neural
EPOCHS = 3
ASKED = 2_000  # users who are evaluated
LEFT_FREE = 1.0  # GiB of the machine that nothing here may take


def main() -> int:
    if sys.argv[1:2] == ["point"]:
        print(json.dumps(point(json.loads(sys.argv[2]))), flush=True)
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--largest", type=int, default=len(SIZES), help="how many of the sizes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=float, default=18.0, help="GiB that a point may take")
    parser.add_argument("--point", type=float, default=600.0, help="seconds that it may take")
    parser.add_argument("--budget", type=float, default=20.0, help="minutes for everything")
    parser.add_argument("--out", type=Path, default=RESULTS / "scaling.json")
    parser.add_argument("--chart", type=Path, help="only draw the results in --out, to this file")
    asked = parser.parse_args()
    if asked.chart:
        draw(json.loads(asked.out.read_text()), asked.chart)
        return 0
    results = sweep(asked)
    write_json(asked.out, results)
    print(table(results))
    try:
        draw(results, asked.out.with_suffix(".svg"))
    except ImportError as error:
        print(f"no chart: {error}; pip install 'headwater[report]' and run with --chart")
    return 0


def sweep(asked: argparse.Namespace) -> dict[str, Any]:
    began = time.perf_counter()
    points: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    sizes = SIZES[: asked.largest]
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="headwater-scaling-") as temporary:
            made = generated(Path(temporary), size)
            print(f"generated {made['events']:,} events in {made['seconds']:.1f} s", flush=True)
            for method in asked.methods:
                past = [p for p in points if p["method"] == method]
                before = [each for each in left_out if each["method"] == method]
                used = time.perf_counter() - began
                limit = min(asked.point, asked.budget * 60 - used)
                why = before[-1]["why"] if before else foreseen(past, made["events"], limit)
                if not why:
                    order = {
                        "method": method,
                        "folder": temporary,
                        "threads": asked.threads,
                        **made,
                    }
                    found, why = guarded(order, asked.memory, limit)
                    points += [found] if found else []
                if why:
                    left_out.append({"method": method, **made, "why": why})
                    print(f"  {method}: {why}", flush=True)
    return {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "machine": machine(),
        "peers": {OURS: shown(note(OURS))},
        "limits": {
            "memory_gib": asked.memory,
            "point_s": asked.point,
            "budget_minutes": asked.budget,
        },
        "epochs": EPOCHS,
        "asked": ASKED,
        "points": points,
        "left_out": left_out,
    }


def generated(folder: Path, size: tuple[int, int, int]) -> dict[str, Any]:
    start = time.perf_counter()
    users, items, events = size
    command = [interpreter(OURS), HERE / "generate.py", folder, users, items, events, ASKED]
    done = subprocess.run([str(each) for each in command], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout) | {"seconds": round(time.perf_counter() - start, 1)}


def foreseen(past: list[dict[str, Any]], events: int, limit: float) -> str:
    """Why not to try, or nothing: the last two points, as a power of the number of events."""
    if limit < 20:
        return "the time for everything was used up"
    if len(past) < 2:
        return ""
    a, b = past[-2:]
    power = math.log(b["process_s"] / a["process_s"]) / math.log(b["events"] / a["events"])
    expected = b["process_s"] * (events / b["events"]) ** max(power, 0.5)
    return f"would take about {expected:.0f} s, of {limit:.0f} left" if expected > limit else ""


def guarded(
    order: dict[str, Any], memory: float, limit: float
) -> tuple[dict[str, Any] | None, str]:
    """One point in a process that is watched; what it measured, or why it was ended."""
    start = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [str(interpreter(OURS)), str(HERE / "scaling.py"), "point", json.dumps(order)],
            stdout=out,
            stderr=errors,
            env=threads_environment(order["threads"]),
        ) as process,
    ):
        why = ""
        while process.poll() is None:
            time.sleep(0.1)
            if resident(process.pid) > memory or available() < LEFT_FREE:
                why = f"ended: more memory than {memory:g} GiB, or than the machine has"
            elif time.perf_counter() - start > limit:
                why = f"ended: it took longer than {limit:.0f} s"
            if why:
                process.kill()
                break
        process.wait()
        out.seek(0)
        errors.seek(0)
        if not why and process.returncode:
            why = "failed: " + (errors.read().strip().splitlines() or ["?"])[-1]
        if why:
            return None, why
        found = json.loads(out.read().strip().splitlines()[-1])
    found = {**{key: order[key] for key in ("method", "users", "items", "events")}, **found}
    found["process_s"] = round(time.perf_counter() - start, 2)
    fit, peak = found["fit_s"], found["fit_peak_mib"]
    print(f"  {order['method']}: fit {fit:.1f} s, peak {peak / 1024:.1f} GiB", flush=True)
    return found, ""


def resident(pid: int) -> float:  # GiB
    return _kib(Path(f"/proc/{pid}/status"), "VmRSS:") / 2**20


def available() -> float:  # GiB
    return (_kib(Path("/proc/meminfo"), "MemAvailable:") or 2**40) / 2**20


def _kib(path: Path, key: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)


def point(order: dict[str, Any]) -> dict[str, Any]:
    """Measured in this process: fit, and for wrmf its evaluation."""
    import numpy as np
    import polars as pl

    from headwater.registry import build
    from headwater.types import Catalog, Dataset, Histories, Ids

    pin(order["threads"])
    folder, n_items = Path(order["folder"]), order["items"]

    def histories(name: str) -> Histories:
        read = {c: np.load(folder / f"{name}_{c}.npy") for c in ("items", "times", "lengths")}
        start = np.append(0, np.cumsum(read["lengths"], dtype=np.int64))
        return Histories(
            start=start,
            items=read["items"],
            times=read["times"].astype(np.int64) + 1_600_000_000,
            values=np.ones(len(read["items"]), np.float32),
            n_items=n_items,
        )

    users, items = (Ids(pl.Series(range(n))) for n in (order["users"], n_items))
    genres = [[f"g{i % 18}", f"g{i % 7}"][: 1 + i % 2] for i in range(n_items)]
    data = Dataset(users, items, histories("train"), Catalog(pl.DataFrame({"genres": genres})))
    how: dict[str, Any] = {}
    if order["method"] == "wrmf":
        how = {"n_epochs": EPOCHS, "threads": order["threads"], "seed": 0}
        from headwater.data.toy import blocks

        build("wrmf", **how).fit(blocks())  # compiles, or reads what was compiled
    model = build(order["method"], **how)
    meter = Meter()
    meter.seen["data_mib"] = round(rss(), 1)
    if order["method"] in NEURAL:
        return steps(model, data, meter)
    with meter("fit"):
        if order["method"] != "wrmf":
            model.fit(data)
        else:
            seconds, began = [], time.perf_counter()
            for _ in model.epochs(data):
                seconds.append(time.perf_counter() - began)
                began = time.perf_counter()
            meter.seen["epochs_s"] = [round(second, 3) for second in seconds]
    if order["method"] == "wrmf":
        judge(model, data, histories("test"), meter)
    return meter.seen


def steps(model: Any, data: Any, meter: Meter) -> dict[str, Any]:
    """The first batches of an epoch: an epoch has more of them, and nothing else."""
    import numpy as np

    model.how = replace(model.how, n_epochs=2, batch_size=model.how.batch_size)
    rows = STEPS * model.how.batch_size
    some = np.flatnonzero(data.log.lengths)
    part = replace(data, log=data.log[some[:rows]])
    epochs = model.epochs(part)
    next(epochs)
    with meter("fit"):
        next(epochs)
    whole = meter.seen["fit_s"] * len(some) / min(rows, len(some))
    meter.seen["epochs_s"] = [round(whole, 1)]
    return meter.seen


def judge(model: Any, data: Any, held_out: Any, meter: Meter) -> None:
    import numpy as np

    from headwater.data.split import Split
    from headwater.evaluation import measure
    from headwater.registry import addresses

    asked = np.flatnonzero(held_out.lengths)
    users = data.users.values.gather(asked)
    split = Split(train=data, queries=data.queries(asked), truth=held_out[asked], users=users)
    usual = ["NDCG@10", "recall@10", "precision@10", "hit@10", "MAP@10", "MRR@10"]
    names = [where.split(".")[1] for where in addresses("metrics.")]
    every = [name for name in names if name not in ("rmse", "mae")]  # there are no ratings
    for name, metrics in (("evaluate", usual), ("evaluate_all", every)):
        with meter(name):
            found = measure(model, split, metrics)
        if name == "evaluate":
            meter.seen["ndcg@10"] = round(float(np.nanmean(found["NDCG@10"])), 4)
    meter.seen["evaluated"] = len(asked)


COLUMNS = {
    "users": "users",
    "items": "items",
    "events": "events",
    "data_mib": "data MiB",
    "fit_s": "fit s",
    "epoch_s": "epoch s",
    "fit_peak_mib": "peak MiB",
    "evaluate_s": "six metrics s",
    "evaluate_all_s": "all metrics s",
    "evaluate_all_peak_mib": "peak MiB",
}


def table(results: dict[str, Any]) -> str:
    rows = []
    for each in results["points"]:
        name = f"{each['method']} {each['events'] / 1e6:.0f} M"
        epochs = sorted(each.get("epochs_s", []))
        middle = {"epoch_s": epochs[len(epochs) // 2]} if epochs else {}
        rows.append({"library": name, **each, **middle})
    out = plain_table(rows, COLUMNS)
    out.append(f"evaluation: {results['asked']:,} users, drawn at random, every item ranked")
    out += [
        f"{each['method']} with {each['events'] / 1e6:.0f} M events: {each['why']}"
        for each in results["left_out"]
    ]
    return "\n".join(out)


def draw(results: dict[str, Any], path: Path) -> None:
    """Seconds and GiB against events, both on logarithmic axes."""
    import altair as alt

    rows = []
    for each in results["points"]:
        rows.append({"what": f"fit {each['method']}", "peak": each["fit_peak_mib"], **each})
        if "evaluate_all_s" in each:
            more = {"fit_s": each["evaluate_all_s"], "peak": each["evaluate_all_peak_mib"]}
            rows.append({**each, **more, "what": f"evaluate {each['evaluated']:,} users"})
    data = [
        {
            "what": row["what"],
            "events": row["events"],
            "seconds": row["fit_s"],
            "GiB": row["peak"] / 1024,
        }
        for row in rows
    ]
    data.sort(key=lambda row: (str(row["what"]), row["events"]))

    def axis(channel: Any, column: str, title: str, shape: str = "~g") -> Any:
        steps = [step * 10.0**power for power in range(-3, 10) for step in (1, 3)]
        scale = alt.Scale(type="log", nice=False, padding=12)
        return channel(f"{column}:Q", title=title, scale=scale).axis(values=steps, format=shape)

    across = axis(alt.X, "events", "events", "~s")
    colour = alt.Color("what:N", title=None)
    base = alt.Chart(alt.Data(values=data)).mark_line(point=True)
    panels = [
        base.encode(x=across, y=axis(alt.Y, column, title), color=colour)
        for column, title in (("seconds", "seconds"), ("GiB", "peak memory, GiB"))
    ]
    sides = [panel.properties(width=320, height=280) for panel in panels]
    alt.hconcat(*sides).save(str(path))


if __name__ == "__main__":
    sys.exit(main())
