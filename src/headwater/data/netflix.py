"""The Netflix Prize: 100 million ratings, one to five, by day.

Each film has a line ``id:`` and then a line ``user,rating,date`` a rating; one file a film in
`training_set`, that folder as a tar, or four files `combined_data_*.txt` with many films each.
Source: Bennett, Lanning, "The Netflix Prize", KDD Cup and Workshop 2007.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ._files import lines
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

BATCH = 1 << 27  # bytes parsed at once
RATING: dict[str, type[pl.DataType]] = {"user_id": pl.Int32, "rating": pl.Float32, "date": pl.Date}


def _parse(text: bytes) -> pl.DataFrame:
    """Films and their lines: the films' own lines cut out, the rest parsed as one table."""
    films: list[int] = []
    cuts: list[int] = []  # where each film's line begins and ends
    colon = text.find(b":")  # no other line has one
    while colon != -1:
        begin, end = text.rfind(b"\n", 0, colon) + 1, text.find(b"\n", colon) + 1
        films.append(int(text[begin:colon]))
        cuts += [begin, end or len(text)]
        colon = text.find(b":", cuts[-1])
    if not films or text[: cuts[0]].strip():
        raise ValueError(f"ratings before the line of a film: {text[:60]!r}")
    spans = zip(cuts[1::2], [*cuts[2::2], len(text)], strict=True)
    bodies = [text[begin:end] for begin, end in spans]
    bodies = [body if body[-1:] in b"\n" else body + b"\n" for body in bodies]
    rows = [body.count(b"\n") for body in bodies]
    table = pl.read_csv(b"".join(bodies), has_header=False, schema=RATING)
    of = pl.Series("item_id", films, pl.Int32)
    item = of.repeat_by(pl.Series(rows)).explode().drop_nulls()
    if len(item) != len(table):
        raise ValueError(f"{len(table)} ratings in {len(item)} lines")
    seconds = pl.col("date").dt.epoch("s").alias("timestamp")
    return table.select("user_id", item, "rating", seconds)


def _texts(base: Path) -> Iterator[bytes]:
    tar = base / "training_set.tar"
    if combined := sorted(base.glob("combined_data_*.txt")):
        yield from (path.read_bytes() for path in combined)
    elif (base / "training_set").is_dir():
        films = sorted((base / "training_set").glob("mv_*.txt"))
        yield from (path.read_bytes() for path in films)
    else:
        try:
            with tarfile.open(tar, "r:") as archive:
                for member in archive:
                    inner = archive.extractfile(member) if member.isfile() else None
                    if inner is not None and Path(member.name).name.startswith("mv_"):
                        yield inner.read()
        except tarfile.TarError as fault:
            raise ValueError(f"{tar.name} is damaged: {fault}") from fault


def _batches(base: Path) -> Iterator[bytes]:
    held: list[bytes] = []
    for text in _texts(base):
        held.append(text if text[-1:] in b"\n" else text + b"\n")
        if sum(map(len, held)) >= BATCH:
            yield b"".join(held)
            held = []
    if held:
        yield b"".join(held)


def _read(base: Path) -> Tables:
    events = pl.concat([_parse(text) for text in _batches(base)])
    path = next(iter(sorted(base.glob("movie_titles.*"))))
    films = [line.split(",", 2) for line in lines(path, "latin-1")]  # titles have commas
    items = pl.DataFrame(films, schema=["item_id", "year", "title"], orient="row")
    year = pl.col("year").replace("NULL", None).cast(pl.Int16)
    return Tables(
        events=events, items=items.select(pl.col("item_id").cast(pl.Int32), "title", year)
    )


def _layout(needs: str) -> Layout:
    return Layout(
        kind="official", folders=("netflix",), needs=(needs, "movie_titles.*"), read=_read
    )


SOURCES = (
    Source(
        name="netflix-prize",
        title="Netflix Prize",
        home="https://archive.org/details/nf_prize_dataset.tar",
        files=(
            Remote(
                url="https://archive.org/download/nf_prize_dataset.tar/nf_prize_dataset.tar.gz",
                checksums=("md5:a8f23d2d76461211c6b4c0ca6df2547d",),
                size=697_000_000,
            ),
        ),
        terms="For research. No commercial use without Netflix' permission, no claim that Netflix "
        "endorses you, name the source in publications, do not pass the data on without separate "
        "permission, and do not try to find out who the people are. Netflix itself withdrew the "
        "set in 2010; the file comes from the Internet Archive.",
        terms_url="https://archive.org/details/nf_prize_dataset.tar",
        citation="James Bennett and Stan Lanning. 2007. The Netflix Prize. In Proceedings of KDD "
        "Cup and Workshop 2007.",
        sizes={"users": 480_189, "items": 17_770, "events": 100_480_507},
        layouts=(
            _layout("training_set/mv_*.txt"),
            _layout("combined_data_*.txt"),
            _layout("training_set.tar"),
        ),
        also="Times are days.",
    ),
)
