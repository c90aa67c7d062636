"""Build one environment for each peer: .bench/<peer>, from benchmarks/peers/<peer>.txt.

    python benchmarks/setup_peers.py              all that are missing
    python benchmarks/setup_peers.py cornac ranx  these, anew

One at a time and at low priority. A requirement on torch is installed first and by itself, after a
look at what pip would bring: if that is the CUDA build, gigabytes, the peer is left out.
What was installed is written to .bench/<peer>.json, which `run.py` copies into its results.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ENVS = ROOT / ".bench"
PEERS = (
    "headwater",
    "implicit",
    "rectools",
    "lenskit",
    "cornac",
    "recbole",
    "recpack",
    "ranx",
    "pyversity",
    "nutpie",
)
IMPORTS = {"headwater": "headwater.artifact"}  # what must import for the environment to be of use


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", nargs="*", choices=[*PEERS, []], help="build these anew")
    parser.add_argument("--cuda", action="store_true", help="take a CUDA build of torch as well")
    asked = parser.parse_args()
    os.nice(10)
    ENVS.mkdir(exist_ok=True)
    failed = []
    for peer in asked.peers or [p for p in PEERS if not note(p).get("ok")]:
        print(f"{peer} ...", end=" ", flush=True)
        made = build(peer, cuda=asked.cuda)
        (ENVS / f"{peer}.json").write_text(json.dumps(made, indent=1) + "\n")
        print(f"{made['seconds']:.0f} s, {made['mib']} MiB" if made["ok"] else f"NO: {made['why']}")
        failed += [] if made["ok"] else [peer]
    print("ready:", " ".join(p for p in PEERS if note(p).get("ok")) or "none")
    return 1 if "headwater" in failed else 0  # a peer that does not install is only left out


def note(peer: str) -> dict[str, Any]:
    """What `setup_peers` wrote down about an environment; empty if it was never built."""
    try:
        return json.loads((ENVS / f"{peer}.json").read_text())  # type: ignore[no-any-return]
    except FileNotFoundError:
        return {}


def python(peer: str) -> Path:
    return ENVS / peer / "bin" / "python"


def build(peer: str, *, cuda: bool = False) -> dict[str, Any]:
    start = time.perf_counter()
    home = ENVS / peer
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True, clear=True)
    wanted = requirements(peer)
    said = [line.replace(str(ROOT), ".") for line in wanted]  # not where it lay
    torch = [line for line in wanted if line.startswith("torch==")]
    try:
        if torch and not cuda and (gpu := cuda_parts(peer, torch[0])):
            raise RuntimeError(
                f"{torch[0]} would bring {len(gpu)} CUDA packages: let pip find a CPU wheel "
                "(PIP_FIND_LINKS or an index of CPU wheels), or pass --cuda"
            )
        for lines in (torch, [line for line in wanted if line not in torch]):
            if lines:
                pip(peer, "install", "--quiet", "--prefer-binary", *lines, *torch)
        subprocess.run(
            [python(peer), "-c", f"import {IMPORTS.get(peer, peer)}"],
            check=True,
            capture_output=True,
            text=True,
        )
    except (RuntimeError, subprocess.CalledProcessError) as error:
        tail = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        return {"ok": False, "why": " | ".join(tail[-3:]), "wanted": said}
    versions = dict(line.split("==") for line in freeze(peer) if "==" in line)
    size = sum(f.stat().st_size for f in home.rglob("*") if f.is_file() and not f.is_symlink())
    return {
        "ok": True,
        "wanted": said,
        "versions": versions,
        "python": sys.version.split()[0],
        "mib": size >> 20,
        "seconds": round(time.perf_counter() - start, 1),
    }


def requirements(peer: str) -> list[str]:
    if peer == "headwater":
        return ["torch==2.13.0", "--editable", f"{ROOT}[fast,torch]"]  # always what is here now
    lines = (HERE / "peers" / f"{peer}.txt").read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def cuda_parts(peer: str, torch: str) -> list[str]:
    """The CUDA packages that pip would install along with ``torch``."""
    said = pip(peer, "install", "--dry-run", "--quiet", "--report", "-", torch)
    names = [each["metadata"]["name"] for each in json.loads(said)["install"]]
    return [name for name in names if name.startswith(("nvidia-", "triton", "cuda-"))]


def freeze(peer: str) -> list[str]:
    return pip(peer, "freeze", "--all").splitlines()


def pip(peer: str, *arguments: str) -> str:
    done = subprocess.run(
        [python(peer), "-m", "pip", "--disable-pip-version-check", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
