"""A small platform for the tests of the server: a shelf with a model, a store, and clients."""

from contextlib import contextmanager
from datetime import UTC, datetime

from starlette.testclient import TestClient

from headwater.data.toy import blocks
from headwater.facade import Fitted
from headwater.registry import build
from headwater.serve.app import create_app
from headwater.serve.keys import new_key
from headwater.serve.service import Service
from headwater.serve.settings import settings_from
from headwater.serve.shelf import Shelf

SECRET = "only for tests, and long enough for them"


def publish(folder, method="itemknn", data=None, **settings):
    """A model of ``data`` on the shelf in ``folder``; its name."""
    data = blocks() if data is None else data
    shelf = Shelf(folder)
    name = shelf.add(Fitted(build(method, **settings).fit(data), data), {"why": "for a test"})
    shelf.publish(name)
    return name


def settings(tmp_path, **more):
    told = {
        "store": str(tmp_path / "events.db"),
        "models": tmp_path / "models",
        "kinds": "topic",
        "consent": "full",
        "refresh": 0.1,
        "open": True,
        "explore": 0.0,
    }
    return settings_from(**(told | more))


@contextmanager
def served(tmp_path, clock=None, **more):
    """A client of an app that runs in this process, and its service."""
    asked = settings(tmp_path, **more)
    service = Service(asked) if clock is None else Service(asked, clock=clock)
    with TestClient(
        create_app(asked, service), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        yield client, service


def keyed():
    """Settings with a key of each role, and what to send with each."""
    made = {role: new_key(role) for role in ("read", "ingest", "admin")}
    keys = {f"the {role}": key for role, (_, key) in made.items()}
    headers = {role: {"Authorization": f"Bearer {word}"} for role, (word, _) in made.items()}
    return {"keys": keys, "secret": SECRET, "open": False}, headers


def click(n, user, item, **more):
    time = datetime.now(UTC).isoformat()
    told = {"kind": "click", "event_id": f"e{n}", "user_id": user, "item_id": item, "time": time}
    return told | more


def listed(page):
    return [each["item_id"] for strip in page["strips"] for each in strip["items"]]
