"""From a raw log of events to sessions with answers: seconds and memory.

    python benchmarks/sessions.py                     -> benchmarks/results/sessions.json
    python benchmarks/sessions.py --quick             5,000 sessions; seconds
    python benchmarks/sessions.py --show FILE         the table of a result

The log is that of a million realistic sessions, in Parquet parts, one event in a hundred being a
duplicate, unknown, without a user and so on. `write` makes it; `read` makes sessions of it, once
for each of `--at-once`, which is how many events may be in memory; `join` adds the answers. `peak`
is the highest resident memory of a process that does nothing else, `before` that of the same
process when everything is imported. Each is held to `--threads` cores; `load_before` and
`load_after` say what else ran there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from common import Meter, arguments, obeyed, ordered, rss, typed, write_json
from run import RESULTS, machine

PACKAGES = ("headwater", "polars", "numpy")
DIRT = 0.01
EVERYTHING = 10**9  # events in memory: more than there are
QUICK = 5_000


def main() -> int:
    if obeyed(ORDERS):
        return 0
    parser = arguments(__doc__, RESULTS / "sessions.json", quick=f"{QUICK:,} sessions")
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--at-once", type=int, nargs="+", default=[500_000, 2_000_000, EVERYTHING])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scratch", type=Path, help="where the log is written; else a temporary")
    asked = parser.parse_args()
    if asked.show:
        print(table(json.loads(asked.show.read_text())))
        return 0
    sessions = QUICK if asked.quick else asked.sessions
    with tempfile.TemporaryDirectory(dir=asked.scratch) as folder:
        home = str(Path(folder) / "world")
        how: dict[str, Any] = {"sessions": sessions, "folder": home}
        written = ordered(__file__, "write", how, asked.threads)
        runs = []
        for at_once in asked.at_once:
            how = {"folder": home, "at_once": at_once, "scratch": folder}
            runs.append({"at_once": at_once, **ordered(__file__, "read", how, asked.threads)})
            print(f"at once {at_once:,}: {runs[-1]['read_s']:.1f} s", flush=True)
    results = {
        "about": typed(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "threads": asked.threads,
        "versions": {name: version(name) for name in PACKAGES},
        "log": written,
        "runs": runs,
    }
    write_json(asked.out, results)
    print(table(results))
    return 0


def write(sessions: int, folder: str) -> dict[str, Any]:
    from headwater.simulate.logs import events

    meter = Meter()
    with meter("write"):
        made = events(sessions, folder, dirt=DIRT)
    size = sum(path.stat().st_size for path in made.log.iterdir())
    rows = {"sessions": made.sessions, "events": made.events, "asked": made.asked}
    return {**rows, "answers": made.answers, "mib": round(size / 2**20, 1), **meter.seen}


def read(folder: str, at_once: int, scratch: str) -> dict[str, Any]:
    from headwater.data.sessions import read_sessions
    from headwater.data.surveys import join

    home = Path(folder)
    meter = Meter()
    said: dict[str, Any] = {"before_mib": round(rss(), 1)}
    with meter("read"):
        data = read_sessions(home / "events", at_once=at_once, scratch=scratch)
    with meter("join"):
        joined = join(data, home / "survey.parquet", weighted=True)
    assert joined.sessions is not None
    said |= {"sessions": len(joined.sessions), "answers": int(joined.sessions.answered.sum())}
    return {**said, **meter.seen, "notes": list(joined.notes)}


def table(results: dict[str, Any]) -> str:
    log = results["log"]
    lines = [
        f"{log['sessions']:,} sessions, {log['events']:,} events, {log['mib']:,} MiB of Parquet",
        f"{'at once':>13} {'read s':>8} {'peak':>9} {'join s':>8} {'peak':>9} {'before':>7} MiB",
    ]
    for run in results["runs"]:
        held = "everything" if run["at_once"] >= EVERYTHING else f"{run['at_once']:,}"
        lines.append(
            f"{held:>13} {run['read_s']:>8.1f} {run['read_peak_mib']:>9.0f} "
            f"{run['join_s']:>8.1f} {run['join_peak_mib']:>9.0f} {run['before_mib']:>7.0f}"
        )
    return "\n".join(lines)


ORDERS: dict[str, Callable[..., dict[str, Any]]] = {"write": write, "read": read}

if __name__ == "__main__":
    sys.exit(main())
