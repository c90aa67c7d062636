"""What the tables of the CDM paper are made with, on a world small enough to count in."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from headwater import papers
from headwater.data.toy import blocks
from headwater.evaluation import measure
from headwater.features import unit_rows
from headwater.papers import _funnel, cdm_2, cdm_3, cdm_fig4
from headwater.papers._funnel import Dial, requests
from headwater.types import Slate

RNG = np.random.default_rng(0)


@pytest.fixture
def small(monkeypatch):
    """The tables on a toy, after one epoch."""
    monkeypatch.setattr(_funnel, "sourced", lambda name: blocks(users=80))  # noqa: ARG005
    monkeypatch.setattr(_funnel, "CANDIDATES", 20)
    monkeypatch.setitem(_funnel.HOW, "n_epochs", 1)
    monkeypatch.setattr(cdm_2, "GAMMA", Dial(name="gamma", values=(0.0, 0.25, 0.5)))


def test_nobody_tested_is_learned_from():
    split = requests(blocks(users=80), 2, 0)
    learned = split.validation.train.impressions.queries.user
    tuned, tested = split.validation.queries.user, split.queries.user
    assert len(learned) > len(tuned) > 0
    assert not set(learned) & set(tuned)
    assert not set(learned) & set(tested)
    assert not set(tuned) & set(tested)
    assert split.truth.lengths.min() > 0
    assert not split.train.log.has(tested[split.truth.rows], split.truth.items).any()


def test_area_and_overlap_by_pairs():
    scores = RNG.random((6, 9)).round(1)  # with ties
    filled = RNG.random((6, 9)) < 0.8
    filled[:, :2] = True
    picked = ((RNG.random((6, 9)) < 0.4) & filled).astype(np.float32)
    picked[:, :2] = 1, 0
    areas, shares = [], []
    for s, p, there in zip(scores, picked, filled, strict=True):
        good, bad = s[p > 0], s[there & (p == 0)]
        gap = np.sign(good[:, None] - bad)
        areas.append((gap > 0).mean() + (gap == 0).mean() / 2)
        first = sorted(np.flatnonzero(there), key=lambda i: (-s[i], i))[: len(good)]
        shares.append(p[first].mean())
    assert cdm_2.area(scores, picked, filled) == pytest.approx(np.mean(areas))
    assert cdm_2.overlap(scores, picked, filled) == pytest.approx(np.mean(shares))


def test_the_most_varied_setting_that_costs_no_more_is_chosen(monkeypatch):
    """Recall falls and variety grows with the setting: the last one that is allowed."""

    class Turned:
        much = 0.0

    def measured(model, split, asked):  # noqa: ARG001
        return {"recall": [1 - model.much], "one": [model.much], "other": [0.5]}

    monkeypatch.setattr(_funnel, "measure", measured)
    dial, model = Dial(name="much", values=(0.0, 0.1, 0.2, 0.3)), Turned()
    assert dial.chosen(model, None, 0.75) == (0.2, True)
    assert model.much == 0.2
    assert dial.chosen(model, None, 0.95) == (0.0, True)
    assert dial.chosen(model, None, 2.0) == (0.0, False)  # none is good enough: the mildest
    assert model.much == 0.0


@pytest.mark.usefixtures("small")
def test_table_2_says_what_was_measured():
    found = papers.reproduce("cdm-2", methods=["movielens-1m"], splits=2)
    lines = found.table["method"].unique().to_list()
    assert {"dcn", "ipw", "mmr, 1 %", "dpp, 10 %", "cdm, 1 %", "cdm shared, 10 %"} <= set(lines)
    asked = papers.Asked(methods=("movielens-1m",), splits=2)
    recall = []
    for _, part in _funnel.parts(asked, ""):
        values = measure(part.dcn, part.split, ["Recall@5"])["Recall@5"]
        recall.append(100 * values.mean())
    row = found.table.row(by_predicate=None, named=True, index=0)
    assert row["method"] == "dcn"
    assert row["@5"] == pytest.approx(np.mean(recall), abs=0.006)
    cdm = found.table.filter(found.table["method"] == "cdm, 1 %")
    assert (cdm["low"] <= cdm["beside dcn"]).all()
    assert len(found.about["students"]) == 2 * 2 * len(cdm_2.CDM)
    dials = len(cdm_2.CDM) + len(cdm_2.RERANKERS)
    assert [each["met"] for each in found.about["settings"]].count(True) > dials
    assert len(found.about["settings"]) == 2 * 2 * dials


@pytest.mark.usefixtures("small")
def test_sources_that_were_not_run_stay(tmp_path):
    one = papers.reproduce("cdm-3", methods=["movielens-1m"], splits=1)
    two = papers.reproduce("cdm-3", methods=["lastfm-hetrec"], splits=1)
    papers.write(one, tmp_path)
    first = json.loads((tmp_path / "cdm-3.json").read_text())
    papers.write(two, tmp_path)
    papers.write(two, tmp_path)
    both = json.loads((tmp_path / "cdm-3.json").read_text())
    assert list(both["data"]) == ["movielens-1m", "lastfm-hetrec"]
    assert both["table"][: len(first["table"])] == first["table"]
    assert len(both["table"]) == 2 * len(first["table"])
    assert both["notes"] == [*first["notes"], *two.notes]
    papers.write(papers.reproduce("cdm-3", methods=["movielens-1m"], splits=1, seed=1), tmp_path)
    again = json.loads((tmp_path / "cdm-3.json").read_text())
    assert list(again["data"]) == ["movielens-1m"]  # other seeds are another table


@pytest.mark.usefixtures("small")
def test_table_3_and_figure_4_have_their_lines():
    three = papers.reproduce("cdm-3", methods=["movielens-1m"], splits=2)
    assert three.table["method"].unique(maintain_order=True).to_list() == list(cdm_3.LINES)
    assert three.table.filter(three.table["method"] == "cdm")["beside cdm"].null_count() == 6
    pytest.importorskip("altair")
    four = papers.reproduce("cdm-fig4", methods=["movielens-1m"], splits=1)
    assert four.table.height == len(cdm_2.CDM) * 11
    two = papers.reproduce("cdm-2", methods=["movielens-1m"], splits=1)
    mine = two.table.filter(two.table["metric"] == "ILAD")
    same = 0
    for each in two.about["settings"]:
        line = each["line"].partition(",")[0]
        if line in cdm_2.CDM and each["setting"] in cdm_fig4.GAMMAS:
            swept = four.table.filter(
                (four.table["method"] == line) & (four.table["gamma"] == each["setting"])
            )
            assert swept["ILAD"][0] == mine.filter(mine["method"] == each["line"])["@20"][0]
            same += 1
    assert same > 0
    assert four.picture[:4] == b"\x89PNG"


@pytest.mark.usefixtures("small")
def test_a_picture_shows_all_that_its_table_has(tmp_path):
    pytest.importorskip("altair")
    both = papers.reproduce("cdm-fig4", splits=1)
    for name in ("movielens-1m", "lastfm-hetrec"):
        papers.write(papers.reproduce("cdm-fig4", methods=[name], splits=1), tmp_path)
    assert (tmp_path / "cdm-fig4.png").read_bytes() == both.picture


@pytest.mark.usefixtures("small")
def test_the_rankers_vectors_are_what_items_are_compared_by():
    asked = papers.Asked(methods=("movielens-1m",), splits=1)
    ((_, part),) = _funnel.parts(asked, "")
    for split in (part.split, part.validation):
        x = split.train.catalog.vectors[_funnel.OWN]
        fields = part.dcn.net_["fields"]
        import torch

        with torch.no_grad():
            want = fields.item_vectors(torch.arange(len(x))).numpy()
        np.testing.assert_allclose(x, unit_rows(want), atol=1e-6)
    ranked = part.ranked(part.split)
    again = part.dcn(part.split.queries, part.split.candidates)
    assert isinstance(ranked.candidates, Slate)
    np.testing.assert_array_equal(ranked.candidates.items, again.items)
