"""Whether a server can answer, for whoever sends requests to it."""

import pytest

pytest.importorskip("fastapi", reason="pip install 'headwater[serve]'")

from world import click, keyed, publish, served


def test_a_store_that_is_away_is_no_reason_to_send_nobody(tmp_path, monkeypatch):
    publish(tmp_path / "models", "popularity")
    with served(tmp_path, refresh=60) as (client, service):
        assert client.get("/health/ready").status_code == 200
        monkeypatch.setattr(service.store.engine.dialect, "connect", away)
        service.store.engine.dispose()
        service.look()
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert "disk I/O error" in ready.json()["reason"]
        assert client.get("/health/ready", params={"store": False}).status_code == 200
        page = client.get("/v1/home/7")
        assert page.status_code == 200
        assert page.json()["degraded"][0].startswith("the store is away")
        monkeypatch.undo()


def away(*_, **__):
    import sqlite3

    raise sqlite3.OperationalError("disk I/O error")


def test_without_a_model_nobody_is_sent(tmp_path):
    with served(tmp_path) as (client, _):
        for store in (True, False):
            ready = client.get("/health/ready", params={"store": store})
            assert ready.status_code == 503
            assert ready.json()["reason"] == "no model was published yet"


def test_what_is_wrong_inside_is_for_who_has_a_key(tmp_path, monkeypatch):
    publish(tmp_path / "models", "popularity")
    more, headers = keyed()
    with served(tmp_path, refresh=60, **more) as (client, service):
        made = client.post("/v1/users/ann/token", json={}, headers=headers["ingest"]).json()
        theirs = {"Authorization": f"Bearer {made['token']}"}
        monkeypatch.setattr(service.store.engine.dialect, "connect", away)
        service.store.engine.dispose()
        service.look()
        sent = {"events": [click(1, "ann", "3")]}
        for who, told in ((headers["ingest"], True), (theirs, False)):
            ready = client.get("/health/ready", headers=who)
            events = client.post("/v1/events", json=sent, headers=who)
            assert ready.status_code == events.status_code == 503
            assert int(events.headers["retry-after"]) > 0
            for answer in (ready, events):
                assert ("disk I/O error" in answer.text) is told
                assert (str(tmp_path) in answer.text) is told
        assert "the store" in client.get("/health/ready").json()["reason"]
        assert str(tmp_path) not in client.get("/health/ready").text
