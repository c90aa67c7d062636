"""What Alembic runs for each migration, on the connection and transaction of `Store.upgrade`."""

from __future__ import annotations

from alembic import context


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        transactional_ddl=True,  # on SQLite too: the store begins its transactions itself
    )
    context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic runs this file
    run()
