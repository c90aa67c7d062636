"""What the measuring processes share: the data file, the clock, the judge, how they are started.

numpy and scipy only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

__all__ = [
    "Meter",
    "World",
    "arguments",
    "in_process",
    "ndcg",
    "obeyed",
    "ordered",
    "pin",
    "read_world",
    "rss",
    "threads_environment",
    "typed",
    "write_json",
    "write_world",
]

HERE = Path(__file__).resolve().parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "LK_NUM_THREADS",
    "LK_NUM_BACKEND_THREADS",
)


@dataclass(frozen=True, eq=False)
class World:
    """The one data set of a run, in dense indices: what is learned from, and what was held out."""

    train: csr_matrix  # (U, N) float32 ones
    test: csr_matrix  # (U, N) float32 ones, nothing of train in it

    def corner(self, users: int = 300, items: int = 300) -> World:
        """A small piece for the warm-up; every user has something in both parts."""
        train = self.train[:, :items]
        rows = np.flatnonzero(np.diff(train.indptr) > 1)[:users]
        train, test = train[rows].tocsr(), self.test[rows][:, :items].tocsr()
        empty = np.flatnonzero(np.diff(test.indptr) == 0)
        gained = csr_matrix(
            (np.ones(len(empty), np.float32), (empty, _unseen(train, empty))), shape=test.shape
        )
        return World(train, (test + gained).tocsr())


def _unseen(train: csr_matrix, rows: NDArray[Any]) -> NDArray[Any]:
    dense = train[rows].toarray() > 0
    return np.argmin(dense, axis=1)


def write_world(world: World, path: Path) -> None:
    """As plain arrays; nothing in the file can be anything but numbers."""
    arrays = {}
    for name in ("train", "test"):
        x = getattr(world, name)
        arrays |= {f"{name}_start": x.indptr.astype(np.int64), f"{name}_items": x.indices}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, shape=np.array(world.train.shape), **arrays)


def read_world(path: str | Path) -> World:
    with np.load(path, allow_pickle=False) as file:
        shape = tuple(int(side) for side in file["shape"])

        def matrix(name: str) -> csr_matrix:
            start, items = file[f"{name}_start"], file[f"{name}_items"].astype(np.int32)
            x = csr_matrix((np.ones(len(items), np.float32), items, start), shape=shape)
            # csr_matrix keeps 64-bit indptr as given; some peers' kernels take 32-bit ones only
            x.indptr = x.indptr.astype(np.int32)
            return x

        return World(matrix("train"), matrix("test"))


@dataclass
class Meter:
    """Wall seconds, CPU seconds and the highest resident memory of each named part."""

    seen: dict[str, Any] = field(default_factory=dict)

    def __call__(self, name: str) -> Part:
        return Part(self, name)


@dataclass
class Part:
    meter: Meter
    name: str

    def __enter__(self) -> Part:
        self.exact = _forget_peak()
        self.cpu, self.wall = _cpu(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = time.perf_counter() - self.wall, _cpu() - self.cpu
        seen = self.meter.seen
        seen[f"{self.name}_s"] = round(wall, 6)
        seen[f"{self.name}_cpu_s"] = round(cpu, 6)
        seen[f"{self.name}_peak_mib"] = round(rss("peak") if self.exact else _highest(), 1)


def rss(which: str = "now") -> float:
    """MiB of resident memory: ``now``, or the ``peak`` since the last part began."""
    key = {"now": "VmRSS:", "peak": "VmHWM:"}[which]
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return _highest()


def _highest() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak() -> bool:
    """Let the kernel count the peak from here on; False where it does not know how."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _cpu() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def ndcg(lists: NDArray[Any], test: csr_matrix, k: int = 10) -> float:
    """Mean NDCG@k (binary) over the users with anything held out: the one judge of all libraries.

    ``lists`` (U, >= k) are dense item indices, best first, -1 where there was none.
    """
    lists = lists[:, :k]
    row = np.repeat(np.arange(len(lists)), lists.shape[1])
    at = lists.ravel()
    hit = np.zeros(len(at))
    filled = at >= 0
    hit[filled] = np.asarray(test[row[filled], at[filled]]).ravel()
    discount = 1 / np.log2(np.arange(2, k + 2))
    got = (hit.reshape(lists.shape) * discount[: lists.shape[1]]).sum(1)
    wanted = np.diff(test.indptr)
    best = np.append(0, np.cumsum(discount))[np.minimum(wanted, k)]
    return float((got[wanted > 0] / best[wanted > 0]).mean())


def threads_environment(threads: int) -> dict[str, str]:
    """The environment of a measuring process: as here, with every known pool at ``threads``."""
    quiet = {"PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore", "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **quiet, **dict.fromkeys(THREAD_VARIABLES, str(threads))}


def pin(threads: int) -> None:
    """Onto the first ``threads`` of the cores we may use, so that no pool can take more."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:threads])


def ordered(
    program: str | Path,
    name: str,
    how: Mapping[str, Any],
    threads: int,
    *,
    python: str | Path = sys.executable,
    surroundings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What the order ``name`` of a ``program`` that begins with `obeyed` finds, in a process held
    to ``threads`` cores, and the load of the machine before and after."""
    asked = ("order", name, str(threads), json.dumps(how))
    command = (python, Path(program).resolve(), *asked)
    return in_process(command, threads, surroundings=surroundings)


def obeyed(orders: Mapping[str, Callable[..., dict[str, Any]]]) -> bool:
    """Do what `ordered` asks for; False if this process was started by hand."""
    if sys.argv[1:2] != ["order"]:
        return False
    name, threads, how = sys.argv[2:]
    pin(int(threads))
    before = os.getloadavg()[0]
    found = orders[name](**json.loads(how))
    print(json.dumps({**found, "load_before": before, "load_after": os.getloadavg()[0]}))
    return True


def in_process(
    command: Sequence[str | Path],
    threads: int,
    *,
    surroundings: Mapping[str, str] | None = None,
    stderr: int | None = None,
) -> dict[str, Any]:
    """What ``command`` prints last, run as a process of its own, every pool at ``threads``."""
    done = subprocess.run(
        [str(each) for each in command],
        check=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**threads_environment(threads), **(surroundings or {})},
        cwd=HERE,
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def arguments(about: str | None, out: Path, *, quick: str = "") -> argparse.ArgumentParser:
    """What the programs that write one file of results all take."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if quick:
        parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--show", type=Path, help="only print the tables of a result")
    return parser


def write_json(path: Path, tree: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def typed() -> str:
    """What was typed, as results say it: without where they were written to, and with folders and
    addresses by their last or first word alone, since those are of one machine."""
    script, *words = sys.argv
    said, skip = [], False
    for word in words:
        if skip or word == "--out" or word.startswith("--out="):
            skip = word == "--out"
        elif "://" in word:
            said.append(word.split("://")[0])
        else:
            said.append(Path(word).name if Path(word).is_absolute() else word)
    return " ".join(["python", f"benchmarks/{Path(script).name}", *said])
