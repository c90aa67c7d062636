"""Who may do what, and how much of it."""

import json
import logging
import threading

import pytest

pytest.importorskip("fastapi", reason="pip install 'headwater[serve]'")

from world import SECRET, click, keyed, publish, served, settings

from headwater.errors import BadParameter
from headwater.serve.keys import Caller, Denied, Keys, new_key
from headwater.serve.settings import settings_from


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    publish(folder / "models", k=20)
    more, headers = keyed()
    with served(folder, **more) as (client, service):
        yield client, service, headers


CALLS = [  # method, path, body, the least role
    ("get", "/v1/home/7", None, "read"),
    ("get", "/v1/home", None, "read"),
    ("get", "/v1/recommend/7", None, "read"),
    ("get", "/v1/recommend", None, "read"),
    ("post", "/v1/rank", {"items": ["1"]}, "read"),
    ("get", "/v1/items/1/similar", None, "read"),
    ("get", "/v1/items/1", None, "read"),
    ("get", "/metrics", None, "read"),
    ("post", "/v1/events", {"events": []}, "ingest"),
    ("post", "/v1/feedback", {"events": []}, "ingest"),
    ("put", "/v1/items/x", {}, "ingest"),
    ("delete", "/v1/items/2", None, "ingest"),
    ("put", "/v1/users/7", {}, "ingest"),
    ("put", "/v1/users/7/consent", {"level": "full"}, "ingest"),
    ("post", "/v1/users/7/token", {}, "ingest"),
    ("get", "/v1/users/7", None, "admin"),
    ("get", "/v1/users/7/export", None, "admin"),
    ("delete", "/v1/users/9", None, "admin"),
    ("get", "/v1/receipts/x", None, "admin"),
]
ROLES = ("read", "ingest", "admin")


def ask(client, method, path, body, headers):
    return client.request(method, path, json=body, headers=headers)


def test_every_route_is_among_the_calls_here(site):
    client, _, _ = site
    described = client.get("/v1/openapi.json").json()["paths"]
    have = {(method, path) for path, how in described.items() for method in how}
    told = {(m, p.split("?")[0].count("/")) for m, p, _, _ in CALLS}
    open_ = {"/health/live", "/health/ready"}
    assert {(m, p.count("/")) for m, p in have if p not in open_} <= told
    assert len(CALLS) == len([1 for _, p in have if p not in open_]) + 1  # and /v1/feedback


@pytest.mark.parametrize(("method", "path", "body", "least"), CALLS)
def test_what_each_role_may(site, method, path, body, least):
    client, _, headers = site
    for role in ROLES:
        status = ask(client, method, path, body, headers[role]).status_code
        if ROLES.index(role) < ROLES.index(least):
            assert status == 403, role
        else:
            assert status in (200, 204, 404), role


@pytest.mark.parametrize("word", [None, "", "Bearer", "Bearer wrong", "Basic YTpi", "Bearer hwu_x"])
def test_without_a_good_key_nothing_is_answered(tmp_path, word):
    publish(tmp_path / "models", "popularity")
    more, _ = keyed()
    with served(tmp_path, **more) as (client, _):
        headers = {} if word is None else {"Authorization": word}
        for method, path, body, _ in CALLS:
            answer = ask(client, method, path, body, headers)
            assert answer.status_code == 401, path
            assert "www-authenticate" in answer.headers
        assert client.get("/health/live").status_code == 200


def test_a_user_s_token_is_for_what_is_theirs_alone(site):
    client, _, headers = site
    said = client.post("/v1/users/ann/token", json={"seconds": 60}, headers=headers["ingest"])
    mine = {"Authorization": f"Bearer {said.json()['token']}"}
    assert client.get("/v1/home/ann", headers=mine).status_code == 200
    assert client.get("/v1/recommend/ann", headers=mine).status_code == 200
    assert client.put("/v1/users/ann/consent", json={"level": "full"}, headers=mine).is_success
    own = client.post("/v1/events", json={"events": [click(1, "ann", "3")]}, headers=mine)
    assert own.json()["accepted"] == 1
    for method, path, body in (
        ("get", "/v1/home/bob", None),
        ("get", "/v1/recommend/bob", None),
        ("get", "/v1/home/ann%2F..%2Fbob", None),
        ("get", "/v1/home", None),
        ("get", "/v1/users/bob/export", None),
        ("get", "/v1/users/bob", None),
        ("delete", "/v1/users/bob", None),
        ("put", "/v1/users/bob/consent", {"level": "none"}),
        ("put", "/v1/users/ann", {"vip": True}),
        ("post", "/v1/users/ann/token", {}),
        ("post", "/v1/rank", {"user_id": "bob", "items": ["1"]}),
        ("post", "/v1/events", {"events": [click(2, "ann", "3"), click(3, "bob", "3")]}),
        ("post", "/v1/events", {"events": [click(2, "ann", "3", kind="impression")]}),
        ("get", "/v1/users/ann", None),
        ("get", "/v1/users/ann/export", None),
        ("delete", "/v1/users/ann", None),
        ("put", "/v1/items/x", {}),
        ("get", "/v1/receipts/x", None),
        ("get", "/metrics", None),
    ):
        assert ask(client, method, path, body, mine).status_code == 403, path


def test_a_token_that_an_admin_made_reads_and_erases_its_user_and_no_other(site):
    client, _, headers = site
    said = client.post("/v1/users/eve/token", json={"seconds": 60}, headers=headers["admin"])
    mine = {"Authorization": f"Bearer {said.json()['token']}"}
    assert client.get("/v1/users/eve/export", headers=mine).status_code == 200
    assert client.get("/v1/users/bob/export", headers=mine).status_code == 403
    assert client.delete("/v1/users/bob", headers=mine).status_code == 403
    assert client.get("/v1/receipts/x", headers=mine).status_code == 403
    assert client.delete("/v1/users/eve", headers=mine).status_code == 200


def test_tokens_end_and_cannot_be_made_up():
    keys = Keys(settings_from(keys={"a": new_key("admin")[1]}, secret=SECRET))
    token = keys.token("ann", 60)
    assert keys.caller({"authorization": f"Bearer {token}"}) == Caller("a user", None, "ann")
    other = Keys(settings_from(keys={"a": new_key("admin")[1]}, secret=SECRET[::-1]))
    for bad in (token[:-1], token + "x", other.token("ann", 60), "hwu_"):
        with pytest.raises(Denied, match="not signed here"):
            keys.caller({"authorization": f"Bearer {bad}"})
    with pytest.raises(Denied, match="expired"):
        keys.caller({"authorization": f"Bearer {keys.token('ann', -1)}"})


def test_too_much_is_refused(tmp_path):
    publish(tmp_path / "models", "popularity")
    with served(tmp_path, body=5_000, batch=10, rate="30/minute") as (client, service):
        many = {"events": [click(n, "ann", "3") for n in range(11)]}
        assert "more than the 10 of one batch" in client.post("/v1/events", json=many).text
        large = client.post("/v1/events", content=b"x" * 6_000)
        assert large.status_code == 413
        parts = client.post("/v1/events", content=(b"x" * 1_000 for _ in range(6)))
        assert parts.status_code == 413, "also where the length was not said"
        assert service.store.count()["events"] == 0
        codes = [client.get("/v1/home").status_code for _ in range(40)]
        assert codes.count(200) == 27
        late = client.get("/v1/home")
        assert late.status_code == 429
        assert 1 <= int(late.headers["retry-after"]) <= 61
        assert client.get("/health/live").status_code == 200


def test_keys_cannot_be_tried_out_and_whose_is_good_does_not_notice(tmp_path):
    publish(tmp_path / "models", "popularity")
    more, headers = keyed()
    with served(tmp_path, **more) as (client, _):
        tries = [
            client.get("/v1/home", headers={"Authorization": f"Bearer {n}"}).status_code
            for n in range(40)
        ]
        assert tries.count(401) == 30
        assert tries[-1] == 429
        assert client.get("/v1/home").status_code == 429
        assert client.get("/v1/home", headers=headers["read"]).status_code == 200
        assert client.get("/health/live").status_code == 200, "else it would be started anew"


def test_a_rate_is_of_a_good_key_or_of_an_address(tmp_path):
    publish(tmp_path / "models", "popularity")
    more, headers = keyed()
    with served(tmp_path, rate="10/minute", **more) as (client, _):
        free = "/v1/openapi.json"  # for which nobody needs a key
        codes = [
            client.get(free, headers={"Authorization": f"Bearer {n}"}).status_code
            for n in range(15)
        ]
        assert codes == [200] * 10 + [429] * 5, "a new word is not a new rate"
        made = [
            client.post(f"/v1/users/{name}/token", json={}, headers=headers["ingest"]).json()
            for name in ("ann", "ann", "bob")
        ]
        theirs = [{"Authorization": f"Bearer {each['token']}"} for each in made]
        codes = [client.get("/v1/home/ann", headers=theirs[n % 2]).status_code for n in range(15)]
        assert codes == [200] * 10 + [429] * 5, "nor is a new token of the same user"
        assert client.get("/v1/home/bob", headers=theirs[2]).status_code == 200


def test_words_that_others_choose_make_no_new_series(tmp_path):
    publish(tmp_path / "models", "popularity")
    with served(tmp_path) as (client, service):
        for n in range(20):
            client.request(f"MADE{n}", "/v1/home")
            client.get(f"/nowhere/{n}")
        text = service.telemetry_text()[0].decode()
        assert "MADE" not in text
        assert 'method="other"' in text
        assert text.count("headwater_request_seconds_count{") == 2


def test_a_wrong_method_is_told_the_right_ones(tmp_path):
    publish(tmp_path / "models", "popularity")
    with served(tmp_path) as (client, _):
        answer = client.patch("/v1/home")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert answer.json()["error"]["code"] == "bad_request"


def test_other_sites_and_other_names_are_refused(tmp_path):
    publish(tmp_path / "models", "popularity")
    with served(tmp_path) as (client, _):
        rebound = client.get("/v1/home", headers={"Host": "evil.example"})
        assert rebound.status_code == 400
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
        assert (
            "access-control-allow-origin" not in client.options("/v1/home", headers=asked).headers
        )
    with served(tmp_path, cors=("https://shop.example",)) as (client, _):
        allowed = client.options("/v1/home", headers=asked).headers
        assert allowed["access-control-allow-origin"] == "https://shop.example"
        other = client.options("/v1/home", headers=asked | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_said_to_be_json_is_refused(tmp_path, kind):
    """Pages of other sites may send these without asking first; nothing comes of it."""
    publish(tmp_path / "models", "popularity")
    with served(tmp_path) as (client, service):
        body = json.dumps({"events": [click(1, "ann", "3")]}).encode()
        said = {"Origin": "https://evil.example"} | ({"Content-Type": kind} if kind else {})
        assert client.post("/v1/events", content=body, headers=said).status_code == 422
        assert service.store.count()["events"] == 0
        said["Content-Type"] = "application/json"  # about which a browser asks first
        assert client.post("/v1/events", content=body, headers=said).json()["accepted"] == 1


def test_pictures_are_of_their_folder_alone(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "pictures" / "way.txt").symlink_to(tmp_path / "secret.txt")
    publish(tmp_path / "models", "popularity")
    with served(tmp_path, pictures=tmp_path / "pictures") as (client, _):
        assert client.get("/pictures/a.svg").status_code == 200
        for path in ("../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "way.txt", "", "."):
            answer = client.get(f"/pictures/{path}")
            assert answer.status_code == 404, path
            assert "secret" not in answer.text


IDS = ["../../etc/passwd", "a/b", "..", "'; drop table events;--", "<script>x</script>",
       "ü é 日本", "a b", "?x=1", "#", "a&b", "x" * 200]  # fmt: skip


@pytest.mark.parametrize("name", IDS)
def test_ids_are_names_and_nothing_else(site, name):
    from urllib.parse import quote

    client, _, headers = site
    word = quote(name, safe="")
    about = client.put(f"/v1/items/{word}", json={"title": name}, headers=headers["ingest"])
    if name == "..":
        assert about.status_code in (404, 405), "clients take it for a way up"
        return
    assert about.json()["item_id"] == name
    assert client.get(f"/v1/items/{word}", headers=headers["read"]).json()["item_id"] == name
    page = client.get(f"/v1/home/{word}", headers=headers["read"])
    assert page.json()["user_id"] == name
    assert page.headers["content-type"] == "application/json"
    assert client.delete(f"/v1/items/{word}", headers=headers["ingest"]).status_code == 204


def test_a_name_that_is_too_long_or_hides_a_slash_is_refused(site):
    client, _, headers = site
    assert client.get(f"/v1/home/{'x' * 201}", headers=headers["read"]).status_code == 422
    assert client.get("/v1/home/a%EE%80%80b", headers=headers["read"]).status_code == 422


def test_logs_have_no_ids_and_no_secrets(site, caplog):
    client, _, headers = site
    with caplog.at_level(logging.INFO):
        client.get("/v1/home/a-secret-person", headers=headers["read"])
        client.get("/v1/home/a-secret-person", headers={"Authorization": "Bearer a-secret-word"})
        client.post("/v1/events", json={"events": [click(1, "a-secret-person", "x")]},
                    headers=headers["ingest"])  # fmt: skip
    lines = [json.dumps(vars(each), default=str) for each in caplog.records]
    ours = [line for line in lines if "headwater" in line]
    assert any("/v1/home/{user_id}" in line for line in ours)
    assert not any("secret-person" in line or "secret-word" in line for line in ours)
    assert not any(SECRET in line for line in lines)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "keys: there are none"),
        ({"open": True, "host": "0.0.0.0"}, "open: only on 127.0.0.1"),
        ({"keys": {"a": {"hash": "x", "role": "read"}}}, "keys.a.hash"),
        ({"keys": {"a": {"hash": "0" * 64, "role": "king"}}}, "keys.a.role"),
        ({"keys": {"a": {"hash": "0" * 64, "role": "read"}}}, "secret: is needed"),
        ({"keys": {"a": {"hash": "0" * 64, "role": "read"}}, "secret": "short"}, "at least 32"),
        ({"open": True, "explore": 1.0}, "explore"),
        ({"open": True, "portt": 1}, "portt"),
        ({"open": True, "rate": "often"}, "rate: as 6000/minute"),
        ({"open": True, "pictures": "nowhere"}, "pictures: there is no folder 'nowhere'"),
    ],
)
def test_settings_that_make_no_sense_are_one_line_without_secrets(given, said):
    with pytest.raises(BadParameter) as error:
        settings_from(**given)
    assert said in str(error.value)
    assert "short" not in str(error.value)


def test_settings_from_a_file_and_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "headwater.toml"
    key = new_key("read")[1]
    file.write_text(
        f'port = 9000\nkinds = "topic"\n[keys.site]\nhash = "{key.hash}"\nrole = "read"\n'
    )
    monkeypatch.setenv("HEADWATER_SECRET", SECRET)
    monkeypatch.setenv("HEADWATER_PORT", "9001")
    found = settings_from(file, kinds="genres")
    assert (found.port, found.kinds, found.keys["site"]) == (9001, "genres", key)
    assert SECRET not in repr(found)
    with pytest.raises(BadParameter, match="no settings file"):
        settings_from(tmp_path / "nothing.toml")
    file.write_text("port = \n")
    with pytest.raises(BadParameter, match="settings: "):
        settings_from(file)
    assert settings(tmp_path).open


def test_a_request_starts_no_thread_to_be_counted(tmp_path, monkeypatch):
    publish(tmp_path / "models", k=20)
    with served(tmp_path) as (client, _):
        assert client.get("/v1/home").status_code == 200
        started = []
        start = threading.Thread.start
        monkeypatch.setattr(
            threading.Thread, "start", lambda self: (started.append(self), start(self))
        )
        assert client.get("/v1/home").status_code == 200
    assert not [each for each in started if isinstance(each, threading.Timer)]
