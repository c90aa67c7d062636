from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headwater.data.requests import drawn, split_requests  # noqa: E402
from headwater.data.split import split  # noqa: E402
from headwater.data.toy import blocks  # noqa: E402
from headwater.errors import BadParameter, DataError  # noqa: E402
from headwater.evaluation import (  # noqa: E402
    EarlyStopping,
    Sampled,
    calibration,
    fit,
    judge,
    measure,
)
from headwater.rank._cross import CrossAndDeep  # noqa: E402
from headwater.rank._net import came  # noqa: E402
from headwater.registry import build, label  # noqa: E402
from headwater.report import calibration_plot  # noqa: E402


@pytest.mark.parametrize("cross", [0, 1, 3])
@pytest.mark.parametrize("sizes", [(), (4,), (5, 3)])
def test_the_net_is_the_formula(cross, sizes):
    torch.manual_seed(0)
    net = CrossAndDeep(6, cross, sizes, 0.5).double().eval()
    for p in net.parameters():
        torch.nn.init.normal_(p)
    x0 = torch.randn(4, 3, 6, dtype=torch.float64)
    w = {name: p.detach().numpy() for name, p in net.named_parameters()}
    x = x0.numpy()
    for l in range(cross):  # noqa: E741
        x = x0.numpy() * (x @ w[f"cross.{l}.weight"].T) + w[f"offsets.{l}"] + x
    h = x0.numpy()
    for l in range(len(sizes)):  # noqa: E741
        h = np.maximum(h @ w[f"deep.{3 * l}.weight"].T + w[f"deep.{3 * l}.bias"], 0)
    want = np.concatenate([x, h], -1) @ w["last.weight"].T + w["last.bias"]
    np.testing.assert_allclose(net(x0).detach().numpy(), want, rtol=1e-10)


@pytest.fixture(scope="module")
def asked():
    part = split(blocks(users=300), "random_per_user", seed=0)
    return split_requests(part.train, drawn(part, k=12, popularity=0, seed=0), seed=0)


@pytest.mark.parametrize(
    "loss",
    [
        "bce",
        "focal",
        "pairwise",
        "listwise",
        {"model": "approx_ndcg", "temperature": 0.3},
        "lambda_loss",
        {"model": "recall_at_k", "k": 5},
        {"model": "sigmoid_f1", "average": "samples"},
        {"model": "smooth_metric", "metric": "mcc", "average": "micro"},
    ],
    ids=str,
)
def test_learns_what_people_like(asked, loss):
    """Of people it has never seen, by their histories: far above chance, for every loss."""
    how = {"n_epochs": 25, "learning_rate": 0.01, "batch_size": 32}
    model = build("dcn", loss=loss, hidden_sizes=[16], how=how).fit(asked.train)
    assert judge(model, asked, "AUC") > 0.65


def test_serves_what_it_was_trained_with(asked):
    """What the loss looks at in a batch is what serving looks at, and scores it alike."""
    model = build("dcn", hidden_sizes=[8], how={"n_epochs": 2}).fit(asked.train)
    shown = asked.train.impressions[np.arange(9)]
    logits = model.logits(shown.queries, shown.slate)
    fitted = model.net_
    batch, rows = model.begin(asked.train, 0)
    assert len(rows) == len(asked.train.impressions)
    learned = batch(np.arange(9), torch.device("cpu"))
    served = model.requests(shown.queries, shown.slate, "cpu")
    for name in ("user", "items", "now", "past", "came"):
        torch.testing.assert_close(getattr(learned, name), getattr(served, name))
    assert (learned.past >= 0).any(1).all()
    with torch.inference_mode():
        np.testing.assert_array_equal(model.scored(fitted, learned).numpy(), logits)


def test_a_ranker_that_says_nan_is_an_error(asked):
    from headwater.model import Ranker

    class Odd(Ranker):
        def logits(self, queries, slate):  # noqa: ARG002
            return np.full(slate.items.shape, np.nan)

    with pytest.raises(DataError, match=r"Odd\.logits gave NaN"):
        Odd()(asked.queries, asked.candidates)


def test_early_stopping_by_requests(asked):
    model = build("dcn", hidden_sizes=[8], how={"n_epochs": 12, "learning_rate": 0.02})
    values = []
    fit(
        model,
        asked.train,
        validation=asked.validation,
        early_stopping=EarlyStopping(metric="NDCG@5", patience=3),
        judged=lambda epoch, value: values.append(value),  # noqa: ARG005
    )
    assert judge(model, asked.validation, "NDCG@5") == pytest.approx(max(values))
    alone = build("dcn", hidden_sizes=[8], how={"n_epochs": 3})
    fit(alone, asked.train, early_stopping=EarlyStopping(metric="NDCG@5"), validation=None)
    assert alone.fitted


def test_in_a_flow_it_learns_from_what_the_retriever_finds():
    data = blocks(users=200)
    flow = build(
        {
            "model": "flow",
            "retrieve": {"model": "ease", "l2": 10.0},
            "stages": [{"model": "dcn", "hidden_sizes": [8], "how": {"n_epochs": 3}}, "mmr"],
            "width": 15,
        }
    ).fit(data)
    slate = flow.recommend(data.queries([0, 1, 2]), 5)
    assert slate.filled.all()


def test_what_a_flow_teaches():
    """The retriever that made the requests had not seen what is clicked in them."""
    data = blocks(users=200)
    flow = build({"model": "flow", "retrieve": "ease", "stages": ["dcn", "mmr"], "width": 15})
    log = []
    for part, mine in flow.lessons(data):
        log.append((part.address, mine))
        if part.address == "retrieve.matrix.ease":
            part.fit(mine)
    assert [address for address, _ in log] == [
        "retrieve.matrix.ease",
        "rank.dcn",
        "rerank.mmr",
        "retrieve.matrix.ease",
    ]
    first, ranker, _, last = (mine for _, mine in log)
    assert last is data
    shown = ranker.impressions
    assert shown.clicks.sum() > 0
    clicked = shown.queries.user[shown.chosen.rows], shown.chosen.items
    place = first.users.encode(data.users.decode(clicked[0]))
    assert not first.log.matrix().toarray()[place, clicked[1]].any()
    assert data.log.matrix().toarray()[clicked].all()


def test_the_place_it_came_at(asked):
    """Where the list was in the right order already, its place is all that one has to know."""
    shown = asked.train.impressions
    best = np.argsort(-shown.clicks, axis=1, kind="stable")
    sorted_ = replace(
        shown,
        slate=shown.slate.take(best),
        clicks=np.take_along_axis(shown.clicks, best, 1),
    )
    how = {"n_epochs": 20, "learning_rate": 0.01, "batch_size": 32}
    model = build("dcn", came=True, hidden_sizes=[8], how=how)
    model.fit(replace(asked.train, impressions=sorted_))
    s = model.logits(sorted_.queries, sorted_.slate)
    clicked = sorted_.clicks > 0
    assert s[clicked].min() > s[~clicked].max(), "nothing else tells them apart as well"
    one = came(sorted_.slate[:1])[0]
    np.testing.assert_allclose(one[:3, 0], [1, 1 / np.log2(3), 0.5], rtol=1e-6)
    assert one[:, 1].min() == 0
    assert one[:, 1].max() == 1


def test_early_stopping_in_a_flow_learns_from_nothing_that_is_held_out(monkeypatch):
    """A retriever with epochs is judged within its lesson, not on the split of the whole."""
    data = blocks(users=200)
    small = {"hidden_size": 8, "embedding_size": 4, "how": {"n_epochs": 2}}
    flow = build(
        {
            "model": "flow",
            "retrieve": {"model": "multvae", **small},
            "stages": [{"model": "dcn", "hidden_sizes": [4], "how": {"n_epochs": 2}}],
            "width": 20,
        }
    )
    seen = []
    epochs = type(flow.retrieve).epochs
    monkeypatch.setattr(
        type(flow.retrieve), "epochs", lambda model, d: seen.append(d) or epochs(model, d)
    )
    lessons = []
    teach = type(flow).lessons
    monkeypatch.setattr(
        type(flow),
        "lessons",
        lambda f, d: (lessons.append(each) or each for each in teach(f, d)),
    )
    part = split(data, "random_per_user", seed=1)
    fit(
        flow,
        part.train,
        validation=part.validation,
        early_stopping=EarlyStopping(metric="NDCG@5", patience=1),
    )
    shown = lessons[1][1].impressions
    first = seen[0]
    row = first.users.encode(part.train.users.values)[shown.queries.user[shown.chosen.rows]]
    known = first.log.matrix().toarray()[np.maximum(row, 0), shown.chosen.items] * (row >= 0)
    assert len(known) > 10
    assert not known.any()


def test_mistakes():
    with pytest.raises(DataError, match="DCN learns from impressions, and the data have none"):
        build("dcn").fit(blocks())
    with pytest.raises(BadParameter, match="dropout must be from 0 to below 1"):
        build("dcn", dropout=1.0)


def test_who_is_in_no_request_is_a_stranger(asked):
    model = build("dcn", hidden_sizes=[8], how={"n_epochs": 2}).fit(asked.train)
    unmet = np.setdiff1d(asked.queries.user, asked.train.impressions.queries.user)
    rows = np.flatnonzero(np.isin(asked.queries.user, unmet))[:3]
    queries, slate = asked.queries[rows], asked.candidates[rows]
    said = model.logits(queries, slate)
    nobody = replace(queries, user=np.full(len(rows), -1, np.int32))
    met = replace(queries, user=asked.train.impressions.queries.user[: len(rows)])
    np.testing.assert_array_equal(said, model.logits(nobody, slate))
    assert (said != model.logits(met, slate)).any()


@pytest.mark.parametrize("history", [1, 3])
def test_what_is_never_looked_at_is_a_stranger(asked, history):
    """An item that is in histories, but before the latest that the net looks at."""
    shown = asked.train.impressions[np.arange(2)]
    few = replace(asked.train, impressions=shown)
    model = build("dcn", hidden_sizes=[8], history=history, how={"n_epochs": 1}).fit(few)
    met = [shown.slate.items.ravel(), shown.queries.history.padded(history).ravel()]
    codes = model.net_["fields"].state_dict()["item_id_codes"].numpy()[: asked.train.log.n_items]
    assert set(np.flatnonzero(codes)) == set(np.concatenate(met)) - {-1}


def test_its_chances_are_measured(asked, tmp_path):
    """Log-loss and calibration are those of what it says, and only of what says chances."""
    model = build("dcn", hidden_sizes=[8], how={"n_epochs": 15, "learning_rate": 0.01})
    model.fit(asked.train)
    logits = model.logits(asked.queries, asked.candidates).astype(float)
    there = asked.candidates.filled
    y = asked.truth.has(np.arange(len(asked))[:, None], asked.candidates.items)
    p = 1 / (1 + np.exp(-logits))
    loss = np.where(there, -np.where(y, np.log(p), np.log(1 - p)), 0).sum(1) / there.sum(1)
    found = measure(model, asked, ["log_loss", "calibration_error", "gauc", "auc"])
    np.testing.assert_allclose(found["LogLoss"], loss, rtol=1e-4)
    np.testing.assert_allclose(found["GAUC"], found["AUC"].mean(), rtol=1e-9)  # all have 12
    table = calibration(model, asked, bins=5)
    assert table["candidates"].sum() == there.sum()
    inside = there & (p >= table["from"][0]) & (p < table["to"][0])
    assert table["said"][0] == pytest.approx(p[inside].mean(), rel=1e-4)
    assert table["chosen"][0] == pytest.approx(y[inside].mean())
    assert (table["low"] <= table["chosen"]).all()
    gap = (table["candidates"] * (table["said"] - table["chosen"]).abs()).sum() / there.sum()
    assert calibration_error(asked, model, 5) == pytest.approx(gap)
    with pytest.raises(DataError, match="what DCN says is no chance"):
        measure(build("dcn", loss="pairwise").fit(asked.train), asked, ["log_loss"])
    with pytest.raises(DataError, match="this split has none of its own"):
        measure(model, replace(asked, candidates=None), ["log_loss"])
    with pytest.raises(BadParameter, match="measure it without sampled"):
        measure(model, asked, ["log_loss"], sampled=Sampled(negatives=2))
    pytest.importorskip("altair")
    with pytest.raises(BadParameter, match="is a folder"):
        calibration_plot({"dcn": table}, tmp_path)
    drawn_at = calibration_plot({"dcn": table}, tmp_path / "plot.png")
    assert drawn_at.read_bytes()[:4] == b"\x89PNG"


def calibration_error(asked, model, bins):
    metric = build("metrics.calibration_error", bins=bins)
    return measure(model, asked, [metric])[label(metric)]
