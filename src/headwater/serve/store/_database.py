"""What SQLite and PostgreSQL each need told, so that the store can treat them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from ...errors import BadParameter
from ...extras import needs

with needs("the event store", "serve"):
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["add_plain", "engine_for", "insert"]

POOL: dict[str, Any] = {"pool_size": 10, "max_overflow": 40}  # a web server has 40 threads


def engine_for(url: str | Path, timeout: float) -> sa.Engine:
    text = str(url)
    try:
        file = sa.URL.create("sqlite", database=text)  # whose name may have any characters in it
        where = sa.make_url(text) if "://" in text else file
    except sa.exc.ArgumentError as error:
        raise BadParameter(f"{text!r} is no address of a database: {error}") from None
    kind = where.get_backend_name()
    if kind == "sqlite":
        if where.database in (None, "", ":memory:"):
            raise BadParameter("a store needs a file: in memory nothing outlives the process")
        made = sa.create_engine(where, connect_args={"timeout": timeout}, **POOL)
        sa.event.listen(made, "connect", _sqlite(timeout))
        sa.event.listen(made, "begin", _begun)
        return made
    if kind == "postgresql":
        with needs("a store in PostgreSQL", "postgres"):
            import psycopg  # noqa: F401
        made = sa.create_engine(
            where.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,  # the server may have been away
            **POOL,
            connect_args={"connect_timeout": max(1, int(timeout))},
        )
        sa.event.listen(made, "connect", _postgresql(timeout))
        return made
    raise BadParameter(f"a store is in SQLite or PostgreSQL; got {kind!r} in {text.split(':')[0]}")


def _sqlite(timeout: float) -> Callable[[Any, Any], None]:
    def connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, so that they hold DDL too
        cursor = raw.cursor()
        for pragma in (
            f"busy_timeout={int(1000 * timeout)}",
            "journal_mode=WAL",
            "synchronous=FULL",  # forced to disk at every commit
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return connected


def _begun(db: sa.Connection) -> None:
    """Writers begin as such: one that turned into a writer later might not be let in."""
    writes = db.get_execution_options().get("headwater_writes")
    db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(timeout: float) -> Callable[[Any, Any], None]:
    def connected(raw: Any, _: Any) -> None:
        with raw.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")  # forced to disk at every commit
            cursor.execute(f"SET lock_timeout = {int(1000 * timeout)}")
        raw.commit()

    return connected


def insert(dialect: sa.Dialect, table: sa.Table) -> Any:
    return (postgresql if dialect.name == "postgresql" else sqlite).insert(table)


def add_plain(
    db: sa.Connection, table: sa.Table, key: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Rows with a value for every column but ``seq``, of which none is there yet with that ``key``:
    those are left out. Values go to the database as they are, which spares half of the time: so
    they have to be Python's own, not numpy's."""
    statement, in_order = _adding(db.dialect, table, key)
    db.exec_driver_sql(statement, [in_order(row) for row in rows])


@lru_cache(16)
def _adding(
    dialect: sa.Dialect, table: sa.Table, key: str
) -> tuple[str, Callable[[Mapping[str, Any]], Any]]:
    columns = [column.name for column in table.columns if column.name != "seq"]
    once = insert(dialect, table).on_conflict_do_nothing(index_elements=[key]).inline()
    compiled = once.compile(dialect=dialect, column_keys=columns)
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    in_order = compiled.positiontup  # None where values have names
    return str(compiled), dict if in_order is None else itemgetter(*in_order)
