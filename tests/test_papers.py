import json
from pathlib import Path

import polars as pl
import pytest

from headwater import papers
from headwater.errors import BadParameter, UnknownName

RESULTS = Path(__file__).parents[1] / "papers" / "results"


def test_lists_its_tables():
    have = ["cdm-2", "cdm-3", "cdm-fig4", "figure-2.3", "guidance", "radio-tradeoff", "radio-week"]
    have += ["satisfaction-loop"]
    have += ["thesis-2.1", "thesis-2.2", "thesis-2.3", "thesis-2.5", "thesis-2.6"]
    have += ["thesis-3.3", "thesis-3.4", "thesis-3.7", "thesis-4.4"]
    have += ["thesis-5.3", "thesis-5.4", "thesis-5.5"]
    have += ["thesis-fig3.4", "thesis-fig4", "thesis-fig5", "tuning"]
    assert papers.listed()["table"].to_list() == have


def test_wrong_names():
    with pytest.raises(UnknownName, match="no table 'thesis-9'"):
        papers.reproduce("thesis-9")
    with pytest.raises(UnknownName, match=r"no method of thesis-2\.5 'svd'"):
        papers.reproduce("thesis-2.5", methods=["svd"])
    with pytest.raises(BadParameter, match="splits must be at least 1"):
        papers.reproduce("thesis-2.5", splits=0)


@pytest.mark.usefixtures("shared")
def test_a_small_reproduction_is_written_whole(tmp_path):
    told = []
    found = papers.reproduce(
        "thesis-2.5",
        methods=["random", "popularity"],
        splits=2,
        progress=lambda *what: told.append(what),
    )
    assert told[-1] == ("thesis-2.5", 4, 4)
    path = papers.write(found, tmp_path)
    again = json.loads(path.read_text())
    assert [row["method"] for row in again["table"]] == ["random"] * 3 + ["popularity"] * 3
    said = again["lines"]["random"]["command"]
    assert said == "headwater reproduce thesis-2.5 --methods random --splits 2 --seed 0"
    for row in again["table"]:
        assert row["least"] <= row["ours"] <= row["most"]
    assert "popularity ahead of random on 2 of 2 splits" in again["notes"][-1]
    one = papers.reproduce("thesis-2.5", methods=["popularity"], splits=1)
    papers.write(one, tmp_path)
    merged = json.loads(path.read_text())
    assert [row["method"] for row in merged["table"]] == ["random"] * 3 + ["popularity"] * 3
    assert [row["splits"] for row in merged["table"]] == [2] * 3 + [1] * 3
    assert merged["lines"]["random"] == again["lines"]["random"]
    assert "popularity ahead of random on 2 of 2 splits" in merged["notes"][-1]


def test_counts_of_weights_are_exact():
    found = papers.reproduce("thesis-2.6")
    assert found.table["ours"].to_list() == [4_464_216, 5_603_886, 1_410_218]
    assert found.table["accepted"].all()


def test_what_learns_in_epochs_goes_on(tmp_path):
    with pytest.raises(BadParameter, match=r"nothing of thesis-2\.6 goes on from a checkpoint"):
        papers.reproduce("thesis-2.6", checkpoint=tmp_path)


@pytest.mark.usefixtures("shared")
def test_a_picture_is_written_beside(tmp_path):
    pytest.importorskip("vl_convert")
    found = papers.reproduce("figure-2.3", methods=["coin"])
    papers.write(found, tmp_path)
    assert (tmp_path / "figure-2.3.png").read_bytes()[:4] == b"\x89PNG"
    for row in found.table.iter_rows(named=True):
        assert row["ones forward, %"] == pytest.approx(row["closed form, %"], rel=0.01)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_committed_can_be_written_over(path, tmp_path):
    """Of a run of the same seeds, whatever a table's file holds besides."""
    was = json.loads(path.read_text())
    rest = {n: each for n, each in was.items() if n not in ("name", "title", "table", "notes")}
    table = pl.DataFrame(was["table"], infer_schema_length=None)
    found = papers.Reproduction(was["name"], was["title"], table, tuple(was["notes"]), rest)
    (tmp_path / path.name).write_text(path.read_text())
    papers.write(found, tmp_path)
    assert json.loads((tmp_path / path.name).read_text())["table"] == was["table"]
