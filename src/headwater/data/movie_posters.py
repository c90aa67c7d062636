"""Posters of films, with MovieLens' genres as labels; and who rated these films.

``movie-posters`` is the films alone, ``movielens-posters`` what the people of `movielens-small` say
of them, so that there are people to show a picture to. In both ``jpeg`` holds the picture, and ids
are those of MovieLens, found by the number that IMDb gives a film.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from ..errors import DataError
from ._files import tidy, titled
from .movielens import CITATION, RESEARCH
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

COMMIT = "ff2c437c6dfff818ca9f9cc2b261720a325f1f4d"
HOME = "https://github.com/Zprite/movieDB-static"
COLUMNS = ("item_id", "title", "year", "genres", "imdb_id", "jpeg")


def _read(base: Path, films: Tables) -> Tables:
    files = sorted(base.glob("posters/tt*.jpg"))
    numbers = pl.Series("imdb_id", [int(file.stem[2:]) for file in files], pl.Int32)
    shown = pl.Series("jpeg", [file.read_bytes() for file in files], pl.Binary)
    assert films.items is not None
    if "imdb_id" not in films.items.columns:
        raise DataError(
            "this copy of movielens-small does not say which number IMDb gives a film. Get the one "
            "that does with: headwater data fetch movielens-small"
        )
    known = films.items.drop_nulls("imdb_id")
    items = pl.DataFrame([numbers, shown]).join(
        known, on="imdb_id", how="inner", maintain_order="left"
    )
    gone = len(files) - len(items)
    note = f"left out {gone:,} of {len(files):,} posters, of films that MovieLens does not have"
    return Tables(items=items.select(COLUMNS), notes=(note,) if gone else ())


def _parquet(base: Path) -> Tables:
    items = titled(pl.read_parquet(base / "posters.parquet"))
    return Tables(items=tidy(items).select(COLUMNS))


def _rated(posters: Tables, films: Tables) -> Tables:
    assert posters.items is not None
    assert films.events is not None
    events = films.events.join(
        posters.items.select("item_id"), on="item_id", how="semi", maintain_order="left"
    )
    return Tables(events=events, items=posters.items, notes=posters.notes)


def _rated_read(base: Path, films: Tables) -> Tables:
    return _rated(_read(base, films), films)


def _rated_parquet(base: Path, films: Tables) -> Tables:
    return _rated(_parquet(base), films)


SIZE = (
    "In the Parquet layout posters are 96 x 144 pixels, and MovieLens that of October 2016; the "
    "official posters are larger."
)


def _source(
    name: str, beside: str, title: str, sizes: dict[str, int], also: str, *layouts: Layout
) -> Source:
    """``beside`` is the folder that may hold the same files."""
    return Source(
        name=name,
        title=title,
        home=HOME,
        files=(Remote(url=f"{HOME}/archive/{COMMIT}.zip"),),
        terms="The posters are their studios': to look at, for research; do not pass them on. "
        f"Genres and ratings are MovieLens'. {RESEARCH.strip()}",
        terms_url="https://files.grouplens.org/datasets/movielens/ml-latest-small-README.html",
        citation=f"{CITATION}. And, for the posters: {HOME}",
        sizes=sizes,
        layouts=tuple(replace(layout, folders=(beside,)) for layout in layouts),
        also=also,
    )


PARQUET, OFFICIAL, UPON = ("posters.parquet",), ("posters/tt*.jpg",), "movielens-small"
SOURCES = (
    _source(
        "movie-posters",
        "movielens-posters",
        "Posters of 1,250 films, with genres",
        {"items": 1_250, "labels": 19},
        f"Nobody chose anything here: items have a picture and genres. {SIZE}",
        Layout(kind="parquet", needs=PARQUET, read=_parquet),
        Layout(kind="official", needs=OFFICIAL, read=_read, upon=UPON),
    ),
    _source(
        "movielens-posters",
        "movie-posters",
        "Ratings of MovieLens small, of films with a poster",
        {"users": 671, "items": 1_246, "events": 51_165},
        SIZE,
        Layout(kind="parquet", needs=PARQUET, read=_rated_parquet, upon=UPON),
        Layout(kind="official", needs=OFFICIAL, read=_rated_read, upon=UPON),
    ),
)
