"""A real server under load: home pages over HTTP, each due at a time of its own.

    python benchmarks/load.py                         -> benchmarks/results/load.json
    python benchmarks/load.py --against SRC           also the server of another source tree
    python benchmarks/load.py --workers 1             with one worker only
    python benchmarks/load.py --quick                 1,000 items, a few seconds of each
    python benchmarks/load.py --show FILE             the table of a result

The people, items and flow are those of `home.py`; `headwater serve --open` with one worker, and
again with two, has the flow on its shelf and a SQLite store in which each of 20,000 people did
something. This process asks for pages of people drawn by chance, at `--rate` a second for
`--seconds` (a Poisson process): times are from when a page was due, so that waiting counts.
Connections take turns; with `--reuse stack` most requests go over the one that was used last.
`p99_of_fifths_ms` is of each fifth of the requests, in their order: how much the quantile varies.
`pages_and_events` are as many pages, and a click of somebody at a tenth of that rate. `highest` is
the highest of the rates tried, each 1.25 times the one before, up to which the 99 % quantile stayed
under 100 ms. Everything runs on the same cores, the one who asks too. `cpu_ms` is the CPU time by
page of all processes that answer, with recording. `profile` is where it goes, found in one process
without a server: what the parts of `Service.home` take by page; `rest` is what is left of cpu_ms:
HTTP, the log, threads that wait for each other and caches that are cold. `load_before` and
`load_after` (of the machine) say what else ran. With `--against`, the servers take turns.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, arguments, in_process, obeyed, threads_environment, typed, write_json
from home import SIZES, USERS, platform
from open_loop import REUSE, Request, Reuse, ask, due
from run import RESULTS, machine

SRC = HERE.parent / "src"
PACKAGES = ("headwater", "fastapi", "uvicorn", "pydantic", "sqlalchemy", "numpy")
WARM, BOUND, STEP = 3.0, 100.0, 1.25
QUANTILES = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99}


def main() -> int:
    if obeyed(ORDERS):
        return 0
    parser = arguments(__doc__, RESULTS / "load.json", quick="1,000 items, a few seconds")
    parser.add_argument("--rate", type=float, default=50, help="pages a second")
    parser.add_argument("--seconds", type=float, default=60, help="of pages at that rate")
    parser.add_argument("--step", type=float, default=10, help="seconds at each rate tried")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="items")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes")
    parser.add_argument("--reuse", choices=REUSE, default="turns", help="of connections")
    parser.add_argument("--against", type=Path, help="the src folder of another Headwater")
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    if asked.quick:
        asked.sizes, asked.seconds, asked.step = (1_000,), 2, 1
    trees = {"now": SRC} | ({"before": asked.against.resolve()} if asked.against else {})
    results: dict[str, Any] = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "runs": [],
    }
    for n_items in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            in_process(order("prepare", {"n_items": n_items, "folder": folder}), 1)
            for workers, (name, tree) in product(asked.workers, trees.items()):
                run = {
                    "tree": name,
                    "n_items": n_items,
                    "workers": workers,
                    **measured(Path(folder), f"{name}-{workers}", tree, workers, asked),
                }
                results["runs"].append(run)
                print(table({"runs": [run]}), flush=True)
    write_json(asked.out, results)
    return 0


def order(name: str, how: dict[str, Any]) -> tuple[str | Path, ...]:
    return (sys.executable, Path(__file__).resolve(), "order", name, "1", json.dumps(how))


def prepare(n_items: int, folder: str) -> dict[str, Any]:
    from headwater.facade import Fitted
    from headwater.serve.shelf import Shelf

    model, data = platform(n_items)
    shelf = Shelf(Path(folder) / "models")
    shelf.publish(shelf.add(Fitted(model, data), {"why": "to be measured"}))
    return {}


# A server


class Server:
    def __init__(self, folder: Path, name: str, tree: Path, workers: int = 1):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        words = ["-m", "headwater.cli", "serve", "--open", "--port", str(self.port)]
        settings = {
            "HEADWATER_STORE": str(folder / f"{name}.db"),
            "HEADWATER_MODELS": str(folder / "models"),
            "HEADWATER_CONSENT": "full",
            "HEADWATER_RATE": "100000000/minute",
            "HEADWATER_WORKERS": str(workers),
        }
        self._log = (folder / f"{name}.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env={**threads_environment(1), **settings, "PYTHONPATH": str(tree)},
            stdout=self._log,
            stderr=self._log,
        )
        end = time.monotonic() + 120
        while not self._ready() or len(self._started(folder / f"{name}.log")) < workers:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / f"{name}.log").read_text()[-4_000:])
            time.sleep(0.1)
        self._pids = self._started(folder / f"{name}.log")

    def _started(self, log: Path) -> list[int]:
        found = re.findall(r"Started server process \[(\d+)\]", log.read_text())
        return [int(each) for each in found]

    def _ready(self) -> bool:
        try:
            address = f"http://127.0.0.1:{self.port}/health/ready"
            return bool(urllib.request.urlopen(address, timeout=5).status == 200)
        except OSError:
            return False

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        spent = 0
        for pid in self._pids:
            said = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            spent += int(said[11]) + int(said[12])
        return spent / os.sysconf("SC_CLK_TCK")

    def waiting(self) -> int:
        """Answers that are not recorded yet."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            found = re.search(r"^headwater_waiting_records (\S+)$", answer.read().decode(), re.M)
        return int(float(found[1])) if found else 0

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._log.close()


def pages(rate: float, seconds: float, rng: np.random.Generator) -> list[Request]:
    times = due(rate, seconds, rng)
    who = rng.integers(0, USERS, len(times))
    return [Request(t, f"/v1/home/u{u}") for t, u in zip(times, who, strict=True)]


def clicks(rate: float, seconds: float, n_items: int, rng: np.random.Generator) -> list[Request]:
    made = []
    for t in due(rate, seconds, rng):
        event = click(f"u{rng.integers(USERS)}", f"i{rng.integers(n_items)}", rng)
        made.append(Request(t, "/v1/events", json.dumps({"events": [event]}).encode()))
    return made


def click(user: str, item: str, rng: np.random.Generator) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    name = rng.bytes(8).hex()
    return {"kind": "click", "event_id": name, "user_id": user, "item_id": item, "time": now}


def measured(folder: Path, name: str, tree: Path, workers: int, asked: Any) -> dict[str, Any]:
    n_items = _items(folder)
    rng = np.random.default_rng(2)
    server = Server(folder, name, tree, workers)
    try:
        fill(server, n_items, rng)
        timed(server, pages(asked.rate, WARM, rng), asked.reuse)
        plain = pages(asked.rate, asked.seconds, rng)
        busy = pages(asked.rate, asked.seconds, rng)
        busy += clicks(asked.rate / 10, asked.seconds, n_items, rng)
        found = {
            "load_before": os.getloadavg()[0],
            "rate": asked.rate,
            "reuse": asked.reuse,
            "pages": timed(server, plain, asked.reuse),
            "pages_and_events": timed(server, sorted(busy, key=lambda each: each.due), asked.reuse),
            "highest": highest(server, asked, rng),
            "load_after": os.getloadavg()[0],
        }
    finally:
        server.end()
    how = {"folder": str(folder), "name": name, "n": 100 if asked.quick else 500}
    profile = in_process(
        order("profile", how | {"rate": asked.rate / workers}),
        1,
        surroundings={"PYTHONPATH": str(tree)},
    )
    used = found["pages"]["cpu_ms"]
    parts = {part: profile[part] for part in PARTS}
    return {**found, "profile": {**parts, "rest": round(used - sum(parts.values()), 3)}}


def _items(folder: Path) -> int:
    about = next((folder / "models" / "versions").glob("*/model.json"))
    return int(json.loads(about.read_text())["data"]["items"])


def fill(server: Server, n_items: int, rng: np.random.Generator) -> None:
    """Everybody did something."""
    address = f"http://127.0.0.1:{server.port}/v1/events"
    for first in range(0, USERS, 2_000):
        some = [
            click(f"u{u}", f"i{rng.integers(n_items)}", rng) for u in range(first, first + 2_000)
        ]
        body = json.dumps({"events": some}).encode()
        sent = urllib.request.Request(
            address, body, {"content-type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(sent) as answer:
            if json.loads(answer.read())["accepted"] != len(some):
                raise RuntimeError("the events were not accepted")


def timed(server: Server, requests: list[Request], reuse: Reuse) -> dict[str, Any]:
    before, began = server.cpu(), time.perf_counter()
    found = ask("127.0.0.1", server.port, requests, reuse=reuse)
    wall = time.perf_counter() - began
    while server.waiting():
        time.sleep(0.02)
    used = server.cpu() - before
    took = np.nan_to_num(found.took, nan=np.inf)  # what failed came too late
    page = np.array([not each.body for each in requests])
    n = int(page.sum())

    def at(times: np.ndarray, q: float) -> float | None:
        value = float(np.percentile(times, q, method="higher"))
        return round(value, 2) if np.isfinite(value) else None

    told: dict[str, Any] = {
        "requests": n,
        "errors": sum(found.errors.values()),
        "degraded": sum(
            b'"degraded":[]' not in body
            for body, is_page, ms in zip(found.bodies, page, took, strict=True)
            if is_page and np.isfinite(ms)
        ),
        **{label: at(took[page], q) for label, q in QUANTILES.items()},
        "p99_of_fifths_ms": [at(some, 99) for some in np.array_split(took[page], 5) if len(some)],
        "a_second": round(n / wall, 1),
        "sent_late_p99_ms": at(np.nan_to_num(found.late, nan=np.inf), 99),
        "cpu_s": round(used, 2),
        "cpu_ms": round(1000 * used / max(n, 1), 3),
    }
    if found.errors:
        told["what"] = found.errors
    if not page.all():
        told["events"] = {label: at(took[~page], q) for label, q in QUANTILES.items()}
        told["events"]["requests"] = int((~page).sum())
    return told


def highest(server: Server, asked: Any, rng: np.random.Generator) -> dict[str, Any]:
    """The rates that were tried, and the last that was kept up with."""
    rate, tried = asked.rate, []
    while True:
        found = timed(server, pages(rate, asked.step, rng), asked.reuse)
        tried.append({"rate": round(rate, 1), "p99_ms": found["p99_ms"]})
        good = not found["errors"] and found["p99_ms"] is not None and found["p99_ms"] < BOUND
        if not good or rate > 5_000 or (asked.quick and len(tried) == 2):
            break
        rate *= STEP
    kept = [each["rate"] for each in tried if (each["p99_ms"] or np.inf) < BOUND]
    return {"a_second": max(kept, default=None), "tried": tried}


# Where the time goes

PARTS = ("store", "model", "recording", "json")


def profile(folder: str, name: str, n: int, rate: float) -> dict[str, Any]:
    """CPU ms by page of the parts of `Service.home`, one after the other in one thread; as many
    are recorded at once as come in time for that, at ``rate`` a second."""
    from headwater.serve.api.asking import Pictured
    from headwater.serve.api.shapes import Page, page
    from headwater.serve.recorder import AWHILE
    from headwater.serve.service import Service
    from headwater.serve.settings import settings_from

    service = Service(
        settings_from(
            store=f"{folder}/{name}.db", models=Path(folder) / "models", consent="full", open=True
        )
    )
    service.look()
    rng = np.random.default_rng(3)
    spent = dict.fromkeys(PARTS, 0.0)
    records: list[Any] = []
    service.recorder.add = records.append  # type: ignore[method-assign]
    who, unmeasured = service._who, [0.0]

    def timed_who(user_id: str | None) -> Any:
        began = time.process_time()
        found = who(user_id)
        unmeasured[0] = time.process_time() - began
        return found

    service._who = timed_who  # type: ignore[method-assign]
    adapter: Any = None
    for at in range(-20, n):
        user = f"u{rng.integers(USERS)}"
        start = time.process_time()
        reply = service.home(user, 12)
        asked = time.process_time()
        body = page(reply, Pictured(service))
        if isinstance(body, dict):  # what FastAPI does with what a route returns
            from pydantic import TypeAdapter

            adapter = adapter or TypeAdapter(Page)
            adapter.dump_json(adapter.validate_python(body))
        shaped = time.process_time()
        if at < 0:
            records.clear()
            continue
        spent["store"] += unmeasured[0]
        spent["model"] += asked - start - unmeasured[0]
        spent["json"] += shaped - asked
        if len(records) >= rate * AWHILE or at == n - 1:
            start = time.process_time()
            service._write(records)
            spent["recording"] += time.process_time() - start
            records.clear()
    del service.recorder.add
    service.close()
    return {part: round(1000 * seconds / n, 3) for part, seconds in spent.items()}


def table(results: dict[str, Any]) -> str:
    lines = []
    for run in results["runs"]:
        lines.append(
            f"{run['n_items']:,} items, {run['tree']}, {run['workers']} at work, "
            f"{run['rate']:g} a second   p50     p95     p99   errors  cpu ms"
        )
        for name in ("pages", "pages_and_events"):
            each = run[name]
            cells = "".join(f"{each[label] or np.inf:8.2f}" for label in QUANTILES)
            fifths = " ".join(f"{ms or np.inf:.1f}" for ms in each.get("p99_of_fifths_ms", ()))
            lines.append(
                f"  {name.replace('_', ' '):38}{cells}{each['errors']:8}{each['cpu_ms']:8.2f}"
                f"  p99 of fifths: {fifths}"
            )
        lines.append(f"  highest rate with p99 under {BOUND:g} ms: {run['highest']['a_second']}")
        told = ", ".join(f"{part} {ms:.2f}" for part, ms in run["profile"].items())
        lines.append(f"  CPU ms of a page: {told}; load {run['load_before']:.1f}")
    return "\n".join(lines)


ORDERS = {"prepare": prepare, "profile": profile}

if __name__ == "__main__":
    sys.exit(main())
