from dataclasses import replace

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

from headwater.data.toy import blocks  # noqa: E402
from headwater.errors import BadParameter, DataError, UnknownName  # noqa: E402
from headwater.registry import build, describe  # noqa: E402
from headwater.state import pack, unpack  # noqa: E402
from headwater.types import Catalog  # noqa: E402

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def data():
    """400 items whose vectors say which of three labels they have, any number, with some noise."""
    rng = np.random.default_rng(0)
    n = 400
    y = rng.random((n, 3)) < [0.5, 0.3, 0.15]
    x = y @ rng.normal(size=(3, 8)) * 3 + rng.normal(size=(n, 8)) * 4 + 5
    x[:, 7] = 4  # says nothing, and does not vary
    table = pl.DataFrame(
        {"tags": [[t for t, has in zip(LABELS, row, strict=True) if has] for row in y]}
    )
    world = blocks(users=10, items=n)
    catalog = Catalog(table, {"seen": x.astype(np.float32)})
    return replace(world, catalog=catalog)


def made(**parameters):
    return build("classify.head", by="seen", kinds="tags", **parameters)


def test_the_net_is_the_formula(data):
    head = made(hidden_sizes=[5, 4], dropout=0.5, how={"n_epochs": 2}).fit(data)
    x = data.catalog.vectors["seen"]
    learned = data.catalog.table["tags"].list.len().to_numpy() > 0
    h = (x - x[learned].mean(0)) / np.where(x[learned].std(0) > 0, x[learned].std(0), 1)
    w = {name: p.detach().numpy() for name, p in head.net_.named_parameters()}
    weights = [v for k, v in w.items() if k.endswith("weight")]
    biases = [v for k, v in w.items() if k.endswith("bias")]
    assert len(weights) == 3
    for a, b in zip(weights[:-1], biases[:-1], strict=True):
        h = np.maximum(h @ a.T + b, 0)
    want = 1 / (1 + np.exp(-(h @ weights[-1].T + biases[-1])))
    np.testing.assert_allclose(head.chances(x), want, rtol=1e-4, atol=1e-6)


def test_without_layers_it_is_logistic_regression(data):
    """Of each class on its own, where both have come to an end."""
    linear = pytest.importorskip("sklearn.linear_model")
    items = np.arange(300)
    how = {"n_epochs": 800, "batch_size": 300, "learning_rate": 0.05}
    head = made(how=how).fit(data, items)
    x = data.catalog.vectors["seen"]
    y = data.catalog.multi_hot("tags").toarray()
    assert head.classes == data.catalog.kinds("tags")
    alike = (x - head.mean_) / head.deviation_
    for c in range(3):
        model = linear.LogisticRegression(C=np.inf, max_iter=1000).fit(alike[items], y[items, c])
        np.testing.assert_allclose(
            head.chances(x)[:, c], model.predict_proba(alike)[:, 1], atol=0.01
        )


@pytest.mark.parametrize(
    "loss",
    [
        "bce",
        "focal",
        "asymmetric",
        "poly",
        "pairwise",
        "sigmoid_f1",
        {"model": "sigmoid_f1", "input": "probabilities", "beta": 10.0, "eta": -0.5},
        "unbounded_f1",
        {"model": "smooth_metric", "metric": "jaccard"},
        {"model": "recall_at_k", "k": 1},
    ],
    ids=str,
)
def test_learns_by_every_loss(data, loss):
    from sklearn.metrics import average_precision_score

    train, test = np.arange(300), np.arange(300, 400)
    head = made(loss=loss, how={"n_epochs": 60, "learning_rate": 0.01, "batch_size": 64})
    head.fit(data, train)
    y = data.catalog.multi_hot("tags").toarray()[test]
    chances = head.chances(data.catalog.vectors["seen"][test])
    assert average_precision_score(y, chances, average="macro") > y.mean() + 0.1


def test_only_the_items_named_are_learned_from(data):
    items = np.arange(50)
    one = made(how={"n_epochs": 3}).fit(data, items)
    x = data.catalog.vectors["seen"].copy()
    x[50:] = 1e6
    other = replace(data, catalog=replace(data.catalog, vectors={"seen": x}))
    two = made(how={"n_epochs": 3}).fit(other, items)
    np.testing.assert_array_equal(one.chances(x[:50]), two.chances(x[:50]))


def test_two_runs_on_other_items_do_not_share_a_checkpoint(data, tmp_path):
    how = {"n_epochs": 3, "checkpoint": str(tmp_path)}
    first = made(how=how).fit(data, np.arange(50))
    second = made(how=how).fit(data, np.arange(50, 100))
    alone = made(how={"n_epochs": 3}).fit(data, np.arange(50, 100))
    x = data.catalog.vectors["seen"]
    np.testing.assert_array_equal(second.chances(x), alone.chances(x))
    assert (second.chances(x) != first.chances(x)).any()


def test_what_it_says_is_up_to_the_threshold(data):
    head = made(threshold="per_class", how={"n_epochs": 20, "learning_rate": 0.01})
    head.fit(data, np.arange(200)).tune(data, np.arange(200, 300))
    x = data.catalog.vectors["seen"]
    np.testing.assert_array_equal(head.says(x), head.chances(x) > head.threshold.at_)
    again = build(describe(head))
    unpack(again, *pack(head))
    np.testing.assert_array_equal(again.says(x), head.says(x))
    assert again.classes == head.classes


def test_mistakes(data):
    with pytest.raises(UnknownName, match="no vectors 'sen'; did you mean 'seen'"):
        build("classify.head", by="sen", kinds="tags").fit(data)
    bare = replace(
        data, catalog=replace(data.catalog, table=pl.DataFrame({"tags": [[""][:0]] * 400}))
    )
    with pytest.raises(DataError, match="no item has anything in 'tags'"):
        made().fit(bare)
    with pytest.raises(BadParameter, match="vectors of 8 numbers"):
        made(how={"n_epochs": 1}).fit(data).chances(np.zeros((2, 3)))
    with pytest.raises(BadParameter, match="hidden_sizes"):
        made(hidden_sizes=[0])
    with pytest.raises(BadParameter, match="loss must be a Loss"):
        made(loss="ease")
