import os
import random
import signal
import subprocess
import threading
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import as_of_version_0001, event, names, of_version_0001, python, statuses

from headwater.errors import StoreError
from headwater.serve.store import Store


def test_disk_full(tmp_path, clock):
    """The most pages that a file may have stand in for the disk; a batch is two statements."""
    store = Store(tmp_path / "events.db", clock=clock).upgrade()
    store.close()

    @sa.event.listens_for(store.engine, "connect")
    def small(raw, _):
        raw.execute("PRAGMA max_page_count = 200")

    kept, n = [], 0

    def fill():
        nonlocal n
        for n in range(1000):
            kept.extend(store.ingest([event(700 * n + i) for i in range(700)]))

    with pytest.raises(StoreError, match=r"no room is left .* make room and send it again"):
        fill()
    assert n >= 1
    assert set(statuses(kept)) == {"accepted"}
    known = [name for frame in store.frames(["event_id"]) for name in frame["event_id"]]
    assert sorted(known) == sorted(each.event_id for each in kept)
    store.close()
    with Store(tmp_path / "events.db", clock=clock) as roomy:
        again = roomy.ingest([event(700 * n + i) for i in range(700)])
    assert set(statuses(again)) == {"accepted"}


def test_others_that_do_not_let_go(url, clock):
    with (
        Store(url, clock=clock, timeout=0.05) as store,
        Store(url, clock=clock) as other,
    ):
        store.upgrade()
        with other._begin(writing=True) as db:
            other._lock(db, alone=True)
            with pytest.raises(StoreError, match=r"being written by others .* send it again"):
                store.ingest([event(1)])
        assert statuses(store.ingest([event(1)])) == ["accepted"]


def test_a_database_gone_and_back(server, clock):
    psycopg = pytest.importorskip("psycopg")
    name = f"db{os.urandom(6).hex()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
        with Store(f"{server}/{name}", clock=clock) as store:
            store.upgrade().ingest([event(1)])
            db.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            with pytest.raises(StoreError, match="not currently accepting connections"):
                store.ingest([event(2)])
            db.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert statuses(store.ingest([event(1), event(2)])) == ["duplicate", "accepted"]


INGEST = """
import sys
from datetime import datetime, UTC
from headwater.serve.store import Store
store = Store(sys.argv[1], default="full")
print("ready", flush=True)
for line in sys.stdin:
    first = int(line)
    time = datetime.now(UTC)
    done = store.ingest([
        {"kind": "click", "event_id": f"e{first + n}", "user_id": f"u{n % 5}", "item_id": "i",
         "time": time} for n in range(20)])
    print(first, sum(each.status in ("accepted", "duplicate") for each in done), flush=True)
"""


def test_killed_while_ingesting(url):
    """Killed at any moment, and what was not acknowledged sent again: all is there, once."""
    rng = random.Random(3)
    with Store(url) as store:
        store.upgrade()
        acknowledged, waiting, kills = set(), list(range(0, 20 * 600, 20)), 0
        while kills < 5:
            acknowledged.update(_killed_at(rng.uniform(0.02, 0.35), url, waiting))
            kills += 1
            waiting = [first for first in waiting if first not in acknowledged]
            known = names(store)
            expected = {f"e{first + n}" for first in acknowledged for n in range(20)}
            assert len(known) == len(set(known))
            assert expected <= set(known)
            assert len(set(known) - expected) in (0, 20)  # a batch is all there, or not at all
        assert acknowledged
        time = datetime.now(UTC)
        for first in waiting:  # the whole of what is left, to the last event
            store.ingest([event(first + n, time=time) for n in range(20)])
        assert sorted(names(store)) == sorted(f"e{n}" for n in range(20 * 600))


def _killed_at(seconds, url, waiting):
    """Sends one batch at a time, the next when the last was acknowledged; those that were."""
    acknowledged = []
    process = python(INGEST, url, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == "ready\n"
    killer = threading.Timer(seconds, process.kill)
    killer.start()
    for first in waiting:
        try:
            process.stdin.write(f"{first}\n")
            process.stdin.flush()
        except BrokenPipeError:
            break
        answer = process.stdout.readline()
        if not answer.endswith("\n"):
            break
        assert answer == f"{first} 20\n"
        acknowledged.append(first)
    killer.join()
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return acknowledged


MIGRATE = """
import os, signal, sys
import sqlalchemy as sa
from headwater.serve.store import Store
store, left = Store(sys.argv[1]), [int(sys.argv[2])]

@sa.event.listens_for(store.engine, "after_cursor_execute")
def count(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

store.upgrade()
"""


def test_killed_while_migrating(url, clock):
    """After some of its statements: there are no tables then, and the next try makes them all."""

    def untouched(store):
        assert store.version is None
        assert sa.inspect(store.engine).get_table_names() == []

    _migrated(url, range(3, 21, 3), untouched)
    with Store(url, clock=clock) as store:
        assert statuses(store.upgrade().ingest([event(1)])) == ["accepted"]


def test_killed_while_bringing_tables_up(url, clock):
    """The store is of the old version then, or of the new one, with all that was in it."""
    of_version_0001(url)

    def untouched(store):
        assert store.version == "0001"
        with store.engine.connect() as db:
            assert db.execute(sa.text("SELECT event_id FROM events")).scalars().all() == ["e1"]

    _migrated(url, range(4, 32, 4), untouched)
    with Store(url, clock=clock) as store:
        as_of_version_0001(store.upgrade())


def _migrated(url, moments, untouched):
    """Killed after so many statements, and each time as before; until it was through."""
    killed = 0
    for statements in moments:
        with python(MIGRATE, url, str(statements)) as process:
            said = process.communicate()[1]
        assert process.returncode in (0, -signal.SIGKILL), said
        if process.returncode == 0:
            break
        killed += 1
        with Store(url) as store:
            untouched(store)
    assert killed >= 4
