"""`headwater serve` as a process of its own, and clients that ask it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from loopback import free_port

SRC = Path(__file__).parents[2] / "src"


class Process:
    """A server on the store and the shelf in ``folder``, on loopback, without keys."""

    def __init__(self, folder, port, workers=1, **settings):
        told = {"store": folder / "events.db", "models": folder / "models", "kinds": "topic"}
        told |= {"consent": "full", "refresh": 0.2, "explore": 0.0, **settings}
        env = {name: v for name, v in os.environ.items() if not name.startswith("HEADWATER_")}
        env |= {f"HEADWATER_{name.upper()}": str(value) for name, value in told.items()}
        env["PYTHONPATH"] = os.pathsep.join([str(SRC), os.environ.get("PYTHONPATH", "")])
        words = ["serve", "--open", "--port", str(port), "--workers", str(workers)]
        self.at, self.log = f"http://127.0.0.1:{port}", folder / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "headwater.cli", *words],
                cwd=folder,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, path="/health/ready", seconds=60):
        """Until it is ready, or as far as ``path`` asks."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if httpx.get(f"{self.at}{path}", timeout=5).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def kill(self):
        """All of its processes, at once and without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self):
        """As it is asked to, in order."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running(folder, port=None, workers=1, path="/health/ready", **settings):
    process = Process(folder, port or free_port(), workers, **settings)
    try:
        yield process.wait(path)
    finally:
        if process.process.poll() is None:
            process.kill()


def logged(process):
    lines = process.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
