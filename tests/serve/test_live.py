"""The model that answers people: what they did since counts, and nothing stops it."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.artifact import save
from headwater.data.toy import blocks
from headwater.errors import BadParameter, MissingColumn, UnknownName
from headwater.flow import Flow
from headwater.registry import build
from headwater.serve.answers import Done, Person, Wish
from headwater.serve.home import home
from headwater.serve.likeness import similar
from headwater.serve.live import POPULAR, UNKNOWN, Live
from headwater.serve.newcomers import Changes

NOW = 2_000_000_000


@pytest.fixture(scope="module")
def data():
    return blocks()  # 120 users and 60 items in three kinds


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    made = build("itemknn", k=20).fit(data)
    return save(made, tmp_path_factory.mktemp("models") / "knn", data)


@pytest.fixture(scope="module")
def other(data, tmp_path_factory):
    made = build("popularity").fit(data)
    return save(made, tmp_path_factory.mktemp("models") / "popular", data)


def ids(answer):
    return [each.item_id for each in answer.items]


def kind_of(data, item_id):
    return data.catalog.table["topic"][int(item_id)]


def test_what_the_model_says_by_their_ids(data, folder):
    live = Live.of(folder, by="topic")
    answer = live.recommend(Person("7"), 5, now=NOW)
    want = build("itemknn", k=20).fit(data).recommend(data.queries([7]), 5)
    assert ids(answer) == [str(i) for i in want.items[0]]
    np.testing.assert_allclose([each.score for each in answer.items], want.scores[0])
    assert {each.path for each in answer.items} == {"retrieve.matrix.itemknn"}
    assert answer.items[0].title == f"item {want.items[0, 0]}"
    assert answer.model == live.model == "knn"
    assert not answer.missing
    assert not answer.degraded


def test_a_third_click_changes_the_page_without_retraining(data, folder):
    live = Live.of(folder, by="topic")
    before = ids(live.recommend(Person("somebody new"), 6, now=NOW))
    likes = [i for i in range(60) if kind_of(data, i) == "t1"][:3]
    lists = [before]
    for n in range(1, 4):
        done = [Done(str(item), NOW - 10 + at) for at, item in enumerate(likes[:n])]
        lists.append(ids(live.recommend(Person("somebody new", tuple(done)), 6, now=NOW)))
        assert not set(lists[-1]) & {str(each) for each in likes[:n]}, "what they chose is seen"
    assert lists[3] != before
    kinds = [kind_of(data, item) for item in lists[3]]
    assert kinds.count("t1") >= 4


def test_what_the_log_has_already_counts_once(data, folder):
    live = Live.of(folder, by="topic")
    past = data.log[[3]]
    again = [Done(str(i), int(t)) for i, t in zip(past.items, past.times, strict=True)]
    assert ids(live.recommend(Person("3", tuple(again)), 8, now=NOW)) == ids(
        live.recommend(Person("3"), 8, now=NOW)
    )
    unknown = [Done("no such item", NOW)]
    assert ids(live.recommend(Person("3", tuple(unknown)), 8, now=NOW)) == ids(
        live.recommend(Person("3"), 8, now=NOW)
    )


def test_nobody_gets_an_empty_list(folder):
    live = Live.of(folder, by="topic")
    for user_id in (None, "nobody", "", "'; drop table users", "../../etc/passwd"):
        answer = live.recommend(Person(user_id), 7, now=NOW)
        assert len(answer.items) == 7
        assert len(set(ids(answer))) == 7
        assert all(each.why for each in answer.items)


def test_more_than_there_is_has_a_reason(data, folder):
    answer = Live.of(folder, by="topic").recommend(Person("3"), 1_000, now=NOW)
    seen = len(set(data.log[[3]].items.tolist()))
    assert len(answer.items) == 60 - seen
    assert f"only {60 - seen} of the 1000" in answer.missing
    with pytest.raises(BadParameter, match="k must be at least 1"):
        Live.of(folder, by="topic").recommend(Person("3"), 0)


def test_exclude_and_within(folder):
    live = Live.of(folder, by="topic")
    first = ids(live.recommend(Person("5"), 4, now=NOW))
    without = live.recommend(Person("5"), 4, Wish(exclude=[*first[:2], "unknown"]), now=NOW)
    assert not set(ids(without)) & set(first[:2])
    some = [str(i) for i in range(0, 60, 3)]
    within = live.recommend(Person("5"), 4, Wish(within=some), now=NOW)
    assert set(ids(within)) <= set(some)
    with pytest.raises(UnknownName, match="'nothing'"):
        live.recommend(Person("5"), 4, Wish(within=["nothing"]))


class Broken:
    """A stage that fails."""

    def __call__(self, queries, slate):  # noqa: ARG002
        raise RuntimeError("out of luck")


def test_a_stage_that_fails_is_left_out_and_told(folder):
    live = Live.of(folder, by="topic")
    flow = Flow(retrieve=live.version.model, stages=(Broken(),), degrade=True)
    live = replace(live, version=replace(live.version, model=flow))
    answer = live.recommend(Person("7"), 5, now=NOW)
    assert len(answer.items) == 5
    assert answer.degraded == ("Broken: RuntimeError: out of luck",)
    assert [step["name"] for step in answer.steps] == ["retrieve.matrix.itemknn", "Broken"]


def test_a_model_that_fails_leaves_what_is_popular(folder, monkeypatch):
    live = Live.of(folder, by="topic")

    def fails(*args, **named):  # noqa: ARG001
        raise RuntimeError("no memory")

    monkeypatch.setattr(live.version.model, "recommend", fails)
    answer = live.recommend(Person("7"), 5, now=NOW)
    assert len(answer.items) == 5
    assert {each.path for each in answer.items} == {POPULAR}
    assert "RuntimeError" in answer.degraded[0]


def test_similar(data, folder, other):
    answer = similar(Live.of(folder, by="topic"), "4", 5)
    assert len(answer.items) == 5
    assert "4" not in ids(answer)
    assert [kind_of(data, item) for item in ids(answer)].count(kind_of(data, "4")) >= 4
    with pytest.raises(UnknownName, match="no item 'x'"):
        similar(Live.of(folder, by="topic"), "x", 5)
    assert (
        "knows nothing of which items are alike"
        in similar(Live.of(other, by="topic"), "4", 5).missing
    )


def test_a_home_page_shows_nothing_twice(data, folder):
    live = Live.of(folder, by="topic")
    for user_id, done in (("7", ()), ("new", (Done("4", NOW - 5),)), (None, ())):
        strips = home(live, Person(user_id, done), 6, now=NOW)
        listed = [item for strip in strips for item in ids(strip.answer)]
        assert len(listed) == len(set(listed))
        assert len(ids(strips[0].answer)) == 6
        past = (
            {str(i) for i in data.log[[7]].items} if user_id == "7" else {d.item_id for d in done}
        )
        assert not past & set(listed)
    strips = home(live, Person("new", (Done("4", NOW - 5),)), 6, now=NOW)
    assert [strip.title for strip in strips] == ["For you", "Like item 4", "t1", "Popular"]
    assert {kind_of(data, item) for item in ids(strips[2].answer)} == {"t1"}
    nobody = home(live, Person(), 6, now=NOW)
    assert [strip.title for strip in nobody] == ["To begin with", "Popular"]


def test_a_page_that_takes_too_long_leaves_strips_out_and_says_so(folder):
    live = Live.of(folder, by="topic")
    strips = home(live, Person("7"), 6, now=NOW, budget=1e-9)
    assert len(strips) == 1
    (said,) = strips[0].answer.degraded
    assert said.startswith("left out after 1e-09 s: Like item")
    assert said.endswith("Popular")


def test_what_was_erased_is_not_known_any_more(data, folder):
    live = Live.of(folder, by="topic")
    nobody = ids(live.recommend(Person(None), 8, now=NOW))
    last = int(data.log[[7]].times.max())
    assert ids(live.recommend(Person("7"), 8, now=NOW)) != nobody
    assert ids(live.recommend(Person("7", since=last + 1), 8, now=NOW)) == nobody


def test_rank_puts_what_nobody_knows_last(folder):
    live = Live.of(folder, by="topic").amended(Changes({"fresh": {"title": "Fresh"}}, {"12"}))
    asked = ["fresh", "3", "no such", "9", "12", "3"]
    answer = live.rank(Person("7"), asked, 10, now=NOW)
    assert set(ids(answer)[:2]) == {"3", "9"}
    assert ids(answer)[2:] == ["fresh", "no such", "12"]
    assert answer.items[3].path == UNKNOWN
    assert "3 of 5" in answer.missing
    alone = live.rank(Person("7"), ["9", "3"], 10, now=NOW)
    assert ids(alone) == ids(answer)[:2]
    assert not alone.missing
    with pytest.raises(BadParameter, match="none"):
        live.rank(Person("7"), [], 5)


def test_a_guide_that_the_model_cannot_follow_filters_and_says_so(data, folder):
    live = Live.of(folder, by="topic")
    answer = live.recommend(Person("7"), 8, Wish(guide=("topic", ("t2",))), now=NOW)
    assert {kind_of(data, item) for item in ids(answer)} == {"t2"}
    assert "leans to no kinds" in answer.degraded[0]
    with pytest.raises(UnknownName, match="t9"):
        live.recommend(Person("7"), 8, Wish(guide=("topic", ("t9",))))
    with pytest.raises(MissingColumn):
        live.recommend(Person("7"), 8, Wish(guide=("colour", ("red",))))


def test_what_is_popular_is_found_however_much_of_it_is_gone(folder):
    live = Live.of(folder, by="topic")
    order = live.version.popular
    for k in (1, 3, 7, 60):
        for out in (0, 1, 4 * k - 1, 4 * k, 16 * k + 1, 59, 60):
            free = np.ones(60, bool)
            free[order[:out]] = False
            left = [live.version.names[at] for at in order[out:]]
            assert [each.item_id for each in live.most(free, k)] == left[:k]


def test_what_was_removed_is_never_shown(folder):
    live = Live.of(folder, by="topic")
    gone = ids(live.recommend(Person("7"), 10, now=NOW))[:5]
    now = live.amended(Changes(removed=frozenset(gone)))
    pages = home(now, Person("7"), 60, now=NOW)
    assert not set(gone) & {item for strip in pages for item in ids(strip.answer)}
    assert not set(gone) & set(ids(similar(now, "4", 59)))
    with pytest.raises(UnknownName):
        similar(now, gone[0], 5)
    assert set(gone) & set(ids(live.recommend(Person("7"), 10, now=NOW))), "the other is as it was"
