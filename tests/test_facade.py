import logging

import numpy as np
import polars as pl
import pytest

import headwater as hw
from headwater.data.toy import blocks, checkers
from headwater.errors import BadParameter, UnknownName


@pytest.fixture(scope="module")
def model():
    return hw.fit("ease", blocks(), l2=3.0)


def test_recommend_is_a_frame(model):
    table = hw.recommend(model, users=[7, 2], k=3)
    assert table.columns == ["user_id", "item_id", "rank", "score", "title", "path"]
    assert table["user_id"].to_list() == [7, 7, 7, 2, 2, 2]
    assert table["rank"].to_list() == [1, 2, 3] * 2
    assert set(table["path"]) == {"retrieve.matrix.ease"}
    first = table.row(0, named=True)
    assert first["title"] == f"item {first['item_id']}"


def test_everyone(model):
    assert hw.recommend(model, k=2).height == 2 * 120


def test_newcomers_get_personal_lists(model):
    mine, other = [0, 3, 6], [1, 4, 7]
    table = hw.recommend(model, history=[mine, other, []], k=5)
    lists = {u: set(part["item_id"]) for (u,), part in table.group_by("user_id")}
    assert set(lists) == {"new 1", "new 2", "new 3"}
    assert lists["new 1"] != lists["new 2"]
    assert not lists["new 1"] & set(mine)
    third = table.filter(pl.col("user_id") == "new 3")
    assert set(third["path"]) == {"retrieve.matrix.popularity"}


def test_unknown_users_get_the_labelled_fallback(model, caplog):
    with caplog.at_level(logging.WARNING, "headwater"):
        table = hw.recommend(model, users=[2, 9999, "nobody"], k=2)
    assert "9999" in caplog.text
    assert (
        table["path"].to_list() == ["retrieve.matrix.ease"] * 2 + ["retrieve.matrix.popularity"] * 4
    )


def test_known_users_beside_unknown_ones_get_their_own(model):
    alone = hw.recommend(model, users=[2], k=4).drop("user_id")
    beside = hw.recommend(model, users=["x", 2, "y"], k=4)
    assert beside.filter(pl.col("user_id") == "2").drop("user_id").equals(alone)


def test_nothing_left_is_said(model, caplog):
    with caplog.at_level(logging.WARNING, "headwater"):
        table = hw.recommend(model, history=[[10, 11]], within=[10, 11])
    assert table.is_empty()
    assert "1 of them get nothing" in caplog.text


def test_within(model):
    table = hw.recommend(model, users=[1, 2], within=[10, 11, 12, 13], k=4)
    assert set(table["item_id"]) <= {10, 11, 12, 13}


def test_similar_items():
    """The people of a checkerboard choose all the even items or all the odd ones."""
    table = hw.similar_items(hw.fit("itemknn", checkers(12)[0]), [0, 1], k=5)
    assert table.columns == ["item_id", "similar_id", "rank", "score", "title"]
    assert set(table.filter(pl.col("item_id") == 0)["similar_id"]) == {2, 4, 6, 8, 10}
    assert set(table.filter(pl.col("item_id") == 1)["similar_id"]) == {3, 5, 7, 9, 11}
    assert table["title"][0] == f"item {table['similar_id'][0]}"


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda m: hw.recommend(m, users=[1], k=0), BadParameter, "at least 1"),
        (lambda m: hw.recommend(m, users=[1], k=2.5), BadParameter, "whole number"),
        (lambda m: hw.recommend(m, users=[1], history=[[1]]), BadParameter, "not both"),
        (lambda m: hw.recommend(m, history=["12"]), BadParameter, "list of lists"),
        (lambda m: hw.recommend(m, history=[[777]]), UnknownName, "no item 777"),
        (lambda m: hw.recommend(m, users=[1], within=["x"]), UnknownName, "no item 'x'"),
        (lambda m: hw.similar_items(m, [777]), UnknownName, "no item 777"),
        (lambda m: hw.fit("eaze", m.data), UnknownName, "did you mean 'ease'"),
        (lambda m: hw.fit("ease", m.data, l3=1), UnknownName, "did you mean 'l2'"),
        (lambda m: hw.fit("ndcg", m.data), BadParameter, "does not recommend"),
        (lambda _: hw.fit("ease", "ratings.csv"), BadParameter, "make one with hw.read"),
        (lambda _: hw.evaluate("ease", [1]), BadParameter, "make one with hw.read"),
        (lambda m: hw.evaluate("ease", m.data, split=["temporal"]), BadParameter, "a protocol"),
        (lambda m: hw.similar_items(m, [1], k=0), BadParameter, "at least 1"),
        (lambda m: hw.recommend(m, history=[260, 1196]), BadParameter, "list of lists"),
        (lambda m: hw.save(m.model, "x"), BadParameter, "only what `fit` gave"),
        (
            lambda m: hw.similar_items(hw.fit("popularity", m.data), [1]),
            BadParameter,
            "scores every item alike for everybody",
        ),
    ],
)
def test_mistakes(model, call, kind, said):
    with pytest.raises(kind, match=said):
        call(model)


def test_fallback_can_be_left_out():
    bare = hw.fit("ease", checkers(12)[0], fallback=False, l2=1.0)
    assert bare.model.address == "retrieve.matrix.ease"


def test_parameters_reach_the_method_inside(model):
    assert model.model.first.l2 == 3.0


def test_a_flow_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: blend\nrecommenders: [ease, {model: itemknn, k: 5}]\n")
    fitted = hw.fit(str(path), blocks())
    assert fitted.model.first.recommenders[1].k == 5


def test_ratings_of_newcomers(model):
    one = hw.recommend(model, history=[{0: 5.0, 3: 4.0}], k=3)
    two = hw.recommend(model, history=[[0, 3]], k=3)
    assert one["item_id"].to_list() == two["item_id"].to_list(), "EASE reads no ratings"


def test_evaluate_and_compare():
    data = blocks()
    result = hw.evaluate("ease", data, metrics=["ndcg@5"], l2=3.0)
    assert result.table()["metric"].to_list() == ["NDCG@5"]
    both = hw.compare(["popularity", "ease"], data, metrics=["NDCG@5", "Recall@5"])
    assert both.table().height == 4
    assert both.tests().height == 2
    with pytest.raises(BadParameter, match="two methods are called 'ease'"):
        hw.compare(["ease", "ease"], data)


def test_public_names_exist():
    for name in hw.__all__:
        assert getattr(hw, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'recomend'"):
        _ = hw.recomend


def test_progress_is_told(model):
    told = []
    hw.recommend(model, k=1, progress=lambda *what: told.append(what))
    assert told[-1] == ("recommend", 120, 120)
    hw.fit("ease", blocks(), progress=lambda *what: told.append(what))
    assert ("retrieve.matrix.ease", 1, 1) in told


def test_now_and_numpy_ids(model):
    ids = np.array([3, 4])
    assert hw.recommend(model, users=ids, k=1)["user_id"].to_list() == [3, 4]


def test_one_alone_is_a_list_of_one(model):
    assert hw.recommend(model, users=7, k=np.int64(2)).equals(hw.recommend(model, users=[7], k=2))
    text = hw.recommend(model, users="7", k=2)
    assert text.equals(hw.recommend(model, users=[7], k=2)), "the id is 7, whatever was typed"
    assert hw.similar_items(model, items=3, k=2).equals(hw.similar_items(model, items=[3], k=2))
    data = blocks()
    assert hw.evaluate("popularity", data, metrics="ndcg@5").metrics == ["NDCG@5"]
    assert list(hw.compare("popularity", data, metrics="ndcg@5").evaluations) == ["popularity"]


def test_a_guide_and_what_was_declined(model):
    pytest.importorskip("torch")
    how = {"n_epochs": 60, "learning_rate": 0.01}
    led = hw.fit("recfusion_guided", blocks(), hidden_size=16, how=how)
    genres = led.data.catalog.table["genres"]
    kind = genres[0][0]

    def share(**asked):
        items = hw.recommend(led, users=[1, 2, 3], k=10, **asked)["item_id"]
        at = led.data.items.encode(items)
        return np.mean([kind in genres[int(i)] for i in at])

    assert share(guide={"genres": [kind]}, strength=4) > share()
    assert share(guide={"genres": kind}, strength=0) == share()
    one = hw.recommend(led, users=[1], k=5, declined=[[10, 11, 12]])
    assert one.height == 5
    for call, said in (
        (
            lambda: hw.recommend(model, users=[1], guide={"genres": ["g0"]}),
            "EASE can follow neither",
        ),
        (lambda: hw.recommend(led, users=[1], guide={}), "guide is one column and its kinds"),
        (lambda: hw.recommend(led, users=[1], guide={"genres": []}), "guide is one column"),
        (lambda: hw.recommend(led, users=[1], declined=[[1], [2]]), "2 lists for 1 requests"),
    ):
        with pytest.raises(BadParameter, match=said):
            call()
