"""`headwater serve` as it is started: processes, their log, and their end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from loopback import until

pytest.importorskip("uvicorn", reason="pip install 'headwater[serve]'")

ENV = {n: v for n, v in os.environ.items() if not n.startswith("HEADWATER_")}
STUDIO = re.compile(r"^http://127\.0\.0\.1:([1-9]\d*)/studio$", re.M)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_every_process_logs_and_ends_when_it_is_told_to(tmp_path, workers, told):
    words = ["serve", "--open", "--port", "0", "--workers", str(workers)]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "headwater.cli", *words], cwd=tmp_path, env=ENV, stderr=log
        ) as server,
    ):
        try:
            assert until(lambda: STUDIO.search((tmp_path / "log").read_text()), 60)
            port = STUDIO.search((tmp_path / "log").read_text())[1]
            assert until(lambda: asked(port, server) == 200, 60), "it is where it says"
        finally:
            server.send_signal(told)
            ended = server.wait(20)
    assert ended in (0, -signal.SIGTERM), "Ctrl-C is no error"
    lines = (tmp_path / "log").read_text().splitlines()
    said = [json.loads(line) for line in lines if line.startswith("{")]
    assert [each for each in said if each["message"] == "GET /health/live 200"]
    assert [each for each in said if each["message"].startswith("Application shutdown complete")]
    assert not [line for line in lines if "Traceback" in line or line.startswith("error")]


def test_a_port_that_is_taken_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [sys.executable, "-m", "headwater.cli", "serve", "--open", "--port", str(port)]
        done = subprocess.run(words, cwd=tmp_path, env=ENV, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: nothing can listen at 127.0.0.1, port {port}: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_process_leaves_the_model_to_no_garbage_collector(tmp_path):
    """In a process of its own: what is frozen is frozen for all of it."""
    code = (
        "import gc; from headwater.cli._serve import worker; service = worker().state.service; "
        "before = gc.get_freeze_count(); service.swapped(); "
        "print(before, gc.get_freeze_count() > 10_000)"
    )
    env = ENV | {"HEADWATER_OPEN": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == ["0 True"], done.stderr


def asked(port, server):
    assert server.poll() is None, "it ended by itself"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5) as answer:
            return answer.status
    except (urllib.error.URLError, OSError):
        return None
