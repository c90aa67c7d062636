"""Any table in: every format gives the same dataset, and every bad one says what is wrong."""

import csv
import gzip
import json
import logging
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.data import _blocks, _tables, _text
from headwater.data._items import catalogue
from headwater.data.frame import describe, read
from headwater.data.toy import checkers
from headwater.errors import BadParameter, DataError, MissingColumn, UnknownName

HERE = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def events(data):
    """(user, item, value, time) of every event, with the ids of the table, in its order."""
    log = data.log
    users = data.users.values.gather(log.rows).to_list()
    items = data.items.values.gather(log.items).to_list()
    return list(zip(users, items, log.values.tolist(), log.times.tolist(), strict=True))


def same(one, other):
    assert one.users.values.equals(other.users.values)
    assert one.items.values.equals(other.items.values)
    for name in ("start", "items", "times", "values"):
        np.testing.assert_array_equal(getattr(one.log, name), getattr(other.log, name))


# Formats ------------------------------------------------------------------------------------------

awkward = st.text(st.sampled_from("ab\"',;|\t\nÉ王 :"), min_size=1, max_size=5).map(
    lambda text: f"x{text}x"
)
ids = st.one_of(
    st.lists(st.integers(-5, 99), min_size=4, max_size=4), st.lists(awkward, min_size=4)
)


@st.composite
def frames(draw):
    n = draw(st.integers(1, 12))
    pick = [st.sampled_from(draw(ids)) for _ in range(2)]
    when = st.integers(10**9, 2 * 10**9)
    rating = st.integers(-4, 10).map(lambda x: x / 2)
    columns = {"user": pick[0], "item": pick[1], "rating": rating, "ts": when}
    return pl.DataFrame(
        {name: draw(st.lists(values, min_size=n, max_size=n)) for name, values in columns.items()}
    )


def separated(between):
    def write(frame, path):
        frame.write_csv(path, separator=between)
        return path

    return write


def written(method):
    def write(frame, path):
        getattr(frame, method)(path)
        return path

    return write


def gzipped(frame, path):
    path.write_bytes(gzip.compress(frame.write_csv().encode()))
    return path


def array(frame, path):
    path.write_text(json.dumps(frame.to_dicts()), "utf-8")
    return path


def utf8_bom(frame, path):
    path.write_bytes(b"\xef\xbb\xbf" + frame.write_csv().encode())
    return path


class Stream:
    """Nothing but an Arrow stream."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


FORMATS = {
    "comma": separated(","),
    "tab": separated("\t"),
    "semicolon": separated(";"),
    "bar": separated("|"),
    "gzip": gzipped,
    "bom": utf8_bom,
    "json lines": written("write_ndjson"),
    "json array": array,
    "parquet": written("write_parquet"),
    "arrow file": written("write_ipc"),
    "arrow stream file": written("write_ipc_stream"),
    "lazy": lambda frame, _: frame.lazy(),
    "pandas": lambda frame, _: pd.DataFrame(frame.to_dict(as_series=False)),
    "pandas objects": lambda frame, _: pd.DataFrame(frame.to_dicts(), dtype=object),
    "arrow table": lambda frame, _: frame.to_arrow(),
    "arrow stream": lambda frame, _: Stream(frame),
    "dicts": lambda frame, _: frame.to_dicts(),
}


@pytest.mark.parametrize("kind", FORMATS)
@HERE
@given(frame=frames())
def test_every_format_gives_the_same_dataset(tmp_path, kind, frame):
    source = FORMATS[kind](frame, tmp_path / "table")
    same(read(source, duplicates="keep"), read(frame, duplicates="keep"))


@HERE
@given(frame=frames())
def test_pieces_make_the_same_whole(tmp_path, frame):
    path = tmp_path / "table"
    frame.write_csv(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_blocks, "BLOCK", 40)
        patch.setattr(_tables, "ROWS", 2)
        pieces, sliced = read(path, duplicates="keep"), read(frame, duplicates="keep")
    same(pieces, sliced)
    same(pieces, read(path, duplicates="keep"))


def test_latin_1_and_utf_16(tmp_path):
    text = "user,item,title\n1,7,Amélie\n2,7,Amélie\n1,8,Léon\n"
    for encoding in ("latin-1", "utf-16", "cp1252"):
        path = tmp_path / encoding
        path.write_bytes(text.encode(encoding))
        titles = read(path, encoding=encoding).catalog.table["title"]
        assert sorted(titles) == ["Amélie", "Léon"]


def test_pandas_without_pyarrow():
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import pandas as pd; from headwater.data.frame import read\n"
        "table = pd.DataFrame({'user': ['a', None, 'b'], 'item': [1.0, 2.0, None],"
        " 'time': pd.to_datetime(['2020-01-01', '2020-01-02', None], utc=True)})\n"
        "data = read(table); print(data, data.log.times)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "Dataset(1 users, 1 items, 1 events) [1577836800]\n"


def test_reading_imports_neither_pandas_nor_pyarrow(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("user,item\n1,2\n")
    code = (
        f"from headwater.data.frame import read; read({str(path)!r})\n"
        "import sys; print({'pandas', 'pyarrow', 'numba', 'torch'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"


# Lines and fields ---------------------------------------------------------------------------------

messy = st.lists(
    st.sampled_from(["a", "b", "1", ",", ",", '"', '""', "\n", "\n", "\r\n", "\r", " ", "é"]),
    max_size=40,
).map("".join)


def rows(path, block, monkey, *, quick=True):
    monkey.setattr(_blocks, "BLOCK", block)
    if not quick:
        monkey.setattr(_text.Delimited, "_quick", lambda *_: None)
    parts = list(_text.Delimited(path, "utf-8").batches(["u", "v", "w"]))
    good = [
        (at, *row) for part in parts for at, row in zip(part.rows, part.frame.rows(), strict=True)
    ]
    return good, [row for part in parts for row in part.broken.rows()]


@settings(HERE, max_examples=300)
@given(text=messy)
def test_the_quick_way_and_the_size_of_blocks_change_nothing(tmp_path, text):
    path = tmp_path / "messy.csv"
    path.write_bytes(b"u,v,w\n" + text.encode())
    with pytest.MonkeyPatch.context() as monkey:
        expected = rows(path, 1 << 20, monkey, quick=False)
    for block in (7, 1 << 20):
        with pytest.MonkeyPatch.context() as monkey:
            assert rows(path, block, monkey) == expected


@settings(HERE, max_examples=200)
@given(text=messy.map(lambda text: re.sub('"|\r(?!\n)', "", text)))
def test_lines_without_quotes_are_split_at_their_commas(tmp_path, text):
    path = tmp_path / "plain.csv"
    path.write_bytes(b"u,v,w\n" + text.encode())
    good, broken = [], []
    for at, line in enumerate(text.replace("\r\n", "\n").split("\n"), 2):
        fields = line.split(",")
        if len(fields) == 3:
            good.append((at, *(field or None for field in fields)))
        elif line.strip(" ,"):
            broken.append(at)
    with pytest.MonkeyPatch.context() as monkey:
        found, bad = rows(path, 1 << 20, monkey)
    assert found == good
    assert [row for row, *_ in bad] == broken


def test_a_quoted_field_may_span_lines_and_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK", 16)
    path = tmp_path / "t.csv"
    path.write_text(
        'user,item,title\n1,7,"one\ntwo\nthree, ""four"""\n2,7,"one\ntwo\nthree, ""four"""\n1,8,x\n'
    )
    data = read(path)
    assert 'one\ntwo\nthree, "four"' in data.catalog.table["title"].to_list()
    assert len(data.log.items) == 3


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(_text, "LONGEST", 5)
    path = tmp_path / "t.csv"
    path.write_text('user,item\n1,7\n2,"7\n' + "".join(f"{u},8\n" for u in range(3, 60)))
    data = read(path)
    assert len(data.log.items) == 58
    assert any("line 3" in note for note in data.notes)


def test_line_numbers_are_those_of_the_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('user,item,rating\n\n1,7,5\n1,"a\nb",4\n2,7,bad\n2,8\n3,7,1,9\n,7,2\n3,8,3\n')
    data = read(path, rejects=tmp_path / "bad" / "rejects.csv")
    with (tmp_path / "bad" / "rejects.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["row", "column", "value", "reason"],
            ["6", "rating", "bad", "is not a number"],
            ["7", "the line", "2,8", "has 2 fields, not 3"],
            ["8", "the line", "3,7,1,9", "has 4 fields, not 3"],
            ["9", "user", "", "is empty"],
        ]
    assert sorted(events(data)) == [(1, "7", 5, 0), (1, "a\nb", 4, 0), (3, "8", 3, 0)]
    assert "left out 4 of 7 lines" in " ".join(data.notes)
    assert [each.name for each in (tmp_path / "bad").iterdir()] == ["rejects.csv"]


def test_bad_json_lines(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"user": 1, "item": 7, "rating": 2}\n\n{"user": 1,\n[1]\n'
        '{"item": 7, "user": "2", "x": [1]}\n'
        '{"user": 3, "item": 8, "rating": NaN}\n'
    )
    bad = tmp_path / "bad.csv"
    assert events(read(path, rejects=bad)) == [(1, 7, 2, 0)]
    assert pl.read_csv(bad).rows() == [
        (3, "the line", '{"user": 1,', "is not a JSON object"),
        (4, "the line", "[1]", "is not a JSON object"),
        (5, "rating", None, "is empty"),
        (6, "rating", "NaN", "is not a number"),
    ]


# Columns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("userId,movieId,rating,timestamp", "userId movieId rating timestamp"),
        ("UserID,ItemId,stars,ts", "UserID ItemId stars ts"),
        ("reviewerID,asin,overall,unixReviewTime", "reviewerID asin overall unixReviewTime"),
        ("customer_id,sku,count,date", "customer_id sku count date"),
        ("user_id:token,item_id:token,rating:float,timestamp:float", None),
    ],
)
def test_names_are_guessed_and_said(tmp_path, caplog, header, roles):
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\n1,7,4,1000000000\n2,7,5,1000000001\n")
    with caplog.at_level(logging.INFO, "headwater"):
        data = read(path)
    assert sorted(events(data)) == [(1, 7, 4, 10**9), (2, 7, 5, 10**9 + 1)]
    names = roles.split() if roles else header.split(",")
    told = zip(("user", "item", "rating", "time"), names, strict=True)
    expected = "guessed: " + ", ".join(f"{role} is {name!r}" for role, name in told)
    assert data.notes[0] == expected
    assert caplog.messages == list(data.notes)


def test_a_mapping_overrides_the_guess():
    table = {"userId": [1, 2], "movieId": [3, 3], "who": [7, 8], "rating": [1, 2], "score": [4, 5]}
    data = read(pl.DataFrame(table), user="who", rating="score")
    assert sorted(events(data)) == [(7, 3, 4, 0), (8, 3, 5, 0)]
    assert sorted(events(read(pl.DataFrame(table).drop("score"), rating=False))) == [
        (1, 3, 1, 0),
        (2, 3, 1, 0),
    ]


def test_unclear_columns_are_a_question():
    table = pl.DataFrame({"user": [1], "movieId": [2], "bookId": [3], "thing": [4]})
    with pytest.raises(DataError, match=r"2 columns.*item: movieId, bookId\. Say .*item='movieId'"):
        read(table)
    with pytest.raises(MissingColumn, match=r"no column 'item'.*item='its name'.*user, thing"):
        read(table.select("user", "thing"))
    with pytest.raises(MissingColumn, match=r"no column 'film'.*it has: user, movieId"):
        read(table, item="film")
    with pytest.raises(DataError, match="cannot be user and item at once"):
        read(table, user="thing", item="thing")


def test_no_header(tmp_path):
    path = tmp_path / "u.data"
    path.write_text("196\t242\t3\t881250949\n186\t302\t3\t891717742\n")
    data = read(path)
    assert sorted(events(data)) == [(186, 302, 3, 891717742), (196, 242, 3, 881250949)]
    assert "no header line; guessed by place" in " ".join(data.notes)
    path.write_text("196::242::881250949\n186::302::891717742\n")
    assert sorted(events(read(path))) == [(186, 302, 1, 891717742), (196, 242, 1, 881250949)]
    path.write_text("ann,B007,5.0,1400000000\nbob,B008,4.0,1400000001\n")
    with pytest.raises(MissingColumn, match=r"no column 'user'.*it has: ann, B007"):
        read(path)
    data = read(path, user="column_1", item="column_2", rating="column_3", time="column_4")
    assert sorted(events(data)) == [
        ("ann", "B007", 5, 14 * 10**8),
        ("bob", "B008", 4, 14 * 10**8 + 1),
    ]
    path.write_text("1,2,3,4,5\n")
    with pytest.raises(MissingColumn, match="no header"):
        read(path)


# Ids, ratings, times ------------------------------------------------------------------------------


def test_ids_keep_their_type(tmp_path):
    def kinds(table, **options):
        data = read(table, **options)
        return data.users.values.dtype, sorted(data.users.values), " ".join(data.notes)

    items = [1, 2, 3]
    assert kinds({"user": [3, 1, 2], "item": items})[:2] == (pl.Int64, [1, 2, 3])
    assert kinds(pl.DataFrame({"user": ["3", "1"], "item": [1, 2]}))[:2] == (pl.String, ["1", "3"])
    floats = pd.DataFrame({"user": [1.0, 2.0, None], "item": items})
    assert kinds(floats)[:2] == (pl.Int64, [1, 2])
    mixed = pd.DataFrame({"user": [1, "x", 2], "item": items})
    assert kinds(mixed)[:2] == (pl.String, ["1", "2", "x"])
    path = tmp_path / "t.csv"
    path.write_text("user,item\n1,1\n1.0,2\n02,3\n")
    kind, users, told = kinds(path)
    assert (kind, users) == (pl.String, ["02", "1", "1.0"])
    assert "user ids: some are whole numbers (1) and some are not ('02')" in told
    path.write_text("user,item\n1,1\n1.0,2\n-7,3\n")
    kind, users, told = kinds(path)
    assert (kind, users) == (pl.Int64, [-7, 1])
    assert "decimal point" in told
    path.write_text("user;item;rating\n1;1;4,5\n1;2;3\n2;1;1,000\n")
    data = read(path)
    assert sorted(data.log.values.tolist()) == [3, 4.5]
    assert "rating '1,000' is not a number" in " ".join(data.notes)
    path.write_text(f"user,item\n{10**30},1\n{10**30 + 1},2\n")
    assert kinds(path)[1] == [str(10**30), str(10**30 + 1)]
    with pytest.raises(DataError, match=r"'item' holds List.*explode"):
        read(pl.DataFrame({"user": [1], "item": [[1, 2]]}))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1), st.randoms())
@settings(deadline=None)
def test_numbers_depend_on_ids_and_seed_alone(pairs, random):
    again = random.sample(pairs, len(pairs)) + pairs[:3]
    one, two = (read([{"user": u, "item": i} for u, i in each], seed=3) for each in (pairs, again))
    assert one.users.values.equals(two.users.values)
    assert one.items.values.equals(two.items.values)
    assert set(one.users.values) == {u for u, _ in pairs}


def test_numbers_tell_nothing_of_popularity():
    table = [{"user": u, "item": i} for i in range(60) for u in range(60 - i)]  # 0 is the favourite
    places = {seed: read(table, seed=seed).items.encode(range(60)) for seed in range(30)}
    assert len({tuple(place) for place in places.values()}) == 30
    trend = [np.corrcoef(place, np.arange(60))[0, 1] for place in places.values()]
    assert abs(np.mean(trend)) < 4 / np.sqrt(60 * 30)


def test_bad_values_are_left_out_and_strict_stops(tmp_path):
    table = pl.DataFrame(
        {
            "user": ["a", None, " ", "b", "c", "d", "nan"],
            "item": [1, 1, 1, 1, 1, 1, 1],
            "rating": [1.0, 1.0, 1.0, float("nan"), float("inf"), None, 2.0],
        }
    )
    data = read(table)
    assert events(data) == [("a", 1, 1, 0)]
    assert any(
        "left out 6 of 7 rows" in note and "row 3: rating 'NaN'" in note for note in data.notes
    )
    with pytest.raises(DataError, match=r"strict: 6 bad rows so far.*row 1: user is empty"):
        read(table, strict=True, rejects=tmp_path / "bad.csv")
    assert pl.read_csv(tmp_path / "bad.csv")["row"].to_list() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(DataError, match=r"no row of the frame can be used: left out 6 of 6 rows"):
        read(table[1:], rejects=tmp_path / "all.csv")
    assert len(pl.read_csv(tmp_path / "all.csv")) == 6


SECOND = 978_300_760
AS_NUMBERS = {
    "seconds": SECOND,
    "milliseconds": SECOND * 10**3 + 999,
    "microseconds": SECOND * 10**6 + 999_999,
    "nanoseconds": SECOND * 10**9 + 999_000_000,
}


@pytest.mark.parametrize("unit", AS_NUMBERS)
def test_the_unit_of_numeric_times_is_told_by_their_size(tmp_path, unit):
    value = AS_NUMBERS[unit]
    path = tmp_path / "t.csv"
    path.write_text(f"user,item,time\n1,2,{value}\n")
    sources = [
        [{"user": 1, "item": 2, "time": value}],
        [{"user": 1, "item": 2, "time": float(value)}],
        [{"user": 1, "item": 2, "time": str(value)}],
        path,
    ]
    for source in sources:
        data = read(source)
        assert data.log.times.tolist() == [SECOND]
        assert f"times are read as {unit}" in data.notes


@pytest.mark.parametrize(
    "written",
    [
        "2000-12-31T22:12:40Z",
        "2000-12-31 22:12:40",
        "2000-12-31T22:12:40.75",
        "2000-12-31T23:12:40+01:00",
        "2000-12-31 17:12:40-05:00",
        "2000/12/31 22:12:40",
    ],
)
def test_written_times(written):
    assert read([{"user": 1, "item": 2, "time": written}]).log.times.tolist() == [SECOND]


def test_days_and_datetime_columns():
    day = int(datetime(2000, 12, 31, tzinfo=UTC).timestamp())
    for value in ("2000-12-31", "20001231", 20001231, date(2000, 12, 31), datetime(2000, 12, 31)):
        data = read([{"user": 1, "item": 2, "date": value}])
        assert data.log.times.tolist() == [day]
        assert "times are read as dates" in data.notes
    aware = pd.DataFrame(
        {"user": [1], "item": [2], "time": pd.to_datetime([SECOND], unit="s", utc=True)}
    )
    aware["time"] = aware["time"].dt.tz_convert("Asia/Tokyo")
    assert read(aware).log.times.tolist() == [SECOND]


def test_one_time_in_another_unit_is_a_bad_row():
    table = [{"user": u, "item": 1, "time": SECOND + u} for u in range(9)]
    data = read([*table, {"user": 9, "item": 1, "time": SECOND * 1000}])
    assert len(data.log.items) == 9
    assert any("time '978300760000' is not a time in seconds" in note for note in data.notes)


def test_mixed_spellings_and_one_that_is_no_date():
    table = pl.DataFrame(
        {"user": [1, 2, 3], "item": 1, "time": ["2020-01-01", "2020-01-01T00:00:01Z", "2020-02-30"]}
    )
    data = read(table)
    assert sorted(time for *_, time in events(data)) == [1577836800, 1577836801]
    assert any("time '2020-02-30' is not a time in dates" in note for note in data.notes)


def test_order():
    table = pl.DataFrame({"user": [1, 1, 1, 2], "item": [5, 6, 7, 5], "seq": [3, 1, 2, 1]})
    by_place = read(table)
    assert [item for user, item, *_ in events(by_place) if user == 1] == [6, 7, 5]
    assert not by_place.log.timed
    by_row = read(table.drop("seq"))
    assert [item for user, item, *_ in events(by_row) if user == 1] == [5, 6, 7]
    assert "no column of times: events are in the order of the rows" in by_row.notes
    ties = read(table.with_columns(seq=pl.lit(1)))
    assert [item for user, item, *_ in events(ties) if user == 1] == [5, 6, 7]


def test_kinds_of_event():
    table = pl.DataFrame(
        {
            "visitorid": [1, 1, 1, 2],
            "itemid": [5, 5, 5, 5],
            "event": ["view", "addtocart", "view", "view"],
            "timestamp": [1433221332117, 1433221332118, 1433221332119, 1433221332120],
        }
    )
    data = read(table)
    assert data.kinds == ("addtocart", "view")
    assert data.log.kinds.dtype == np.int8
    found = zip(data.users.values.gather(data.log.rows), data.log.kinds, strict=True)
    assert sorted((u, data.kinds[k]) for u, k in found) == [
        (1, "addtocart"),
        (1, "view"),
        (2, "view"),
    ]
    assert "1 events repeat a user and item and kind: kept the last of each" in data.notes
    with pytest.raises(DataError, match="'event' of the frame has more than 127 kinds"):
        read(pl.DataFrame({"user": range(200), "item": 1, "event": range(200)}))
    assert read(table, event=False).kinds == ()


# What is left -------------------------------------------------------------------------------------


def slowly(table, *, duplicates, like, per_user, per_item, until_stable):
    """What `read` says it does, one event at a time. ``table`` is (user, item, value, time)."""
    table = sorted(table, key=lambda row: row[3])
    groups = defaultdict(list)
    for row in table:
        groups[row[:2]].append(row)
    kept = []
    for group in groups.values():
        if duplicates == "keep":
            kept += group
        elif duplicates == "first":
            kept.append(group[0])
        elif duplicates == "last":
            kept.append(group[-1])
        elif duplicates == "max":
            best = max(row[2] for row in group)
            kept.append([row for row in group if row[2] == best][-1])
        else:
            kept.append((*group[-1][:2], sum(row[2] for row in group), group[-1][3]))
    if like is not None:
        kept = [(u, i, 1, t) for u, i, value, t in kept if value >= like]
    while True:
        before = len(kept)
        for place, other, least in ((0, 1, per_user), (1, 0, per_item)):
            seen = defaultdict(set)
            for row in kept:
                seen[row[place]].add(row[other])
            kept = [row for row in kept if len(seen[row[place]]) >= least]
        if not until_stable or len(kept) == before:
            return sorted(kept)


tables = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 5), st.integers(1, 9)),
    min_size=1,
    max_size=40,
)
options = st.fixed_dictionaries(
    {
        "duplicates": st.sampled_from(["last", "first", "max", "sum", "keep"]),
        "like": st.none() | st.integers(1, 6),
        "per_user": st.integers(0, 3),
        "per_item": st.integers(0, 3),
        "until_stable": st.booleans(),
    }
)


@settings(max_examples=300, deadline=None)
@given(table=tables, asked=options)
def test_what_is_left_is_what_the_rules_leave(table, asked):
    expected = slowly(table, **asked)
    frame = pl.DataFrame(table, schema=["user", "item", "rating", "time"], orient="row")
    asked = dict(asked)
    asked["min_items_per_user"] = asked.pop("per_user")
    asked["min_users_per_item"] = asked.pop("per_item")
    if not expected:
        with pytest.raises(DataError, match="no event is left after"):
            read(frame, **asked)
        return
    data = read(frame, **asked)
    assert sorted(events(data)) == expected
    assert (data.log.lengths > 0).all()
    assert np.bincount(data.log.items, minlength=data.log.n_items).min() > 0
    for row in range(len(data.log)):
        assert (np.diff(data.log.times[data.log.start[row] : data.log.start[row + 1]]) >= 0).all()
    assert data.log.start.dtype == data.log.times.dtype == np.int64
    assert data.log.items.dtype == np.int32
    assert data.log.values.dtype == np.float32


def test_duplicates_may_be_an_error():
    table = [{"user": "a", "item": i} for i in (1, 2, 2, 2, 3, 3)]
    with pytest.raises(DataError, match=r"3 events repeat .* 'a' and item 2 \(3 times\).*'last'"):
        read(table, duplicates="error")
    assert "3 events repeat a user and item: kept the last of each" in read(table).notes
    assert len(read([{"user": 1, "item": i} for i in (1, 2)], duplicates="error").items) == 2


def test_options_that_make_no_sense():
    table = [{"user": 1, "item": 2}]
    with pytest.raises(BadParameter, match=r"duplicates must be one of last, first.*got 'latest'"):
        read(table, duplicates="latest")
    with pytest.raises(BadParameter, match="at least 0"):
        read(table, min_items_per_user=-1)
    with pytest.raises(DataError, match=r"like=4 needs ratings.*it has: user, item.*rating='...'"):
        read(table, like=4)
    with pytest.raises(DataError, match=r"no event is left after like=9: kept 0 of 1.*from 3 to 3"):
        read([{"user": 1, "item": 2, "rating": 3}], like=9)
    with pytest.raises(DataError, match=r"no event is left after min_items_per_user=5"):
        read(table, min_items_per_user=5)


# What is known of items and people ----------------------------------------------------------------


def test_an_item_table(tmp_path):
    path = tmp_path / "movies.csv"
    path.write_text(
        "movieId,name,genres,release_year,zip\n"
        "7,Heat,Crime|Drama,1995,01234\n"
        "9,Nobody saw it,Drama,1990,99999\n"
        "8,300,(no genres listed),2006,99999\n"
        "7,Heat again,Crime,1995,99999\n"
    )
    events_ = [{"userId": 1, "movieId": i} for i in (7, 8, 10)]
    people = pl.DataFrame({"userId": [5, 1], "age": [30, 40]})
    data = read(events_, items=path, users=people)
    table = dict(zip(data.items.values, data.catalog.table.to_dicts(), strict=True))
    known = {"title": "Heat", "genres": ["Crime", "Drama"], "year": 1995, "zip": "01234"}
    assert table[7] == known
    assert table[8] == {"title": "300", "genres": [], "year": 2006, "zip": "99999"}
    assert table[10] == dict.fromkeys(known)
    assert data.people.to_dicts() == [{"age": 40}]
    told = " ".join(data.notes)
    assert f"the item table {path} knows 2 of 3 items" in told
    assert "left out 1 rows about items without events, 1 rows for the second time" in told
    assert "column 'name' is the title" in told
    with pytest.raises(DataError, match=r"knows none of the items.*'tt1'.*like 7"):
        read(events_[:1], items=[{"movieId": "tt1", "title": "x"}])
    with pytest.raises(MissingColumn, match="no column 'item_id' in the item table"):
        read(events_, items=[{"film": 7, "title": "x"}])


@pytest.mark.parametrize(
    "genres",
    [
        [["a", "b c"], ["d"], [], None],
        ["a|b c", "d", "", None],
        ["a, b c", "d", "", None],
        ['["a", "b c"]', "['d']", "[]", None],
    ],
)
def test_genres_become_lists(genres):
    data = read(
        [{"user": 1, "item": i} for i in range(4)], items={"item": range(4), "genre": genres}
    )
    found = dict(zip(data.items.values, data.catalog.table["genres"].to_list(), strict=True))
    assert found == {0: ["a", "b c"], 1: ["d"], 2: [], 3: None}


def test_columns_that_never_differ_within_an_item_are_the_catalogue(tmp_path):
    path = tmp_path / "joined.csv"
    path.write_text(
        "rownames,movieId,title,year,genres,userId,rating,timestamp,source\n"
        "1,7,Heat,1995,Crime|Drama,1,4,1000000000,x\n"
        "2,8,Alien,1979,Horror,1,5,1000000000,x\n"
        "3,7,Heat,1995,Crime|Drama,2,3,1000000000,x\n"
        "4,8,Alien,,Horror,2,3,1000000000,x\n"
    )
    data = read(path)
    found = dict(zip(data.items.values, data.catalog.table.rows(), strict=True))
    assert data.catalog.table.columns == ["title", "year", "genres"]
    assert found == {7: ("Heat", 1995, ["Crime", "Drama"]), 8: ("Alien", 1979, ["Horror"])}
    assert "never differ within an item, so in the catalogue: title, year, genres" in data.notes
    reviews = [{"user": u, "item": 1, "title": f"review {u}"} for u in range(3)]
    assert read(reviews).catalog.table["title"].to_list() == [None]


def test_there_is_always_a_title():
    table = read([{"user": 1, "item": 2}]).catalog.table
    assert table.schema == {"title": pl.String}
    assert table.rows() == [(None,)]


# Files that are no tables -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty: it has 0 bytes"),
        (b"\n\n", "is empty"),
        (b"user,item\n", r"has columns \(user, item\) but no rows"),
        (b"hello\nworld\n", "cannot tell the columns of .* apart: its first line is 'hello'"),
        (b"PK\x03\x04zipzip", "is a zip archive: unpack it"),
        (b"\x7fELF\x00\x00,\x00\n", "is not a table: it holds zero bytes"),
        (b"PAR1 and then nothing", r"cannot be read \(is it whole\?\)"),
        (b"ARROW1 and then nothing", r"cannot be read \(is it whole\?\)"),
        (gzip.compress(b"user,item\n1,2\n" * 99, mtime=0)[:-9], "is not a whole gzip file"),
        (b"[1, 2]", "not one of objects with columns"),
        (b"[{]", "is not JSON"),
        (b"user,user,item\n1,1,2\n", "has two columns named 'user'"),
        (
            b"user,item,title\n1,2,ok\n1,3,Am\xe9lie\n",
            r"not UTF-8 text: byte 0xe9 at position 29, in line 3, after '1,3,Am'; .*'latin-1'",
        ),
        ("user,item\n1,2\n".encode("utf-16"), "pass encoding='utf-16'"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, told):
    path = tmp_path / "thing.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=told):
        read(path)


def test_a_wrong_byte_far_into_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(_blocks, "HEAD", 64)
    monkeypatch.setattr(_blocks, "BLOCK", 50)
    start = b"user,item,title\n" + b"1,2,x\n" * 40
    path = tmp_path / "t.csv"
    path.write_bytes(start + b"1,3,Am\xe9\n")
    with pytest.raises(DataError, match=rf"position {len(start) + 6}, in line 42"):
        read(path)


def test_a_damaged_parquet_file(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"user": range(5000), "item": range(5000)}).write_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is it whole"):
        read(path)


def test_what_is_not_there_or_not_a_table(tmp_path):
    (tmp_path / "ratings.csv").write_text("user,item\n1,2\n")
    with pytest.raises(UnknownName, match=r"no file '.*ratngs.csv'; did you mean '.*ratings.csv'"):
        read(tmp_path / "ratngs.csv")
    with pytest.raises(DataError, match=r"is a folder; give one of its files: ratings.csv"):
        read(tmp_path)
    for thing in (5, [1, 2], object(), None):
        with pytest.raises(DataError, match=r"cannot read a .* as a table: give a path"):
            read(thing)
    with pytest.raises(BadParameter, match="no encoding 'klingon'; try utf-8"):
        read(tmp_path / "ratings.csv", encoding="klingon")


def test_one_user_one_item():
    data = read([{"user": "only", "item": "one"}])
    assert events(data) == [("only", "one", 1, 0)]


def test_an_interrupted_read_leaves_no_rejects(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("headwater.data._gather._checked", stop)
    with pytest.raises(KeyboardInterrupt):
        read([{"user": 1, "item": 2}], rejects=tmp_path / "bad.csv")
    assert list(tmp_path.iterdir()) == []


# In numbers ---------------------------------------------------------------------------------------


def test_describe():
    table = pl.DataFrame(
        {
            "user": [1, 1, 1, 2, 3],
            "item": ["a", "b", "b", "a", "a"],
            "rating": [1.0, 2.0, 4.0, 1.0, 2.0],
            "time": [86400, 86401, 86402, 86403, 90000],
            "event": ["see", "buy", "buy", "see", "see"],
        }
    )
    items = pl.DataFrame({"item": ["a", "b"], "title": ["A", None]})
    told = describe(read(table, duplicates="keep", items=items, users={"user": [1], "age": [9]}))
    assert json.loads(json.dumps(told)) == {
        "users": 3,
        "items": 2,
        "events": 5,
        "density": 4 / 6,
        "repeats": 1,
        "items per user": {"min": 1, "median": 1.0, "max": 2},
        "users per item": {"min": 1, "median": 2.0, "max": 3},
        "values": {"min": 1.0, "mean": 2.0, "max": 4.0},
        "first": "1970-01-02 00:00:00",
        "last": "1970-01-02 01:00:00",
        "kinds": {"buy": 2, "see": 3},
        "known": {"title": 0.5},
        "people": ["age"],
    }
    assert "first" not in describe(read(table, time=False))
    lists = pl.DataFrame({"item": ["a", "b"], "genres": [["x", "y"], ["x"]], "parts": [[1], [2]]})
    told = describe(read(table, duplicates="keep", items=lists))
    assert told["labels"] == {"genres": {"kinds": 2, "per item": 1.5}}
    assert describe(checkers(6)[0])["items per user"] == {"min": 2, "median": 2.0, "max": 2}


def test_movielens_1m(shared):
    path = shared / "ml-1m" / "ratings.parquet"
    data = read(path, like=4, min_items_per_user=5, min_users_per_item=5)
    assert (len(data.users), len(data.items), len(data.log.items)) == (6034, 3125, 574_376)
    data = read(path, min_items_per_user=5, min_users_per_item=5)
    assert (len(data.users), len(data.items), len(data.log.items)) == (6040, 3416, 999_611)
    table = pl.read_parquet(path)
    first = data.items.decode(data.log.items[data.log.start[:-1]]).to_list()
    chosen = Counter(dict(zip(data.users.values.to_list(), first, strict=True)))
    oldest = table.filter(pl.col("item_id").is_in(data.items.values.implode())).sort("seq")
    for user, item in oldest.unique("user_id", keep="first").select("user_id", "item_id").rows():
        assert chosen[user] == item


def test_huge_files_are_read_in_bounded_memory(tmp_path):
    """Ten times the rows cost less than twice the memory beyond what the events themselves take."""
    code = (
        "import sys, resource\n"
        "from headwater.data._gather import gather; from headwater.data._rejects import Rejects\n"
        "import headwater.data._blocks as b; b.BLOCK = 1 << 20\n"
        "asked = dict.fromkeys(('user', 'item', 'rating', 'time', 'event'))\n"
        "for path in sys.argv[1:]:\n"
        "    gather(path, asked, Rejects())\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    rng, paths = np.random.default_rng(0), []
    for n in (100_000, 1_000_000):
        paths.append(str(tmp_path / f"{n}.csv"))
        filler = "x" * 80  # so that the file is far larger than what is kept of it
        pl.DataFrame(
            {
                "user": rng.integers(0, 1000, n),
                "item": rng.integers(0, 1000, n),
                "time": np.arange(10**9, 10**9 + n),
                "filler": pl.Series(rng.integers(0, 10**9, n)).cast(pl.String) + filler,
            }
        ).write_csv(paths[-1])
    small, large = (
        1024 * int(line)
        for line in subprocess.run(
            [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert os.path.getsize(paths[1]) > 100 << 20
    assert large - small < 70 * 1_000_000


def test_genres_and_years_that_can_be_none_are_left_out():
    table = pl.DataFrame({"year": [[1995]], "genres": [{"x": 1}], "title": ["Heat"]})
    found, said = catalogue(table, 1)
    assert found.columns == ["title"]
    assert [each.split(" is left out")[0] for each in said] == [
        "catalogue: column 'genres'",
        "catalogue: column 'year'",
    ]
