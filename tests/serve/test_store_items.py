import threading

import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import event

from headwater.errors import DataError, UnknownName
from headwater.serve.store import Store


def test_what_is_known_of_items(store):
    store.put_items({"a": {"title": "A", "genres": ["x"]}, "b": {"title": "B"}})
    store.put_items({"b": {"title": "Bee"}})
    assert store.item("b") == {"title": "Bee"}
    assert store.count()["items"] == 2
    with pytest.raises(DataError, match="plain values"):
        store.put_items({"c": {"score": float("nan")}})
    with pytest.raises(DataError, match="item_id is a text"):
        store.put_items({"": {}})


def test_a_removed_item_is_known_as_such(store):
    store.put_items({"i1": {"title": "One"}, "i2": {"title": "Two"}})
    store.ingest([event(1), event(2), event(3)])
    assert store.remove_items(["i1", "i3", "i1"]) == 1  # i3 is of the events alone
    assert store.remove_items(["i1", "i3"]) == 0
    assert store.removed() == {"i1", "i3"}
    for name in ("i1", "i3", "z"):
        with pytest.raises(UnknownName, match=f"no item '{name}'"):
            store.item(name)
    assert store.count()["items"] == 1
    assert sorted(store.dataset().items.values) == ["i1", "i2", "i3"]
    store.put_items({"i1": {"title": "Again"}})
    assert store.item("i1") == {"title": "Again"}
    assert store.removed() == {"i3"}
    assert store.remove_items(["i1"]) == 1


def test_what_changed_since(store):
    assert store.items_changed(0) == ([], 1)
    store.put_items({"b": {}, "a": {"title": "A"}})
    changed, first = store.items_changed(0)
    assert changed == [("a", {"title": "A"}), ("b", {})]
    assert store.items_changed(first) == ([], first)
    store.remove_items(["b"])
    store.put_items({"c": {}})
    changed, second = store.items_changed(first)
    assert changed == [("b", None), ("c", {})]
    assert second > first
    assert store.items_changed(second + 1)[0] == [("a", {"title": "A"}), ("b", None), ("c", {})]


def test_no_change_is_missed_while_several_write(store, url):
    """Four writers, and one who asks again and again: what they heard is what there is."""
    heard, since, done = {}, 0, threading.Event()

    def write(name):
        with Store(url) as mine:
            for n in range(25):
                mine.put_items({f"{name}-{n}": {"n": n}, "shared": {"by": name, "n": n}})
                if n % 3 == 0:
                    mine.remove_items([f"{name}-{n}"])

    def ask():
        nonlocal since
        changed, since = store.items_changed(since)
        heard.update(changed)

    def listen():
        while not done.is_set():
            ask()

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    listener = threading.Thread(target=listen)
    for each in (listener, *writers):
        each.start()
    for each in writers:
        each.join()
    done.set()
    listener.join()
    ask()
    assert heard == dict(store.items_changed(0)[0])
    assert sum(about is None for about in heard.values()) == 4 * 9
    assert len(heard) == 101
