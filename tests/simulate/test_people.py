"""People at an API: a stand-in server that keeps the contract, and breaks it as servers do."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from time import time

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from headwater.errors import ApiError, BadParameter, DataError
from headwater.simulate.people import DAY, Clock, People, page_of
from headwater.simulate.streaming import PAD, World

WORLD = World(n_users=40, n_items=60)
KEY = "site-key"


class Server:
    """Pages of the catalogue in a fixed order, and a store that keeps each event once."""

    def __init__(self, *, arms=False, clock=None):
        self.kept: dict[str, dict] = {}
        self.consents: dict[str, str] = {}
        self.calls: list[str] = []
        self.pages: list[tuple[str, float | None]] = []
        self.arms, self.clock = arms, clock
        self.fail = lambda _n, _request: None  # an answer instead of the real one
        self.lose = lambda _n, _request: False  # done, and then not answered
        self.app = Starlette(
            routes=[
                Route("/v1/home/{user}", self.home),
                Route("/v1/events", self.events, methods=["POST"]),
                Route("/v1/users/{user}/consent", self.consent, methods=["PUT"]),
            ]
        )

    def client(self):
        return TestClient(self.app, base_url="http://site")

    async def guarded(self, request: Request, work):
        self.calls.append(f"{request.method} {request.url.path}")
        n = len(self.calls)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": "no such key"}, 401)
        early = self.fail(n, request)
        if early is not None:
            return early
        answer = work(await request.body())
        return Response("lost", 502) if self.lose(n, request) else answer

    async def home(self, request):
        user, k = request.path_params["user"], int(request.query_params["k"])
        trace = f"trace-{len(self.calls)}"

        def work(_):
            self.pages.append((user, self.clock() if self.clock else None))
            ids = WORLD.titles.ids.to_list()
            strips = []
            for s in range(2):
                mine = ids[s * k : (s + 1) * k]
                items = [
                    {"item_id": i, "title": i, "position": p, "creative": 0, "score": None}
                    for p, i in enumerate(mine)
                ]
                strips.append({"title": "x", "trace_id": f"{trace}-{s}", "items": items})
            arm = None
            if self.arms:
                arm = {"name": "test", "arm": "b" if sum(map(ord, user)) % 2 else "a"}
            return JSONResponse(
                {"user_id": user, "strips": strips, "experiment": arm, "degraded": []}
            )

        return await self.guarded(request, work)

    async def consent(self, request):
        def work(body):
            self.consents[request.path_params["user"]] = json.loads(body)["level"]
            return Response(status_code=204)

        return await self.guarded(request, work)

    async def events(self, request):
        def work(body):
            outcomes = []
            for event in json.loads(body)["events"]:
                name = event["event_id"]
                when = datetime.fromisoformat(event["time"])
                if when > datetime.now(UTC) + timedelta(minutes=5):
                    outcomes.append({"status": "refused", "event_id": name, "reason": "future"})
                elif self.consents[event["user_id"]] == "none":
                    outcomes.append({"status": "not kept", "event_id": name})
                elif name in self.kept:
                    assert self.kept[name] == event
                    outcomes.append({"status": "duplicate", "event_id": name})
                else:
                    self.kept[name] = event
                    outcomes.append({"status": "accepted", "event_id": name})
            return JSONResponse({"outcomes": outcomes})

        return await self.guarded(request, work)


def people(server, **more):
    slept = []
    made = People(
        WORLD,
        "http://site/",
        KEY,
        client=server.client(),
        sleep=slept.append,
        **{"days": 2, **more},
    )
    return made, slept


def test_a_day_is_counted_as_it_was():
    server = Server(arms=True)
    site, slept = people(server)
    first, second = site.run()
    assert slept == []
    assert first.retries == 0
    assert len(server.pages) == first.all.visits + second.all.visits
    assert first.returning == first.all.visits / 40
    kinds = Counter(e["kind"] for e in server.kept.values())
    assert kinds.keys() >= {"click", "play", "search", "survey"}
    both = [first, second]
    sent = sum(sum(d.events.values()) for d in both)
    assert sent == len(server.kept) + sum(d.events.get("not kept", 0) for d in both)
    assert all(d.events.get("refused", 0) == d.events.get("duplicate", 0) == 0 for d in both)
    assert sum(e["user_id"] in server.consents for e in server.kept.values()) == len(server.kept)
    silent = {u for u, level in server.consents.items() if level == "none"}
    assert not silent & {e["user_id"] for e in server.kept.values()}
    consents = {p.user_id: p.consent for p in WORLD.people}
    assert server.consents.items() <= consents.items()
    # by arm, adding up
    assert set(first.arms) == {"test: a", "test: b"}
    for name in ("visits", "clicks", "plays", "answers", "satisfied", "looked"):
        assert sum(getattr(a, name) for a in first.arms.values()) == getattr(first.all, name)
    assert 0 < first.all.true < 1
    assert first.all.true == pytest.approx(first.all.satisfied / first.all.visits, abs=0.35)
    told = json.loads(json.dumps(first.as_dict()))
    assert told["all"]["true"] == first.all.true
    assert told["arms"]["test: a"]["measured"] == first.arms["test: a"].measured


def test_events_are_of_the_page_and_in_order():
    server = Server()
    began = datetime.now(UTC) - timedelta(days=3)
    site, _ = people(server, begin=began, days=2)
    site.run()
    for event in server.kept.values():
        when = datetime.fromisoformat(event["time"])
        assert began <= when < began + timedelta(days=2)
        assert event["event_id"].startswith("people-0-")
    sessions = {}
    for event in server.kept.values():
        sessions.setdefault(event["session_id"], []).append(event["time"])
    assert all(times == sorted(times) for times in sessions.values())
    titles = {}
    for event in server.kept.values():
        if "request_id" in event:
            titles.setdefault(event["request_id"].rsplit("-", 1)[1], set()).add(event["item_id"])
    ids = WORLD.titles.ids.to_list()
    assert titles["0"] <= set(ids[:12])
    assert titles["1"] <= set(ids[12:24])
    assert all(5 >= e["satisfaction"] >= 1 for e in server.kept.values() if e["kind"] == "survey")


def same_as_calm(server, **more):
    calm = Server()
    one, _ = people(calm, **more)
    two, slept = people(server, **more)
    a, b = one.run(), two.run()

    def plain(days):
        return [
            {n: v for n, v in d.as_dict().items() if n not in ("retries", "events", "began")}
            for d in days
        ]

    assert plain(a) == plain(b)
    assert calm.kept.keys() == server.kept.keys()
    other = {"request_id": "", "time": ""}  # pages have new names, and days another now
    for name, event in calm.kept.items():
        assert {**event, **other} == {**server.kept[name], **other}
    return b, slept


def test_a_server_that_fails_every_third_call():
    server = Server()
    server.fail = lambda n, _: Response("oops", 503) if n % 3 == 0 else None
    days, slept = same_as_calm(server)
    assert sum(d.retries for d in days) == len(slept) == len(server.calls) // 3
    assert all(pause == 0.1 for pause in slept)


def test_a_server_that_does_it_and_then_fails():
    server = Server()
    server.lose = lambda n, _request: n % 3 == 0
    days, _ = same_as_calm(server)
    done = Counter()
    for day in days:
        done.update(day.events)
    assert done["duplicate"] > 10  # kept the first time, and answered the second
    assert done["accepted"] + done["duplicate"] == len(server.kept)


def test_broken_connections_and_timeouts():
    server = Server()
    errors = [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError]
    inner = server.client()
    n = 0

    def handle(request):
        nonlocal n
        n += 1
        if n % 4 == 0:
            raise errors[n // 4 % 3]("broken", request=request)
        found = inner.request(
            request.method, str(request.url), content=request.content, headers=request.headers
        )
        return httpx.Response(found.status_code, content=found.content)

    client = httpx.Client(transport=httpx.MockTransport(handle))
    with People(WORLD, "http://site", KEY, days=1, client=client, sleep=lambda _: None) as site:
        found = site.day(0)
    assert found.retries == n // 4 > 10
    calm, _ = people(Server(), days=1)
    assert calm.day(0).all == found.all


def test_it_waits_as_long_as_it_is_told():
    server = Server()
    server.fail = lambda n, _: (
        JSONResponse({}, 429, headers={"Retry-After": "7"}) if n in (2, 3) else None
    )
    site, slept = people(server)
    site.day(0)
    assert slept == [7.0, 7.0]


def test_it_gives_up():
    server = Server()
    server.fail = lambda n, _: Response("all is lost", 500) if n > 4 else None
    site, slept = people(server, tries=5)
    with pytest.raises(ApiError, match="failed 5 times; at last: 500 all is lost"):
        site.day(0)
    assert slept == [0.1, 0.2, 0.4, 0.8]


def test_a_refusal_is_said_and_not_tried_again():
    server = Server()
    site = People(WORLD, "http://site", "wrong", client=server.client(), sleep=lambda _: None)
    with pytest.raises(
        ApiError, match=r"PUT http://site/v1/users/p\d+/consent was answered 401 .*no such key"
    ):
        site.day(0)
    assert len(server.calls) == 1


@pytest.mark.parametrize("url", ["localhost:8000", "127.0.0.1", "http://[::1"])
def test_an_address_that_is_none_is_not_tried_again(url):
    slept = []
    with (
        People(WORLD, url, KEY, sleep=slept.append) as site,
        pytest.raises(ApiError, match=r"^PUT .*/consent failed: (Unsupp|Inv)"),
    ):
        site.day(0)
    assert slept == []


def test_answers_that_are_none():
    server = Server()
    server.fail = lambda _n, request: Response("<html>") if "home" in request.url.path else None
    site, _ = people(server)
    with pytest.raises(ApiError, match="no JSON object"):
        site.day(0)
    server.fail = lambda _n, request: JSONResponse({}) if "home" in request.url.path else None
    site, _ = people(server)
    with pytest.raises(DataError, match="no home page: KeyError 'strips'"):
        site.day(0)
    odd = {"strips": [{"trace_id": "t", "items": [{"item_id": "a", "creative": "x"}]}]}
    with pytest.raises(DataError, match="no home page: ValueError"):
        page_of(WORLD, odd)
    server.fail = lambda _n, request: (
        JSONResponse({"outcomes": []}) if "events" in request.url.path else None
    )
    site, _ = people(server)
    with pytest.raises(DataError, match="no outcome for each"):
        site.day(0)


def test_pages_with_titles_and_pictures_that_nobody_knows():
    ids = WORLD.titles.ids.to_list()
    items = [
        {"item_id": ids[3], "creative": 1},
        {"item_id": "new", "creative": None},
        {"item_id": ids[5], "creative": 99},
        {"item_id": ids[6], "creative": None},
        {"item_id": ids[7], "creative": -2},
    ]
    page, unknown = page_of(WORLD, {"strips": [{"trace_id": "t", "items": items}]})
    assert unknown == 1
    np.testing.assert_array_equal(page.rows[0].items, [3, PAD, 5, 6, 7])
    np.testing.assert_array_equal(page.rows[0].creative, [1, PAD, PAD, PAD, PAD])
    rng = np.random.default_rng(0)
    for _ in range(50):
        visit = WORLD.visit(WORLD.people[0], page, rng)
        assert all(place != (0, 1) for place in visit.looked)
    empty, _ = page_of(WORLD, {"strips": []})
    assert WORLD.visit(WORLD.people[0], empty, rng).looked == ()


def test_the_same_visit_in_process_and_over_http():
    server = Server()
    site, _ = people(server, days=1)
    day = site.day(0)
    seen = 0
    for person, after in zip(WORLD.people, site.people, strict=True):
        if WORLD.comes(person, 0) is None:
            assert after is person
            continue
        ids = WORLD.titles.ids.to_list()
        strips = [
            {"trace_id": "", "items": [{"item_id": i, "creative": 0} for i in ids[a : a + 12]]}
            for a in (0, 12)
        ]
        page, _ = page_of(WORLD, {"strips": strips})
        visit = WORLD.visit(person, page, WORLD.dice(person, 0))
        assert (visit.person.seen, visit.person.mood) == (after.seen, after.mood)
        seen += 1
    assert seen == day.all.visits


def test_a_server_with_the_clock_of_the_people():
    server = Server()
    server.clock = Clock(time() - 4 * DAY)
    began = server.clock()
    site, _ = people(server, days=2, clock=server.clock)
    assert site.begin == began
    site.run()
    times = [when for _, when in server.pages]
    assert times == sorted(times)
    assert site.begin <= times[0] < times[-1] < site.begin + 2 * DAY
    assert site.clock() == site.begin + 2 * DAY
    clock = Clock(5.0)
    clock.reach(3.0)
    assert clock() == 5.0


def test_after_a_warm_up():
    lived = WORLD.lived(3)
    site, _ = people(Server(), people=lived.people, first_day=3, name="after")
    assert site.people[0] is lived.people[0]
    day = site.day(0)
    came = [WORLD.comes(person, 3) is not None for person in lived.people]
    assert day.all.visits == sum(came)


def test_days_come_in_order_and_not_in_the_future():
    site, _ = people(Server())
    with pytest.raises(BadParameter, match="day 1 cannot be lived now"):
        site.day(1)
    with pytest.raises(BadParameter, match="future"):
        people(Server(), begin=datetime.now(UTC))
    with pytest.raises(BadParameter, match="time zone"):
        people(Server(), begin=datetime(2024, 1, 1))
    with pytest.raises(BadParameter, match="at least 1"):
        people(Server(), days=0)


def test_the_real_server(tmp_path):
    pytest.importorskip("fastapi")
    from headwater.facade import fit
    from headwater.serve.app import create_app
    from headwater.serve.service import Service
    from headwater.serve.settings import settings_from
    from headwater.serve.shelf import Shelf
    from headwater.serve.store import Store

    clock = Clock(int(time()) - DAY)
    lived = WORLD.lived(5, until=int(clock()))
    with Store(tmp_path / "events.db").upgrade() as store:
        store.put_items(WORLD.about())
        store.ingest(lived.events())
        data = store.dataset()
    shelf = Shelf(tmp_path / "models")
    shelf.publish(shelf.add(fit("ease", data, l2=20), {}))
    settings = settings_from(
        store=str(tmp_path / "events.db"), models=tmp_path / "models", open=True
    )
    app = create_app(settings, Service(settings, clock=clock))
    with (
        TestClient(app, base_url="http://localhost") as client,
        People(
            WORLD,
            "http://localhost",
            None,
            days=1,
            clock=clock,
            client=client,
            people=lived.people,
            first_day=5,
        ) as site,
    ):
        day = site.day(0)
    assert day.all.visits > 5
    assert set(day.events) <= {"accepted", "not kept", "not_kept"}
    assert day.events["accepted"] > 10
    assert (day.unknown_items, day.empty_pages, day.retries) == (0, 0, 0)
    with Store(tmp_path / "events.db") as store:
        after = store.dataset()
    new = after.impressions[np.flatnonzero(after.impressions.queries.now >= site.begin)]
    full = [p for p, q in zip(lived.people, site.people, strict=True) if p is not q]
    full = [p for p in full if p.consent == "full"]
    assert len(np.unique(new.queries.user)) == len(full)
    assert new.clicks.sum() > 0
    assert len(after.log.items) > len(data.log.items)
