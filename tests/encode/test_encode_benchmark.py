import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "encode.py"


@pytest.mark.slow  # three processes, each of which imports torch
def test_quick(tmp_path):
    out = tmp_path / "encode.json"
    command = [sys.executable, str(PROGRAM), "--quick", "--threads", "1", "--out", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(out.read_text())
    assert [run["encoder"] for run in results["runs"]] == ["efficientnet_lite", "minilm", "tfidf"]
    for run in results["runs"]:
        assert run["n"] == 24
        assert min(run["a_second"], run["a_cpu_second"], run["kept_a_second"]) > 0
        assert set(run["parts_s"]) == {"before", "net"}
    shown = subprocess.run(
        [sys.executable, str(PROGRAM), "--show", str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.splitlines()[1].split()[:3] == ["efficientnet_lite", "1", "default"]
