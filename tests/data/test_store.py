import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import polars as pl
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from headwater import artifact
from headwater.data._notes import Note
from headwater.data.fingerprint import fingerprint
from headwater.data.frame import read
from headwater.data.labelled import read_labelled
from headwater.data.requests import drawn
from headwater.data.split import split
from headwater.data.store import load_data, save_data
from headwater.data.toy import blocks
from headwater.errors import BadArtifact
from headwater.registry import build
from headwater.simulate.sessions import realistic, trivial
from headwater.types import VISITS, Catalog, Guide


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


@pytest.mark.parametrize("made", [trivial(50), realistic(50, users=20).data])
def test_sessions(made, tmp_path):
    data = replace(made, notes=("a note",))
    found = again(data, tmp_path)
    one, two = found.sessions, data.sessions
    for name in VISITS:
        here, there = getattr(one, name), getattr(two, name)
        assert here.dtype == there.dtype, name
        np.testing.assert_array_equal(here, there)
    assert one.ids.equals(two.ids)
    for name in ("names", "censored", "intent_names"):
        assert getattr(one, name) == getattr(two, name)
    assert found.users.values.equals(data.users.values)
    assert found.notes == ("a note",)
    assert fingerprint(found) == fingerprint(data)


def test_notes_keep_what_others_may_read(tmp_path):
    data = replace(blocks(), notes=(Note("2 rows, such as ann@17", "2 rows"), Note("ann"), "bob"))
    found = again(data, tmp_path).notes
    assert found == data.notes
    assert [getattr(note, "counts", None) for note in found] == ["2 rows", "", None]


def test_notes_of_older_data(tmp_path):
    save_data(replace(blocks(), notes=("a note",)), tmp_path)
    path = tmp_path / "events.safetensors"
    with safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["about"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del about["counts"]
    save_file(arrays, path, metadata={"about": json.dumps(about)})
    assert load_data(tmp_path).notes == ("a note",)


def test_no_sessions(tmp_path):
    assert again(blocks(), tmp_path).sessions is None


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


def test_pictures_and_labels_of_items_without_people(tmp_path):
    table = {"id": [1, 2], "image": [b"\xff\x00", b""], "text": ["x", None], "labels": [["a"], []]}
    data = read_labelled(table)
    found = again(data, tmp_path)
    assert found.catalog.table.equals(data.catalog.table)
    assert found.catalog.table.schema["image"] == pl.Binary
    assert (len(found.users), len(found.log), found.log.n_items) == (0, 0, 2)
    assert fingerprint(found) == fingerprint(data)
    assert found.items.values.equals(data.items.values)
    assert found.notes == data.notes


def test_a_model_keeps_the_pictures_of_its_data(tmp_path):
    pictures = pl.Series([bytes([i]) for i in range(12)])
    data = blocks(items=12)
    table = data.catalog.table.with_columns(jpeg=pictures)
    data = replace(data, catalog=replace(data.catalog, table=table))
    model = build("popularity").fit(data)
    found = artifact.load(artifact.save(model, tmp_path / "model", data)).data
    assert found.catalog.table["jpeg"].equals(pictures.alias("jpeg"))


def test_damage(tmp_path):
    save_data(blocks(), tmp_path)
    (tmp_path / "users.parquet").unlink()
    with pytest.raises(BadArtifact, match="is not whole"):
        load_data(tmp_path)


def test_what_was_shown_comes_back(tmp_path):
    part = split(blocks(users=30), "random_per_user", seed=0)
    shown = drawn(part, k=6, seed=0)
    queries = replace(
        shown.queries,
        pool=np.arange(shown.queries.history.n_items) > 2,
        guide=Guide("genres", ("a", "b"), 0.5),
        declined=shown.chosen,
    )
    path = np.zeros(shown.slate.items.shape, np.int8)
    slate = replace(shown.slate, path=path, paths=("ease",), propensity=path.astype(np.float32))
    ids = pl.Series([f"r{i}" for i in range(len(shown))])
    whole = replace(shown, queries=queries, slate=slate, dwell=shown.clicks * 7, ids=ids)
    for given in (whole, shown):
        there = again(replace(part.train, impressions=given), tmp_path).impressions
        assert same(there, given)


def same(a, b):
    """Alike in all that a dataclass holds, however deep."""
    if is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    return a.equals(b) if isinstance(a, pl.Series) else a == b
