"""What could be shown, for the pages of the studio, whatever items say of themselves."""

import polars as pl
import pytest
from insights import put, running, strip

from headwater.serve.insight._read import catalogue
from headwater.serve.insight.data import data
from headwater.serve.insight.norms import norms
from headwater.serve.insight.quality import quality

ODD = [
    {"title": {"a": 1}, "topic": "t1", "year": "x"},
    {"title": 5, "topic": {"x": [1]}, "year": [3]},
    {"topic": 5},
    {"topic": [{"a": 1}], "year": 1950.5},
    {"title": "a\0b", "stills": "none"},
]


@pytest.fixture
def platform(tmp_path):
    with running(tmp_path, model=True) as service:
        put(service, strip("r1", "1", ["3", "4", "5"], clicked=["3"]))
        yield service


def test_the_model_s_items_and_the_store_s(platform):
    before = catalogue(platform)
    platform.store.put_items({"new": {"topic": "t2"}, "3": {"topic": "t1"}})
    platform.store.remove_items(["4"])
    found = catalogue(platform)
    topics = dict(found.select("item_id", "topic").iter_rows())
    assert set(topics) == (set(before["item_id"]) | {"new"}) - {"4"}
    assert (topics["new"], topics["3"]) == ("t2", "t1")


@pytest.mark.parametrize("n", range(1, len(ODD) + 1))
def test_odd_items_keep_nobody_from_the_pages(platform, n):
    topic = dict(catalogue(platform).select("item_id", "topic").iter_rows())
    platform.store.put_items({f"odd{at}": about for at, about in enumerate(ODD[-n:])})
    found = catalogue(platform)
    assert found["topic"].dtype == pl.String, "that of most"
    assert topic.items() <= dict(found.select("item_id", "topic").iter_rows()).items()
    for page in (data, norms, quality):
        assert page(platform)["page"]
