"""The tables of chapter 4, made small."""

import pytest

for package in ("torch", "xgboost", "optuna", "numpyro", "altair"):
    pytest.importorskip(package)

from headwater import papers  # noqa: E402
from headwater.papers import thesis_4_4, thesis_fig4  # noqa: E402
from headwater.registry import build  # noqa: E402


def test_satisfied_people_rather_than_clicks():
    found = papers.reproduce("satisfaction-loop", methods=["clicks", "predicted"], splits=2)
    rows = {(row["method"], row["metric"]): row for row in found.table.to_dicts()}
    gain = rows["predicted", "satisfied"]
    assert gain["difference"] == pytest.approx(
        gain["ours"] - rows["clicks", "satisfied"]["ours"], abs=0.002
    )
    assert gain["difference"] > 3
    assert gain["ahead"] == "2 of 2"
    assert rows["predicted", "clicks"]["difference"] < 0


def test_table_4_4(monkeypatch):
    monkeypatch.setattr(thesis_4_4, "FOLDS", 3)
    models = {name: thesis_4_4.MODELS[name] for name in ("logistic", "logistic, intents")}
    models["multilevel"], models["boosted"] = models["logistic"], models["logistic"]
    monkeypatch.setattr(thesis_4_4, "MODELS", models)
    found = papers.reproduce("thesis-4.4", methods=["trivial", "realistic"], splits=2)
    assert len(found.table) == 2 * 3 * 5
    rows = {(r["data"], r["target"], r["model"]): r for r in found.table.to_dicts()}
    mean, deviation = rows["trivial", "overall", "everybody"]["f1"].split(" ± ")
    assert float(mean) == pytest.approx(2 * 0.4 / 1.4, abs=0.02)
    assert float(deviation) < 0.02
    assert rows["realistic", "overall", "everybody"]["auc"].startswith("0.500")
    seeds = found.about["data"]["trivial"]["per_seed"]["overall"]["logistic"]["auc"]
    assert all(0.45 < auc < 0.55 for auc in seeds)
    assert any("trivial, overall: log loss of logistic, intents" in note for note in found.notes)


def test_figures(monkeypatch):
    monkeypatch.setattr(thesis_fig4, "MOST", 250)

    def quick(where, **how):
        return build(where, **how, n_draws=100, n_warmup=100)

    monkeypatch.setattr(thesis_fig4, "build", quick)
    found = papers.reproduce("thesis-fig4", methods=["realistic"])
    assert found.table["figure"].to_list() == ["4.3", "4.4", "4.5", "4.6", "chains"]
    assert found.picture[:4] == b"\x89PNG"
    assert found.table["says"][0].startswith("79 % were satisfied")
