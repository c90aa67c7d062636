"""What the films of MovieLens 1M are about: plots from OMDb, and MovieLens' 18 genres as labels.

Source: the plots are those that came with Lee, Im, Jang, Cho, Chung, "MeLU: Meta-Learned User
        Preference Estimator for Cold-Start Recommendation", KDD 2019.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ._files import lines, tidy
from .movielens import CITATION, RESEARCH
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

UNKNOWN = ["", "N/A"]
FIELDS = 11  # id, title, year, rated, released, genres, director, writer, actors, plot, poster


def _read(base: Path, films: Tables) -> Tables:
    rows = [line.split("::") for line in lines(base / "movies_extrainfos.dat")]
    short = next((row for row in rows if len(row) < FIELDS), None)
    if short is not None:
        raise ValueError(f"a line has {len(short)} fields, not {FIELDS}: {'::'.join(short)[:80]!r}")
    plots = {"item_id": [row[0] for row in rows], "plot": ["::".join(r[9:-1]) for r in rows]}
    return _tables(pl.DataFrame(plots), films)


def _parquet(base: Path, films: Tables) -> Tables:
    return _tables(
        pl.read_parquet(base / "items_extra.parquet", columns=["item_id", "plot"]), films
    )


def _tables(plots: pl.DataFrame, films: Tables) -> Tables:
    assert films.items is not None
    text = pl.col("plot").str.strip_chars()
    plots = tidy(plots.select("item_id", text=text)).filter(~pl.col("text").is_in(UNKNOWN))
    items = films.items.join(plots, on="item_id", how="inner", maintain_order="left")
    gone = len(films.items) - len(items)
    note = f"left out {gone:,} of {len(films.items):,} films, which have no plot"
    return Tables(items=items, notes=(note,) if gone else ())


SITE = "https://raw.githubusercontent.com/hoyeoplee/MeLU/f70c8ff91471193cd598bc241c6b0f22665f6375"
SOURCES = (
    Source(
        name="movielens-plots",
        title="Plots of the films of MovieLens 1m",
        home="https://github.com/hoyeoplee/MeLU",
        files=(Remote(url=f"{SITE}/movielens/ml-1m/movies_extrainfos.dat", size=3_300_000),),
        terms=f"{RESEARCH}The plots are OMDb's, CC BY-NC 4.0. Do not pass the data on without "
        "separate permission.",
        terms_url="https://files.grouplens.org/datasets/movielens/ml-1m-README.txt",
        citation=f"{CITATION}. And: Hoyeop Lee, Jinbae Im, Seongwon Jang, Hyunsouk Cho, and Sehee "
        "Chung. 2019. MeLU: Meta-Learned User Preference Estimator for Cold-Start Recommendation. "
        "In KDD 2019. doi:10.1145/3292500.3330859",
        sizes={"items": 3_845, "labels": 18},
        layouts=(
            Layout(
                kind="parquet",
                folders=("ml-1m",),
                needs=("items_extra.parquet",),
                read=_parquet,
                upon="movielens-1m",
            ),
            Layout(
                kind="official",
                folders=("ml-1m",),
                needs=("movies_extrainfos.dat",),
                read=_read,
                upon="movielens-1m",
            ),
        ),
        also="Nobody chose anything here: items have text and genres.",
    ),
)
