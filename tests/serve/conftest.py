"""A database for each test: SQLite always, PostgreSQL on loopback where it is installed."""

import os

import pytest
from postgres import postgresql
from stored import Clock


@pytest.fixture(scope="session")
def server():
    """The address of a PostgreSQL of its own, without the name of a database."""
    with postgresql() as (address, _):
        yield address


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
