"""What importing costs: nothing that is heavy is imported before it is used."""

import subprocess
import sys

HEAVY = {"numpy", "polars", "scipy", "torch", "numba", "pandas", "altair", "optuna", "pydantic"}


def modules_after(code):
    run = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(run.stdout.split("\n")[-2].split())


def test_package():
    assert not modules_after("import headwater") & HEAVY


def test_help():
    code = "from headwater.cli import app\ntry: app(['--help'])\nexcept SystemExit: pass\n"
    assert not modules_after(code) & HEAVY


def test_a_fit():
    code = (
        "import headwater as hw; from headwater.data.toy import blocks\n"
        "hw.recommend(hw.fit('ease', blocks()), users=[1])"
    )
    assert not modules_after(code) & {"torch", "numba", "pandas", "altair", "optuna"}
