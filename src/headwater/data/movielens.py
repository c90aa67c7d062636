"""MovieLens, seven releases: people rate films from half a star to five.

The three oldest come as text with odd separators, the others as CSV; titles end in the year.
Source: Harper, Konstan, "The MovieLens Datasets: History and Context", TiiS 5(4), 2015.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ._files import by_colons, lines, tidy, titled
from ._rdatasets import movielens_2016
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

SITE = "https://files.grouplens.org/datasets/movielens"
CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. doi:10.1145/2827872"
)
RESEARCH = (
    "For research. No commercial use without GroupLens' permission, no claim that GroupLens or the "
    "University of Minnesota endorse you, and name the source in publications. "
)
KEEP = RESEARCH + "Do not pass the data on without separate permission."
SHARE = RESEARCH + "You may pass the data on, under these same terms."
# the order of the flags in u.item
GENRES_100K = ["unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"]
GENRES_100K += ["Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"]
GENRES_100K += ["Romance", "Sci-Fi", "Thriller", "War", "Western"]
SPLITS_100K = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")
RATING: dict[str, type[pl.DataType]] = {
    "user_id": pl.Int32,
    "item_id": pl.Int32,
    "rating": pl.Float32,
    "timestamp": pl.Int64,
}


def _u_data(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", has_header=False, schema=RATING)


def _read_100k(base: Path) -> Tables:
    events = _u_data(base / "u.data")
    for split in SPLITS_100K:
        if (path := base / f"{split}.test").exists():
            held = _u_data(path).select("user_id", "item_id", pl.lit(True).alias(split))
            events = events.join(
                held, on=["user_id", "item_id"], how="left", maintain_order="left"
            ).with_columns(pl.col(split).fill_null(False))
    films = [line.split("|") for line in lines(base / "u.item", "latin-1")]
    genres = [
        [genre for genre, flag in zip(GENRES_100K, film[5:], strict=True) if flag == "1"]
        for film in films
    ]
    items = pl.DataFrame(
        {
            "item_id": [int(film[0]) for film in films],
            "title": [film[1] for film in films],
            "release_date": [film[2] for film in films],
            "genres": genres,
            "imdb_url": [film[4] for film in films],
        },
        schema_overrides={"genres": pl.List(pl.String)},
    )
    people = [line.split("|") for line in lines(base / "u.user", "latin-1")]
    users = pl.DataFrame(
        people, schema=["user_id", "age", "gender", "occupation", "zip"], orient="row"
    )
    return Tables(
        events=events, items=tidy(titled(items)), users=tidy(users).cast({"age": pl.Int8})
    )


def _parquet_100k(base: Path) -> Tables:
    events = pl.read_parquet(base / "ratings.parquet")
    folds = [(pl.col("u_fold") == fold).alias(f"u{fold}") for fold in range(1, 6)]
    events = events.select(
        "user_id", "item_id", "rating", "timestamp", *folds, ua="ua_test", ub="ub_test"
    )
    items = pl.read_parquet(base / "items.parquet").with_columns(
        pl.col("genres").list.eval(pl.element().replace("Childrens", "Children's"))
    )
    users = pl.read_parquet(base / "users.parquet")
    return Tables(events=tidy(events), items=tidy(titled(items)), users=tidy(users))


def _read_dat(base: Path) -> Tables:
    """1M (with people, in Latin 1) and 10M (without, in UTF-8)."""
    encoding = "latin-1" if (base / "users.dat").exists() else "utf-8"
    films = [line.split("::") for line in lines(base / "movies.dat", encoding)]
    items = pl.DataFrame(films, schema=["item_id", "title", "genres"], orient="row")
    users = None
    if (base / "users.dat").exists():
        people = [line.split("::") for line in lines(base / "users.dat", encoding)]
        named = ["user_id", "gender", "age", "occupation", "zip"]
        users = pl.DataFrame(people, schema=named, orient="row")
        users = tidy(users).cast({"age": pl.Int8, "occupation": pl.Int8})
    events = by_colons(base / "ratings.dat", RATING)
    return Tables(events=events, items=tidy(titled(items)), users=users)


def _parquet_1m(base: Path) -> Tables:
    """This copy lacks the times of the last fifth, but has each user's order: rows follow it."""
    events = pl.read_parquet(base / "ratings.parquet").sort("user_id", "seq")
    items = pl.read_parquet(base / "items.parquet").drop("year")
    users = pl.read_parquet(base / "users.parquet").drop("last_timestamp")
    return Tables(
        events=tidy(events.select("user_id", "item_id", "rating")),
        items=tidy(titled(items)),
        users=tidy(users),
    )


def _read_csv(base: Path) -> Tables:
    names = {"userId": "user_id", "movieId": "item_id", "imdbId": "imdb_id", "tmdbId": "tmdb_id"}
    kinds = dict(zip(("userId", "movieId", "rating", "timestamp"), RATING.values(), strict=True))
    events = pl.read_csv(base / "ratings.csv", schema_overrides=kinds)
    items = pl.read_csv(base / "movies.csv", schema_overrides={"movieId": pl.Int32})
    if (base / "links.csv").exists():
        numbers = dict.fromkeys(("movieId", "imdbId", "tmdbId"), pl.Int32)
        links = pl.read_csv(base / "links.csv", schema_overrides=numbers)
        items = items.join(links, on="movieId", how="left", maintain_order="left")
    return Tables(
        events=events.rename(names, strict=False).select(*RATING),
        items=titled(items.rename(names, strict=False)),
    )


def _parquet_small(base: Path) -> Tables:
    events, items = (pl.read_parquet(base / f"{name}.parquet") for name in ("ratings", "items"))
    return Tables(events=tidy(events), items=tidy(titled(items)))


def _packaged() -> Tables | None:
    frame = movielens_2016()
    if frame is None:
        return None
    frame = tidy(frame.rename({"userId": "user_id", "movieId": "item_id"}))
    items = frame.unique("item_id", keep="first", maintain_order=True)
    dated = pl.col("title") + pl.format(" ({})", pl.col("year").cast(pl.Int32))
    items = items.select("item_id", dated.fill_null(pl.col("title")).alias("title"), "genres")
    return Tables(events=frame.select(*RATING), items=titled(items))


CSV = ("ratings.csv", "movies.csv")
DAT = ("ratings.dat", "movies.dat")
PARQUET = ("ratings.parquet", "items.parquet")


def _release(
    size: str,
    official: Layout,
    *,
    bytes_: int,
    checksums: tuple[str, ...],
    terms: str,
    users: int,
    items: int,
    events: int,
    parquet: Layout | None = None,
    splits: tuple[str, ...] = (),
    also: str = "",
    small: bool = False,
) -> Source:
    file = "latest-small" if small else size
    return Source(
        name=f"movielens-{size}",
        title=f"MovieLens {size}",
        home=f"https://grouplens.org/datasets/movielens/{'latest' if small else size}/",
        files=(Remote(url=f"{SITE}/ml-{file}.zip", checksums=checksums, size=bytes_),),
        terms=terms,
        terms_url=f"{SITE}/ml-{file}-README.{'txt' if size in ('100k', '1m') else 'html'}",
        citation=CITATION,
        sizes={"users": users, "items": items, "events": events},
        layouts=(official,) if parquet is None else (parquet, official),
        splits=splits,
        package=_packaged if small else None,
        extra="demo" if small else "",
        also=also,
    )


SOURCES = (
    _release(
        "100k",
        Layout(
            kind="official",
            folders=("ml-100k",),
            needs=("u.data", "u.item", "u.user"),
            read=_read_100k,
        ),
        parquet=Layout(kind="parquet", folders=("ml-100k",), needs=PARQUET, read=_parquet_100k),
        bytes_=4_924_029,
        checksums=(
            "md5:0e33842e24a9c977be4e0107933c0723",
            "sha256:50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        ),
        terms=KEEP,
        users=943,
        items=1_682,
        events=100_000,
        splits=SPLITS_100K,
    ),
    _release(
        "small",
        Layout(kind="official", folders=("ml-latest-small",), needs=CSV, read=_read_csv),
        parquet=Layout(
            kind="parquet", folders=("ml-latest-small",), needs=PARQUET, read=_parquet_small
        ),
        bytes_=978_202,
        checksums=("sha256:696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",),
        terms=SHARE,
        users=610,
        items=9_724,
        events=100_836,
        also="GroupLens replaces this one from time to time. The official file is of September "
        "2018; the Parquet layout and the package rdatasets hold that of October 2016, with "
        "100,004 ratings of 9,066 films by 671 people. Compare numbers within one of them.",
        small=True,
    ),
    _release(
        "1m",
        Layout(
            kind="official",
            folders=("ml-1m",),
            needs=(*DAT, "users.dat"),
            read=_read_dat,
        ),
        parquet=Layout(kind="parquet", folders=("ml-1m",), needs=PARQUET, read=_parquet_1m),
        bytes_=5_917_549,
        checksums=(
            "md5:c4d9eecfca2ab87c1945afe126590906",
            "sha256:a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        ),
        terms=KEEP,
        users=6_040,
        items=3_706,
        events=1_000_209,
        also="The Parquet layout has each user's order but not the times.",
    ),
    _release(
        "10m",
        Layout(kind="official", folders=("ml-10m", "ml-10M100K"), needs=DAT, read=_read_dat),
        bytes_=65_566_137,
        checksums=("md5:ce571fd55effeba0271552578f2648bd",),
        terms=KEEP,
        users=69_878,
        items=10_677,
        events=10_000_054,
    ),
    _release(
        "20m",
        Layout(kind="official", folders=("ml-20m",), needs=CSV, read=_read_csv),
        bytes_=198_702_078,
        checksums=(
            "md5:cd245b17a1ae2cc31bb14903e1204af3",
            "sha256:96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
        ),
        terms=KEEP,
        users=138_493,
        items=26_744,
        events=20_000_263,
    ),
    _release(
        "25m",
        Layout(kind="official", folders=("ml-25m",), needs=CSV, read=_read_csv),
        bytes_=261_978_986,
        checksums=(
            "md5:6b51fb2759a8657d3bfcbfc42b592ada",
            "sha256:8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
        ),
        terms=KEEP,
        users=162_541,
        items=59_047,
        events=25_000_095,
    ),
    _release(
        "32m",
        Layout(kind="official", folders=("ml-32m",), needs=CSV, read=_read_csv),
        bytes_=238_950_008,
        checksums=("md5:d472be332d4daa821edc399621853b57",),
        terms=SHARE,
        users=200_948,
        items=87_585,
        events=32_000_204,
        also="The number of films is that of all listed, not of those rated.",
    ),
)
