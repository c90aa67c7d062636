"""A database for each test: SQLite always, PostgreSQL on loopback where it is installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from stored import Clock

PLACES = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"]


def binary(name):
    found = [each for place in PLACES for each in Path("/").glob(f"{place[1:]}/{name}")]
    return str(max(found)) if found else shutil.which(name)


@pytest.fixture(scope="session")
def server():
    """The address of a PostgreSQL of its own, without the name of a database."""
    initdb, pg_ctl = binary("initdb"), binary("pg_ctl")
    if not initdb or not pg_ctl:
        pytest.skip("PostgreSQL is not installed: no initdb, pg_ctl")
    if not find_spec("psycopg"):
        pytest.skip("psycopg is not installed: pip install 'headwater[postgres]'")
    folder = Path(tempfile.mkdtemp(prefix="headwater-pg-"))
    how = {"capture_output": True, "text": True, "cwd": "/"}
    if os.name == "posix" and os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            shutil.chown(folder, "postgres")
        except LookupError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        how["user"] = "postgres"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    subprocess.run([initdb, "-D", data, "-U", "postgres", "-A", "trust"], check=True, **how)
    start = [pg_ctl, "-D", data, "-w", "-o", options, "-l", folder / "log", "start"]
    how |= {"capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(start, check=True, **how)
    yield f"postgresql://postgres@127.0.0.1:{port}"
    subprocess.run([pg_ctl, "-D", data, "-m", "immediate", "-w", "stop"], check=False, **how)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.db'}"
    server = request.getfixturevalue("server")
    import psycopg

    name = f"db{os.urandom(6).hex()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(url, clock):
    from headwater.serve.store import Store

    with Store(url, clock=clock) as made:
        yield made.upgrade()


@pytest.fixture
def sqlite(tmp_path, clock):
    from headwater.serve.store import Store

    with Store(tmp_path / "events.db", clock=clock) as made:
        yield made.upgrade()
