"""The benchmark of the normative metrics: its world, and that RADio's way finds the same values."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def normative():
    """The program, imported as it is when it runs, and let go of again."""
    before = set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    yield import_module("normative")
    sys.path.remove(str(BENCHMARKS))
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture(scope="module")
def seen(normative):
    return normative.world({"n_articles": 2_000, "n_users": 60, "n_impressions": 70, "seed": 5})


@pytest.mark.parametrize("k", [10, None])
def test_radio_s_way_finds_the_same(normative, seen, k):
    off = normative.differences(seen, k, released=False)
    assert set(off) == set(normative.BESIDE)
    assert max(off.values()) < normative.TOLERANCE, off


def test_released_numbers_differ_by_rounding(normative, seen):
    """Sums by a series move what smoothing adds; shares of bins have three digits."""
    off = normative.differences(seen, 10, released=True)
    assert 0 < off["calibration"] < 1e-3
    assert 1e-5 < off["activation"] < 0.05
    assert off["representation"] < 1e-9  # is brought to one whatever the sums are
    assert off["alternative voices"] < 1e-9
    assert off["fragmentation, 5 pairs"] > 0.01  # Kullback-Leibler in one direction


def test_world(seen):
    filled = seen.offered.filled.sum(1)
    assert filled.min() >= 10
    assert filled.max() <= 60
    np.testing.assert_array_equal(np.sort(seen.offered.items), np.sort(seen.slate.items))
    assert (seen.offered.items != seen.slate.items).any()


@pytest.mark.slow  # three processes, each of which makes a world
def test_quick(tmp_path):
    out = tmp_path / "normative.json"
    program = [sys.executable, str(BENCHMARKS / "normative.py")]
    subprocess.run([*program, "--quick", "--out", str(out)], check=True, capture_output=True)
    results = json.loads(out.read_text())
    assert results["everything"]["impressions"] == 1_000
    assert results["everything"]["peak_mib"] >= results["everything"]["before_mib"]
    assert results["beside"]["differs"] < 1e-7
    assert all(each["ratio"] > 1 for each in results["beside"]["metrics"].values())
    shown = subprocess.run(
        [*program, "--show", str(out)], check=True, capture_output=True, text=True
    )
    assert "1,000 impressions, 7 settings x 6 cut-offs x 2 divergences" in shown.stdout
