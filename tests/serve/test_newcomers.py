"""Items that the model has not learned of: they come, as often as is said."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from headwater.artifact import save
from headwater.data.toy import blocks
from headwater.registry import build
from headwater.serve.answers import Done, Person, Shown, Wish
from headwater.serve.home import home
from headwater.serve.likeness import KINDS, similar
from headwater.serve.live import Live
from headwater.serve.newcomers import NEW, Changes, dice_of, mixed

NOW = 2_000_000_000
FRESH = {
    "a": {"title": "Alpha", "topic": "t1"},
    "b": {"title": "Beta", "topic": ["t2"]},
    "c": {"title": "Gamma"},
}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    data = blocks()
    made = build("itemknn", k=20).fit(data)
    folder = save(made, tmp_path_factory.mktemp("models") / "knn", data)
    return Live.of(folder, by="topic", explore=0.3)


@pytest.fixture(scope="module")
def now(live):
    return live.amended(Changes(FRESH))


def ids(answer):
    return [each.item_id for each in answer.items]


def test_propensities_are_how_often_each_comes(now):
    """Of lists of three, by the order of them: as often as the product of the chances says."""
    listed = [Shown(str(i), str(i), 1.0, "model", "") for i in range(3)]
    weights = np.array([3.0, 1.0, 0.0])
    n = 20_000
    often, said = Counter(), {}
    for seed in range(n):
        found = mixed(listed, now.new, weights, 3, 0.3, np.random.default_rng(seed))
        key = tuple(each.item_id for each in found)
        often[key] += 1
        said[key] = np.prod([each.propensity for each in found])
    assert sum(said.values()) == pytest.approx(1)
    assert len(said) > 4
    for key, count in often.items():
        error = np.sqrt(said[key] * (1 - said[key]) / n)
        assert abs(count / n - said[key]) < 4.5 * error, key
    assert not any("c" in key for key in said), "what weighs nothing does not come"
    assert all(key[0] == "0" for key in said), "the first place is the model's"


def test_without_new_items_the_list_is_the_model_s_and_certain(live):
    answer = live.recommend(Person("7"), 8, now=NOW)
    assert {each.propensity for each in answer.items} == {1.0}
    assert NEW not in {each.path for each in answer.items}


def test_who_likes_a_kind_sees_more_of_what_is_new_in_it(now):
    past = (Done("1", NOW - 9), Done("4", NOW - 8), Done("7", NOW - 7))  # all of t1
    found = Counter(
        each
        for _ in range(300)
        for each in ids(now.recommend(Person("new", past), 5, now=NOW))
        if each in FRESH
    )
    assert found["a"] > 2 * max(found["b"], found["c"]) > 0


def test_a_new_item_is_on_the_page_at_once(live, now):
    alone = replace(now, explore=0.0)  # else they may all be among what is for them
    page = {strip.title: strip.answer for strip in home(alone, Person("7"), 6, now=NOW)}
    listed = [item for answer in page.values() for item in ids(answer)]
    assert len(listed) == len(set(listed))
    assert set(ids(page["New"])) == set(FRESH)
    assert {each.path for each in page["New"].items} == {NEW}
    for name, answer in page.items():
        assert all(0 < each.propensity <= 1 for each in answer.items), name
    assert "New" not in {strip.title for strip in home(live, Person("7"), 6, now=NOW)}


def test_what_they_chose_or_did_not_want_does_not_come_again(now):
    chose = Person("7", (Done("a", NOW - 5),))
    lists = [ids(now.recommend(chose, 6, Wish(exclude=["b"]), now=NOW)) for _ in range(60)]
    assert not any({"a", "b"} & set(each) for each in lists)
    assert any("c" in each for each in lists)
    within = [ids(now.recommend(Person("7"), 2, Wish(within=["a", "3"]), now=NOW)) for _ in "123"]
    assert all(set(each) == {"a", "3"} for each in within)


def test_what_is_like_an_item_that_is_new(now):
    answer = similar(now, "a", 6)
    assert {each.path for each in answer.items} == {KINDS}
    assert all(int(each) % 3 == 1 for each in ids(answer)), "of t1"
    assert "Alpha" in answer.items[0].why
    unkind = similar(now, "c", 6)
    assert len(unkind.items) == 6
    assert "popular" in {each.path for each in unkind.items}


def test_a_trace_brings_its_list_back():
    one, two = dice_of("0f" * 16).random(3), dice_of("0f" * 16).random(3)
    assert (one == two).all()
    assert (dice_of("0e" * 16).random(3) != one).any()


def test_an_item_is_called_as_it_is_called_now(live):
    first = ids(live.recommend(Person("7"), 1, now=NOW))[0]
    renamed = live.amended(Changes({first: {"title": "Another Name"}}))
    answer = renamed.recommend(Person("7"), 1, now=NOW)
    assert (answer.items[0].item_id, answer.items[0].title) == (first, "Another Name")
