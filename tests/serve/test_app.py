"""The API, as a site uses it."""

from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("fastapi", reason="pip install 'headwater[serve]'")

from world import click, listed, publish, served

from headwater.data.toy import blocks
from loopback import until


@pytest.fixture
def site(tmp_path):
    publish(tmp_path / "models", k=20)
    with served(tmp_path) as (client, service):
        yield client, service


def test_a_page_says_all_that_is_needed_to_show_it_and_learn_from_it(site):
    client, service = site
    page = client.get("/v1/home/7", params={"k": 5}).json()
    assert page["user_id"] == "7"
    assert page["consent"] == "full"
    assert page["model"] == service.fleet.current
    assert page["strips"][0]["title"] == "For you"
    shown = listed(page)
    assert len(shown) == len(set(shown)) >= 15
    first = page["strips"][0]
    for at, each in enumerate(first["items"]):
        assert each["position"] == at
        assert each["event_id"] == f"{first['trace_id']}:{at}"
        assert each["propensity"] == 1
        assert each["why"]
        assert each["path"] == "retrieve.matrix.itemknn"


def test_what_was_shown_is_recorded_once_with_its_propensity(site):
    client, service = site
    page = client.get("/v1/home/7", params={"k": 5}).json()
    assert service.recorder.flush()
    kept = client.get("/v1/users/7/export").json()
    assert sorted(e["item_id"] for e in kept["events"]) == sorted(listed(page))
    assert {e["kind"] for e in kept["events"]} == {"impression"}
    assert {e["propensity"] for e in kept["events"]} == {1.0}
    (answer,) = kept["answers"]
    assert answer["trace_id"] == page["trace_id"]
    assert answer["surface"] == "home"
    assert answer["model"] == page["model"]
    assert answer["filled"] == len(listed(page))
    strip = page["strips"][0]
    one = strip["items"][0]
    again = click(0, "7", one["item_id"], kind="impression", event_id=one["event_id"])
    again |= {"request_id": strip["trace_id"], "position": 0, "propensity": 1.0}
    (said,) = client.post("/v1/events", json={"events": [again]}).json()["outcomes"]
    assert said["status"] == "duplicate"


def test_the_third_click_of_somebody_new_changes_their_page(site):
    client, _ = site
    before = client.get("/v1/home/new%2Fone").json()
    assert before["strips"][0]["title"] == "To begin with"
    for n, item in enumerate(("1", "4", "7")):  # all of kind t1
        said = client.post("/v1/events", json={"events": [click(n, "new/one", item)]}).json()
        assert said["accepted"] == 1
    after = client.get("/v1/home/new%2Fone").json()
    assert after["user_id"] == "new/one"
    assert after["strips"][0]["items"] != before["strips"][0]["items"]
    table = blocks().catalog.table["topic"]
    best = [each["item_id"] for each in after["strips"][0]["items"][:6]]
    assert [table[int(each)] for each in best].count("t1") >= 4
    assert not {"1", "4", "7"} & set(listed(after))


def test_events_one_by_one_say_what_became_of_them(site):
    client, _ = site
    old = (datetime.now(UTC) - timedelta(days=60)).isoformat()
    sent = [
        click(1, "ann", "3"),
        click(1, "ann", "3"),
        click(2, "ann", "3", consent="none"),
        click(3, "ann", "3", time=old),
        {"kind": "dance"},
    ]
    said = client.post("/v1/feedback", json={"events": sent}).json()
    assert [each["status"] for each in said["outcomes"]] == [
        "accepted", "duplicate", "not kept", "refused", "refused",
    ]  # fmt: skip
    assert (said["accepted"], said["duplicate"], said["not_kept"], said["refused"]) == (1, 1, 1, 2)
    again = client.post("/v1/events", json={"events": sent[:1]}).json()
    assert again["duplicate"] == 1


def test_a_new_item_is_on_a_page_at_once_and_a_removed_one_on_none(site):
    client, _ = site
    about = {"title": "Fresh", "topic": "t1"}
    assert client.put("/v1/items/fresh", json=about).json() == {"item_id": "fresh", "about": about}
    assert until(lambda: "fresh" in listed(client.get("/v1/home/7").json()))
    page = client.get("/v1/home/7").json()
    assert "New" in [strip["title"] for strip in page["strips"]]
    like = client.get("/v1/items/fresh/similar", params={"k": 4}).json()
    assert len(like["items"]) == 4
    gone = listed(page)[0]
    assert client.get(f"/v1/items/{gone}").status_code == 200
    assert client.delete(f"/v1/items/{gone}").status_code == 204
    assert client.get(f"/v1/items/{gone}").status_code == 404
    assert client.delete(f"/v1/items/{gone}").status_code == 404
    assert gone not in listed(client.get("/v1/home/7", params={"k": 60}).json())


def test_a_change_by_another_server_is_seen_within_a_moment(site):
    client, service = site
    service.store.put_items({"elsewhere": {"title": "From another server", "topic": "t2"}})
    assert until(lambda: "elsewhere" in listed(client.get("/v1/home/7").json()))


def test_lists_that_are_asked_for_in_all_ways(site):
    client, _ = site
    ask = lambda **how: client.get("/v1/recommend/7", params=how).json()  # noqa: E731
    ids = lambda found: [each["item_id"] for each in found["items"]]  # noqa: E731
    first = ids(ask(k=6))
    assert not set(first[:3]) & set(ids(ask(k=6, exclude=first[:3])))
    assert set(ids(ask(k=2, within=["0", "3", "6", "9", "12"]))) <= {"0", "3", "6", "9", "12"}
    led = ask(k=6, guide="topic:t2")
    assert {int(each) % 3 for each in ids(led)} == {2}
    assert "only items of t2" in led["degraded"][0]
    more = ask(k=1000)
    assert "of the 1000 asked for" in more["missing"]
    ranked = client.post("/v1/rank", json={"user_id": "7", "items": ["3", "no", "9"], "k": 3})
    assert ids(ranked.json())[2] == "no"
    nobody = client.get("/v1/recommend", params={"k": 4}).json()
    assert nobody["user_id"] is None
    assert len(nobody["items"]) == 4


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/recommend/7?k=0", 422, "k: "),
        ("/v1/recommend/7?k=x", 422, "k: "),
        ("/v1/recommend/7?within=nothing", 404, "no item 'nothing'"),
        ("/v1/recommend/7?guide=topic", 422, "genres:Horror"),
        ("/v1/recommend/7?guide=colour:red", 404, "no column 'colour'"),
        ("/v1/items/nothing/similar", 404, "no item 'nothing'"),
        ("/v1/items/nothing", 404, "no item 'nothing'"),
        ("/v1/users/nobody", 404, "no user 'nobody'"),
        ("/v1/receipts/none", 404, "no receipt 'none'"),
        ("/v1/home/a%0d%0aSet-Cookie", 422, "has characters in it that are none"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_every_error_is_one_clear_line(site, path, status, said):
    answer = site[0].get(path)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_who_gave_no_consent_gets_what_anybody_does_and_leaves_nothing(tmp_path):
    publish(tmp_path / "models", k=20)
    with served(tmp_path, consent="none") as (client, service):
        assert listed(client.get("/v1/home/7").json()) == listed(client.get("/v1/home").json())
        assert client.put("/v1/users/7/consent", json={"level": "full"}).status_code == 200
        mine = client.get("/v1/home/7").json()
        assert mine["consent"] == "full"
        assert listed(mine) != listed(client.get("/v1/home").json())
        client.get("/v1/home/8")
        service.recorder.flush()
        assert service.store.export_user("8")["events"] == []
        assert service.store.export_user("7")["events"]
        assert client.put("/v1/users/7/consent", json={"level": "some"}).status_code == 422


def test_erased_here_and_now(site):
    client, service = site
    nobody = listed(client.get("/v1/home").json())
    assert listed(client.get("/v1/home/7").json()) != nobody
    client.put("/v1/users/7", json={"country": "NL"})
    assert client.get("/v1/users/7").json()["about"] == {"country": "NL"}
    receipt = client.delete("/v1/users/7").json()
    assert receipt["counts"]["users"] == 1
    assert receipt["counts"]["events"] > 0
    assert receipt["completed"] is None
    assert client.get(f"/v1/receipts/{receipt['receipt_id']}").json() == receipt
    kept = client.get("/v1/users/7/export").json()
    assert not any(kept[table] for table in kept if table != "user_id")
    assert listed(client.get("/v1/home/7").json()) == nobody, "the model had learned of them"
    service.recorder.flush()
    assert client.get("/v1/users/7/export").json() == kept, "and nothing is kept of it"


def test_another_model_is_published_and_rolled_back_while_requests_go_on(site, tmp_path):
    client, service = site
    one = client.get("/v1/home/7").json()["model"]
    told = []
    service.swapped = lambda: told.append(service.fleet.current)
    two = publish(tmp_path / "models", "popularity")
    assert until(lambda: client.get("/v1/home/7").json()["model"] == two)
    assert until(lambda: told == [two])
    assert service.shelf.roll_back() == one
    assert until(lambda: client.get("/v1/home/7").json()["model"] == one)
    assert client.get("/health/ready").json() == {"status": "ready", "model": one}


def test_numbers_for_prometheus(site):
    client, _ = site
    client.get("/v1/home/a%2Fsecret%20person")
    client.get("/v1/items/nothing")
    client.post("/v1/events", json={"events": [click(1, "ann", "3")]})
    text = client.get("/metrics").text
    assert (
        'headwater_request_seconds_count{method="GET",route="/v1/home/{user_id}",status="200"} 1.0'
        in text
    )
    assert 'headwater_events_total{status="accepted"} 1.0' in text
    assert 'headwater_places_total{path="retrieve.matrix.itemknn"}' in text
    assert "headwater_ready 1.0" in text
    assert "secret" not in text


def test_headers_that_keep_browsers_from_harm(site):
    answer = site[0].get("/v1/home")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    assert len(answer.headers["x-request-id"]) == 32
