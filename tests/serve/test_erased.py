"""Somebody who used everything is erased, and the next retraining ends it: no byte is left."""

import random
import subprocess
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

pytest.importorskip("uvicorn", reason="pip install 'headwater[serve]'")

import httpx
from processes import running
from redis_server import redis_server
from stored import files_with
from typer.testing import CliRunner
from world import click

from headwater.cli import app
from headwater.serve.store import Store
from loopback import free_port, until

MARK = "quillux"  # in no other name, whatever becomes of the rest of it in addresses and files
WHO = f"zoë/{MARK} 77@home"
NOW = datetime.now(UTC)
STUDIO = ("home", "flow", "quality", "satisfaction", "norms", "experiments", "data")


def at(days):
    return (NOW - timedelta(days=days)).isoformat()


def everybody(client):
    """Forty others and somebody, who choose one of what they like every day."""
    rng = random.Random(5)
    for user in [*(f"u{n}" for n in range(40)), WHO]:
        liked = rng.sample(range(rng.randrange(3), 45, 3), 8)
        events = [
            click(f"{user}-{day}", user, f"i{item}", time=at(9 - day), session_id=f"{user}, {day}")
            for day, item in enumerate(liked)
        ]
        assert client.post("/v1/events", json={"events": events}).json()["accepted"] == 8


def retrained(folder, *words):
    where = ["--store", str(folder / "events.db"), "--models", str(folder / "models")]
    easy = ["--guard", "CatalogCoverage@10=1", "--tolerance", "0.5", "--least", "10"]
    done = CliRunner().invoke(app, ["retrain", *where, *easy, *words])
    assert done.exit_code == 0, done.output
    return done.output


def used_everything(client, word):
    """Every route that takes a user, and every page of the studio."""
    assert client.put(f"/v1/users/{word}/consent", json={"level": "full"}).is_success
    about = {"mail": f"{MARK}@example.org", "country": "NL"}
    assert client.put(f"/v1/users/{word}", json=about).is_success
    page = client.get(f"/v1/home/{word}").json()
    assert page["user_id"] == WHO
    assert page["experiment"]["name"] == "colours"
    shown = page["strips"][0]
    mine = {"user_id": WHO, "time": at(0), "session_id": f"{WHO}, now"}
    seen = mine | {"item_id": shown["items"][0]["item_id"], "request_id": shown["trace_id"]}
    events = [
        {"kind": "click", **seen},
        {"kind": "play", "seconds": 60.0, **seen},
        {"kind": "bookmark", **seen},
        {"kind": "search", "query": f"films with {MARK}", **mine},
        {"kind": "survey", "satisfaction": 5, "intents": ["relax"], **mine},
        {"kind": "impression", "position": 3, "propensity": 0.5, **seen},
    ]
    events = [{"event_id": f"{WHO}:{n}", **each} for n, each in enumerate(events)]
    odd = [{**events[0], "event_id": "x", "time": "soon"}, {**events[0], "kind": MARK}]
    answer = client.post("/v1/events", json={"events": [*events, *odd]}).json()
    assert (answer["accepted"], answer["refused"]) == (6, 2)
    for path in (f"/v1/recommend/{word}", f"/v1/users/{word}", f"/v1/users/{word}/export"):
        assert client.get(path).status_code == 200, path
    asked = {"user_id": WHO, "items": ["i1", "i2"]}
    assert client.post("/v1/rank", json=asked).is_success
    assert client.post(f"/v1/users/{word}/token", json={}).is_success
    assert client.get(f"/v1/home/{word}", params={"k": 0}).status_code == 422
    for name in STUDIO:
        for end in ("", ".json"):
            answer = client.get(f"/studio/{name}{end}", params={"user": WHO, "user_id": WHO})
            assert answer.status_code == 200, (name, answer.text[:300])


def said(client, receipt):
    """All that the server says to who does not name them."""
    paths = [f"/studio/{name}{end}" for name in STUDIO for end in ("", ".json")]
    paths += ["/v1/home", "/v1/home/u3", "/v1/recommend/u3", "/v1/items/i1/similar", "/metrics"]
    paths += ["/health/ready", "/v1/openapi.json", f"/v1/receipts/{receipt}", "/v1/users/u3/export"]
    answers = {path: client.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: answer.text for path, answer in answers.items()}


@pytest.fixture
def redis(tmp_path):
    """A Redis that writes all it has to a file in the platform's folder, when it is told to."""
    port, folder = free_port(), tmp_path / "redis"
    folder.mkdir()
    with redis_server(port, folder, "--rdbcompression", "no") as server:
        yield (
            f"redis://127.0.0.1:{port}/0",
            lambda *w: (
                subprocess.run(
                    ["redis-cli", "-p", str(port), *w], check=True, capture_output=True, text=True
                ).stdout
            ),
        )
        server.kill()


def test_no_byte_is_left_of_who_was_erased(tmp_path, redis):
    url, cli = redis
    word = quote(WHO, safe="")
    arms = {"old": {"share": 0.5}, "new": {"share": 0.5}}
    with Store(tmp_path / "events.db") as store:
        store.upgrade()
        store.put_items(
            {f"i{n}": {"title": f"Film {n}", "genres": [f"g{n % 3}"]} for n in range(45)}
        )
        store.put_experiment("colours", {"arms": arms, "started": at(1)})
    with (
        running(tmp_path, path="/health/live", kinds="genres", redis=url) as process,
        httpx.Client(base_url=process.at, timeout=30, verify=False) as client,
    ):
        everybody(client)
        retrained(tmp_path, "--method", "itemknn")
        process.wait()
        used_everything(client, word)
        cli("SAVE")
        before = {each.parts[0].removesuffix("-wal") for each in files_with(tmp_path, MARK)}
        assert {"events.db", "models"} <= before, "or nothing would be found at all"
        assert cli("KEYS", "headwater:*")

        receipt = client.delete(f"/v1/users/{word}").json()
        assert receipt["completed"] is None
        for table in ("events", "consents", "users", "answers", "exposures"):
            assert receipt["counts"][table] >= 1, table
        late = [click(f"late-{n}", WHO, "i3", time=at(n / 10)) for n in range(3)]
        answer = client.post("/v1/events", json={"events": late}).json()
        assert answer["refused"] == 3
        assert {each["reason"] for each in answer["outcomes"]} == {"of a user who was erased"}
        assert client.put(f"/v1/users/{word}", json={"country": "NL"}).status_code == 409
        assert client.get(f"/v1/home/{word}").json()["consent"] == "none"

        retrained(tmp_path)
        receipt = client.get(f"/v1/receipts/{receipt['receipt_id']}").json()
        assert receipt["completed"] is not None
        published = receipt["completed_by"]
        assert until(lambda: client.get("/health/ready").json()["model"] == published)
        for path, text in said(client, receipt["receipt_id"]).items():
            assert MARK not in text, path
        with Store(tmp_path / "events.db") as store:
            store.compact()
        cli("SAVE")
        assert files_with(tmp_path, MARK) == []
        assert MARK not in cli("KEYS", "*")
        assert (tmp_path / "log").stat().st_size > 1_000

        kept = client.get(f"/v1/users/{word}/export").json()
        assert not any(kept[table] for table in kept if table != "user_id")
        assert client.put(f"/v1/users/{word}/consent", json={"level": "full"}).is_success
        again = [*late, click("new", WHO, "i3", time=datetime.now(UTC).isoformat())]
        told = client.post("/v1/events", json={"events": again}).json()["outcomes"]
        assert [each["status"] for each in told] == ["refused"] * 3 + ["accepted"]
