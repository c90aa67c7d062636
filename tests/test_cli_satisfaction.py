"""The command line from raw events and a survey to the report."""

import json
import re

import polars as pl
import pytest
from typer.testing import CliRunner

from headwater.cli import app
from headwater.errors import BadParameter, DataError, HeadwaterError

pytest.importorskip("altair")

run_in_process = CliRunner()


def call(*words):
    got = run_in_process.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert got.exit_code == 0, got.output
    return json.loads(got.stdout) if "--json" in words else got.stdout


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey") / "sim"
    made = call(
        "satisfaction",
        "simulate",
        folder,
        "--sessions",
        6000,
        "--dirt",
        0.02,
        "--seed",
        3,
        "--json",
    )
    return folder, made


@pytest.fixture(scope="module")
def reported(simulated):
    folder, made = simulated
    out = folder.parent / "out.html"
    png = folder.parent / "png"
    words = ["satisfaction", "report", made["events"], made["survey"], "--out", out, "--png", png]
    words += ["--no-bayes", "-m", "logistic", "-m", "logistic:intents=true,l2=1", "--folds", 3]
    return call(*words, "--json"), out, png


def test_from_events_to_the_report(simulated, reported):
    _, made = simulated
    found, out, png = reported
    assert found["report"] == str(out)
    assert list(found["says"]) == [
        "satisfaction", "intents", "behaviours", "correlations", "roc", "calibration",
    ]  # fmt: skip
    assert sorted(each.name for each in png.iterdir()) == sorted(
        f"{name}.png" for name in found["says"]
    )
    assert {row["model"] for row in found["models"]} == {"logistic", "logistic:intents=true,l2=1"}
    answers = pl.read_parquet(made["survey"]).filter(pl.col("satisfaction").is_between(1, 5))
    assert 0 < made["answers"] <= len(answers)
    assert f"{made['answers']:,} answers" in out.read_text(encoding="utf-8")


def test_what_is_left_out_is_told(simulated, reported):
    _, made = simulated
    found, out, _ = reported
    text = out.read_text(encoding="utf-8")
    assert made["dirt"]
    for what in (
        "timestamp is before the year 2000",
        "timestamp is in the future",
        "does not know: 'ad_impression'",
        "events that repeat another one",
        "answers that are no level from 1 to 5",
        "for sessions that are not there",
        "their clocks are wrong",
        "answers of sessions that had answered before",
    ):
        assert any(what in note for note in found["notes"]), what
    assert "for sessions that are not there" in text
    assert "had answered before" in text


def test_nobody_is_named(simulated, reported):
    """No id of a session and nothing that was written freely is on the page."""
    folder, made = simulated
    _, out, _ = reported
    text = re.sub(r"(?s)<script>.*?</script>", "", out.read_text(encoding="utf-8"))
    survey = pl.read_parquet(made["survey"])
    ids = survey["session_id"].drop_nulls().unique().to_list()
    written = survey["text"].drop_nulls().unique().to_list()
    assert ids
    assert written
    assert not [each for each in (*ids, *written) if each in text]
    assert str(folder) not in text, "nor where it was read from"


def test_the_same_seed_is_the_same_page(simulated, reported, tmp_path):
    _, made = simulated
    found, out, _ = reported
    words = ["satisfaction", "report", made["events"], made["survey"], "--out", tmp_path / "b.html"]
    words += ["--no-bayes", "-m", "logistic", "-m", "logistic:intents=true,l2=1", "--folds", 3]
    assert call(*words, "--json")["says"] == found["says"]
    assert (tmp_path / "b.html").read_bytes() == out.read_bytes()


def test_posteriors_are_drawn(simulated, tmp_path):
    pytest.importorskip("numpyro")
    folder, made = simulated
    ours = tmp_path / "ours.yaml"
    ours.write_text(
        "kinds: {play: play, search: search}\nbehaviours:\n  num_plays: {count: play}\n"
        "  num_searches: {count: search}\n  session_length: length\n"
    )
    words = ["satisfaction", "report", made["events"], made["survey"], "-m", "none"]
    words += ["--draws", 50, "--bayes-answers", 100, "--out", tmp_path / "out.html"]
    found = call(*words, "--vocabulary", ours, "--json")
    text = re.sub(r"(?s)<script>.*?</script>", "", (tmp_path / "out.html").read_text("utf-8"))
    notes = " ".join(found["notes"])
    ids = pl.read_parquet(made["survey"])["session_id"].drop_nulls().unique().to_list()
    secrets = ["ad_impression", str(ours), str(folder), *ids]
    assert "ad_impression" in notes or str(ours) in notes
    assert any(each in notes for each in ids)
    assert not [each for each in secrets if each in text]
    assert "rows with events that the vocabulary does not know" in text
    assert {"coefficients", "chains"} <= set(found["says"])
    assert found["models"] == []
    assert any(note.startswith("posteriors are of 100 of ") for note in found["notes"])


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["--model", "logistics"], HeadwaterError, "did you mean 'logistic'"),
        (["--model", "logistic:l3=1"], HeadwaterError, "did you mean 'l2'"),
        (["--model", "logistic", "--model", "logistic"], BadParameter, "named twice"),
        (["--target", "happy"], BadParameter, "--target is one of overall"),
        (["--out", "FOLDER"], BadParameter, "is a folder"),
        (["--png", __file__], BadParameter, "--png takes a folder"),
        (["--answers", "sesion=x"], HeadwaterError, "did you mean 'session'"),
        (["--answers", "session"], BadParameter, "name=value"),
        (["--answers", "session=a", "--answers", "session=b"], BadParameter, "session twice"),
        (["--vocabulary", "books"], HeadwaterError, "books"),
        (["--questions", "books"], HeadwaterError, "books"),
    ],
)
def test_mistakes_are_found_before_the_work(words, error, said, simulated):
    folder, made = simulated
    words = [str(folder) if word == "FOLDER" else word for word in words]
    got = run_in_process.invoke(
        app, ["satisfaction", "report", made["events"], made["survey"], "--no-bayes", *words]
    )
    assert isinstance(got.exception, error), got.output
    assert said in str(got.exception)


def small(folder, n=60, people=60):
    """A log without sessions and a survey of a platform's own, n sessions of as many people."""
    at = 1_700_000_000
    rows = [
        f"u{i % people},{at + 9000 * i + k},{what},{i}-{k}"
        for i in range(n)
        for k, what in enumerate(["play"] * (1 + i % 3) + ["search"] * (i % 2))
    ]
    rows += [f"{row.rpartition('-')[0]}-again" for row in rows]
    log, survey = folder / "log.csv", folder / "survey.csv"
    log.write_text("\n".join(["who,at,what,row", *rows]))
    answers = [
        f"u{i % people},{at + 9000 * i + 30},{i % 5 + 1},{'Live TV;new' if i % 2 else ''},a,b"
        for i in range(n)
    ]
    head = "viewer,answered,stars,came_for,comment,remarks"
    survey.write_text("\n".join([head, *answers]))
    return log, survey


OWN = ["--user", "who", "--time", "at", "--event", "what", "--same", "who", "--same", "at"]
OWN += ["--same", "what", "--no-bayes", "--folds", "3"]
ROLES = ["--answers", "user=viewer", "--answers", "time=answered", "--answers"]
ROLES += ["satisfaction=stars", "--tolerance", "60"]


def test_the_survey_of_a_platform(tmp_path):
    log, survey = small(tmp_path)
    words = ["satisfaction", "report", log, survey, *OWN, *ROLES, "--out", tmp_path / "a.html"]
    why = ["--answers", "intents=came_for", "--answers", "separator=;", "-m", "multilevel"]
    found = call(*words, *why, "--json")
    assert any("60 answers of 60 sessions" in note for note in found["notes"])
    assert any("events that repeat another one" in note for note in found["notes"])
    assert any("2 columns could be the text" in note for note in found["notes"])
    assert "intents" in found["says"]
    assert found["models"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*OWN, "--answers", "satisfaction=stars"], "--answers session='its name'"),
        ([*OWN, *ROLES, "--answers", "intents=came_for"], "say --answers separator=';'"),
        ([*ROLES, "--user", "who", "--event", "what"], "say which one it is, --time 'its name'"),
        ([*OWN, *ROLES, "--folds", "60"], "50 people answered, too few for --folds 60"),
        ([*OWN, *ROLES, "--weighted"], "in a table of its own, --asked 'its path'"),
        ([*OWN, *ROLES, "--folds", "50"], None),
    ],
)
def test_errors_name_the_option(words, said, tmp_path):
    log, survey = small(tmp_path, people=50)
    given = ["satisfaction", "report", log, survey, *words, "--out", tmp_path / "x.html"]
    got = run_in_process.invoke(app, [str(word) for word in given])
    if said is None:
        assert got.exit_code == 0
        return
    assert isinstance(got.exception, HeadwaterError), got.output
    assert said in str(got.exception)


def test_nobody_said_why_they_came(tmp_path):
    log, survey = small(tmp_path)
    words = ["satisfaction", "report", log, survey, *OWN, *ROLES, "--out", tmp_path / "a.html"]
    words.remove("--no-bayes")
    found = call(*words, "--json")
    assert {row["model"] for row in found["models"]} == {"logistic"}
    assert "intents" not in found["says"]
    for name in ("multilevel", "logistic:intents=true"):
        assert f"{name} was not judged: no answer says why people came" in found["notes"]
    assert "no posteriors were drawn: no answer says why people came" in found["notes"]


def test_a_survey_of_something_else(simulated, tmp_path):
    _, made = simulated
    other = tmp_path / "other.csv"
    other.write_text("session_id,satisfaction\nx,4\ny,5\n")
    words = ["satisfaction", "report", made["events"], other, "--no-bayes", "--out", tmp_path / "o"]
    got = run_in_process.invoke(app, [str(word) for word in words])
    assert isinstance(got.exception, DataError)
    assert "no answer belongs to a session" in str(got.exception)
    assert not (tmp_path / "o").exists()
