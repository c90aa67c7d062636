from datetime import timedelta

import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import LATER, NOW, event, shown

from headwater.serve.store import Store


def test_dataset(store):
    later = NOW + LATER
    store.put_items({f"i{n}": {"title": f"Film {n}", "genres": ["x"]} for n in range(1, 5)})
    store.put_users({})
    ann = [
        shown(1, "r1", item_id="i1", position=0, path="retrieve.matrix.ease"),
        shown(2, "r1", item_id="i2", position=1, time=NOW + timedelta(seconds=1)),
        shown(3, "r1", item_id="i3", position=2),
        event(4, item_id="i2", request_id="r1", time=later),
        event(5, kind="play", item_id="i2", request_id="r1", time=later, seconds=20.5),
        event(6, kind="play", item_id="i2", request_id="r1", time=later + LATER, seconds=10),
        event(7, kind="bookmark", item_id="i4", time=later),
        shown(8, "r2", item_id="i1", time=later + LATER),
        shown(9, "r1", user="eve", item_id="i3"),  # a request that is not theirs
    ]
    store.ingest(ann)
    data = store.dataset()
    assert sorted(data.items.values) == ["i1", "i2", "i3", "i4"]
    assert data.catalog.table["title"].to_list() == [
        f"Film {each[1:]}" for each in data.items.values
    ]
    assert set(data.kinds) == {"click", "play", "bookmark"}
    row = data.log[data.users.encode(["ann"])]
    pairs = zip(row.items.tolist(), row.kinds.tolist(), strict=True)
    done = [(data.items.values[item], data.kinds[kind]) for item, kind in pairs]
    assert sorted(done) == [("i2", "click"), ("i2", "play"), ("i2", "play"), ("i4", "bookmark")]
    seen = data.impressions
    assert seen.ids.to_list() == ["r1", "r2"]
    assert data.items.decode(seen.slate.items[0]).to_list() == ["i1", "i2", "i3"]
    assert seen.clicks.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert seen.dwell.tolist() == [[0, 30.5, 0], [0, 0, 0]]
    assert seen.slate.propensity.tolist() == [[0.5, 0.5, 0.5], [0.5, 0, 0]]
    assert seen.slate.creative is None
    assert seen.queries.now.tolist() == [1777636800, 1777636920]
    assert seen.queries.history.lengths.tolist() == [0, 3]
    assert any("left out 1 slots of requests that others had made" in n for n in data.notes)


def test_dataset_of_clicks_alone_and_of_what_was_shown_alone(sqlite, tmp_path, clock):
    sqlite.ingest([event(1), event(2, "bob")])
    data = sqlite.dataset()
    assert data.impressions is None
    assert data.kinds == ("click",)
    with Store(tmp_path / "b.db", clock=clock) as other:
        other.upgrade().ingest([shown(1, "r", creative=0, creative_propensity=0.5), shown(2, "q")])
        data = other.dataset()
    assert len(data.log.items) == 0
    assert data.kinds == ()
    assert sorted(data.impressions.slate.creative.ravel()) == [-1, 0]
