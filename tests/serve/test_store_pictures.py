"""Pictures that items come with reach the model that chooses among them."""

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")

from stored import event

from headwater.registry import build
from headwater.serve.newcomers import Changes, Newcomers


def still(name, **shows):
    return {"name": name, "shows": shows}


def filled(store):
    store.put_items(
        {
            "i1": {"genres": ["a", "b"], "stills": [still("i1/0", a=0.9), still("i1/1", b=0.8)]},
            "i2": {
                "genres": ["b"],
                "stills": [{"name": "i2/0", "spoils": True, "shows": {"z": 1}}],
            },
            "i3": {"genres": ["a"]},
            "i4": {"genres": ["a"], "stills": [{"picture": "no name"}]},
        }
    )
    store.ingest([event(n) for n in (1, 2, 3, 4)] + [event(9, "bob", item_id="i2")])
    return store.dataset()


def test_stills_are_in_the_catalogue_in_their_order(sqlite):
    data = filled(sqlite)
    stills = data.catalog.stills
    at = {name: i for i, name in enumerate(data.items.values.to_list())}
    names = {
        item: stills.names[int(stills.start[i]) : int(stills.start[i + 1])].to_list()
        for item, i in at.items()
    }
    assert names == {"i1": ["i1/0", "i1/1"], "i2": ["i2/0"], "i3": [], "i4": []}
    first = int(stills.start[at["i1"]])
    a, b = (stills.kinds.index(kind) for kind in "ab")
    np.testing.assert_allclose(stills.scores[first : first + 2][:, [a, b]], [[0.9, 0], [0, 0.8]])
    assert stills.spoils.tolist().count(True) == 1
    assert "stills" not in data.catalog.table.columns
    assert any("'i4': stills.0.name" in note for note in data.notes)


def test_who_likes_a_kind_gets_the_picture_that_shows_it(sqlite):
    data = filled(sqlite)
    flow = build(
        {
            "model": "flow",
            "retrieve": "popularity",
            "stages": [{"model": "thumbnail.match", "epsilon": 0.0}],
        }
    ).fit(data)
    bob = data.queries(data.users.encode(["bob"]))  # who chose i2, of kind b
    slate = flow.recommend(bob, 3)
    i1 = int(data.items.encode(["i1"])[0])
    assert slate.creative[slate.items == i1].tolist() == [1]


def test_a_new_item_shows_its_first_picture():
    about = {"title": "New", "stills": [still("new/0"), still("new/1")]}

    class Nothing:
        items, kinds, by = (), (), "genres"

    assert Newcomers(Nothing(), Changes({"new": about})).shown(0, 1.0).picture == "new/0"
    assert Newcomers(Nothing(), Changes({"new": {}})).shown(0, 1.0).picture is None


def test_without_pictures_there_are_none(sqlite):
    sqlite.ingest([event(1)])
    assert sqlite.dataset().catalog.stills is None
