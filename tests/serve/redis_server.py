"""A Redis of a test's own, on loopback, where it is installed."""

import shutil
import socket
import subprocess

import pytest

from loopback import until


def redis_server(port, folder, *more):
    """Its process, which answers at ``port`` and keeps nothing unless it is told to."""
    pytest.importorskip("redis", reason="pip install 'headwater[redis]'")
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed: no redis-server")
    words = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1", *more]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=folder)
    assert until(lambda: listens(port))
    return server


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.1).close()
    except OSError:
        return False
    return True
