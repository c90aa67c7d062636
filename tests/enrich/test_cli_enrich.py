import json
import subprocess
import sys

import polars as pl
import pytest
from articles import articles
from typer.testing import CliRunner

from headwater.cli import app
from headwater.enrichment import enrich
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


def test_files_of_mind(tmp_path):
    """All articles of the folder, those that nobody was shown too."""
    news = pl.DataFrame(
        [
            ["N1", "news", "us", "A flood rose", "It was bad in the valley.", "u", "[]", "[]"],
            ["N2", "news", "us", "A flood rose", "It was bad in the town.", "u", "[]", "[]"],
            ["N3", "tv", "a", "Nobody saw this", "", "u", "[]", "[]"],
        ],
        orient="row",
    )
    tabs = {"separator": "\t", "include_header": False, "quote_style": "never"}
    news.write_csv(tmp_path / "news.tsv", **tabs)
    (tmp_path / "behaviors.tsv").write_text(
        "1\tU1\t11/13/2019 8:36:57 AM\t\tN1-1 N2-0\n2\tU2\t11/12/2019 9:00:00 PM\t\tN2-1\n"
    )
    out = tmp_path / "out.parquet"
    found = asked(tmp_path, "--out", out, "--set", "entities.by=rules", "--json")
    table = pl.read_parquet(out)
    assert table["item_id"].to_list() == ["N1", "N2", "N3"]
    assert table["published"].dt.strftime("%d %H:%M").to_list() == ["13 08:36", "12 21:00", None]
    assert table["story"].to_list() == ["N2", "N2", "N3"]
    alone = pl.DataFrame({"title": news["column_3"], "abstract": news["column_4"]})
    assert table["complexity"].to_list() == enrich(alone).table["complexity"].to_list()
    assert "published is when an article was first shown" in json.loads(found.stdout)["notes"]


@pytest.mark.parametrize(
    ("entities", "shown", "said"),
    [
        ("[]", "N1 N2", "1 requests have candidates without -0 or -1"),
        ('[{"Label": "x"}]', "N1-0 N2-1", "no list of objects with a WikidataId"),
        ("nothing", "N1-0 N2-1", "cannot be read as the official files"),
    ],
)
def test_files_of_mind_that_are_damaged(tmp_path, entities, shown, said):
    (tmp_path / "news.tsv").write_text(f"N1\tnews\tus\tA flood\tBad.\tu\t{entities}\t[]\n")
    (tmp_path / "behaviors.tsv").write_text(f"1\tU1\t11/13/2019 8:36:57 AM\t\t{shown}\n")
    with pytest.raises(DataError, match=said) as error:
        asked(tmp_path, "--out", tmp_path / "out.parquet")
    assert "remove that folder" not in str(error.value)  # it is the user's own


def test_a_full_disk(news, tmp_path):
    """One line that names the file, and nothing half-written."""
    out = tmp_path / "out.parquet"
    program = (
        "import resource, sys; from headwater.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)); "
        f"sys.argv = ['headwater', 'enrich', {str(news)!r}, '--out', {str(out)!r}, "
        "'--steps', 'complexity']; main()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 1
    assert f"error: {out} cannot be written" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["news.parquet", "people.csv"]


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
