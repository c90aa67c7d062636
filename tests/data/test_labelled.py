"""Items with labels: any table of them, rare labels, a split, and what commands say of them."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from official import OFFICIAL
from typer.testing import CliRunner

from headwater.cli import app
from headwater.data.labelled import frequent, read_labelled, split_items
from headwater.data.toy import blocks
from headwater.errors import BadParameter, DataError, MissingColumn
from headwater.types import Catalog

FILMS = {
    "id": [7, 9, 8],
    "plot": ["A heist.", "A farce.", "A siege."],
    "genre": ["Crime|Drama", "Comedy", " Drama | War||Drama"],
}
GENRES = {7: ["Crime", "Drama"], 9: ["Comedy"], 8: ["Drama", "War"]}


def by_id(data, column="labels"):
    return dict(zip(data.items.values, data.catalog.table[column].to_list(), strict=True))


# ---------------------------------------------------------------------------------- any table


def test_the_same_from_every_kind_of_table(tmp_path):
    frame = pl.DataFrame(FILMS)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ndjson(tmp_path / "a.jsonl")
    sources = [frame, frame.to_dicts(), *(tmp_path / f"a.{kind}" for kind in ("csv", "parquet"))]
    for source in (*sources, tmp_path / "a.jsonl", frame.to_pandas(), frame[::-1]):
        data = read_labelled(source, separator="|")
        assert by_id(data) == GENRES
        assert by_id(data, "text") == dict(zip(FILMS["id"], FILMS["plot"], strict=True))
        assert (len(data.users), len(data.log), len(data.log.items)) == (0, 0, 0)
        assert data.log.n_items == 3
        assert "guessed: item is 'id', text is 'plot', labels is 'genre'" in data.notes


def test_lists_are_lists_also_in_text_files(tmp_path):
    lists = [["a, b", 'with "quotes"'], [], ["c"]]
    rows = [{"id": f"x{i}", "text": "t", "labels": each} for i, each in enumerate(lists)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(lines)
    table = pl.DataFrame(rows)
    as_text = [json.dumps(each) for each in lists]
    table.with_columns(labels=pl.Series(as_text)).write_csv(tmp_path / "a.csv")
    fixed = table.with_columns(labels=pl.Series([["a", None], ["b", "c"], ["", "c"]]))
    for source in (table, tmp_path / "a.jsonl", tmp_path / "a.csv"):
        data = read_labelled(source)
        assert by_id(data) == {f"x{i}": each for i, each in enumerate(lists)}
        assert "1 of 3 items have no label" in data.notes
    fixed = fixed.with_columns(pl.col("labels").list.to_array(2))
    assert by_id(read_labelled(fixed)) == {"x0": ["a"], "x1": ["b", "c"], "x2": ["c"]}
    numbers = table.with_columns(labels=pl.Series([[3, 1], [1], [1, 1]]))
    assert by_id(read_labelled(numbers)) == {"x0": ["3", "1"], "x1": ["1"], "x2": ["1"]}


def test_separators():
    """Of arXiv, of a table with one label each, and of MovieLens where there is none."""
    papers = {"id": ["0704.0001"], "abstract": ["We show."], "categories": ["cs.LG  stat.ML"]}
    data = read_labelled(papers, separator=" ")
    assert by_id(data) == {"0704.0001": ["cs.LG", "stat.ML"]}
    assert by_id(data, "text") == {"0704.0001": "We show."}
    one = {"id": [1, 2], "text": ["x", "y"], "label": ["News, World", None]}
    assert by_id(read_labelled(one, separator="")) == {1: ["News, World"], 2: []}
    films = {"id": [1, 2], "text": ["x", "y"], "genres": ["(no genres listed)", "A|B"]}
    assert by_id(read_labelled(films, separator="|")) == {1: [], 2: ["A", "B"]}


@pytest.mark.parametrize(
    ("labels", "separator", "told"),
    [
        (["A", "B|C"], None, r"such as 'B\|C'.*separator='\|'.*separator=''"),
        (["cs.LG stat.ML", "x"], None, r"separator=' '"),
        (["A", "B"], None, r"such as 'A'.*separator='\|'"),
        (["A, B", "C"], "|", r"has '\|' in none of 2 rows, such as 'A, B'.*separator=''"),
        (['["A"]', "[B"], None, r"is not lists in JSON: '\[B'"),
        ([None, ""], None, r"no item of the frame has a label: column 'labels' is empty"),
        ([[], []], None, r"no item of the frame has a label"),
        ([["A"], ["B"]], "|", r"holds lists already"),
        ([b"A", b"B"], None, r"holds Binary"),
        ([{"a": 1}, {"a": 2}], None, r"holds Struct"),
        ([[{"a": 1}], [{"a": 2}]], None, r"holds List\(Struct"),
    ],
)
def test_labels_that_cannot_be_told_apart(labels, separator, told):
    table = pl.DataFrame({"id": [1, 2], "text": ["x", "y"], "labels": labels})
    with pytest.raises((DataError, BadParameter), match=told):
        read_labelled(table, separator=separator)


def test_what_is_left_out_is_noted():
    table = {
        "id": [1, None, 3, 4],
        "text": [" x ", "y", " ", "z"],
        "label": [["a"], ["b"], ["c"], []],
        "labels": [1, 2, 3, 4],
        "size": ["1", "2", "3", "4"],
        "name": ["A", "B", "C", "D"],
    }
    data = read_labelled(table, labels="label")
    assert by_id(data) == {1: ["a"], 4: []}
    assert by_id(data, "text") == {1: "x", 4: "z"}
    assert by_id(data, "labels_") == {1: 1, 4: 4}
    assert by_id(data, "size") == {1: "1", 4: "4"}  # text on purpose
    assert by_id(data, "title") == {1: "A", 4: "D"}
    assert data.notes == (
        "guessed: item is 'id', text is 'text'",
        "column 'labels' is now 'labels_'",
        "left out 1 of 4 rows without an id",
        "left out 1 of 3 items without text",
        "1 of 2 items have no label",
        "catalogue: column 'name' is the title",
    )


def test_items_are_numbered_by_their_ids_and_the_seed():
    n = 50
    table = pl.DataFrame({"id": range(n), "text": ["x"] * n, "labels": [["a"]] * n})
    first, again, other = (read_labelled(table.sample(n, seed=i, shuffle=True)) for i in range(3))
    assert first.items.values.to_list() == again.items.values.to_list()
    assert first.items.values.to_list() == other.items.values.to_list()
    assert first.items.values.to_list() != list(range(n))
    assert read_labelled(table, seed=1).items.values.to_list() != first.items.values.to_list()
    text = table.with_columns(pl.col("id").cast(pl.String))  # on purpose, so it stays text
    assert read_labelled(text).items.values.dtype == pl.String


def test_numbers_in_a_text_file(tmp_path):
    rows = [f"{i}.0,x,l{i}|l,{1990 + i},00{i},{i}" for i in range(9)]
    (tmp_path / "a.csv").write_text("\n".join(["id,text,labels,year,code,pages", *rows]))
    data = read_labelled(tmp_path / "a.csv", separator="|")
    assert by_id(data) == {i: [f"l{i}", "l"] for i in range(9)}
    assert by_id(data, "code") == {i: f"00{i}" for i in range(9)}  # a name, not a number
    assert by_id(data, "pages") == {i: i for i in range(9)}
    assert by_id(data, "year") == {i: 1990 + i for i in range(9)}
    assert "item ids: written with a decimal point (1.0), read as whole numbers" in data.notes


@pytest.mark.parametrize(
    ("table", "given", "told"),
    [
        (
            {"id": [1, 1], "text": ["x", "y"], "labels": [["a"], ["b"]]},
            {},
            "more than once.*1 .2 ti",
        ),
        ({"text": ["x"], "labels": [["a"]]}, {}, r"no column 'item'.*item='its name'"),
        ({"id": [1], "text": ["x"]}, {}, r"no column 'labels'.*labels='its name'"),
        ({"id": [1], "labels": [["a"]]}, {}, r"no column 'text or image'.*text=False"),
        ({"id": [1], "labels": [["a"]]}, {"text": False}, "no column 'text or image'"),
        ({"id": [1], "labels": [["a"]]}, {"text": "plot"}, "no column 'plot'"),
        (
            {"id": [1], "text": [[1]], "labels": [["a"]]},
            {},
            r"'text' of the frame holds List.*not te",
        ),
        ({"id": [1], "plot": ["x"], "abstract": ["y"], "labels": [["a"]]}, {}, "could be the text"),
        ({"id": [], "text": [], "labels": []}, {}, "but no rows"),
        ({"id": [None], "text": ["x"], "labels": [["a"]]}, {}, "no item of the frame has a label"),
    ],
)
def test_tables_that_are_not_of_items_with_labels(table, given, told):
    with pytest.raises(DataError, match=told):
        read_labelled(table, **given)


def test_lines_that_are_no_rows_are_left_out(tmp_path):
    (tmp_path / "a.csv").write_text("id;text;labels\n1;x;a|b\n2;y;b;more\n3;z;c\n")
    data = read_labelled(tmp_path / "a.csv", separator="|")
    assert by_id(data) == {1: ["a", "b"], 3: ["c"]}
    assert "columns are separated by ;" in data.notes
    assert "left out 1 lines that are not rows" in data.notes


def test_labels_alone_if_asked():
    data = read_labelled({"id": [1, 2], "labels": [["a"], ["b"]]}, text=False, image=False)
    assert data.catalog.table.columns == ["labels", "title"]


# ----------------------------------------------------------------------------------- pictures


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("one.jpg", "two.png"):
        (tmp_path / "in" / name).write_bytes(name.encode())
    return tmp_path


def test_pictures_lie_beside_the_table(pictures, monkeypatch):
    table = "file,labels\nin/one.jpg,cat|dog\nin/two.png,cat\n"
    (pictures / "a.csv").write_text(table)
    expected = {"in/one.jpg": b"one.jpg", "in/two.png": b"two.png"}
    assert by_id(read_labelled(pictures / "a.csv", separator="|"), "image") == expected
    frame = pl.read_csv(pictures / "a.csv")
    monkeypatch.chdir(pictures)
    assert by_id(read_labelled(frame, separator="|"), "image") == expected
    whole = frame.with_columns(file=pl.format(f"{pictures}/{{}}", "file"), id=pl.Series([4, 5]))
    data = read_labelled(whole, separator="|")
    assert by_id(data, "image") == {4: b"one.jpg", 5: b"two.png"}
    again = read_labelled({"id": [4, 5], "jpeg": [b"x", None], "labels": [["a"], ["b"]]})
    assert by_id(again, "image") == {4: b"x"}
    assert "left out 1 of 2 items without image" in again.notes


def test_text_and_a_picture(pictures):
    table = {
        "id": [1, 2, 3],
        "text": ["x", None, None],
        "path": [None, str(pictures / "in" / "one.jpg"), ""],
        "labels": [["a"], ["b"], ["c"]],
    }
    data = read_labelled(table)
    assert by_id(data, "text") == {1: "x", 2: None}
    assert by_id(data, "image") == {1: None, 2: b"one.jpg"}
    assert data.catalog.table.columns == ["text", "image", "labels", "title"]
    only = read_labelled(table, image=False)
    assert by_id(only, "path")[1] is None
    assert "image" not in only.catalog.table.columns


def test_pictures_that_are_not_there(pictures):
    (pictures / "a.csv").write_text("file,labels\nin/one.jpg,a|b\nin/three.jpg,a\nin,b\n")
    with pytest.raises(DataError, match=r"2 of 3 pictures .* not there, such as .*in/three\.jpg"):
        read_labelled(pictures / "a.csv", separator="|")
    with pytest.raises(DataError, match="1 of 1 pictures in column 'file'"):
        read_labelled({"id": [1], "file": [3], "labels": [["a"]]})


def test_a_picture_that_cannot_be_read(pictures, monkeypatch):
    def denied(_):
        raise PermissionError("denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    table = {"file": [str(pictures / "in" / "one.jpg")], "labels": [["a"]]}
    with pytest.raises(DataError, match="a picture of the frame cannot be read: denied"):
        read_labelled(table)


# ------------------------------------------------------------------------- rare labels, a split


def with_lists(lists):
    table = pl.DataFrame({"title": ["x"] * len(lists), "genres": pl.Series(lists)})
    return replace(blocks(items=len(lists)), catalog=Catalog(table))


@pytest.mark.parametrize("least", [1, 2, 5, 12])
def test_frequent_against_a_loop(least):
    rng = np.random.default_rng(0)
    lists = [rng.choice(list("abcdefg"), rng.integers(0, 6)).tolist() for _ in range(40)]
    lists[3], lists[4] = None, ["a", "a", None, "h"]
    data = with_lists(lists)
    have = [set(each or []) for each in lists]
    often = {kind: sum(kind in each for each in have) for kind in "abcdefgh"}
    expected = [[k for k in each or [] if k and often[k] >= least] for each in lists]
    got = frequent(data, "genres", least)
    assert got.catalog.table["genres"].to_list() == expected
    assert got.catalog.table.drop("genres").equals(data.catalog.table.drop("genres"))
    kept = sum(n >= least for n in often.values())
    assert got.notes[-1] == f"genres: kept the {kept} of 8 kinds with {least} items or more"
    assert data.catalog.table["genres"].to_list() == lists


def test_frequent_asks_for_something_there():
    data = with_lists([["a"], ["a", "b"], []])
    with pytest.raises(DataError, match=r"no kind in 'genres' has 3 items; .* has 2: ask for less"):
        frequent(data, "genres", 3)
    with pytest.raises(DataError, match="has 1 items; the most common one has 0"):
        frequent(with_lists([[], None, pl.Series([], dtype=pl.String)]), "genres", 1)
    with pytest.raises(BadParameter, match="least must be at least 1, got 0"):
        frequent(data, "genres", 0)
    with pytest.raises(DataError, match="'title' of the catalogue holds String, not lists"):
        frequent(data, "title", 1)
    with pytest.raises(MissingColumn, match="no column 'labels'"):
        frequent(data, "labels", 1)


def test_kinds_of_the_funnel(shared):
    """The tags of Last.fm that ten artists have, as the funnel of the CDM paper takes them."""
    from headwater.data import sources

    if sources.find("lastfm-hetrec", shared) is None:
        pytest.skip(f"lastfm-hetrec is not in {shared}")
    given = pl.read_parquet(shared / "lastfm-hetrec" / "user_taggedartists.parquet")
    tags = pl.read_parquet(shared / "lastfm-hetrec" / "tags.parquet")
    how = {"min_items_per_user": 5, "min_users_per_item": 5}
    data = sources.load("lastfm-hetrec", folder=shared, **how)
    known = pl.DataFrame({"item_id": data.items.values.cast(pl.Int32)})
    named = given.join(known, on="item_id").join(tags, on="tag_id").unique(["item_id", "tag"])
    wanted = named.group_by("tag").len().filter(pl.col("len") >= 10)["tag"]
    assert set(frequent(data, "genres", 10).catalog.kinds("genres")) == set(wanted)


def test_items_are_split_once_each():
    lists = [["a"] if i % 7 else [] for i in range(700)]
    data = with_lists(lists)
    parts = split_items(data, "genres")
    assert [len(part) for part in parts] == [360, 120, 120]
    assert sorted(np.concatenate(parts).tolist()) == [i for i in range(700) if i % 7]
    for part in parts:
        assert (np.diff(part) > 0).all()
        assert 250 < part.mean() < 450  # from everywhere, not in the order of the items
    again, other = split_items(data, "genres"), split_items(data, "genres", seed=1)
    assert all(map(np.array_equal, parts, again))
    assert not np.array_equal(parts[2], other[2])
    halves = split_items(data, "genres", (0.5, 0.5))
    assert [len(part) for part in halves] == [300, 300]
    assert [len(part) for part in split_items(data, "genres", (1.0, 0.0))] == [600, 0]
    thirds = split_items(data, "title", (1 / 3, 1 / 3, 1 / 3))  # a column of one kind each
    assert [len(part) for part in thirds] == [233, 234, 233]


@pytest.mark.parametrize("shares", [(), (0.6, 0.2), (0.6, 0.6, -0.2)])
def test_shares_of_a_whole(shares):
    with pytest.raises(BadParameter, match="adding up to 1"):
        split_items(with_lists([["a"], ["b"]]), "genres", shares)


def test_nothing_to_split():
    with pytest.raises(DataError, match="no item has anything in column 'genres'"):
        split_items(with_lists([[], None, pl.Series([], dtype=pl.String)]), "genres")


# ------------------------------------------------------------------------ on the command line


def test_commands_on_items_without_people(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path))
    for name in ("chemical-exposure", "movie-posters", "movielens-small"):
        for path, content in OFFICIAL[name].items():
            target = tmp_path / name / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def call(*words):
        return CliRunner().invoke(app, ["data", *map(str, words)])

    found = json.loads(call("describe", "chemical-exposure", "--json").stdout)
    assert (found["users"], found["items"], found["events"], found["density"]) == (0, 2, 0, 0)
    assert found["labels"]["labels"] == {"kinds": 4, "per item": 2}
    assert found["labels"]["parts"] == {"kinds": 10, "per item": 5}
    folder = tmp_path / "imported"
    assert call("import", "movie-posters", folder).exit_code == 0
    got = call("validate", folder, "--json")
    assert got.exit_code == 1  # of so few films none shares a genre
    verdicts = {each["rule"]: each["verdict"] for each in json.loads(got.stdout)}
    assert verdicts["every item has jpeg"] == "PASS"
    assert verdicts["every kind of genres has at least two items"] == "FAIL"
    rows = {row["name"]: row for row in json.loads(call("list", "--json").stdout)}
    assert rows["chemical-exposure"]["items"] == 3661
    assert rows["chemical-exposure"]["users"] is None
    assert rows["movielens-plots"]["here"] is None
