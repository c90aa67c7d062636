"""``headwater demo``: real films, and a platform of them that runs on this machine."""

from __future__ import annotations

import json
import logging
import sys
import time
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from ..wording import plural
from ._arguments import Json, Seed
from ._console import Interrupted, progress, show


def demo(
    save: Annotated[Path, typer.Option(help="Where to save the first model.")] = Path(
        "runs/demo.hw"
    ),
    folder: Annotated[
        Path, typer.Option(help="Of the platform: store, models, pictures; made anew.")
    ] = Path("runs/platform"),
    days: Annotated[
        int, typer.Option(min=0, help="Simulated days; 0 leaves the platform out.")
    ] = 5,
    people: Annotated[int, typer.Option(min=20, help="Who may come on a day.")] = 200,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65_535, help="Of the pages; any that is free if it is taken, or 0."
        ),
    ] = 8000,
    stay: Annotated[
        bool | None,
        typer.Option("--stay/--end", help="Keep the pages open afterwards; if at a terminal."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """The main job on real films, then a platform of them, with people who come day after day.

    All on this machine, without a network: read, fit, recommend, measure, save; open the platform,
    let people come, and learn from them every night.
    """
    from .. import demo as shown

    with progress() as told:
        films = shown.films(save, progress=told)
    if not as_json:
        for title, table in films.tables():
            show(table, False, title=title)
        typer.echo(films.epilogue())
    lived: list[dict[str, Any]] = []
    if days:
        lived = _platform(folder, films.data, days, people, port, stay, seed, as_json)
    if as_json:
        typer.echo(json.dumps({**films.as_dict(), "days": lived}, indent=2, default=str))


def _platform(
    folder: Path,
    films: Any,
    days: int,
    people: int,
    port: int,
    stay: bool | None,
    seed: int,
    as_json: bool,
) -> list[dict[str, Any]]:
    from ..demo import Platform
    from ..serve.logs import set_up

    set_up("text", logging.WARNING)
    stay = sys.stdout.isatty() and not as_json if stay is None else stay
    rows: list[dict[str, Any]] = []
    with progress() as told:
        platform = Platform(
            folder,
            films,
            days=days,
            users=people,
            port=port,
            seed=seed,
            progress=told,
        )
        settings = platform.prepare()
    with platform.open(settings) as url:
        typer.secho(f"\nThe platform is open: {url}", bold=True, err=as_json)
        typer.secho(
            "Home as anybody, what the flow did, quality, satisfaction, norms, experiments. "
            f"{plural(days, 'day')} of visits from now; a model learns every night.",
            err=True,
        )
        if stay:
            webbrowser.open(url)
        with progress() as told:
            told("people come", 0, days)
            for day in platform.live():
                rows.append(day.row())
                told("people come", len(rows), days)
        if not as_json:
            show([platform.before.row(), *rows], False, title="Day after day")
            typer.echo(platform.epilogue())
        if stay:
            typer.secho(f"{url} stays open; Ctrl-C ends it.", bold=True)
            with suppress(Interrupted):
                while True:
                    time.sleep(3_600)
    return rows
