"""A small platform with people, pictures and a flow of several steps, and the studio on it."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from seen import HERE, NASTY

from headwater.facade import Fitted
from headwater.registry import build
from headwater.serve.app import create_app
from headwater.serve.settings import settings_from
from headwater.serve.shelf import Shelf
from headwater.simulate.streaming import World
from headwater.studio import mount

FLOW = {
    "model": "flow",
    "width": 30,
    "degrade": True,
    "retrieve": {"model": "itemknn", "k": 20},
    "stages": [
        {"model": "mmr", "by": "genres", "trade": 0.6},
        {"model": "match", "epsilon": 0.0},
    ],
}


@pytest.fixture(scope="session")
def platform(tmp_path_factory) -> Path:
    """A folder with models and pictures, to be copied from nowhere: it is only read."""
    folder = tmp_path_factory.mktemp("platform")
    world = World(n_users=40, n_items=60, seed=3)
    data = world.log(12)
    world.draw(folder / "pictures")
    shelf = Shelf(folder / "models")
    report = {"asked": 40, "metrics": [{"metric": "NDCG@10", "mean": 0.2, "low": 0.1, "high": 0.3}]}
    first = shelf.add(Fitted(build("popularity").fit(data), data), {"note": NASTY})
    second = shelf.add(Fitted(build(FLOW).fit(data), data), report)
    shelf.publish(first)
    shelf.publish(second)
    return folder


@pytest.fixture(scope="session")
def studio(platform):
    """Makes an app of the platform in a folder, with a shelf of its own, from more settings."""

    def app(folder, **more):
        if not (folder / "models").exists():
            shutil.copytree(platform / "models", folder / "models")
        given = {
            "store": str(folder / "studio.db"),
            "models": folder / "models",
            "pictures": platform / "pictures",
            "consent": "essential",
            "refresh": 60,
            "budget": 5,
        }
        given |= {} if "keys" in more else {"open": True}
        return mount(create_app(settings_from(**(given | more))))

    return app


@pytest.fixture
def made(studio, tmp_path):
    """Makes apps of one folder, from more settings."""
    return partial(studio, tmp_path)


@pytest.fixture
def app(made):
    return made()


@pytest.fixture
def browser(app):
    with TestClient(app, base_url=HERE) as client:
        yield client
