"""What breaks while the server runs: people get pages, and what was acknowledged is kept."""

import errno
import json
import random
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("fastapi", reason="pip install 'headwater[serve]'")

import sqlalchemy as sa
from postgres import postgresql
from world import click, listed, publish, served

from headwater.rerank.radio import RADio
from headwater.serve.shelf import Shelf
from headwater.serve.store import Store
from loopback import until

AWAY = "the store is away"
PAGE = 2.0  # seconds that nobody waits for longer, whatever broke; far less where nothing did


def paged(client, user="7"):
    """Their page, which comes in time and is full."""
    began = time.monotonic()
    answer = client.get(f"/v1/home/{user}")
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - began < PAGE
    page = answer.json()
    assert len(page["strips"][0]["items"]) == 12
    return page


def posted(client, *events):
    answer = client.post("/v1/events", json={"events": list(events)})
    return [each["status"] for each in answer.json()["outcomes"]] if answer.is_success else answer


def known(store):
    """What clients sent; impressions of the server's own answers have a colon in their names."""
    names = (name for frame in store.frames(["event_id"]) for name in frame["event_id"])
    return sorted(name for name in names if ":" not in name)


# Disk


@contextmanager
def small_disk(folder):
    """A disk of 2 MB of its own, and how to make it larger."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a small disk")
    try:
        larger = ["mount", "-o", "remount,size=50m", str(folder)]
        yield lambda: subprocess.run(larger, check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def few_pages(service):
    """The most pages that the database may have; and how to allow more."""
    pages = [150]

    def limited(raw, *_):
        raw.execute(f"PRAGMA max_page_count = {pages[0]}")

    sa.event.listen(service.store.engine, "connect", limited)
    service.store.engine.dispose()

    def more():
        pages[0] = 1_000_000
        service.store.engine.dispose()

    yield more


def filled_up(client, service, more):
    acknowledged = []
    for batch in range(200):
        some = [click(f"{batch}-{n}", f"u{n % 9}", str(n % 60)) for n in range(300)]
        answer = client.post("/v1/events", json={"events": some})
        if answer.status_code != 200:
            break
        assert answer.json()["accepted"] == 300
        acknowledged += [each["event_id"] for each in some]
    assert acknowledged
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "no room is left" in answer.json()["error"]["message"]
    assert known(service.store) == sorted(acknowledged), "of the last batch nothing, of others all"
    page = paged(client)
    assert all(AWAY in each for each in page["degraded"])
    more()
    assert posted(client, *some) == ["accepted"] * 300
    assert until(lambda: not paged(client)["degraded"], 5)
    assert service.recorder.flush()
    assert service.recorder.lost == 0
    assert service.recorder.trouble == ""
    acknowledged += [each["event_id"] for each in some]
    assert known(service.store) == sorted(acknowledged)


def test_a_full_disk(tmp_path):
    publish(tmp_path / "models", k=20)
    with (
        small_disk(tmp_path / "disk") as more,
        served(tmp_path, store=str(tmp_path / "disk" / "events.db")) as (client, service),
    ):
        filled_up(client, service, more)


def test_a_full_database(tmp_path):
    publish(tmp_path / "models", k=20)
    with served(tmp_path) as (client, service), few_pages(service) as more:
        filled_up(client, service, more)


# The database


@pytest.fixture
def own():
    """A PostgreSQL that may be stopped: its address, and its `pg_ctl`."""
    with postgresql() as (address, control):
        yield f"{address}/postgres", control


def test_the_database_gone_and_back(tmp_path, own):
    url, control = own
    publish(tmp_path / "models", k=20)
    with served(tmp_path, store=url) as (client, service):
        assert paged(client)["degraded"] == []
        assert posted(client, click(1, "ann", "3")) == ["accepted"]
        service.recorder.flush()
        control("stop", "-m", "immediate")
        for _ in range(3):
            page = paged(client)
            assert any(AWAY in each for each in page["degraded"])
            assert page["consent"] == "none"
            assert listed(page) == listed(paged(client, "ann")), "all get the same"
        answer = posted(client, click(2, "ann", "4"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert until(lambda: client.get("/health/ready").status_code == 503)
        assert "did not do it" in client.get("/health/ready").json()["reason"]
        assert client.get("/health/live").status_code == 200
        assert client.get("/v1/users/ann/export").status_code == 503
        control("start")
        assert until(lambda: client.get("/health/ready").status_code == 200)
        assert until(lambda: not paged(client)["degraded"], 5)
        assert posted(client, click(1, "ann", "3"), click(2, "ann", "4")) == [
            "duplicate",
            "accepted",
        ]
        assert not {"3", "4"} & set(listed(paged(client, "ann"))), "what they chose counts at once"
        assert service.recorder.flush()
        assert service.recorder.lost == 0
        assert known(service.store) == ["e1", "e2"]


def test_a_file_that_another_program_writes(tmp_path):
    publish(tmp_path / "models", k=20)
    with served(tmp_path) as (client, service), Store(tmp_path / "events.db") as other:

        @sa.event.listens_for(service.store.engine, "connect")
        def impatient(raw, _):
            raw.execute("PRAGMA busy_timeout = 300")

        service.store.engine.dispose()
        with other._begin(writing=True):
            assert paged(client)["degraded"] == [], "readers need not wait for a writer"
            answer = posted(client, click(1, "ann", "3"))
            assert answer.status_code == 503
            assert "being written by others" in answer.json()["error"]["message"]
            assert until(lambda: service.recorder.trouble)
        assert posted(client, click(1, "ann", "3")) == ["accepted"]
        assert service.recorder.flush()
        assert service.recorder.lost == 0
        assert service.store.count()["answers"] == 1


# Models


def damaged(folder, rng):
    """One byte of one of its files is another."""
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    file = rng.choice([each for each in files if each.name != "model.json"])
    text = bytearray(file.read_bytes())
    at = rng.randrange(len(text))
    text[at] ^= 1 << rng.randrange(8)
    file.write_bytes(text)


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_version_is_published(tmp_path, seed):
    """By hand, or by a copy that went wrong: `Shelf.publish` itself reads it first."""
    shelf, rng = Shelf(tmp_path / "models"), random.Random(seed)
    one = publish(shelf.folder, k=20)
    with served(tmp_path, refresh=0.05) as (client, service):
        before = listed(paged(client))
        with service._looking:  # so that it sees it damaged already
            two = publish(shelf.folder, k=10)
            if seed == 5:
                (shelf.folder / "current.json").write_text('{"current": "../../etc"}')
            else:
                damaged(shelf.path(two), rng)
        assert until(lambda: service.fleet.trouble)
        page = paged(client)
        assert (page["model"], listed(page), page["degraded"]) == (one, before, [])
        ready = client.get("/health/ready")
        assert ready.status_code == 200, "it can answer"
        assert ready.json()["model"] == one
        assert ready.json()["trouble"] == service.fleet.trouble
        three = publish(shelf.folder, k=5)
        assert until(lambda: paged(client)["model"] == three)
        assert service.fleet.trouble == ""
        assert "trouble" not in client.get("/health/ready").json()


@pytest.mark.parametrize("fault", ["slow", "failing"])
def test_a_stage_that_is_slow_or_fails(tmp_path, monkeypatch, fault):
    limit, seconds = 0.1, 0.7
    flow = {
        "model": "flow",
        "retrieve": {"model": "itemknn", "k": 20},
        "stages": [{"model": "radio", "by": "topic", "to": "history"}],
        "degrade": True,
        "limit": limit,
    }
    publish(tmp_path / "models", flow)

    def broken(*_):
        if fault == "slow":
            time.sleep(seconds)
        raise RuntimeError("out of tape")

    pages = []

    def whole():
        pages.append(paged(client)["degraded"])
        return not pages[-1]

    with served(tmp_path) as (client, service):
        assert whole(), "what takes long at first took it before"
        with monkeypatch.context() as patch:
            patch.setattr(RADio, "__call__", broken)
            began = time.monotonic()
            assert not whole()
            took = time.monotonic() - began
        said = f"took longer than {limit} s" if fault == "slow" else "RuntimeError: out of tape"
        assert pages[-1] == [f"rerank.radio: {said}"]
        assert took < seconds, "nobody waits for the stage"
        assert whole()
        service.recorder.flush()
        told = [json.loads(t) for f in service.store.answers(["degraded"]) for t in f["degraded"]]
        assert sorted(told) == sorted(pages)


# Time


def test_a_clock_that_jumps(tmp_path):
    now = [time.time()]
    publish(tmp_path / "models", k=20)
    with served(tmp_path, clock=lambda: now[0]) as (client, service):
        n, sent = 0, 0
        for jump in (0, 3_600, -7_200, 400 * 86_400, -800 * 86_400, 400 * 86_400):
            now[0] += jump
            own = datetime.fromtimestamp(now[0], UTC)
            times = [own, own + timedelta(days=1), own - timedelta(days=40)]
            some = [
                click(n + i, "ann", str(10 + n % 40), time=t.isoformat())
                for i, t in enumerate(times)
            ]
            said = client.post("/v1/events", json={"events": some}).json()
            assert [each["status"] for each in said["outcomes"]] == ["accepted"] + ["refused"] * 2
            assert all("the clock of the store" in o["reason"] for o in said["outcomes"][1:])
            assert paged(client, "ann")["degraded"] == []
            assert some[0]["item_id"] not in listed(paged(client, "ann"))
            assert client.put("/v1/users/ann/consent", json={"level": "full"}).is_success
            assert client.get("/health/ready").status_code == 200
            n, sent = n + 3, sent + 1
        assert service.recorder.flush()
        assert service.recorder.lost == 0
        assert len(known(service.store)) == sent
        assert service.store.count()["answers"] == 2 * sent


def test_a_clock_set_back_while_the_store_is_away(tmp_path):
    now = [time.time()]
    publish(tmp_path / "models", k=20)
    with served(tmp_path, clock=lambda: now[0], refresh=60) as (client, service):

        @sa.event.listens_for(service.store.engine, "before_cursor_execute")
        def broken(*_):
            if gone:
                raise sa.exc.OperationalError("SELECT", {}, OSError(errno.EIO, "I/O error"))

        gone = True
        assert any(AWAY in each for each in paged(client)["degraded"])
        gone = False
        now[0] -= 86_400
        assert until(lambda: not paged(client)["degraded"], 4), "two seconds later, by any clock"


def test_events_twice_and_in_any_order_are_the_same_dataset(tmp_path):
    rng, now = random.Random(7), datetime.now(UTC)
    some = []
    for n in range(400):
        at = (now - timedelta(seconds=1_000 - n)).isoformat()
        user, item, request = f"u{n % 13}", str(rng.randrange(40)), f"r{n // 8}"
        some.append(click(n, user, item, time=at, session_id=f"s{n % 13}-{n // 130}"))
        shown = {"kind": "impression", "request_id": request, "position": n % 8, "propensity": 0.5}
        some.append(click(f"s{n}", f"v{n // 8}", str(n % 40), time=at) | shown)
    found = []
    for way in ("in order", "as it comes"):
        folder = tmp_path / way
        publish(folder / "models", "popularity")
        batches = [some[at : at + 50] for at in range(0, len(some), 50)]
        if way == "as it comes":
            batches = [rng.sample(batch, 50) for batch in batches for _ in range(2)]
            rng.shuffle(batches)
        with served(folder) as (client, service):
            told = [status for batch in batches for status in posted(client, *batch)]
            assert told.count("accepted") == len(some)
            assert set(told) <= {"accepted", "duplicate"}
            found.append(service.store.dataset())
    assert_same(*found)


def assert_same(one, two):
    assert one.users.values.equals(two.users.values)
    assert one.items.values.equals(two.items.values)
    for name in ("start", "items", "times", "values", "kinds"):
        a, b = getattr(one.log, name), getattr(two.log, name)
        assert (a == b).all(), name
    seen = [each.impressions for each in (one, two)]
    assert seen[0].ids.equals(seen[1].ids)
    for name in ("items", "propensity"):
        a, b = (getattr(each.slate, name) for each in seen)
        assert (a == b).all(), name
    assert (seen[0].clicks == seen[1].clicks).all()
