"""One measurement in a process of its own; `run.py` starts it with a library's own Python.

    python worker.py '{"library": "implicit", "task": "ials", "world": "world.npz", ...}'

The last line of standard output is a JSON object; `first` writes its answer as soon as it has it.
"""

from __future__ import annotations

import gc
import json
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()


def main(asked: dict[str, Any]) -> dict[str, Any]:
    from common import Meter, pin, read_world, rss

    pin(asked["how"]["threads"])
    meter = Meter()
    with meter("import"):
        library = import_module(f"peers.{asked['library']}")
    if asked["kind"] == "metrics":
        return metrics(library, asked, meter)
    if asked["kind"] == "rerank":
        return rerank(library, asked)
    how, task = asked["how"], asked["task"]
    world = read_world(asked["world"])
    with meter("warm_up"):  # compiles, loads, starts pools: for every library alike
        once(library.Run(task, how | {"epochs": 1}, world.corner()))
    gc.collect()
    meter.seen["before_mib"] = round(rss(), 1)
    with meter("convert"):
        run = library.Run(task, how, world)
    with meter("fit"):
        epochs = run.fit()
    meter.seen["epochs_s"] = [round(second, 6) for second in epochs]
    if hasattr(run, "recommend"):
        with meter("recommend"):
            lists = run.recommend(10)
        import numpy as np

        np.savez(asked["lists"], lists=np.asarray(lists, np.int32))
    if asked.get("save") and hasattr(run, "save"):
        folder = Path(asked["save"])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run.save(folder)
    for name in ("evaluate", "evaluate_all"):
        if name in asked["also"] and hasattr(run, name):
            with meter(name):
                found = getattr(run, name)(10)
            meter.seen[f"{name}_said"] = {key: float(value) for key, value in found.items()}
    return meter.seen


def once(run: Any) -> None:
    run.fit()
    for name in ("recommend", "evaluate"):
        if hasattr(run, name):
            getattr(run, name)(10)


def metrics(library: Any, asked: dict[str, Any], meter: Any) -> dict[str, Any]:
    import numpy as np
    from common import read_world

    test = read_world(asked["world"]).test
    with np.load(asked["lists"], allow_pickle=False) as file:
        lists = file["lists"]
    scores = np.broadcast_to(-np.arange(lists.shape[1], dtype=np.float32), lists.shape)
    with meter("warm_up"):
        library.Metrics(lists[:50], scores[:50], test[:50], 10).compute()
    takes = []
    for _ in range(asked["times"]):  # in one process: what compiles takes far longer than it runs
        with meter("convert"):
            ready = library.Metrics(lists, scores, test, 10)
        with meter("compute"):
            found = ready.compute()
        takes.append((meter.seen["compute_s"], meter.seen["convert_s"]))
    computes, converts = (sorted(column) for column in zip(*takes, strict=True))
    meter.seen |= {"compute_s": computes[len(takes) // 2], "convert_s": converts[len(takes) // 2]}
    meter.seen["compute_said"] = {key: float(value) for key, value in found.items()}
    return meter.seen


def rerank(library: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The median time of one request, and what it picked."""
    import numpy as np

    with np.load(asked["request"], allow_pickle=False) as file:
        ready = library.Rerank(asked["task"], file["x"], file["scores"], asked["how"]["k"])
    ready.once()
    takes: list[float] = []
    while len(takes) < asked["times"] and sum(takes) < asked["seconds"]:
        began = time.perf_counter()
        picked = ready.once()
        takes.append(time.perf_counter() - began)
    return {"request_ms": 1000 * float(np.median(takes)), "picked": [int(i) for i in picked]}


def first(asked: dict[str, Any]) -> dict[str, Any]:
    """Nothing is imported here that the library does not need for its answer."""
    library = import_module(f"peers.{asked['library']}")
    imported = time.perf_counter() - BEGAN
    items = library.first(asked["task"], Path(asked["folder"]), asked["user"], 10)
    print("answer", json.dumps([int(item) for item in items]), flush=True)
    from common import rss

    return {"import_s": imported, "inside_s": time.perf_counter() - BEGAN, "peak_mib": rss("peak")}


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    print(json.dumps((first if order["kind"] == "first" else main)(order)), flush=True)
