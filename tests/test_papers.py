import json

import pytest

from headwater import papers
from headwater.errors import BadParameter, UnknownName


def test_lists_its_tables():
    assert papers.listed()["table"].to_list() == ["thesis-2.3", "thesis-2.5"]


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
    assert again["command"] == "headwater reproduce thesis-2.5 --splits 2 --seed 0"
    for row in again["table"]:
        assert row["least"] <= row["ours"] <= row["most"]
    assert "popularity ahead of random on 2 of 2 splits" in again["notes"][-1]
