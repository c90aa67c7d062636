"""Events into the store, every batch forced to disk before it is acknowledged: how many a second.

    python benchmarks/ingest.py                       -> benchmarks/results/ingest.json
    python benchmarks/ingest.py --minutes 5 --rate 3000    new ones only, at that rate
    python benchmarks/ingest.py --quick               each for half a second
    python benchmarks/ingest.py --url postgresql://user:word@host/name    an empty database there
    python benchmarks/ingest.py --show FILE           the table of a result

The events are impressions, clicks and plays of 5,000 people and 2,000 items, as mappings with times
as text, the way they come out of a request. One process sends them in batches of 100, of 1, and,
as somebody does who got no answer, 100 that the store has already. `a_second` is events by wall
time, `p50_ms` to `p99_ms` are of a batch. Afterwards the store is asked for all of them: `lost` is
how many acknowledged events it does not have, `twice` how many it has more than once.
At a rate, each batch of 100 is due at a time of its own, and is sent then, or at once if that is
past: `due_p50_ms` to `due_p99_ms` are from when a batch was due to when it was acknowledged, and
`most_behind_s` is the longest of these; `kept_up` is whether the last was acknowledged within a
second of when it was due.
`force_ms` is the median of writing 4 KiB to a file in the same folder and forcing that to disk,
without a database: where a machine only says that it did, it is far below a millisecond.
`load_before` (of the machine) and `load_after` say what else ran on the machine.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from common import arguments, typed, write_json
from run import RESULTS, machine

PACKAGES = ("headwater", "sqlalchemy", "pydantic")
WAYS = {"new, 100 a batch": (100, False), "new, 1 a batch": (1, False), "sent again": (100, True)}


def main() -> int:
    parser = arguments(__doc__, RESULTS / "ingest.json", quick="half a second each")
    parser.add_argument("--seconds", type=float, default=20, help="of each way")
    parser.add_argument("--minutes", type=float, help="of new events at --rate, and nothing else")
    parser.add_argument("--rate", type=float, default=3000, help="events a second")
    parser.add_argument("--url", help="of an empty PostgreSQL database; SQLite without")
    parser.add_argument("--folder", type=Path, help="for SQLite's file; a temporary one without")
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    seconds = 0.5 if asked.quick else asked.seconds
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        results: dict[str, Any] = {
            "machine": machine(),
            "versions": {name: version(name) for name in PACKAGES},
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": typed(),
            "force_ms": forced(Path(folder)),
        }
        url = asked.url or f"sqlite:///{folder}/events.db"
        if asked.minutes is None:
            results |= run(url, seconds)
        else:
            results |= paced(url, 60 * asked.minutes, asked.rate)
        results["load_after"] = os.getloadavg()[0]
    write_json(asked.out, results)
    print(table(results))
    return 0


def run(url: str, seconds: float) -> dict[str, Any]:
    from headwater.serve.store import Store

    with Store(url) as store:
        store.upgrade()
        rng, sent, runs = np.random.default_rng(0), 0, []
        for way, (size, again) in WAYS.items():
            took: list[float] = []
            first, began = 0 if again else sent, time.perf_counter()
            while time.perf_counter() - began < seconds:
                batch = events(first, size, rng)
                start = time.perf_counter()
                answers = store.ingest(batch)
                took.append(time.perf_counter() - start)
                expected = "duplicate" if again else "accepted"
                assert {each.status for each in answers} == {expected}, answers[0]
                first += size
                if again and first + size > sent:
                    first = 0
            wall = time.perf_counter() - began
            sent = sent if again else first
            low, middle, high = np.percentile(took, [50, 95, 99]) * 1000
            runs.append(
                {
                    "way": way,
                    "events": size * len(took),
                    "wall_s": wall,
                    "a_second": size * len(took) / wall,
                    "p50_ms": low,
                    "p95_ms": middle,
                    "p99_ms": high,
                }
            )
        return {"database": store.engine.dialect.name, "runs": runs, **counted(store, sent)}


def paced(url: str, seconds: float, rate: float) -> dict[str, Any]:
    """New events at ``rate`` a second for so many seconds, in batches of 100."""
    from headwater.serve.store import Store

    size = 100
    number = max(1, round(seconds * rate / size))
    with Store(url) as store:
        store.upgrade()
        rng = np.random.default_rng(0)
        took, late = np.zeros(number), np.zeros(number)
        began = time.perf_counter()
        for n in range(number):
            batch = events(n * size, size, rng)
            due = began + n * size / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            start = time.perf_counter()
            answers = store.ingest(batch)
            ended = time.perf_counter()
            took[n], late[n] = ended - start, ended - due
            assert {each.status for each in answers} == {"accepted"}, answers[0]
        wall = time.perf_counter() - began
        each = [50, 95, 99]
        row: dict[str, Any] = {
            "way": f"new, {rate:,.0f} a second",
            "events": size * number,
            "wall_s": wall,
            "a_second": size * number / wall,
            **dict(
                zip(("p50_ms", "p95_ms", "p99_ms"), np.percentile(took, each) * 1000, strict=True)
            ),
            **dict(
                zip(
                    ("due_p50_ms", "due_p95_ms", "due_p99_ms"),
                    np.percentile(late, each) * 1000,
                    strict=True,
                )
            ),
            "most_behind_s": float(late.max()),
            "kept_up": bool(late[-1] < 1),
        }
        return {
            "database": store.engine.dialect.name,
            "runs": [row],
            **counted(store, row["events"]),
        }


def counted(store: Any, sent: int) -> dict[str, int]:
    have = [int(n[1:]) for frame in store.frames(["event_id"]) for n in frame["event_id"]]
    kept = np.bincount(have, minlength=sent)
    return {"lost": int((kept[:sent] == 0).sum()), "twice": int((kept > 1).sum())}


def events(first: int, size: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    now = datetime.now(UTC).isoformat()
    users, items = rng.integers(5_000, size=size), rng.integers(2_000, size=size)
    made = []
    for n, user, item in zip(range(first, first + size), users, items, strict=True):
        event: dict[str, Any] = {
            "event_id": f"e{n}",
            "user_id": f"user-{user}",
            "item_id": f"item-{item}",
            "time": now,
            "session_id": f"session-{user}",
            "request_id": f"request-{n // 10}",
            "consent": "full",
        }
        if n % 10 < 8:
            event |= {"kind": "impression", "position": n % 10, "propensity": 0.1}
            event |= {"creative": 1, "creative_propensity": 0.5, "path": "retrieve.matrix.ease"}
        elif n % 10 == 8:
            event["kind"] = "click"
        else:
            event |= {"kind": "play", "seconds": 61.5}
        made.append(event)
    return made


def forced(folder: Path) -> float:
    took = []
    with open(folder / "forced", "wb", buffering=0) as file:
        for _ in range(200):
            start = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - start)
    return float(np.median(took) * 1000)


def table(results: dict[str, Any]) -> str:
    lines = [f"{results['database']:18}{'events':>10}{'a second':>10}   p50, p95, p99 ms a batch"]
    for row in results["runs"]:
        batch = ", ".join(f"{row[name]:.2f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        lines.append(f"{row['way']:18}{row['events']:>10,}{row['a_second']:>10,.0f}   {batch}")
        if "kept_up" in row:
            due = ", ".join(
                f"{row[name]:.2f}" for name in ("due_p50_ms", "due_p95_ms", "due_p99_ms")
            )
            kept = "kept up" if row["kept_up"] else "fell behind"
            lines.append(
                f"{kept}, at most {row['most_behind_s']:.2f} s late; from when it was due {due} ms"
            )
    lines.append(
        f"lost {results['lost']}, twice {results['twice']}; forcing 4 KiB to disk takes "
        f"{results['force_ms']:.2f} ms"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
