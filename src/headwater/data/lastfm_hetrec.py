"""Last.fm, HetRec 2011: how often 1,892 people played which artists, and the tags they gave.

Source: Cantador, Brusilovsky, Kuflik, "2nd Workshop on Information Heterogeneity and Fusion in
        Recommender Systems (HetRec 2011)", RecSys 2011.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ._files import lines, tidy
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

SITE = "https://files.grouplens.org/datasets/hetrec2011"


def _rows(path: Path, encoding: str, *names: str) -> pl.DataFrame:
    """The first columns of a file with tabs and a header line, as strings."""
    rows = [line.split("\t")[: len(names)] for line in lines(path, encoding)[1:]]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _with_tags(artists: pl.DataFrame, given: pl.DataFrame, tags: pl.DataFrame) -> pl.DataFrame:
    """Each artist's tags, the most given first; of equals, the lower number."""
    counted = given.group_by("item_id", "tag_id").len().join(tags, on="tag_id")
    counted = counted.sort("item_id", "len", "tag_id", descending=[False, True, False])
    listed = counted.group_by("item_id", maintain_order=True).agg(tags="tag")
    return artists.join(listed, on="item_id", how="left", maintain_order="left")


def _read(base: Path) -> Tables:
    events = _rows(base / "user_artists.dat", "utf-8", "user_id", "item_id", "count")
    artists = tidy(_rows(base / "artists.dat", "utf-8", "item_id", "title"))
    given = _rows(base / "user_taggedartists.dat", "utf-8", "user_id", "item_id", "tag_id")
    tags = _rows(base / "tags.dat", "latin-1", "tag_id", "tag")
    number = pl.col("tag_id").cast(pl.Int32)
    items = _with_tags(artists, tidy(given).with_columns(number), tags.with_columns(number))
    return Tables(events=tidy(events), items=items)


def _parquet(base: Path) -> Tables:
    files = ("interactions", "artists", "user_taggedartists", "tags")
    events, artists, given, tags = (pl.read_parquet(base / f"{file}.parquet") for file in files)
    return Tables(events=tidy(events), items=_with_tags(tidy(artists), tidy(given), tags))


SOURCES = (
    Source(
        name="lastfm-hetrec",
        title="Last.fm, HetRec 2011",
        home="https://grouplens.org/datasets/hetrec-2011/",
        files=(
            Remote(
                url=f"{SITE}/hetrec2011-lastfm-2k.zip",
                checksums=(
                    "sha256:6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c",
                ),
                size=2_600_000,
            ),
        ),
        terms="For non-commercial use; for any other, ask Last.fm. Name Last.fm and the HetRec "
        "2011 workshop in publications.",
        terms_url=f"{SITE}/hetrec2011-lastfm-readme.txt",
        citation="Ivan Cantador, Peter Brusilovsky, and Tsvi Kuflik. 2011. 2nd Workshop on "
        "Information Heterogeneity and Fusion in Recommender Systems (HetRec 2011). In RecSys "
        "2011. And: Last.fm, http://www.lastfm.com",
        sizes={"users": 1_892, "items": 17_632, "events": 92_834},
        layouts=(
            Layout(
                kind="parquet",
                needs=(
                    "interactions.parquet",
                    "artists.parquet",
                    "tags.parquet",
                    "user_taggedartists.parquet",
                ),
                read=_parquet,
            ),
            Layout(
                kind="official",
                folders=("hetrec2011-lastfm-2k",),
                needs=("user_artists.dat", "artists.dat", "tags.dat", "user_taggedartists.dat"),
                read=_read,
            ),
        ),
        also="Counts of plays, not ratings.",
    ),
)
