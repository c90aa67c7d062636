from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headwater.data.fingerprint import fingerprint
from headwater.data.frame import read
from headwater.data.store import load_data, save_data
from headwater.data.toy import blocks
from headwater.errors import BadArtifact
from headwater.types import Catalog


def again(data, tmp_path):
    save_data(data, tmp_path)
    return load_data(tmp_path)


def test_everything_comes_back(tmp_path):
    events = pl.DataFrame(
        {
            "user": ["a", "a", "b"],
            "item": [3, 5, 3],
            "time": [10, 20, 30],
            "event": ["view", "buy", "view"],
        }
    )
    items = pl.DataFrame({"item": [3, 5], "title": ["x", None], "genres": [["g"], []]})
    users = pl.DataFrame({"user": ["a", "b"], "age": [30, 40]})
    data = read(events, items=items, users=users)
    found = again(data, tmp_path)
    assert fingerprint(found) == fingerprint(data)
    assert found.catalog.table.equals(data.catalog.table)
    assert found.people.equals(data.people)
    assert found.kinds == data.kinds
    assert found.notes == data.notes
    np.testing.assert_array_equal(found.log.kinds, data.log.kinds)


def test_vectors_and_no_people(tmp_path):
    data = blocks()
    found = again(data, tmp_path)
    np.testing.assert_array_equal(found.catalog.vectors["text"], data.catalog.vectors["text"])
    assert found.people is None
    assert found.users.values.equals(data.users.values)


def test_a_catalogue_with_a_column_of_ids(tmp_path):
    data = blocks()
    table = data.catalog.table.with_columns(item_id=pl.lit("other"))
    found = again(replace(data, catalog=Catalog(table)), tmp_path)
    assert found.catalog.table.equals(table)
    assert found.items.values.equals(data.items.values)


def test_damage(tmp_path):
    save_data(blocks(), tmp_path)
    (tmp_path / "users.parquet").unlink()
    with pytest.raises(BadArtifact, match="is not whole"):
        load_data(tmp_path)
