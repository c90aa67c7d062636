"""``headwater store``: the event store from the shell, beside the server or without it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import BadParameter, DataError
from ._arguments import Json
from ._console import progress, show
from ._told import Config, Where, opened, told

store_app = typer.Typer(
    no_args_is_help=True, help="The event store: bring it up to date, fill it, copy it, forget."
)

AT_ONCE = 1_000


@store_app.command()
def upgrade(store: Where = None, config: Config = None, as_json: Json = False) -> None:
    """Make the tables, or bring those of an older Headwater up to this one."""
    with opened(store, config) as found:
        before = found.version
        found.upgrade()
        show({"store": found.url, "from": before or "nothing", "to": found.version}, as_json)


@store_app.command()
def describe(store: Where = None, config: Config = None, as_json: Json = False) -> None:
    """How much there is of everything."""
    with opened(store, config) as found:
        show({"store": found.url, "version": found.version, **found.count()}, as_json)


@store_app.command()
def ingest(
    file: Annotated[Path, typer.Argument(help="JSON lines: an event each.")],
    store: Where = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Keep events from a file.

    Sent again they are duplicates, so a run that broke off is begun again from the start."""
    counts: dict[str, int] = {}
    first = ""
    with opened(store, config) as found, progress() as done, file.open(encoding="utf-8") as lines:
        found.upgrade()
        some: list[Any] = []
        at = 0

        def keep() -> None:
            nonlocal first
            for each in found.ingest(some):
                counts[each.status] = counts.get(each.status, 0) + 1
                if each.status == "refused" and not first:
                    first = f"the first that was refused: {each.event_id}: {each.reason}"
            some.clear()
            done("ingest", at, 0)

        for at, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                some.append(json.loads(line))
            except ValueError as error:
                raise DataError(f"{file}, line {at}: not JSON ({error})") from None
            if len(some) == AT_ONCE:
                keep()
        if some:
            keep()
    show(counts, as_json)
    if first:
        typer.secho(first, err=True)


@store_app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    store: Where = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """All of it, to Parquet files."""
    if folder.exists():
        raise DataError(f"{folder} exists: choose another name")
    with opened(store, config) as found:
        show({"folder": str(folder), **found.export(folder)}, as_json)


@store_app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="A folder that `export` made.")],
    store: Where = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What `export` wrote, into a store; what it has already stays as it is."""
    with opened(store, config) as found:
        found.upgrade()
        show(found.import_(source), as_json)


@store_app.command()
def forget(
    before: Annotated[
        str | None, typer.Option(help="A time with its zone: 2026-01-01T00:00:00Z.")
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0, help="Instead, how many days may be kept.")
    ] = None,
    store: Where = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Remove what is older: for a cron line, with what the platform promised."""
    if (before is None) == (days is None):
        raise BadParameter("give one of --before TIME and --days NUMBER")
    try:
        time = (
            datetime.now(UTC) - timedelta(days=days)
            if days is not None
            else datetime.fromisoformat(str(before))
        )
    except (ValueError, OverflowError):
        asked = f"--days {days}" if days is not None else f"--before {before!r}"
        raise BadParameter(
            f"{asked} is no time to go back to: --before takes one such as 2026-01-01T00:00:00Z, "
            "--days a number of days"
        ) from None
    with opened(store, config) as found:
        show({"before": time.isoformat(), "removed": found.forget_before(time)}, as_json)


@store_app.command()
def erase(
    user: Annotated[str, typer.Option("--user", "-u", help="Whose.")],
    store: Where = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Remove all of somebody, also from the Redis of the settings.

    Models follow with the next `headwater retrain`."""
    from ..serve.recents import InRedis

    redis = told(config).redis
    with opened(store, config) as found:
        receipt = found.erase(user)
        if redis is not None:
            InRedis(redis, found).forget(user)
        show({"receipt_id": receipt.receipt_id, **receipt.counts}, as_json)


@store_app.command()
def compact(store: Where = None, config: Config = None) -> None:
    """Write the files anew, without what was removed from them."""
    with opened(store, config) as found:
        found.compact()
