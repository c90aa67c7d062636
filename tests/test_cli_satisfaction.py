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
    _, made = simulated
    words = ["satisfaction", "report", made["events"], made["survey"], "-m", "none"]
    words += ["--draws", 50, "--bayes-answers", 100, "--out", tmp_path / "out.html"]
    found = call(*words, "--json")
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


def test_a_survey_of_something_else(simulated, tmp_path):
    _, made = simulated
    other = tmp_path / "other.csv"
    other.write_text("session_id,satisfaction\nx,4\ny,5\n")
    words = ["satisfaction", "report", made["events"], other, "--no-bayes", "--out", tmp_path / "o"]
    got = run_in_process.invoke(app, [str(word) for word in words])
    assert isinstance(got.exception, DataError)
    assert "no answer belongs to a session" in str(got.exception)
    assert not (tmp_path / "o").exists()
