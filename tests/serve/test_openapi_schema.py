"""The API answers as its own description says, whatever it is asked: with what the description
allows, with what it does not, and with what is in no description."""

import json

import pytest

pytest.importorskip("fastapi", reason="pip install 'headwater[serve]'")
pytest.importorskip("schemathesis", reason="pip install schemathesis")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from world import click, keyed, publish, served

from headwater.serve import guards
from headwater.serve.api import events, health, items, lists, people

EXAMPLES = {"admin": 12, "a user": 6}
DRAWN = settings(
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    deadline=None,
)
ROUTES = sorted(
    (method.lower(), route.path)
    for part in (lists, events, items, people, health)
    for route in part.router.routes
    if route.include_in_schema
    for method in route.methods
)
MODES = [
    (method, path, mode)
    for method, path in ROUTES
    for mode in ("positive", "negative")
    if mode == "positive" or path.startswith("/v1/")  # elsewhere there is nothing to give
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    publish(folder / "models", k=20)
    more, headers = keyed()
    more |= {"rate": "1000000/minute", "hosts": ("testserver", "localhost")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guards, "FAILURES", "1000000/minute")  # wrong keys are among what is sent
        with served(folder, **more) as (client, _):
            told = client.post("/v1/users/7/token", json={}, headers=headers["admin"]).json()
            headers["a user"] = {"Authorization": f"Bearer {told['token']}"}
            yield client, headers


@pytest.fixture(scope="module")
def schema(site):
    client, _ = site

    async def app(scope, receive, send):
        assert scope["type"] == "http"  # it runs already
        await client.app(scope, receive, send)

    drawn = {"with-security-parameters": False, "allow-extra-parameters": False}
    config = schemathesis.Config.from_dict({"generation": drawn})
    return schemathesis.openapi.from_asgi("/v1/openapi.json", app, config=config)


def test_every_route_is_described(schema):
    assert {(method, path) for path in schema for method in schema[path]} == set(ROUTES)


@pytest.mark.parametrize("who", ["admin", "a user"])
@pytest.mark.parametrize(("method", "path", "mode"), MODES)
def test_it_answers_as_it_says(site, schema, method, path, who, mode):
    """No 5xx; the status and the body are described; what is allowed is taken and what is not is
    refused; nobody is answered without a key."""
    operation = schema[path][method]
    own = {}
    if who == "a user" and mode == "positive" and "{user_id}" in path:
        own["path_parameters"] = {"user_id": "7"}

    @settings(DRAWN, max_examples=EXAMPLES[who])
    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode), **own))
    def ask(case):
        case.call_and_validate(headers=site[1][who])

    ask()


DEEP = b'{"x":' + 500 * b"[" + 500 * b"]" + b"}"
BODIES = {
    "half a character": b'{"title":"\\ud800"}',
    "half a character as a name": b'{"\\ud800":1}',
    "no number": b'{"x":NaN}',
    "too large a number": b'{"x":1e999}',
    "a number of 5,000 digits": b'{"x":' + 5_000 * b"9" + b"}",
    "500 lists in lists": DEEP,
    "100,000 lists in lists": DEEP.replace(b"[", 200 * b"[").replace(b"]", 200 * b"]"),
    "no JSON": b'{"x":',
    "not UTF-8": b'{"x":"\xff"}',
    "a list": b"[]",
    "nothing": b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_that_cannot_be_kept_are_refused(site, body):
    client, headers = site
    sent = {**headers["admin"], "content-type": "application/json"}
    for method, path in (
        ("put", "/v1/items/odd"),
        ("put", "/v1/users/odd"),
        ("post", "/v1/rank"),
        ("post", "/v1/events"),
        ("put", "/v1/users/odd/consent"),
    ):
        answer = client.request(method, path, content=body, headers=sent)
        assert answer.status_code in (400, 422), path
        assert answer.json()["error"]["message"]
    assert client.get("/v1/items/odd", headers=headers["admin"]).status_code == 404


@pytest.mark.parametrize(
    "about",
    [{"title": ["a"], "topic": 7}, {"topic": {"a": 1}}, {"stills": 7}, {"title": "a\x00b"}, {}],
    ids=str,
)
def test_an_item_that_says_odd_things_of_itself_harms_no_page(site, about):
    client, headers = site
    assert client.put("/v1/items/odd", json=about, headers=headers["admin"]).status_code == 200
    for path in ("/v1/home/7", "/v1/home", "/v1/recommend/7?guide=topic:t1", "/v1/items/odd"):
        assert client.get(path, headers=headers["admin"]).status_code == 200, path
    assert client.delete("/v1/items/odd", headers=headers["admin"]).status_code == 204


ODD = [
    ("event_id", '"\\ud800"'),
    ("event_id", '{"a":"\\ud800"}'),
    ("user_id", '"a\\u0000b"'),
    ("item_id", '"a\\ue000b"'),
    ("item_id", "1e400"),
    ("time", '"9999-12-31T23:59:59.999999-23:00"'),
    ("time", '"0001-01-01T00:00:00Z"'),
    ("time", "NaN"),
    ("kind", '{"a":[]}'),
    ("kind", '"\\ud800"'),
    ("consent", '"\\ud800"'),
    ("\\ud800", "1"),
    ("seconds", "1e999"),
]


@pytest.mark.parametrize(("name", "value"), ODD)
def test_an_odd_event_is_refused_and_the_rest_is_kept(site, name, value):
    client, headers = site
    good = json.dumps(click(f"{name}{value}", "ann", "3"))
    bad = json.dumps(click("bad", "ann", "3"))[:-1] + f', "{name}": {value}}}'
    sent = {**headers["admin"], "content-type": "application/json"}
    answer = client.post("/v1/events", content=f'{{"events":[{bad},{good}]}}', headers=sent)
    assert answer.status_code == 200, answer.text
    assert [each["status"] for each in answer.json()["outcomes"]] == ["refused", "accepted"]
    assert answer.json()["outcomes"][0]["reason"]
