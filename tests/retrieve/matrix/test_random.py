import numpy as np

from headwater.data.toy import blocks, histories, world
from headwater.registry import build
from headwater.retrieve.matrix.random import mix
from headwater.types import PAD


def test_every_place_is_uniform():
    """6,000 people, 12 items: each is in each place about 500 times (chi-square, 1 in 10^6)."""
    data = world(histories([(u, u % 12) for u in range(6000)], 6000, 12))
    model = build("random", seed=3).fit(data)
    slate = model.recommend(data.queries(), 12, filter_seen=False)
    for place in range(12):
        counts = np.bincount(slate.items[:, place], minlength=12)
        assert ((counts - 500) ** 2 / 500).sum() < 55


def test_another_seed_is_another_order():
    data = blocks()
    one, two = (build("random", seed=s).fit(data).recommend(data.queries(), 10) for s in (0, 1))
    assert (one.items != two.items).mean() > 0.8


def test_people_differ_and_new_people_go_by_what_they_chose():
    data = blocks()
    model = build("random").fit(data)
    known = model.recommend(data.queries(), 10).items
    assert len(np.unique(known, axis=0)) == len(known)
    new = data.newcomers(data.log[[0, 1, 0]])
    assert (new.user == PAD).all()
    items = model.recommend(new, 10).items
    assert (items[0] == items[2]).all()
    assert (items[0] != items[1]).any()


def test_what_nobody_chose_comes_last():
    data = world(histories([(0, 1), (1, 3)], 2, 5))
    order = build("random").fit(data).recommend(data.queries(), 5, filter_seen=False).items
    assert set(order[0, :2].tolist()) == {1, 3}


def test_mix_is_splitmix64():
    """The first three outputs of SplitMix64 from seed 0, as published with the generator."""
    state = np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert [hex(int(x)) for x in mix(state)] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]
