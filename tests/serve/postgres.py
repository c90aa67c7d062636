"""A PostgreSQL of a test's own, on loopback, where it is installed."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from loopback import free_port

PLACES = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"]


def binary(name):
    found = [each for place in PLACES for each in Path("/").glob(f"{place[1:]}/{name}")]
    return str(max(found)) if found else shutil.which(name)


@contextmanager
def postgresql():
    """Its address, without the name of a database, and ``control("stop", ...)``, ``("start")``."""
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
    port = free_port()
    data = folder / "data"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    subprocess.run([initdb, "-D", data, "-U", "postgres", "-A", "trust"], check=True, **how)
    how |= {"capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def control(what, *more, check=True):
        if what == "start":
            more = ("-o", options, "-l", folder / "log", *more)
        subprocess.run([pg_ctl, "-D", data, "-w", *more, what], check=check, **how)

    control("start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}", control
    finally:
        control("stop", "-m", "immediate", check=False)
        shutil.rmtree(folder, ignore_errors=True)
