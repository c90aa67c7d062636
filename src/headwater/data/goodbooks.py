"""goodbooks-10k: six million ratings of ten thousand books, in order of time but without times.

Source: Zajac, "Goodbooks-10k: a new dataset for book recommendations", FastML, 2017.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ..errors import DataError
from ._files import tidy
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

BOOK = {
    "book_id": "item_id",
    "title": "title",
    "original_publication_year": "year",
    "authors": "authors",
    "language_code": "language",
    "isbn": "isbn",
}


def _read(base: Path) -> Tables:
    kinds = {"user_id": pl.Int32, "book_id": pl.Int32, "rating": pl.Float32}
    events = pl.read_csv(base / "ratings.csv", schema_overrides=kinds)
    text = dict.fromkeys(("isbn", "original_title", "title", "authors", "language_code"), pl.String)
    books = pl.read_csv(base / "books.csv", schema_overrides=text, infer_schema_length=None)
    if (base / "book_tags.csv").exists() and (base / "tags.csv").exists():
        tags = pl.read_csv(base / "tags.csv", schema_overrides={"tag_name": pl.String})
        used = pl.read_csv(base / "book_tags.csv").join(tags, on="tag_id")
        used = used.rename({"tag_name": "tags"})
        used = used.sort("count", descending=True, maintain_order=True)
        used = used.group_by("goodreads_book_id", maintain_order=True).agg("tags")
        books = books.join(used, on="goodreads_book_id", how="left", maintain_order="left")
    kept = [name for name in (*BOOK, "tags") if name in books.columns]
    items = books.select(kept).rename(BOOK, strict=False)
    return Tables(
        events=tidy(events.rename({"book_id": "item_id"})),
        items=tidy(items).cast({"year": pl.Int16}),
    )


def _books_only(base: Path) -> Tables:
    raise DataError(
        f"{base} has the books of goodbooks but no ratings. "
        "Get those with: headwater data fetch goodbooks"
    )


SOURCES = (
    Source(
        name="goodbooks",
        title="goodbooks-10k",
        home="https://github.com/zygmuntz/goodbooks-10k",
        files=(
            Remote(
                url="https://github.com/zygmuntz/goodbooks-10k/releases/download/v1.0/"
                "goodbooks-10k.zip",
                size=12_000_000,
            ),
        ),
        terms="CC BY-SA 4.0: use, change and pass on, with the source named and on these terms.",
        terms_url="https://creativecommons.org/licenses/by-sa/4.0/",
        citation="Zygmunt Zajac. 2017. Goodbooks-10k: a new dataset for book recommendations. "
        "FastML. https://github.com/zygmuntz/goodbooks-10k",
        sizes={"users": 53_424, "items": 10_000, "events": 5_976_479},
        layouts=(
            Layout(
                kind="official",
                folders=("goodbooks-10k",),
                needs=("ratings.csv", "books.csv"),
                read=_read,
            ),
            Layout(
                kind="parquet",
                folders=("goodbooks-10k-items",),
                needs=("items.parquet",),
                read=_books_only,
            ),
        ),
        also="Ratings have no times, but the file is in their order.",
    ),
)
