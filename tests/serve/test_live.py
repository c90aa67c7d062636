"""The model that answers people: what they did since counts, and nothing stops it."""

from threading import Event, Thread

import numpy as np
import pytest

from headwater.artifact import save
from headwater.data.toy import blocks
from headwater.errors import BadArtifact, BadParameter, UnknownName
from headwater.flow import Flow
from headwater.registry import build
from headwater.serve.live import POPULAR, Done, Live, _Version

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
    live = Live(folder)
    answer = live.recommend("7", 5, now=NOW)
    want = build("itemknn", k=20).fit(data).recommend(data.queries([7]), 5)
    assert ids(answer) == [str(i) for i in want.items[0]]
    np.testing.assert_allclose([each.score for each in answer.items], want.scores[0])
    assert {each.path for each in answer.items} == {"retrieve.matrix.itemknn"}
    assert answer.items[0].title == f"item {want.items[0, 0]}"
    assert answer.model == live.model
    assert answer.model.startswith("knn@")
    assert not answer.missing
    assert not answer.degraded


def test_a_third_click_changes_the_page_without_retraining(data, folder):
    live = Live(folder)
    before = ids(live.recommend("somebody new", 6, now=NOW))
    likes = [i for i in range(60) if kind_of(data, i) == "t1"][:3]
    lists = [before]
    for n in range(1, 4):
        done = [Done(str(item), NOW - 10 + at) for at, item in enumerate(likes[:n])]
        lists.append(ids(live.recommend("somebody new", 6, done=done, now=NOW)))
        assert not set(lists[-1]) & {str(each) for each in likes[:n]}, "what they chose is seen"
    assert lists[3] != before
    kinds = [kind_of(data, item) for item in lists[3]]
    assert kinds.count("t1") >= 4


def test_what_the_log_has_already_counts_once(data, folder):
    live = Live(folder)
    past = data.log[[3]]
    again = [Done(str(i), int(t)) for i, t in zip(past.items, past.times, strict=True)]
    assert ids(live.recommend("3", 8, done=again, now=NOW)) == ids(live.recommend("3", 8, now=NOW))
    unknown = [Done("no such item", NOW)]
    assert ids(live.recommend("3", 8, done=unknown, now=NOW)) == ids(
        live.recommend("3", 8, now=NOW)
    )


def test_nobody_gets_an_empty_list(folder):
    live = Live(folder)
    for user_id in (None, "nobody", "", "'; drop table users", "../../etc/passwd"):
        answer = live.recommend(user_id, 7, now=NOW)
        assert len(answer.items) == 7
        assert len(set(ids(answer))) == 7
        assert all(each.why for each in answer.items)


def test_more_than_there_is_has_a_reason(data, folder):
    answer = Live(folder).recommend("3", 1_000, now=NOW)
    seen = len(set(data.log[[3]].items.tolist()))
    assert len(answer.items) == 60 - seen
    assert f"only {60 - seen} of the 1000" in answer.missing
    with pytest.raises(BadParameter, match="k must be at least 1"):
        Live(folder).recommend("3", 0)


def test_exclude_and_within(folder):
    live = Live(folder)
    first = ids(live.recommend("5", 4, now=NOW))
    without = live.recommend("5", 4, exclude=[*first[:2], "unknown"], now=NOW)
    assert not set(ids(without)) & set(first[:2])
    some = [str(i) for i in range(0, 60, 3)]
    within = live.recommend("5", 4, within=some, now=NOW)
    assert set(ids(within)) <= set(some)
    with pytest.raises(UnknownName, match="'nothing'"):
        live.recommend("5", 4, within=["nothing"])


class Broken:
    """A stage that fails."""

    def __call__(self, queries, slate):  # noqa: ARG002
        raise RuntimeError("out of luck")


def test_a_stage_that_fails_is_left_out_and_told(data, folder, monkeypatch):
    live = Live(folder)
    flow = Flow(retrieve=live._now.model, stages=(Broken(),), degrade=True)
    monkeypatch.setattr(live, "_now", _Version("v", flow, data))
    answer = live.recommend("7", 5, now=NOW)
    assert len(answer.items) == 5
    assert answer.degraded == ("Broken: RuntimeError: out of luck",)
    assert [name for name, _ in answer.seconds] == ["retrieve.matrix.itemknn", "Broken"]


def test_a_model_that_fails_leaves_what_is_popular(folder, monkeypatch):
    live = Live(folder)

    def fails(*args, **named):  # noqa: ARG001
        raise RuntimeError("no memory")

    monkeypatch.setattr(live._now.model, "recommend", fails)
    answer = live.recommend("7", 5, now=NOW)
    assert len(answer.items) == 5
    assert {each.path for each in answer.items} == {POPULAR}
    assert "RuntimeError" in answer.degraded[0]


def test_swap_and_roll_back(folder, other, tmp_path):
    live = Live(folder)
    one = live.model
    two = live.swap(other)
    assert live.model == two != one
    assert live.roll_back() == one
    assert live.roll_back() == two
    with pytest.raises(BadArtifact):
        live.swap(tmp_path / "nothing here")
    assert live.model == two, "what cannot be read changes nothing"
    with pytest.raises(BadParameter, match="no model before"):
        Live(folder).roll_back()


def test_requests_go_on_while_models_change(folder, other):
    live = Live(folder)
    want = {}
    for each in (folder, other):
        live.swap(each)
        want[live.model] = ids(live.recommend("7", 6, now=NOW))
    stop, wrong, asked = Event(), [], [0]

    def ask():
        while not stop.is_set():
            try:
                answer = live.recommend("7", 6, now=NOW)
                asked[0] += 1
                if ids(answer) != want[answer.model]:
                    wrong.append(answer)
            except Exception as error:
                wrong.append(error)

    threads = [Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(20):
        live.swap((folder, other)[turn % 2])
    stop.set()
    for thread in threads:
        thread.join()
    assert asked[0] > 20
    assert not wrong


def test_similar(data, folder, other):
    answer = Live(folder).similar("4", 5)
    assert len(answer.items) == 5
    assert "4" not in ids(answer)
    assert [kind_of(data, item) for item in ids(answer)].count(kind_of(data, "4")) >= 4
    with pytest.raises(UnknownName, match="no item 'x'"):
        Live(folder).similar("x", 5)
    assert "knows nothing of which items are alike" in Live(other).similar("4", 5).missing


def test_a_home_page_shows_nothing_twice(data, folder):
    live = Live(folder)
    for user_id, done in (("7", ()), ("new", (Done("4", NOW - 5),)), (None, ())):
        strips = live.home(user_id, 6, done=done, now=NOW)
        listed = [item for strip in strips for item in ids(strip.answer)]
        assert len(listed) == len(set(listed))
        assert strips[0].title == "For you"
        assert len(ids(strips[0].answer)) == 6
        past = (
            {str(i) for i in data.log[[7]].items} if user_id == "7" else {d.item_id for d in done}
        )
        assert not past & set(listed)
    titles = [strip.title for strip in live.home("new", 6, done=(Done("4", NOW - 5),), now=NOW)]
    assert titles == ["For you", "Like item 4", "Popular"]
    assert [strip.title for strip in live.home(None, 6, now=NOW)] == ["For you", "Popular"]
