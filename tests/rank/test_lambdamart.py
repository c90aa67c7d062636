import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("xgboost")

from headwater.data.requests import drawn, split_requests
from headwater.data.split import split
from headwater.data.toy import blocks
from headwater.errors import DataError
from headwater.evaluation import judge
from headwater.registry import build


@pytest.fixture(scope="module")
def asked():
    part = split(blocks(users=300), "random_per_user", seed=0)
    return split_requests(part.train, drawn(part, k=12, popularity=0, seed=0), seed=0)


@pytest.fixture(scope="module")
def fitted(asked):
    return build("lambdamart", n_trees=30, max_depth=3, size=8).fit(asked.train)


def walked(trees, x):
    """The sum of the leaves that each row of ``x`` reaches, in XGBoost's own JSON."""
    out = np.zeros(len(x))
    for tree in trees:
        left, right = tree["left_children"], tree["right_children"]
        for i, row in enumerate(x):
            at = 0
            while left[at] != -1:
                below = row[tree["split_indices"][at]] < tree["split_conditions"][at]
                at = left[at] if below else right[at]
            out[i] += tree["base_weights"][at]
    return out


def test_the_answer_is_the_trees(asked, fitted):
    saved = json.loads(fitted.trees_.tobytes())
    trees = saved["learner"]["gradient_booster"]["model"]["trees"]
    assert len(trees) == 30
    queries, slate = asked.queries[:5], asked.candidates[:5]
    x = fitted.features(queries, slate)
    got = fitted.logits(queries, slate)[slate.filled]
    want = walked(trees, x)
    np.testing.assert_allclose(got - got[0], want - want[0], atol=1e-4)


def test_what_the_trees_look_at(asked, fitted):
    queries, slate = asked.queries[:4], asked.candidates[:4]
    x = fitted.features(queries, slate)
    names = json.loads(fitted.columns_)
    assert names[:5] == ["place", "score", "popularity", "history cosine", "latest cosine"]
    assert x.shape == (slate.filled.sum(), len(names))
    log = asked.train.log
    for at, (row, slot) in enumerate(zip(*np.nonzero(slate.filled), strict=True)):
        item = slate.items[row, slot]
        past = queries.history[[row]].items
        v = fitted.vectors_
        mean = v[past].sum(0) / np.linalg.norm(v[past].sum(0))
        want = [
            slot,
            slate.scores[row, slot],
            np.log1p((log.items == item).sum()),
            v[item] @ mean,
            v[item] @ v[past[-1]],
        ]
        np.testing.assert_allclose(x[at, :5], want, atol=1e-5)


def test_its_features_do_not_know_what_is_to_be_learned(asked, monkeypatch):
    """In training, popularity and cosines are those of the log without the clicks; then of all."""
    data = blocks(users=300)  # its log has the clicks
    data = replace(data, impressions=asked.train.impressions)
    model, logs = build("lambdamart", n_trees=2, size=4), []
    look = type(model)._look_at
    monkeypatch.setattr(type(model), "_look_at", lambda m, log: logs.append(log) or look(m, log))
    model.fit(data)
    shown = data.impressions
    clicked = shown.queries.user[shown.chosen.rows], shown.chosen.items
    first, last = (each.matrix().toarray() for each in logs)
    assert not first[clicked].any()
    assert last[clicked].all()
    assert first.sum() == last.sum() - len(clicked[0])


def test_the_columns_of_the_catalogue(asked, fitted):
    """A column for each genre, and the topic's code."""
    names = json.loads(fitted.columns_)
    table = asked.train.catalog.table
    genres = sorted({each[0] for each in table["genres"].to_list()})
    hot = fitted.items_[:, [names.index(f"item genres {i}") - 5 for i in range(len(genres))]]
    want = [[float(each[0] == genre) for genre in genres] for each in table["genres"].to_list()]
    np.testing.assert_array_equal(hot, want)
    topics = sorted(set(table["topic"].to_list()))
    codes = [1 + topics.index(each) for each in table["topic"].to_list()]
    np.testing.assert_array_equal(fitted.items_[:, names.index("item topic 0") - 5], codes)


def test_learns_what_people_like(asked, fitted):
    assert judge(fitted, asked, "AUC") > 0.65


def test_mistakes():
    with pytest.raises(DataError, match="LambdaMART learns from impressions"):
        build("lambdamart").fit(blocks())


def test_without_descriptions(asked):
    """Where nothing is known of items and people there are still the choices."""
    bare = asked.train.catalog.table.select("title")
    data = replace(asked.train, catalog=replace(asked.train.catalog, table=bare))
    model = build("lambdamart", n_trees=3).fit(data)
    assert json.loads(model.columns_) == [
        "place",
        "score",
        "popularity",
        "history cosine",
        "latest cosine",
    ]
