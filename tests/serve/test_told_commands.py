"""The commands beside the server open what the server would: by option, environment, file."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

pytest.importorskip("pydantic_settings", reason="pip install 'headwater[serve]'")

from headwater.cli import app
from headwater.data.toy import blocks
from headwater.errors import BadParameter, DataError
from headwater.facade import fit
from headwater.serve.shelf import Shelf

KEY = '[keys.site]\nrole = "ingest"\nhash = "' + "0" * 64 + '"\n'


def call(*words):
    done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name in ("STORE", "MODELS", "CONFIG"):
        monkeypatch.delenv(f"HEADWATER_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [("store", "upgrade"), ("experiment", "list")])
def test_the_store_of_the_settings_and_no_key_is_asked_for(here, monkeypatch, words):
    call("store", "upgrade", "--store", "named.db")
    (here / "headwater.toml").write_text(f'store = "named.db"\n{KEY}')
    call(*words)
    assert not (here / "headwater.db").exists()
    (here / "headwater.toml").rename(here / "other.toml")
    call(*words, "--config", "other.toml")
    monkeypatch.setenv("HEADWATER_CONFIG", "other.toml")
    call(*words)
    monkeypatch.setenv("HEADWATER_STORE", "meant.db")
    call("store", "upgrade")
    assert (here / "meant.db").exists(), "the environment is above the file"
    assert call("store", "describe", "--store", "named.db")["store"].endswith("named.db")
    assert not (here / "headwater.db").exists()


def test_the_shelf_of_the_settings(here):
    (here / "some.toml").write_text('store = "named.db"\nmodels = "shelf"\n')
    some = ("--config", "some.toml")
    name = Shelf(here / "shelf").add(fit("popularity", blocks()), {})
    assert [each["name"] for each in call("models", "list", *some)] == [name]
    assert call("models", "publish", name, *some)["current"] == name
    assert call("models", "list") == []
    call("store", "upgrade", *some)
    with pytest.raises(DataError, match=r"named\.db"):
        call("retrain", "--method", "ease", *some)
    assert not (here / "models").exists()
    assert not (here / "headwater.db").exists()


def test_events_are_taken_under_the_consent_of_the_settings(here):
    event = {"kind": "click", "event_id": "e1", "user_id": "ann", "item_id": "i1"}
    line = json.dumps(event | {"time": datetime.now(UTC).isoformat()})
    (here / "events.jsonl").write_text(f"{line}\n")
    assert call("store", "ingest", "events.jsonl") == {"not kept": 1}
    (here / "headwater.toml").write_text('consent = "full"\n')
    assert call("store", "ingest", "events.jsonl") == {"accepted": 1}


@pytest.mark.parametrize(
    ("text", "said"), [('stoer = "x.db"\n', "stoer"), ('consent = "some"\n', "consent")]
)
def test_a_settings_file_that_is_wrong_opens_nothing(here, text, said):
    (here / "headwater.toml").write_text(text)
    with pytest.raises(BadParameter, match=said):
        call("store", "upgrade")
    with pytest.raises(BadParameter, match="no settings file"):
        call("store", "upgrade", "--config", "none.toml")
    assert not (here / "headwater.db").exists()
