"""``headwater news``: normative diversity of news, and made-up news to try it on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._arguments import Json, Seed
from ._console import show, spinning

news_app = typer.Typer(no_args_is_help=True, help="News: made-up ones, to try methods on.")


@news_app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    articles: Annotated[int, typer.Option(min=1, help="How many.")] = 10_000,
    users: Annotated[int, typer.Option(min=1, help="How many people.")] = 5_000,
    requests: Annotated[int, typer.Option(min=1, help="How many lists they were shown.")] = 15_000,
    days: Annotated[float, typer.Option(min=1, help="In which they were.")] = 7,
    before: Annotated[
        float, typer.Option(min=3, help="Days before them, of which the histories are.")
    ] = 21,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Made-up articles, readers and requests in the files of MIND, a table of the people who are in
    the news, and one of all that is known of the articles."""
    from ..simulate.news import NewsWorld

    world = NewsWorld(
        n_articles=articles,
        n_users=users,
        n_impressions=requests,
        days=days,
        before=before,
        seed=seed,
    )
    with spinning(f"writing {folder}"):
        made = world.make()
        made.write_mind(folder)
    assert made.data.impressions is not None
    table = made.data.catalog.table
    shown = made.data.impressions
    show(
        {
            "news": str(folder / "news.tsv"),
            "behaviors": str(folder / "behaviors.tsv"),
            "people": str(folder / "people.parquet"),
            "known": str(folder / "articles.parquet"),
            "articles": len(table),
            "stories": table["story"].n_unique(),
            "users": users,
            "requests": len(shown),
            "shown": int(shown.slate.filled.sum()),
            "clicks": int(shown.clicks.sum()),
        },
        as_json,
    )
