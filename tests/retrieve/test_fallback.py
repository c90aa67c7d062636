import numpy as np

from headwater.data.toy import blocks, histories, world
from headwater.registry import build
from headwater.types import PAD, Histories


def test_says_which_answered():
    data = blocks()
    model = build({"model": "fallback", "first": "ease", "then": "popularity"}).fit(data)
    nobody = data.newcomers(Histories.empty(1, 60))
    slate = model.recommend(nobody, 5)
    assert slate.paths == ("retrieve.matrix.ease", "retrieve.matrix.popularity")
    assert slate.path.tolist() == [[1] * 5]
    popular = build("popularity").fit(data).recommend(nobody, 5)
    np.testing.assert_array_equal(slate.items, popular.items)
    known = model.recommend(data.queries([3]), 5)
    assert known.path.tolist() == [[0] * 5]
    np.testing.assert_array_equal(known.items, model.first.recommend(data.queries([3]), 5).items)


def test_fills_up_without_repeats():
    """A pool of four, of which the history holds one: the first has three, the second none more."""
    data = blocks()
    model = build({"model": "fallback", "first": "ease", "then": "random"}).fit(data)
    slate = model.recommend(data.queries([0]), 60)
    seen = data.log.lengths[0]
    assert slate.items.shape == (1, 60)
    assert (slate.items[0, 60 - seen :] == PAD).all()
    got = slate.items[0, : 60 - seen]
    assert len(set(got.tolist())) == len(got)


def test_no_opinion_is_not_an_opinion():
    """Item 2 was chosen by nobody else, so item-kNN thinks the same, nothing, of all others."""
    data = world(histories([(0, 0), (1, 0), (1, 1), (2, 2), (3, 0)], 4, 4))
    model = build({"model": "fallback", "first": "itemknn", "then": "popularity"}).fit(data)
    slate = model.recommend(data.queries([2, 3]), 2)
    assert slate.path.tolist() == [[1, 1], [0, 0]]
    assert slate.items.tolist()[0] == [0, 1]


def test_least_history():
    data = blocks()
    tree = {"model": "fallback", "first": "ease", "then": "popularity", "least": 3}
    model = build(tree).fit(data)
    log = data.log[[0, 0]]
    asked = data.newcomers(log.where(log.recency <= np.array([2, 3]).repeat(log.lengths)))
    assert model.recommend(asked, 2).path[:, 0].tolist() == [1, 0]


def test_nested_paths():
    data = blocks()
    inner = {"model": "fallback", "first": "ease", "then": "popularity"}
    model = build({"model": "fallback", "first": inner, "then": "random", "least": 0})
    model.fit(data)
    slate = model.recommend(data.newcomers(Histories.empty(1, 60)), 3)
    assert [slate.paths[p] for p in slate.path[0]] == ["retrieve.matrix.popularity"] * 3
