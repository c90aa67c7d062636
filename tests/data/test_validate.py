"""Every rule passes on good data, fails on data that breaks it alone, and never raises."""

import time
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.data.frame import read
from headwater.data.labelled import read_labelled
from headwater.data.validate import Check, validate
from headwater.types import Catalog, Histories, Ids

GOOD = pl.DataFrame(
    {
        "user": [u for u in range(20) for _ in range(5)],
        "item": [(u * 7 + k) % 12 for u in range(20) for k in range(5)],
        "rating": [1.0 + k for _ in range(20) for k in range(5)],
        "time": [10**9 + 60 * n for n in range(100)],
        "event": ["view", "buy", "view", "view", "buy"] * 20,
    }
)
TITLES = pl.DataFrame({"item": range(12), "title": [f"film {i}" for i in range(12)]})
PEOPLE = pl.DataFrame({"user": range(20), "age": [30] * 20})

ROWS = [
    "the table can be read",
    "there is a user and an item column",
    "no id is missing",
    "ratings are finite numbers",
    "times can be read",
    "every event has a kind",
]
RULES = [
    *ROWS,
    "user ids are of one type",
    "item ids are of one type",
    "no event is before 1990",
    "no event is in the future",
    "there are several users and items",
    "no user and item come twice",
    "every user has at least two events",
    "no user is behind an absurd share of the events",
    "every item is in the item table",
    "every row of the item table has an id of its own",
    "every item has a title",
    "every user is in the user table",
    "every row of the user table has an id of its own",
    "events are left after all options",
]


def failed(*args, **options):
    return {check.rule: check for check in validate(*args, **options) if not check.passed}


def test_good_data_passes_every_rule():
    checks = validate(GOOD, items=TITLES, users=PEOPLE)
    assert [check.rule for check in checks] == RULES
    assert all(check.passed for check in checks)
    assert all(str(check).startswith("PASS  ") and "\n" not in str(check) for check in checks)


def changed(column, value, rows=(3,)):
    at = pl.int_range(pl.len()).is_in(list(rows))
    return GOOD.with_columns(pl.when(at).then(pl.lit(value)).otherwise(column).alias(column))


BROKEN = {
    "no id is missing": (changed("user", None), "row 3: user is empty"),
    "ratings are finite numbers": (
        changed("rating", float("inf")),
        "row 3: rating 'inf' is not a number",
    ),
    "times can be read": (
        changed("time", 10**12),
        "row 3: time '1000000000000' is not a time in seconds",
    ),
    "every event has a kind": (changed("event", ""), "row 3: event is empty"),
    "item ids are of one type": (
        GOOD.with_columns(pl.col("item").cast(pl.String).replace("3", "three")),
        "'three'",
    ),
    "no event is before 1990": (changed("time", 5), "user 0, item 3 at 1970-01-01"),
    "no event is in the future": (
        changed("time", int(time.time()) + 10 * 86400),
        f"user 0, item 3 at {time.strftime('%Y', time.gmtime(time.time() + 10 * 86400))}",
    ),
    "no user and item come twice": (pl.concat([GOOD, GOOD[3:4]]), "user 0, item 3"),
    "every user has at least two events": (GOOD[:96], "user 19"),
    "no user is behind an absurd share of the events": (
        pl.concat(
            [
                GOOD.select("user", "item"),
                pl.DataFrame({"user": [99] * 600, "item": range(600)}),
            ]
        ),
        "user 99: 600 events",
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_one_fault_fails_one_rule(rule):
    table, example = BROKEN[rule]
    found = failed(table)
    assert list(found) == [rule]
    assert any(each.startswith(example) or example in each for each in found[rule].examples)
    assert found[rule].fix
    assert str(found[rule]).startswith(f"FAIL  {rule}: ")
    assert f"fix: {found[rule].fix}" in str(found[rule])


def test_faults_of_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("user,item,rating\n" + "1,1,1\n1,2,2\n2,1,3\n2,2,1\n" + "1\n2,3,x\n")
    found = failed(path)
    assert list(found) == [
        "every line has as many fields as the header",
        "ratings are finite numbers",
    ]
    assert found["every line has as many fields as the header"].examples == (
        "line 6: the line '1' has 1 fields, not 3",
    )
    assert found["ratings are finite numbers"].found == "1 x rating is not a number"


@pytest.mark.parametrize(
    ("content", "rule", "told"),
    [
        (b"", "the table can be read", "is empty"),
        (b"user,item\n1,\xe9\n", "the table can be read", "encoding='latin-1'"),
        (b"user,item\n", "the table can be read", "but no rows"),
        (b"who,item\n1,2\n", "there is a user and an item column", "no column 'user'"),
        (b"user,sku,asin\n1,2,3\n", "there is a user and an item column", "2 columns"),
    ],
)
def test_what_cannot_be_read_at_all(tmp_path, content, rule, told):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    found = failed(path)
    assert list(found) == [rule]
    assert told in found[rule].found
    assert list(failed(tmp_path / "absent.csv")) == ["the table can be read"]
    assert list(failed(42)) == ["the table can be read"]


def test_no_row_of_use():
    found = failed([{"user": 1, "item": 2, "rating": "x"}])
    assert list(found) == ["ratings are finite numbers", "some rows can be used"]


def test_tables_beside():
    found = failed(GOOD, items=TITLES[:11].with_columns(title=pl.lit(None)), users=PEOPLE)
    assert list(found) == ["every item is in the item table", "every item has a title"]
    assert found["every item is in the item table"].examples == ("item 11",)
    found = failed(GOOD, items=pl.concat([TITLES, TITLES[:1]]))
    assert list(found) == ["every row of the item table has an id of its own"]
    found = failed(GOOD, users="absent.csv", items=[{"item": "z", "title": "z"}])
    assert list(found) == [
        "the item table can be read and joined",
        "the user table can be read and joined",
    ]


def test_options_that_leave_nothing():
    assert "like=6" in failed(GOOD, like=6)["events are left after all options"].found
    found = failed(pl.concat([GOOD, GOOD]), duplicates="error")
    assert "events are left after all options" in found


def test_a_stream_is_looked_at_once():
    reader = GOOD.to_arrow().to_reader()
    assert all(check.passed for check in validate(reader))


cells = st.sampled_from([None, "", "1", "2", "x", "nan", "2020-01-01", "9" * 20, "é"])


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(("user", "item", "rating", "time"), cells))),
    st.sampled_from([None, 1]),
)
def test_it_never_raises_and_agrees_with_read(table, like):
    frame = pl.DataFrame(table, schema=dict.fromkeys(("user", "item", "rating", "time"), pl.String))
    checks = validate(frame, like=like)
    assert all(isinstance(check, Check) and str(check) for check in checks)
    fatal = {"the table can be read", "some rows can be used", "events are left after all options"}
    if any(not check.passed for check in checks if check.rule in fatal):
        with pytest.raises(ValueError, match=r"no row|no event"):
            read(frame, like=like)
    else:
        assert len(read(frame, like=like).log.items) > 0


LABELLED = {
    "id": [1, 2, 3, 4],
    "text": ["a", "b", "c", "d"],
    "labels": [["x", "y"], ["x"], ["y"], []],
}


def test_items_with_labels_and_nobody_who_chose_them():
    checks = validate(read_labelled(LABELLED))
    assert [check.rule for check in checks] == [
        "there are events, or labels",
        "there are several items",
        "some item has anything in labels",
        "every kind of labels has at least two items",
        "every item has text",
    ]
    assert all(check.passed for check in checks)
    assert checks[2].found == "2 kinds, 1.00 an item; 1 items have none"


@pytest.mark.parametrize(
    ("change", "rule", "examples"),
    [
        (pl.col("labels").list.join("|"), "there are events, or labels", ()),
        (
            pl.lit([], pl.List(pl.String)).alias("labels"),
            "some item has anything in labels",
            (),
        ),
        (
            pl.Series("labels", [["x"], ["x"], ["y"], []]),
            "every kind of labels has at least two items",
            ("'y'",),
        ),
        (pl.lit(None, pl.String).alias("text"), "every item has text", None),
    ],
)
def test_labels_that_break_one_rule(change, rule, examples):
    data = read_labelled(LABELLED)
    items = [1, 2, 3, 4]
    table = data.catalog.table[data.items.encode(items)].with_columns(change)
    data = replace(data, items=Ids(pl.Series(items)), catalog=Catalog(table))
    bad = {check.rule: check for check in validate(data) if not check.passed}
    assert list(bad) == [rule]
    assert bad[rule].fix
    if examples is not None:
        assert bad[rule].examples == examples
    else:
        assert bad[rule].examples == ("item 1", "item 2", "item 3")


def test_one_item_with_labels_is_too_few():
    one = {"id": [1], "text": ["a"], "labels": [["x"]]}
    bad = {check.rule for check in validate(read_labelled(one)) if not check.passed}
    assert bad == {"there are several items", "every kind of labels has at least two items"}


def test_a_dataset_of_nothing_does_not_crash():
    data = replace(read_labelled(LABELLED), items=Ids(pl.Series([], dtype=pl.Int64)))
    data = replace(data, log=Histories.empty(0, 0), catalog=Catalog(pl.DataFrame({"title": []})))
    assert "there are several items" in {check.rule for check in validate(data)}
