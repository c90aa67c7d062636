"""From tables of what was shown: long, nested, joined to a log; and the mistakes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headwater.data.frame import read
from headwater.data.impressions import read_impressions
from headwater.errors import DataError, MissingColumn
from headwater.types import PAD, Stills

LONG = pl.DataFrame(
    {
        "request_id": ["a", "a", "a", "b", "b", "c"],
        "user_id": ["u1", "u1", "u1", "u2", "u2", "u1"],
        "item_id": [1, 2, 3, 3, 1, 2],
        "timestamp": [100, 100, 100, 50, 50, 300],
        "position": [2, 1, 3, 1, 2, 1],
        "click": [1, 0, 0, 0, 1, 1],
        "dwell": [9.5, None, None, None, 4.0, 2.0],
        "propensity_score": [0.5, 0.25, 0.25, 1.0, 0.5, 0.1],
    }
)


def told(data):
    """Every slot as (request, user, time, item, click), by ids."""
    seen = data.impressions
    rows = []
    for row in range(len(seen)):
        user = data.users.decode(seen.queries.user[row : row + 1])[0]
        for slot in np.flatnonzero(seen.slate.filled[row]):
            item = data.items.decode(seen.slate.items[row, slot : slot + 1])[0]
            click = int(seen.clicks[row, slot])
            rows.append((seen.ids[row], user, int(seen.queries.now[row]), item, click))
    return rows


def test_a_row_a_slot():
    data = read_impressions(LONG)
    assert told(data) == [
        ("b", "u2", 50, 3, 0),
        ("b", "u2", 50, 1, 1),
        ("a", "u1", 100, 2, 0),
        ("a", "u1", 100, 1, 1),
        ("a", "u1", 100, 3, 0),
        ("c", "u1", 300, 2, 1),
    ]
    seen = data.impressions
    np.testing.assert_array_equal(seen.dwell[1], [0, 9.5, 0])
    np.testing.assert_array_equal(seen.slate.propensity[1], [0.25, 0.5, 0.25])
    assert (seen.slate.items[2, 1:] == PAD).all()
    assert np.isneginf(seen.slate.scores[2, 1:]).all()
    assert data.log.lengths.sum() == 3
    assert seen.queries.history.lengths.tolist() == [0, 0, 1], "what was clicked before"
    assert data.items.decode(seen.queries.history.items).to_list() == [1]
    assert seen.chosen.values.tolist() == [4.0, 9.5, 2.0]
    assert len(seen[1:]) == 2
    assert seen[[2]].ids.to_list() == ["c"]


def test_the_order_of_the_rows_does_not_matter():
    same = read_impressions(LONG.sample(fraction=1, shuffle=True, seed=3))
    assert told(same) == told(read_impressions(LONG))


def test_lists_in_a_row():
    """As MIND has them, with histories."""
    table = pl.DataFrame(
        {
            "impression_id": [1, 2],
            "user_id": ["u1", "u1"],
            "time": ["2019-11-14 10:00:00", "2019-11-14 09:00:00"],
            "history": [["n1", "n9"], ["n1"]],
            "candidates": [["n2", "n3"], ["n4"]],
            "clicked": [[0, 1], [0]],
        }
    )
    data = read_impressions(table)
    assert [each[0] for each in told(data)] == [2, 1, 1]
    history = data.impressions.queries.history
    assert data.items.decode(history.items).to_list() == ["n1", "n1", "n9"]
    assert data.items.decode(data.log.items).to_list() == ["n1", "n9", "n3"]
    hole = table.with_columns(clicked=pl.Series([None, [0]], dtype=pl.List(pl.Int64)))
    with pytest.raises(DataError, match="row 1 of the frame has 2 items and 0 values of click"):
        read_impressions(hole)
    off = table.with_columns(clicked=pl.Series([[0], [0]]))
    with pytest.raises(DataError, match="row 1 of the frame has 2 items and 1 values of click"):
        read_impressions(off)


def test_beside_a_log():
    """Histories are what the log says up to the request, and not a second later."""
    events = pl.DataFrame(
        {"user_id": ["u1", "u1", "u2"], "item_id": [1, 2, 1], "timestamp": [99, 100, 10]}
    )
    data = read_impressions(LONG, data=read(events))
    seen = data.impressions
    past = [data.items.decode(seen.queries.history[[r]].items).to_list() for r in range(3)]
    assert past == [[1], [1], [1, 2]]
    assert all(item != 3 for *_, item, _ in told(data))
    assert any("left out 2 slots of items that the data do not know" in n for n in data.notes)
    new = read_impressions(LONG.with_columns(user_id=pl.lit("nobody")), data=read(events))
    assert (new.impressions.queries.user == PAD).all()
    assert (new.impressions.queries.history.lengths == 0).all()


def test_without_requests_or_users():
    rows = LONG.select("item_id", "click")
    assert len(read_impressions(rows).impressions) == 6
    by_time = LONG.drop("request_id")
    assert len(read_impressions(by_time).impressions) == 3


def test_what_cannot_be_read_is_told():
    broken = LONG.with_columns(
        item_id=pl.Series([None, 2, 3, 3, 1, 2]),
        timestamp=pl.Series(["100", "100", "100", "soon", "soon", "300"]),
    )
    data = read_impressions(broken)
    assert "left out 1 slots without an item" in data.notes
    assert "left out 1 requests without a time" in data.notes
    assert [each[0] for each in told(data)] == ["a", "a", "c"]


def test_clicks_as_words_and_holes():
    words = LONG.with_columns(click=pl.Series(["True", "no", "False", None, "yes", "1"]))
    assert told(read_impressions(words)) == told(read_impressions(LONG))
    holes = LONG.with_columns(click=pl.Series([1.0, float("nan"), 0, None, 1, 1]))
    assert told(read_impressions(holes)) == told(read_impressions(LONG))
    none = read_impressions(LONG.with_columns(click=pl.lit(0)))
    assert "nothing of what was shown was clicked" in none.notes


def test_an_item_stands_once_in_a_request():
    again = LONG.head(1).with_columns(position=pl.lit(9), click=pl.lit(0))
    twice = pl.concat([LONG, again], how="vertical_relaxed")
    data = read_impressions(twice)
    assert told(data) == told(read_impressions(LONG))
    assert "left out 1 slots that repeat an item of their request" in data.notes


def test_rows_of_nobody_are_not_put_together():
    rows = LONG.drop("request_id").with_columns(user_id=pl.lit(None, pl.String))
    assert len(read_impressions(rows).impressions) == 6
    some = LONG.with_columns(request_id=pl.Series(["a", "a", "a", None, None, "c"]))
    assert len(read_impressions(some).impressions) == 4


def test_requests_without_times_beside_a_log():
    events = pl.DataFrame({"user_id": ["u1"], "item_id": [1], "timestamp": [99]})
    data = read_impressions(LONG.drop("timestamp"), data=read(events))
    assert any("nobody says when the requests were made" in note for note in data.notes)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda t: t.drop("click"), MissingColumn, "no column 'click' in the frame"),
        (lambda t: t.drop("item_id"), MissingColumn, "no column 'item'"),
        (
            lambda t: t.with_columns(user_id=pl.Series(list("xyzxyz"))),
            DataError,
            "request 'a' of the frame has more than one user",
        ),
        (
            lambda t: t.with_columns(propensity_score=pl.lit(1.5)),
            DataError,
            "a propensity is a chance, above 0 and at most 1; the frame has 1.5",
        ),
        (
            lambda t: t.with_columns(
                propensity_score=pl.Series([0.5, None, 0.25, 1.0, None, 0.1]),
            ),
            DataError,
            "2 of 6 slots of the frame have no propensity",
        ),
        (
            lambda t: t.with_columns(creative=pl.lit(-2)),
            DataError,
            "a creative is the number of a picture of its item, from 0; the frame has -2",
        ),
        (lambda t: t.with_columns(creative=pl.lit(0.5)), DataError, "from 0; the frame has 0.5"),
        (
            lambda t: t.with_columns(
                creative=pl.Series([0, None, 1, 0, 0, 2]), creative_propensity=pl.lit(None)
            ),
            DataError,
            "5 of 5 slots of the frame have no creative_propensity",
        ),
        (lambda t: t.with_columns(position=pl.lit("top")), DataError, "position of .* not all num"),
        (lambda t: t.head(0), DataError, "but no rows"),
        (lambda t: t.with_columns(click=pl.lit("maybe")), DataError, "not all numbers: 'maybe'"),
    ],
)
def test_mistakes(change, error, said):
    with pytest.raises(error, match=said):
        read_impressions(change(LONG))


def test_pictures():
    table = LONG.with_columns(
        creative=pl.Series([2, None, 0, 1, 0, 0]),
        creative_propensity=pl.Series([0.5, None, 1.0, 0.25, 0.75, 0.1]),
    )
    slate = read_impressions(table).impressions.slate
    assert slate.creative.tolist() == [[1, 0, PAD], [PAD, 2, 0], [0, PAD, PAD]]
    want = np.array([[0.25, 0.75, 0], [0, 0.5, 1], [0.1, 0, 0]], np.float32)
    np.testing.assert_array_equal(slate.creative_propensity, want)
    assert read_impressions(table, creative=False).impressions.slate.creative is None


def test_chances_of_pictures_without_pictures():
    table = LONG.with_columns(creative_propensity=pl.lit(0.5))
    data = read_impressions(table)
    assert any("left out column 'creative_propensity'" in note for note in data.notes)
    assert not any("creative_propensity is" in note for note in data.notes)  # guessed
    assert data.impressions.slate.creative_propensity is None
    with pytest.raises(DataError, match="creative_propensity='p' is the chance of a picture, and"):
        read_impressions(LONG.with_columns(p=pl.lit(0.5)), creative_propensity="p")


@pytest.mark.parametrize("asked", [None, "creative"])
def test_names_of_pictures_are_no_numbers(asked):
    table = LONG.with_columns(creative=pl.lit("art/1.jpg"), creative_propensity=pl.lit(0.5))
    with pytest.raises(DataError) as error:
        read_impressions(table, creative=asked)
    said = str(error.value)
    assert "the number of a picture of its item, from 0; the frame has 'art/1.jpg'" in said
    assert said.endswith("creative=False")
    assert read_impressions(table, creative=False).impressions.slate.creative is None


def test_a_picture_that_its_item_does_not_have():
    data = read(pl.DataFrame({"user_id": ["u1"] * 3, "item_id": [1, 2, 3]}))
    place = {item: i for i, item in enumerate(data.items.values)}
    have = [0, 0, 0]
    for item, number in ((1, 1), (2, 2), (3, 0)):
        have[place[item]] = number
    stills = Stills(
        start=np.concatenate([[0], np.cumsum(have)]),
        scores=np.zeros((3, 0), np.float32),
        kinds=(),
        names=pl.Series(["a", "b", "c"]),
        spoils=np.zeros(3, bool),
    )
    data = replace(data, catalog=replace(data.catalog, stills=stills))
    right = LONG.with_columns(creative=pl.Series([0, 1, None, None, 0, 0]))
    assert read_impressions(right, data=data).impressions.slate.creative is not None
    wrong = LONG.with_columns(creative=pl.Series([0, 2, None, None, 0, 0]))
    said = r"item 2 was shown with creative 2, and has 2 pictures, numbered from 0 \(1 of 6 slots\)"
    with pytest.raises(DataError, match=said):
        read_impressions(wrong, data=data)
    none = LONG.with_columns(creative=pl.Series([0, None, 0, None, 0, 0]))
    with pytest.raises(DataError, match="item 3 was shown with creative 0, and has 0 pictures"):
        read_impressions(none, data=data)


def test_unknown_to_the_data():
    events = pl.DataFrame({"user_id": ["u1"], "item_id": [77], "timestamp": [1]})
    with pytest.raises(DataError, match="know none of the items that were shown"):
        read_impressions(LONG, data=read(events))


def test_mind(shared):
    path = Path(shared) / "mind-demo"
    data = read_impressions(
        path / "impressions.parquet", items=path / "news_sample.parquet", item="candidates"
    )
    seen = data.impressions
    assert len(seen) == 4532
    raw = pl.read_parquet(path / "impressions.parquet")
    assert seen.slate.filled.sum() == raw["candidates"].list.len().sum()
    assert seen.clicks.sum() == raw["clicked"].list.sum().sum()
    assert (np.diff(seen.queries.now) >= 0).all()
