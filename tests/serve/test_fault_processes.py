"""Real processes that are killed, told to end, or several of: nothing acknowledged is lost."""

import os
import random
import re
import signal
import threading
import time

import pytest

pytest.importorskip("uvicorn", reason="pip install 'headwater[serve]'")

import httpx
from processes import running
from redis_server import redis_server
from test_faults import known, paged, posted
from world import click, listed, publish, served

from headwater.serve.recents import AWAY
from headwater.serve.store import Store
from loopback import free_port, until


def client_of(process):
    return httpx.Client(base_url=process.at, timeout=10, verify=False)


class Sender(threading.Thread):
    """Sends batches of 20, one after the other, each until it is acknowledged or nobody is there;
    pages in between."""

    def __init__(self, at, name, seed):
        super().__init__(daemon=True)
        self.at, self.id, self.rng = at, name, random.Random(seed)
        self.sent, self.acknowledged = [], set()
        self.stop = threading.Event()

    def run(self):
        with httpx.Client(base_url=self.at, timeout=10, verify=False) as client:
            while not self.stop.is_set():
                first = len(self.sent) * 20
                batch = [
                    click(f"{self.id}-{first + n}", f"u{n % 7}", str(self.rng.randrange(60)))
                    for n in range(20)
                ]
                self.sent.append(batch)
                try:
                    answer = client.post("/v1/events", json={"events": batch})
                    assert answer.status_code == 200, answer.text
                    assert answer.json()["accepted"] == 20
                    self.acknowledged |= {each["event_id"] for each in batch}
                    if self.rng.random() < 0.3:
                        client.get(f"/v1/home/u{self.rng.randrange(9)}")
                except httpx.TransportError:
                    return


def test_killed_while_several_clients_send(tmp_path):
    """At three moments: what was acknowledged is there, batches are there whole or not at all,
    and when the clients have sent everything again it is there once."""
    publish(tmp_path / "models", k=20)
    rng, port, sent, acknowledged = random.Random(11), free_port(), [], set()
    for turn in range(3):
        with running(tmp_path, port) as process:
            senders = [Sender(process.at, f"{turn}-{n}", 10 * turn + n) for n in range(4)]
            for each in senders:
                each.start()
            time.sleep(rng.uniform(0.2, 0.6))
            process.kill()
            for each in senders:
                each.join(20)
                assert not each.is_alive()
        assert sum(len(each.acknowledged) for each in senders) >= 20
        for each in senders:
            acknowledged |= each.acknowledged
            sent += each.sent
        with Store(tmp_path / "events.db") as store:
            found = known(store)
        assert len(found) == len(set(found))
        assert acknowledged <= set(found)
        for batch in sent:
            assert len({each["event_id"] for each in batch} & set(found)) in (0, 20)
    with running(tmp_path, port) as process, client_of(process) as client:
        for batch in sent:
            told = posted(client, *batch)
            assert set(told) <= {"accepted", "duplicate"}
            if batch[0]["event_id"] in acknowledged:
                assert set(told) == {"duplicate"}
        assert process.end() in (0, -signal.SIGTERM)
    with Store(tmp_path / "events.db") as store:
        assert known(store) == sorted(each["event_id"] for batch in sent for each in batch)


def test_told_to_end_while_requests_are_on_their_way(tmp_path):
    """They are answered, and what was shown is written."""
    publish(tmp_path / "models", k=20)
    pages = []
    with running(tmp_path) as process:

        def ask(n):
            with client_of(process) as client:
                while True:
                    try:
                        answer = client.get(f"/v1/home/{n}")
                    except httpx.TransportError:
                        return  # it does not listen any more
                    assert answer.status_code == 200, answer.text
                    pages.append(answer.json())

        clients = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
        for each in clients:
            each.start()
        assert until(lambda: len(pages) > 20)
        assert process.end() in (0, -signal.SIGTERM)
        for each in clients:
            each.join(20)
    shown = {item["event_id"] for p in pages for strip in p["strips"] for item in strip["items"]}
    with Store(tmp_path / "events.db") as store:
        kept = {name for frame in store.frames(["event_id"]) for name in frame["event_id"]}
        traces = {name for frame in store.answers(["trace_id"]) for name in frame["trace_id"]}
    assert shown <= kept
    assert {page["trace_id"] for page in pages} == traces, "what was answered did arrive"


def test_two_workers_learn_of_everything(tmp_path):
    one = publish(tmp_path / "models", k=20)
    with running(tmp_path, workers=2) as process:

        def pages(n=20, **how):
            """Each on a connection of its own, so that both workers have some of them."""
            found = []
            for _ in range(n):
                with client_of(process) as client:
                    found.append(client.get("/v1/recommend/7", params=how).json())
            return found

        def models():
            return {page["model"] for page in pages()}

        assert until(lambda: counted(process, "headwater_processes ") == 2, 30)
        assert models() == {one}
        lists = 'headwater_request_seconds_count{method="GET",route="/v1/recommend/{user_id}"'
        assert {counted(process, lists) for _ in range(10)} == {20}, "each tells of both"
        with client_of(process) as client:
            put = client.put("/v1/items/brand-new", json={"title": "Brand New", "topic": "t1"})
            assert put.status_code == 200
        new = {"within": "brand-new"}
        assert until(lambda: all(page.get("items") for page in pages(**new)), 10)
        assert all(page["items"][0]["path"] == "new" for page in pages(**new))
        two = publish(tmp_path / "models", "popularity")
        assert until(lambda: models() == {two}, 10)
        many = counted(process, lists)
        os.kill(children(process)[0], signal.SIGKILL)
        assert until(lambda: len(children(process)) == 3, 30), "another one comes"
        assert until(lambda: counted(process, "headwater_processes ") == 2, 10)
        assert counted(process, lists) == many, "what it had counted counts"
        assert process.end() in (0, -signal.SIGTERM)
    with Store(tmp_path / "events.db") as store:
        assert store.count()["answers"] >= 80, "both wrote what they answered"


def children(process):
    """Those that answer, by what they say when they begin."""
    said = re.findall(r"Started server process \[(\d+)\]", process.log.read_text())
    return [int(each) for each in said]


def counted(process, name):
    """What Prometheus is told of ``name`` by whichever process answers."""
    with client_of(process) as client:
        answer = client.get("/metrics")
        assert answer.status_code == 200, answer.text + process.log.read_text()[-3000:]
        lines = answer.text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


@pytest.fixture
def redis(tmp_path):
    """A Redis of the test's own: its address, and what starts it."""
    port, begun = free_port(), []

    def start():
        begun.append(redis_server(port, tmp_path))
        return begun[-1]

    yield f"redis://127.0.0.1:{port}/0", start
    for each in begun:
        each.kill()
        each.wait()


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_redis_gone_and_back(tmp_path, redis, fault):
    url, start = redis
    there = start()
    publish(tmp_path / "models", k=20)
    with served(tmp_path, redis=url) as (client, service):
        assert posted(client, click(1, "7", "3")) == ["accepted"]
        assert [each.item_id for each in service.recents.of("7")] == ["3"]
        if fault == "killed":
            there.kill()
            there.wait()
        else:
            there.send_signal(signal.SIGSTOP)
        for n in range(2, 5):
            assert posted(client, click(n, "7", str(n + 2))) == ["accepted"]
            page = paged(client)
            assert page["degraded"] == [], "the store knows it, too"
            assert not {str(at + 2) for at in range(1, n + 1)} & set(listed(page))
        began = time.monotonic()
        for _ in range(10):
            paged(client)
        assert time.monotonic() - began < AWAY, "it is not asked for every page"
        if fault == "killed":
            start()
        else:
            there.send_signal(signal.SIGCONT)
        time.sleep(AWAY)
        for _ in range(2):
            assert [each.item_id for each in service.recents.of("7")] == ["3", "4", "5", "6"]
        assert posted(client, click(9, "7", "9")) == ["accepted"]
        assert [each.item_id for each in service.recents.of("7")][-1] == "9"
        assert service.recents._redis.keys("headwater:recent:*"), "it is used again"
