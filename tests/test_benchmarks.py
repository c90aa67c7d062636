"""The benchmarks' own machinery, on tiny worlds and without the peers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def part(monkeypatch):
    """A file of benchmarks/, imported as it is when its programs run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)

    def get(name: str) -> ModuleType:
        return import_module(name)

    yield get
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def ndcg_of(row: list[int], chosen: set[int], k: int) -> float:
    gains = [1 / np.log2(place + 2) for place, item in enumerate(row[:k]) if item in chosen]
    ideal = [1 / np.log2(place + 2) for place in range(min(k, len(chosen)))]
    return sum(gains) / sum(ideal)


@pytest.mark.parametrize("seed", range(5))
def test_judge_is_the_definition(part, seed):
    rng = np.random.default_rng(seed)
    test = csr_matrix(random_array((20, 30), density=0.1, rng=rng))
    test.data[:] = 1
    lists = np.array([rng.permutation(30)[:10] for _ in range(20)])
    lists[3, 4:] = -1
    lists[4] = -1
    chosen = [set(test.indices[test.indptr[u] : test.indptr[u + 1]]) for u in range(20)]
    expected = [
        ndcg_of([i for i in lists[u].tolist() if i >= 0], chosen[u], 10)
        for u in range(20)
        if chosen[u]
    ]
    assert part("common").ndcg(lists, test) == pytest.approx(np.mean(expected))


def test_world_comes_back(part, tmp_path):
    common = part("common")
    rng = np.random.default_rng(0)
    full = random_array((50, 40), density=0.3, rng=rng).toarray() > 0
    out = full & (rng.random(full.shape) < 0.3)
    matrices = [csr_matrix(x.astype(np.float32)) for x in (full & ~out, out)]
    common.write_world(common.World(*matrices), tmp_path / "w.npz")
    back = common.read_world(tmp_path / "w.npz")
    for name, expected in zip(("train", "test"), matrices, strict=True):
        np.testing.assert_array_equal(getattr(back, name).toarray(), expected.toarray())
    corner = back.corner(20, 20)
    assert corner.train.shape == corner.test.shape
    assert (np.diff(corner.test.indptr) > 0).all()
    assert not (corner.train.multiply(corner.test)).nnz


def test_share_of_liked_negatives(part):
    x = csr_matrix(np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], np.float32))
    # 3 events; items: 2/3 of them by a user of 2 of 4 items, 1/3 by one of 1 of 4
    # events: the first user's items are all 3 events, the second's are 2 of them
    assert part("run").liked_negatives(x) == {"from_items": 0.4167, "from_events": 0.8889}


def test_generated_world(part, tmp_path):
    about = part("generate").generate(tmp_path, 3_000, 500, 90_000, asked=200)
    assert about["events"] + about["held_out"] == pytest.approx(90_000, rel=0.1)
    assert about["asked"] == 200
    read = {name: np.load(tmp_path / f"{name}.npy") for name in ("train_items", "train_lengths")}
    assert len(read["train_lengths"]) == 3_000
    assert read["train_lengths"].sum() == len(read["train_items"]) == about["events"]
    rows = np.repeat(np.arange(3_000), read["train_lengths"])
    assert len(set(zip(rows.tolist(), read["train_items"].tolist(), strict=True))) == len(rows)
    counts = np.sort(np.bincount(read["train_items"], minlength=500))[::-1]
    assert counts[:50].sum() > 0.25 * counts.sum()  # few items have much
    again = tmp_path / "again"
    part("generate").generate(again, 3_000, 500, 90_000, asked=200)
    np.testing.assert_array_equal(np.load(again / "train_items.npy"), read["train_items"])


def test_larger_point_is_foreseen(part):
    past = [{"process_s": 10.0, "events": 100}, {"process_s": 100.0, "events": 1_000}]
    foreseen = part("scaling").foreseen
    assert foreseen(past, 10_000, 2_000) == ""
    assert "about 1000 s" in foreseen(past, 10_000, 900)
    assert foreseen(past, 10_000, 5) != ""


def test_point_beyond_its_limits_is_ended(part, monkeypatch, tmp_path):
    scaling = part("scaling")
    sleeper = tmp_path / "scaling.py"
    sleeper.write_text("import time\nx = bytearray(200_000_000)\ntime.sleep(60)\n")
    monkeypatch.setattr(scaling, "HERE", tmp_path)
    order = {"method": "popularity", "threads": 1}
    assert "memory" in scaling.guarded(order, memory=0.1, limit=30)[1]
    assert "longer than 1 s" in scaling.guarded(order, memory=18, limit=1)[1]


@pytest.mark.slow  # some ten processes, of a second or two each
def test_ours_alone(part, tmp_path):
    out = tmp_path / "results.json"
    command = [sys.executable, BENCHMARKS / "run.py", "--data", "toy", "--repeats", "1"]
    command += ["--threads", "1", "--libraries", "headwater", "floor", "--out", out]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(out.read_text())
    assert not results["failed"]
    found = {(run["library"], run["kind"], run["task"]): run for run in results["runs"]}
    fits = [found["headwater", "fit", task] for task in ("ease", "ials", "bpr")]
    assert all(run["fit_s"] > 0 and run["ndcg@10"] > 0.15 for run in fits)
    assert found["headwater", "first", "ease"]["agrees"]
    assert ("floor", "fit", "ease") in found
    shown = part("run").tables(results)
    assert all(word in shown for word in ("fit ease", "fit ials", "fit bpr", "cold process"))


def test_ingesting_loses_nothing(part, tmp_path):
    pytest.importorskip("sqlalchemy")
    found = part("ingest").run(f"sqlite:///{tmp_path / 'events.db'}", 0.1)
    assert (found["lost"], found["twice"]) == (0, 0)
    assert [run["events"] > 0 for run in found["runs"]] == [True] * 3
    paced = part("ingest").paced(f"sqlite:///{tmp_path / 'paced.db'}", 0.5, 400)
    assert (paced["lost"], paced["twice"]) == (0, 0)
    (row,) = paced["runs"]
    assert row["events"] == 200
    assert row["wall_s"] >= 0.25  # the second batch waits until it is due


def test_waiting_for_a_slow_answer_counts(part):
    """A server that does one thing at a time stops for 0.3 s once: who came meanwhile waited."""
    loop = part("open_loop")
    turns = threading.Lock()
    asked = []

    class Slow(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            with turns:
                asked.append(self.path)
                time.sleep(0.3 if self.path == "/10" else 0)
                self.send_response(500 if self.path == "/29" else 200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        requests = [loop.Request(0.02 * n, f"/{n}") for n in range(30)]
        found = loop.ask("127.0.0.1", server.server_port, requests)
        server.shutdown()
    assert sorted(asked) == sorted(each.path for each in requests)
    assert found.errors == {"500": 1}
    assert np.isnan(found.took[29])
    assert (found.took[10:20] > 90).all(), "the nine after it were due in the next 180 ms"
    assert (found.took[:10] < 250).all()
    assert found.late[:29].max() < 250, "each was sent at its time all the same"


@pytest.mark.parametrize(("reuse", "rare"), [("turns", range(8, 12)), ("stack", range(5))])
def test_connections_take_turns_unless_they_are_a_stack(part, reuse, rare):
    """Two people come at once, then twenty one by one."""
    loop = part("open_loop")
    from_ = Counter()

    class Quick(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            from_[self.client_address[1]] += 1
            time.sleep(0.1 if self.path == "/first" else 0)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quick) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        first = [loop.Request(0, "/first"), loop.Request(0.001, "/first")]
        requests = first + [loop.Request(0.3 + 0.05 * n, f"/{n}") for n in range(20)]
        found = loop.ask("127.0.0.1", server.server_port, requests, reuse=reuse)
        server.shutdown()
    assert not found.errors
    second, _ = sorted(from_.values())[-2:]  # a slow answer may have opened a third
    assert second in rare


def test_people_come_at_their_rate(part):
    times = part("open_loop").due(50, 200, np.random.default_rng(0))
    assert len(times) == pytest.approx(10_000, rel=0.05)
    gaps = np.diff(times)
    assert gaps.min() > 0
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # exponential


def test_results_say_what_was_typed_and_nothing_of_the_machine(part, monkeypatch):
    words = ["load.py", "--seconds", "20", "--against", "/home/ann/old/src", "--out", "/tmp/x.json"]
    monkeypatch.setattr(sys, "argv", words)
    assert part("common").typed() == "python benchmarks/load.py --seconds 20 --against src"
    words = ["/work/ingest.py", "--url", "postgresql://ann:word@host/db", "--out=/tmp/x.json"]
    monkeypatch.setattr(sys, "argv", words)
    assert part("common").typed() == "python benchmarks/ingest.py --url postgresql"


@pytest.mark.slow  # a server, and 1,000 items
def test_a_server_under_load(part, tmp_path):
    pytest.importorskip("uvicorn")
    pytest.importorskip("fastapi")
    out = tmp_path / "load.json"
    command = [sys.executable, BENCHMARKS / "load.py", "--quick", "--rate", "20", "--out", out]
    command += ["--workers", "2"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = json.loads(out.read_text())["runs"]
    for name in ("pages", "pages_and_events"):
        found = run[name]
        assert found["errors"] == 0
        assert found["requests"] == pytest.approx(40, abs=25)
        assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"]
        fifths = found["p99_of_fifths_ms"]
        assert len(fifths) == 5
        assert max(fifths) >= found["p99_ms"] >= min(fifths)
    assert run["workers"] == 2
    assert run["pages"]["cpu_ms"] > 1, "of the processes that answer"
    assert all(ms > 0 for part, ms in run["profile"].items() if part != "rest")
    assert "highest rate" in part("load").table({"runs": [run]})
