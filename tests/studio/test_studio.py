"""The frame of the studio: pages and their twins, who may in, and forms that others cannot send."""

import json
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from seen import HERE, tags

from headwater.serve.guards import FAILURES
from headwater.serve.keys import new_key
from headwater.studio.page import Values, plain
from headwater.studio.pages import PAGES

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def keys():
    return {role: new_key(role) for role in ("admin", "read")}


@pytest.fixture
def locked(made, keys):
    have = {name: kept for name, (_, kept) in keys.items()}
    with TestClient(made(keys=have, secret=SECRET), base_url=HERE) as client:
        yield client


def token(client, path):
    return re.search(r'name="token" value="([^"]+)"', client.get(path).text)[1]


def entered(client, keys, role="admin", to=""):
    form = {"token": token(client, "/studio/login"), "key": keys[role][0], "to": to}
    return client.post("/studio/login", data=form, follow_redirects=False)


# Pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_and_its_twin(browser, page):
    shown = browser.get(f"/studio/{page.name}")
    assert shown.status_code == 200, shown.text
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<h1>{page.title}</h1>" in shown.text
    assert shown.text.count("<main") == 1
    assert shown.text.count('aria-current="page"') == 1
    twin = browser.get(f"/studio/{page.name}.json")
    assert twin.headers["content-type"] == "application/json"
    asked = browser.get(f"/studio/{page.name}", headers={"accept": "application/json"})
    assert twin.json().keys() == asked.json().keys()
    assert f'href="/studio/{page.name}.json"' in shown.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_in_a_page_that_its_policy_would_refuse(browser, page):
    shown = browser.get(f"/studio/{page.name}")
    assert "'unsafe-inline'" not in shown.headers["content-security-policy"]
    for tag, has in tags(shown.text):
        assert tag != "style"
        assert tag != "script" or has["src"].startswith("/studio/static/")
        assert not [name for name in has if name == "style" or name.startswith("on")], (tag, has)
        where = [has[name] for name in ("src", "href", "action", "srcset") if name in has]
        assert all(re.match(r"/(?!/)|#", each) for each in where), "a page asks nobody else"


def test_the_beginning_leads_to_the_first_page(browser):
    for path in ("/", "/studio", "/studio/"):
        answer = browser.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/studio/home")


def test_what_is_not_there_is_a_page_too(browser):
    answer = browser.get("/studio/nothing")
    assert answer.status_code == 404
    assert "The studio has no page at this address." in answer.text
    assert browser.get("/studio/static/../page.py").status_code == 404
    assert browser.get("/studio/static/%2e%2e/page.py").status_code == 404


def test_a_question_that_makes_no_sense_is_said_on_a_page_and_in_the_twin(browser):
    for k in ("0", "many", "51"):
        answer = browser.get(f"/studio/home?k={k}")
        assert answer.status_code == 422
        assert f"k is a whole number from 1 to 50; got {k}" in answer.text
        twin = browser.get(f"/studio/home.json?k={k}")
        assert twin.status_code == 422
        assert twin.json()["error"]["code"] == "bad_request"
    assert browser.get(f"/studio/home?user={'x' * 201}").status_code == 422


def test_pages_are_not_kept_by_browsers_and_what_they_are_made_of_is(browser):
    assert browser.get("/studio/home").headers["cache-control"] == "no-store"
    style = browser.get("/studio/static/style.css")
    assert style.headers["cache-control"] == "public, max-age=86400"
    assert style.headers["content-type"].startswith("text/css")


def test_without_a_model_the_flow_says_so_and_home_why_not(made, tmp_path):
    with TestClient(made(models=tmp_path / "none"), base_url=HERE) as client:
        assert "No model answers yet" in client.get("/studio/flow").text
        answer = client.get("/studio/home")
        assert answer.status_code == 503
        assert "nothing was published" in answer.text


def test_plain_values_are_what_json_can_say():
    import numpy as np

    assert plain({"a": float("nan"), 1: np.array([1.5, np.inf])}) == {"a": None, "1": [1.5, None]}
    assert json.dumps(plain({"t": (True, None, "x")})) == '{"t": [true, null, "x"]}'
    with pytest.raises(TypeError, match="object"):
        plain([object()])


def test_values_have_several_of_a_name():
    values = Values([("a", "1"), ("b", ""), ("a", " 2 ")])
    assert (values.one("a"), values.all("a"), values.ids("a")) == ("1", ["1", " 2 "], ["1", "2"])
    assert values.ids("b") == values.ids("c") == []


# Who may in


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nobody_sees_a_page_without_an_admins_key(locked, keys, page):
    answer = locked.get(f"/studio/{page.name}?user=a", follow_redirects=False)
    assert answer.status_code == 303
    to = urlsplit(answer.headers["location"])
    assert (to.path, parse_qs(to.query)) == (
        "/studio/login",
        {"to": [f"/studio/{page.name}?user=a"]},
    )
    assert locked.get(f"/studio/{page.name}.json").status_code == 401
    for role, status in (("read", 403), ("admin", 200)):
        headers = {"authorization": f"Bearer {keys[role][0]}"}
        twin = locked.get(f"/studio/{page.name}.json", headers=headers)
        assert twin.status_code == status
    for name in page.actions:
        answer = locked.post(f"/studio/{page.name}/{name}", data={}, follow_redirects=False)
        assert answer.headers["location"].startswith("/studio/login")


def test_an_admin_enters_sees_and_leaves(locked, keys):
    answer = entered(locked, keys, to="/studio/flow")
    assert (answer.status_code, answer.headers["location"]) == (303, "/studio/flow")
    assert keys["admin"][0] not in str(answer.headers)
    cookie = answer.headers["set-cookie"]
    assert all(each in cookie for each in ("HttpOnly", "SameSite=lax", "Path=/studio"))
    assert "Secure" not in cookie
    assert locked.get("/studio/flow").status_code == 200
    form = {"token": token(locked, "/studio/flow")}
    assert locked.post("/studio/logout", data=form).url.path == "/studio/login"
    assert locked.get("/studio/flow", follow_redirects=False).status_code == 303


def test_the_cookie_is_for_https_alone_where_that_is_spoken(made, keys):
    have = {"admin": keys["admin"][1]}
    with TestClient(made(keys=have, secret=SECRET), base_url="https://localhost") as client:
        assert "Secure" in entered(client, keys).headers["set-cookie"]


def test_another_role_or_a_wrong_key_does_not_open(locked, keys):
    for given, said in (
        (keys["read"][0], "needs a key with the role admin"),
        ("hw_wrong", "this key is not known here"),
        ("", "Authorization: Bearer KEY"),
    ):
        form = {"token": token(locked, "/studio/login"), "key": given}
        answer = locked.post("/studio/login", data=form)
        assert answer.status_code == 401
        assert said in answer.text
        assert not given or given not in answer.text
    assert locked.get("/studio/flow", follow_redirects=False).status_code == 303


def test_who_tries_keys_is_stopped(locked):
    form = {"token": token(locked, "/studio/login"), "key": "hw_wrong"}
    most = int(FAILURES.split("/")[0])
    tried = [locked.post("/studio/login", data=form).status_code for _ in range(most + 1)]
    assert tried == [401] * most + [429]


def test_a_session_is_worth_nothing_once_its_key_is_another(made, keys):
    with TestClient(made(keys={"admin": keys["admin"][1]}, secret=SECRET), base_url=HERE) as client:
        cookie = entered(client, keys).cookies["headwater_studio"]
    for have, good in ((keys["admin"][1], True), (new_key("admin")[1], False)):
        with TestClient(made(keys={"admin": have}, secret=SECRET), base_url=HERE) as client:
            client.cookies.set("headwater_studio", cookie, path="/studio")
            status = client.get("/studio/flow", follow_redirects=False).status_code
            assert status == (200 if good else 303)
    with TestClient(made(keys={"admin": keys["admin"][1]}, secret=SECRET[::-1])) as client:
        client.cookies.set("headwater_studio", cookie, path="/studio")
        assert client.get("/studio/flow", follow_redirects=False).status_code == 303


def test_a_session_ends_twelve_hours_after_the_last_page(locked, keys, monkeypatch):
    entered(locked, keys)
    now = time.time()
    for later, status in ((11, 200), (22, 200), (35, 303)):
        monkeypatch.setattr("itsdangerous.timed.time.time", lambda at=later: now + 3600 * at)
        assert locked.get("/studio/flow", follow_redirects=False).status_code == status


@pytest.mark.parametrize(
    "to",
    ["https://evil.example/", "//evil.example/studio/", "/v1/items", "/studio/\\evil", "http://["],
)
def test_signing_in_leads_nowhere_else(locked, keys, to):
    assert entered(locked, keys, to=to).headers["location"] == "/studio/home"


# Forms


def test_every_action_is_refused_without_the_token_of_the_page(browser):
    browser.get("/studio/home")
    actions = [(page, name) for page in PAGES for name in page.actions]
    assert len(actions) >= 5
    before = browser.get("/studio/flow.json").json()["versions"]
    for page, name in actions:
        for form in ({}, {"token": "x"}, {"token": "\u00e9"}):
            answer = browser.post(f"/studio/{page.name}/{name}", data={**form, "user": "p0001"})
            assert answer.status_code == 403, (page.name, name)
            assert "load the page again" in answer.text
        assert browser.get(f"/studio/{page.name}/{name}").status_code == 404
    assert browser.get("/studio/flow.json").json()["versions"] == before
    assert browser.post("/studio/logout", data={"token": "x"}).status_code == 403


def test_the_token_of_one_browser_is_no_good_in_another(made):
    app = made()
    with TestClient(app, base_url=HERE) as one:
        two = TestClient(app, base_url=HERE)
        mine, theirs = token(one, "/studio/home?user=a"), token(two, "/studio/home?user=a")
        assert mine != theirs
        form = {"user": "a", "level": "full"}
        sent = [one.post("/studio/home/consent", data=form | {"token": t}) for t in (theirs, mine)]
        assert [each.status_code for each in sent] == [403, 200]


def test_what_a_form_did_is_said_once(browser):
    form = {"token": token(browser, "/studio/home?user=a"), "user": "a", "level": "full"}
    said = "a agreed to full"
    assert said in browser.post("/studio/home/consent", data=form).text
    assert said not in browser.get("/studio/home?user=a").text
