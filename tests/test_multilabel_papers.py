"""The tables of chapter 3, on a small file of made-up texts."""

import json

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")
sklearn = pytest.importorskip("sklearn.metrics")

from headwater import papers  # noqa: E402
from headwater.errors import UnknownName  # noqa: E402
from headwater.papers import _multilabel as shared  # noqa: E402
from headwater.papers import thesis_fig3_4  # noqa: E402
from headwater.registry import build  # noqa: E402

WORDS = {"war": "battle soldier siege", "love": "wedding kiss heart", "crime": "heist police trial"}


class Words:
    """An encoder that counts words."""

    def encode(self, texts, **_):
        known = " ".join(WORDS.values()).split()
        return np.array([[text.count(word) for word in known] for text in texts], np.float32)


@pytest.fixture
def file(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(150):
        mine = [kind for kind in WORDS if rng.random() < 0.4]
        said = [str(rng.choice(WORDS[kind].split())) for kind in mine]
        noise = [str(rng.choice(" ".join(WORDS.values()).split())) for _ in range(2)]
        rows.append({"id": i, "text": " ".join([*said, *noise]), "labels": mine})
    path = tmp_path / "texts.parquet"
    pl.DataFrame(rows).write_parquet(path)
    monkeypatch.setattr(shared, "HOW", {"n_epochs": 30, "batch_size": 32, "learning_rate": 0.03})
    monkeypatch.setattr(shared, "RESAMPLES", 200)
    few = {name: shared.LOSSES[name] for name in ("bce", "poly", *shared.TUNED)}
    for module in (shared, thesis_fig3_4):
        monkeypatch.setattr(module, "LOSSES", few)
    for name in ("BETAS", "ETAS"):
        few = {given: values[1:3] for given, values in getattr(shared, name).items()}
        monkeypatch.setattr(shared, name, few)
    monkeypatch.setattr(
        shared, "build", lambda tree, **p: Words() if tree == "encode.minilm" else build(tree, **p)
    )
    return str(path)


def test_losses_by_f1(file, tmp_path):
    found = papers.reproduce("thesis-3.3", methods=[file], splits=2)
    table = found.table
    assert table["loss"].unique(maintain_order=True).to_list() == list(shared.LOSSES)
    assert set(table["metric"]) == set(shared.METRICS)
    assert (table["q25"] <= table["median"]).all()
    assert (table["median"] <= table["q75"]).all()
    for row in table.filter(pl.col("loss") != "bce").iter_rows(named=True):
        if row["metric"] in shared.SCORES:
            assert row["low"] <= row["beside bce"] <= row["high"]
        else:
            assert row["low"] is None
    learned = table.filter(
        pl.col("metric") == "average_precision", pl.col("loss").is_in(["bce", "sigmoid_f1", "poly"])
    )
    assert learned["median"].min() > 60
    tuned = found.about["settings"]
    assert {each["line"] for each in tuned if "beta" in each} >= set(shared.TUNED)
    assert found.about["data"][file]["parts"] == [
        len(part) for part in shared.split_items(shared.read_labelled(file), "labels")
    ]
    assert "above bce by all three F1" in found.notes[0]
    path = papers.write(found, tmp_path)
    assert json.loads(path.read_text())["title"] == found.title


def test_with_tuned_thresholds(file, tmp_path):
    asked = {"methods": [file], "splits": 1, "checkpoint": tmp_path / "runs"}
    found = papers.reproduce("thesis-3.4", **asked)
    assert set(found.table["threshold"]) == {"averaging", "search", "per_class", "top_n"}
    best = found.table.filter(pl.col("metric") == "f1_micro", pl.col("loss") == "bce")
    assert best["median"].min() > 50
    assert len(list((tmp_path / "runs").glob("*.safetensors"))) == 2 + 2 * 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headwater.classify.head.Head.fit", lambda *_: pytest.fail("learned again"))
        assert papers.reproduce("thesis-3.4", **asked).table.equals(found.table)


def test_results_tell_texts_and_labels_apart(file):
    """Where the ids are the same: one word of one text, one label of one item, or nothing."""
    table = pl.read_parquet(file)
    first = pl.int_range(pl.len()) == 0
    labels = pl.when(first).then(pl.lit(["war", "love", "crime"])).otherwise("labels")
    other = pl.when(first).then(pl.lit(["love"])).otherwise("labels")
    tables = [
        table,
        table,
        table.with_columns(text=pl.when(first).then(pl.lit("siege")).otherwise("text")),
        table.with_columns(labels=labels),
        table.with_columns(labels=other),
    ]
    asked, told = papers.Asked(methods=(file,), splits=1), []
    for each in tables:
        each.write_parquet(file)
        told.append(shared.about(next(shared.corpora(asked)), asked, "thesis-3.3"))
    assert len({each["fingerprint"] for each in told}) == 1
    prints = [each["content"] for each in told]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_the_figure(file):
    found = papers.reproduce("thesis-fig3.4", methods=[file], splits=1)
    assert found.picture.startswith(b"\x89PNG")
    tune = found.table.filter(pl.col("part") == "tune")
    assert len(tune) == 2 * 4
    assert found.table.filter(pl.col("part") == "test")["line"].to_list() == list(shared.LOSSES)
    assert thesis_fig3_4.picture(found.table) == found.picture


def test_a_file_that_is_not_there():
    with pytest.raises(UnknownName, match=r"no method of thesis-3\.3 'none\.csv'.*read, too"):
        papers.reproduce("thesis-3.3", methods=["none.csv"])


def answer(rng, items, n_classes=4):
    y = rng.random((len(items), n_classes)) < 0.3
    scores = rng.random(y.shape) * 0.5 + 0.4 * y
    return shared.Answer(items, y, scores > 0.5, scores)


def test_differences_and_their_interval(monkeypatch):
    """The scores are scikit-learn's; a draw is made of items, the same for both and all seeds."""
    monkeypatch.setattr(shared, "RESAMPLES", 100)
    rng = np.random.default_rng(0)
    parts = [np.sort(rng.permutation(40)[:15]) for _ in range(2)]
    one, other = ([answer(rng, items) for items in parts] for _ in range(2))
    other = [shared.Answer(a.items, a.y, b.said, b.scores) for a, b in zip(one, other, strict=True)]
    found = shared.beside(one, other, 40, seed=3)
    draws = np.random.default_rng(3).multinomial(40, np.full(40, 1 / 40), shared.RESAMPLES)
    for metric, (gap, low, high) in found.items():
        average = metric.removeprefix("f1_")

        def f1(each, times=None, average=average):
            at = (
                np.arange(len(each.items))
                if times is None
                else np.repeat(np.arange(len(each.items)), times[each.items])
            )
            return sklearn.f1_score(each.y[at], each.said[at], average=average, zero_division=0)

        want = np.mean([f1(a) - f1(b) for a, b in zip(one, other, strict=True)])
        assert gap == pytest.approx(100 * want)
        some = [
            np.mean([f1(a, times) - f1(b, times) for a, b in zip(one, other, strict=True)])
            for times in draws
        ]
        wide = np.quantile(some, (0.025, 0.975))
        assert [low, high] == pytest.approx((100 * wide).tolist())
    same = shared.beside(one, one, 40, seed=3)
    assert same == dict.fromkeys(shared.SCORES, (0, 0, 0))
