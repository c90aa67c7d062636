"""The platform that `headwater demo` opens: made, open, used, learned from."""

import json
import shlex

import pytest
from typer.testing import CliRunner

pytest.importorskip("fastapi", reason="pip install 'headwater[demo]'")
pytest.importorskip("httpx", reason="pip install 'headwater[demo]'")

import httpx

from headwater.cli import app
from headwater.cli._retrain import REJECTED
from headwater.demo.platform import Platform, listening
from headwater.errors import DataError
from headwater.serve.settings import settings_from


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A small platform, two days of it, and what its pages said meanwhile."""
    platform = Platform(tmp_path_factory.mktemp("demo") / "platform", None, days=2, users=80,
                        items=60)  # fmt: skip
    settings = platform.prepare()
    with platform.open(settings) as url, httpx.Client(base_url=platform.url) as web:
        first = web.get("/v1/home/p0001").json()
        days = list(platform.live())
        pages = {
            name: web.get(f"/studio/{name}", follow_redirects=True).status_code
            for name in ("home", "flow", "quality", "satisfaction", "norms", "experiments", "data")
        }
        last = web.get("/v1/home/p0001").json()
        strip = next(each for each in last["strips"] if each["items"])
        picture = web.get(strip["items"][0]["picture"])
        yield platform, days, pages, first, last, picture
    assert url.startswith(platform.url)


def test_people_come_and_models_learn(lived):
    platform, days, _, first, last, _ = lived
    assert len(days) == 2
    assert platform.before.visits.visits > 100
    for day in days:
        assert day.visits.visits > 5
        assert day.verdict in ("published", "rejected", "nothing to do")
        assert day.reason
    names = platform.service.shelf.names()
    assert len(names) == 2 + sum(day.verdict == "published" for day in days)
    assert days[-1].model == platform.service.shelf.current == platform.service.fleet.current
    for page in (first, last):
        assert sum(len(strip["items"]) for strip in page["strips"]) >= 20


def test_what_they_did_is_in_the_store_and_what_they_saw(lived):
    platform, days, _, _, _, _ = lived
    store = platform.service.store
    counts = store.count()
    assert counts["answers"] > 0.5 * sum(day.visits.visits for day in days)
    assert counts["exposures"] > 10
    kinds = [kind for frame in store.frames(["kind"]) for kind in frame["kind"]]
    assert {"impression", "click", "play", "survey"} <= set(kinds)
    data = store.dataset()
    assert data.catalog.stills is not None
    assert data.sessions is not None


def test_every_page_of_the_studio_opens(lived):
    assert set(lived[2].values()) == {200}


def test_pictures_are_there(lived):
    picture = lived[5]
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"


def test_what_it_says_to_type_next_works(lived):
    lines = [shlex.split(line)[1:] for line in lived[0].epilogue().splitlines()[1:]]
    assert [words[0] for words in lines] == ["experiment", "retrain", "serve"]
    for words in lines[:2]:
        done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code in (0, REJECTED), done.output
        assert json.loads(done.stdout)


def test_a_folder_of_somebody_else_s_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="holds something else"):
        Platform(tmp_path, None).prepare()
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_the_platform_that_the_environment_names_is_left_alone(tmp_path, monkeypatch):
    key = json.dumps({"site": {"hash": "0" * 64, "role": "ingest"}})
    for name, value in (("STORE", "real.db"), ("MODELS", "real"), ("REDIS", "redis://real")):
        monkeypatch.setenv(f"HEADWATER_{name}", value)
    monkeypatch.setenv("HEADWATER_KEYS", key)
    (tmp_path / "pictures").mkdir()
    settings = Platform(tmp_path, None)._settings()
    assert settings.store == str(tmp_path / "events.db")
    assert settings.models == tmp_path / "models"
    assert settings.redis is None
    for name in ("STORE", "MODELS", "REDIS", "KEYS"):
        monkeypatch.delenv(f"HEADWATER_{name}")
    again = settings_from(tmp_path / "headwater.toml", port=settings.port, refresh=0.5)
    assert again == settings, "the file says the same"


def test_a_port_that_is_taken_is_not_taken_again():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with listening("127.0.0.1", port) as other:
            assert other.getsockname()[1] != port
    with listening("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port
