import json

import polars as pl
import pytest
from articles import articles
from typer.testing import CliRunner

from headwater.cli import app
from headwater.errors import BadParameter, DataError, UnknownName

for package in ("textblob", "networkx", "sklearn"):
    pytest.importorskip(package)


@pytest.fixture
def news(tmp_path):
    path = tmp_path / "news.parquet"
    articles(30).write_parquet(path)
    people = tmp_path / "people.csv"
    people.write_text("name,party\nNancy Pelosi,Democrat\nKevin McCarthy,Republican\n")
    return path


def asked(*words):
    found = CliRunner().invoke(app, ["enrich", *map(str, words)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_to_a_file(news, tmp_path):
    out = tmp_path / "out.parquet"
    words = [news, "--out", out, "--people", tmp_path / "people.csv", "--set", "entities.by=rules"]
    found = asked(*words, "--cache", tmp_path / "facts.sqlite", "--json")
    assert found.exit_code == 0
    said = json.loads(found.stdout)
    assert said["articles"] == said["with a text"] == 30
    assert said["share of texts with people"] == 1
    assert said["share of texts with a party"] == pytest.approx(16 / 30)
    assert said["mentions of a party"] == 16
    assert said["share of mentions that are majority"] == pytest.approx(16 / 30)
    table = pl.read_parquet(out)
    assert said["stories"] == table["story"].n_unique()
    assert "names were found by rules" in said["notes"]
    lines = tmp_path / "out.jsonl"
    assert asked(*[lines if each is out else each for each in words]).exit_code == 0
    again = pl.read_ndjson(lines)
    assert again["story"].to_list() == table["story"].to_list()
    assert again["people"].to_list() == table["people"].to_list()


def test_table_for_people(news, tmp_path):
    out = tmp_path / "out.parquet"
    found = asked(news, "--out", out, "--steps", "complexity, stories", "--category", "none")
    assert "reading ease: median" in found.stdout
    assert "stories" in found.stdout
    assert "written: " in found.stderr
    assert pl.read_parquet(out).columns[-3:] == ["complexity", "grade", "story"]


def test_nothing_half_written(news, tmp_path):
    out = tmp_path / "out.parquet"
    out.write_bytes(b"what was there")
    with pytest.raises(DataError, match="no column 'body'"):
        asked(news, "--out", out, "--text", "body")
    assert out.read_bytes() == b"what was there"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".tmp")] == []


def test_bad_calls(news, tmp_path):
    out = tmp_path / "out.parquet"
    with pytest.raises(BadParameter, match=r"--out must end in .parquet"):
        asked(news, "--out", tmp_path / "out.csv")
    with pytest.raises(BadParameter, match="--contact"):
        asked(news, "--out", out, "--online")
    with pytest.raises(BadParameter, match="--contact is for --online"):
        asked(news, "--out", out, "--contact", "a@b")
    with pytest.raises(UnknownName, match="no file or source 'nothing'"):
        asked("nothing", "--out", out)
    with pytest.raises(UnknownName, match="did you mean 'stories'"):
        asked(news, "--out", out, "--steps", "story,stories")
    with pytest.raises(BadParameter, match=r"--set takes STEP.NAME=VALUE"):
        asked(news, "--out", out, "--set", "by=rules")
    assert not out.exists()
