"""``headwater data``: get, read, describe and check what is learned from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import DataError
from ._arguments import (
    Data,
    Encoding,
    Event,
    Item,
    Items,
    Json,
    Rating,
    Read,
    Time,
    User,
    Users,
    column,
    open_data,
    reads_data,
)
from ._console import progress, show

data_app = typer.Typer(no_args_is_help=True, help="Get, read, describe and check data.")


@data_app.command("list")
def data_list(as_json: Json = False) -> None:
    """The public sources, where they are, and on what terms."""
    import polars as pl

    from ..data import sources

    rows = []
    for name in sources.names():
        source = sources.source(name)
        found = sources.find(name)
        rows.append(
            {
                "name": name,
                "title": source.title,
                **{what: source.sizes.get(what) for what in ("users", "items", "events")},
                "here": str(found[1]) if found else None,
                "terms": source.terms,
            }
        )
    table = pl.DataFrame(rows, infer_schema_length=None)
    show(table if as_json else table.drop("terms"), as_json, title="Public sources")
    if not as_json:
        typer.secho("`headwater data fetch NAME` shows the terms and downloads.", err=True)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="A name from `data list`.")],
    accept: Annotated[bool, typer.Option("--accept", help="Accept the terms.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where to; default: the data folder.")] = None,
    as_json: Json = False,
) -> None:
    """Download a public source: its terms first; resumed if interrupted; checksum checked."""
    from ..data import sources
    from ..data.fetch import fetch

    source = sources.source(name)
    if not accept and sys.stdin.isatty() and not as_json:
        typer.echo(f"{source.title}\n{source.terms}\n{source.terms_url}")
        accept = typer.confirm("Accept these terms?")
    with progress() as told:
        got = fetch(name, accept=accept, folder=folder, progress=told)
    found = {"name": name, "folder": str(got.folder), "files": [str(f) for f in got.files]}
    show({**found, "unverified": [str(f) for f in got.unverified]}, as_json)


@data_app.command("import")
@reads_data
def data_import(
    data: Read,
    to: Annotated[Path, typer.Argument(help="Folder to make.")],
    as_json: Json = False,
) -> None:
    """Read a table once, with all its options, into a folder that every command takes as DATA."""
    from ..atomic import atomic_path
    from ..data.frame import describe
    from ..data.store import save_data

    found = data()
    if to.exists() and not (to / "events.safetensors").exists():
        raise DataError(f"{to} exists and is not imported data: choose another name")
    with atomic_path(to) as temp:
        temp.mkdir()
        save_data(found, temp)
    show({"folder": str(to), **describe(found)}, as_json)


@data_app.command("describe")
@reads_data
def data_describe(
    data: Read,
    as_json: Json = False,
) -> None:
    """What is in the data: counts, density, activity, popularity, times, catalogue."""
    from ..data.frame import describe

    found = data()
    show(describe(found), as_json, title=repr(found))


@data_app.command("validate")
def data_validate(
    data: Data,
    user: User = None,
    item: Item = None,
    rating: Rating = None,
    time: Time = None,
    event: Event = None,
    items: Items = None,
    users: Users = None,
    encoding: Encoding = "utf-8",
    as_json: Json = False,
) -> None:
    """PASS or FAIL for every rule, with examples and the fix. Exit status 1 if one fails."""
    import polars as pl

    from ..data import sources, validate

    known = not Path(data).is_file() and (Path(data).is_dir() or data in sources.names())
    checks = validate.validate(
        open_data(data) if known else data,
        user=user,
        item=item,
        items=items,
        users=users,
        encoding=encoding,
        rating=column(rating),
        time=column(time),
        event=column(event),
    )
    rows = [
        {
            "": "PASS" if check.passed else "FAIL",
            "rule": check.rule,
            "found": check.found,
            "examples": "; ".join(str(each) for each in check.examples),
            "fix": "" if check.passed else check.fix,
        }
        for check in checks
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    show(table.rename({"": "verdict"}) if as_json else table, as_json, title=str(data), wrap=True)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)
