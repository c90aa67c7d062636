"""What several readers of official files share."""

from __future__ import annotations

from pathlib import Path

import polars as pl

__all__ = ["adjacency", "by_colons", "lines", "tidy", "titled"]

NO_GENRE = ["", "(no genres listed)"]
YEAR = r"^(.+?)\s*\((\d{4})(?:\s*[-\x{2013}]\s*(?:\d{4})?)?\)\s*(?:\(V\))?\s*$"


def lines(path: Path, encoding: str = "utf-8") -> list[str]:
    """The lines that hold anything. Only a line feed ends one: old encodings use the others."""
    text = path.read_bytes().decode(encoding)
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def by_colons(path: Path, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """A file of numbers with ``::`` between them: columns by ``:``, of which each second is empty.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ratings.dat"
    >>> _ = path.write_text("1::1193::5\\n")
    >>> by_colons(path, {"user_id": pl.Int32, "item_id": pl.Int32, "rating": pl.Float32}).row(0)
    (1, 1193, 5.0)
    """
    spread: dict[str, type[pl.DataType]] = {}
    for name, kind in schema.items():
        spread |= {f" {name}": pl.String, name: kind}
    del spread[f" {next(iter(schema))}"]
    table = pl.read_csv(path, separator=":", has_header=False, quote_char=None, schema=spread)
    return table.select(*schema)


def adjacency(path: Path) -> pl.DataFrame:
    """(user_id, item_id) from lines ``user item item ...``; a user alone on a line has no events.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train.txt"
    >>> _ = path.write_text("0 7 5\\n1 \\n2 7\\n")
    >>> adjacency(path).rows()
    [(0, 7), (0, 5), (2, 7)]
    """
    rows = [[int(each) for each in line.split()] for line in lines(path)]
    table = pl.DataFrame(
        {"user_id": [row[0] for row in rows], "item_id": [row[1:] for row in rows]},
        schema={"user_id": pl.Int32, "item_id": pl.List(pl.Int32)},
    )
    return table.filter(pl.col("item_id").list.len() > 0).explode("item_id")


def titled(items: pl.DataFrame) -> pl.DataFrame:
    """A film's year out of its title, and its genres, a string with ``|``, as a list.

    >>> titled(pl.DataFrame({"title": ["Heat (1995)", "Heat"], "genres": ["A|B", ""]})).rows()
    [('Heat', ['A', 'B'], 1995), ('Heat', [], None)]
    """
    title = pl.col("title")
    genres = pl.col("genres")
    if items.schema["genres"] == pl.String:
        genres = genres.fill_null("").str.split("|")
    return items.with_columns(
        title.str.extract(YEAR, 1).fill_null(title.str.strip_chars()),
        genres.list.eval(pl.element().filter(~pl.element().is_in(NO_GENRE))),
        year=title.str.extract(YEAR, 2).cast(pl.Int16),
    )


def tidy(table: pl.DataFrame) -> pl.DataFrame:
    """The same types from every layout: ids Int32, rating Float32, unix seconds Int64."""
    kinds = {
        "user_id": pl.Int32,
        "item_id": pl.Int32,
        "rating": pl.Float32,
        "count": pl.Int32,
        "timestamp": pl.Int64,
    }
    return table.cast({name: kind for name, kind in kinds.items() if name in table.columns})
