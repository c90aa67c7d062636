"""The tables of chapter 5 on a small world: what is in them, and what must hold in any."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")
pytest.importorskip("altair")
pytest.importorskip("sklearn")

from headwater import papers
from headwater.papers import _radio, radio_tradeoff, radio_week, thesis_fig5
from headwater.papers.radio_tradeoff import target, within

RESULTS = Path(__file__).parents[1] / "papers" / "results"
TINY = {
    "naml": {
        "model": "retrieve.content.naml",
        "word_size": 8,
        "title_length": 6,
        "body_length": 6,
        "history": 5,
        "filters": 8,
        "kind_size": 8,
        "query_size": 8,
    },
    "pop": {"model": "retrieve.matrix.popularity"},
    "random": {"model": "retrieve.matrix.random"},
}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A world that is made and learned of in seconds; the nets are kept between tables."""
    world = {"n_articles": 1_700, "n_users": 150, "n_impressions": 500}
    monkeypatch.setattr(_radio, "WORLD", world)
    monkeypatch.setattr(_radio, "HOW", {"n_epochs": 1, "batch_size": 64, "learning_rate": 5e-3})
    for module in (_radio, radio_tradeoff, radio_week):
        monkeypatch.setattr(module, "MODELS", TINY)
    monkeypatch.setattr(_radio.learned, "__defaults__", (TINY,))
    return tmp_path


def values(found, method, metric):
    rows = found.table.filter((pl.col("method") == method) & (pl.col("metric") == metric))
    return rows["ours"].item()


def test_table_5_3_and_5_4(small):
    js = papers.reproduce("thesis-5.3", methods=["made"], splits=1, checkpoint=small)
    assert set(js.table["method"]) == {*TINY, _radio.REPEATS}
    for method in TINY:
        assert 0 < values(js, method, "calibration (topic)") < 99.43
        assert 0 < values(js, method, "fragmentation") < 99.43
    assert js.table.filter(method="random", metric="activation")["paper"].item() == 27.15
    assert values(js, "random", "AUC") == pytest.approx(50, abs=6)
    assert any("defined for not all requests" in note for note in js.notes)
    kl = papers.reproduce("thesis-5.4", methods=["made"], splits=1, checkpoint=small)
    for method in TINY:
        whole = values(kl, method, "activation")
        assert 0 < whole < values(kl, method, "activation, at 10") < 9.95
    for metric in ("activation", "representation", "alternative voices"):
        assert values(kl, _radio.REPEATS, metric) > 2 * values(kl, "random", metric), (
            "a third lacks"
        )


def test_table_5_5(small):
    found = papers.reproduce("thesis-5.5", methods=["made"], splits=1, checkpoint=small)
    assert 80 < values(found, "random", "distance of texts") < 100
    assert sum("Kendall's tau" in note for note in found.notes) == 3 * 6


def test_figures(small):
    found = papers.reproduce("thesis-fig5", methods=["made"], splits=1, checkpoint=small)
    assert found.picture.startswith(b"\x89PNG")
    table = found.table.filter(pl.col("figure") == "spread")
    whole = table.filter(
        (pl.col("x") == "mean")
        & (pl.col("cut") == "all")
        & (pl.col("ranks") == "no ranks")
        & pl.col("metric").is_in(thesis_fig5.POOL)
    )
    assert len(whole) == 9
    np.testing.assert_allclose(whole["value"], 0, atol=1e-6)
    assert any("subcategory above that by category: 1 of 1" in note for note in found.notes)


def test_the_trade_off(small, monkeypatch):
    monkeypatch.setattr(radio_tradeoff, "REQUESTS", 120)
    monkeypatch.setattr(radio_tradeoff, "TRADES", (0.0, 0.4, 0.97))
    monkeypatch.setattr(radio_tradeoff, "PLAIN", (0.0, 0.6))
    found = papers.reproduce("radio-tradeoff", splits=1, checkpoint=small)
    assert len(found.table) == 12
    for row in found.table.iter_rows(named=True):
        up = row["way"] == "further"
        assert (row["radio"] > row["naml"]) == up, row
        if row["reached"] == "1 of 1":
            assert (row["radio"] >= row["target"]) if up else (row["radio"] <= row["target"])
    assert found.picture.startswith(b"\x89PNG")


def test_a_week(small, monkeypatch):
    monkeypatch.setattr(radio_week, "TRADES", (0.5, 0.97))
    found = papers.reproduce("radio-week", splits=1, checkpoint=small)
    of = {row["method"]: row for row in found.table.iter_rows(named=True)}
    assert of["each list"]["person"] < of["naml"]["person"]
    assert of["window"]["person"] < of["naml"]["person"]
    assert of["naml"]["lost, %"] == 0


def test_ranges_and_costs():
    assert target("activation", 0.4, 0.99, "nearer") == (0.0, pytest.approx(0.34))
    assert target("fragmentation", 0.5, 0.99, "nearer") == (0.0, pytest.approx(0.49))
    assert target("activation", 0.4, 0.99, "further") == (pytest.approx(0.44), 0.99)
    assert target("activation", 0.95, 0.99, "further")[0] == pytest.approx(0.96)
    base = (0.0, 0.5, 0.30)
    line = [(0.2, 0.48, 0.25), (0.5, 0.4, 0.20), (1.0, 0.2, 0.40)]
    assert within(line, base, 0.45, up=False) == 0.25
    assert within(line, base, 0.1, up=False) == 0.20
    assert within(line, base, 0.1, up=True) == 0.40
    assert within(line, base, 0.6, up=False) == 0.30, "nothing is had for nothing"


def committed(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


def test_what_the_committed_tables_say():
    """The claims of chapter 5 that papers/README.md tells hold in the results beside it."""
    table = pl.DataFrame(committed("thesis-5.3")["table"], infer_schema_length=None)
    made = table.filter(data="made")

    def of(method, metric):
        return made.filter(method=method, metric=metric)["ours"].item()

    learn = ("lstur", "naml", "npa", "nrms")
    for metric in ("calibration (topic)", "fragmentation"):
        assert of("random", metric) > max(of(method, metric) for method in learn)
    for metric in ("AUC", "NDCG@10"):
        assert (
            min(of(method, metric) for method in learn) > of("pop", metric) > of("random", metric)
        )
    for metric in ("activation", "alternative voices"):
        assert of(_radio.REPEATS, metric) > of("random", metric) + 3
    ends = committed("radio-tradeoff")["table"]
    assert len(ends) == 12
    assert all(row["monotone"] == row["radio ahead of both"] == "3 of 3" for row in ends)
    week = {row["method"]: row for row in committed("radio-week")["table"]}
    assert week["window"]["person"] < week["each list"]["person"] < week["naml"]["person"]
    assert week["window"]["lost, %"] < week["each list"]["lost, %"]
