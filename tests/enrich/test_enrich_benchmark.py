import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "enrich.py"


@pytest.mark.slow  # a process a step
def test_quick(tmp_path):
    out = tmp_path / "enrich.json"
    for words in (["--quick"], ["--syllables"]):
        command = [sys.executable, str(PROGRAM), *words, "--out", str(out)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(out.read_text())
    steps = [run["step"] for run in results["runs"] if run["step"] != "spacy"]
    assert steps == ["complexity", "sentiment", "rules", "voices", "stories", "kept"]
    assert all(run["n"] == 300 and run["run_s"] > 0 for run in results["runs"])
    (stories,) = (run for run in results["runs"] if run["step"] == "stories")
    assert 100 < stories["stories"] < 300
    assert all(row["ours"] > 0.85 for row in results["syllables"])
