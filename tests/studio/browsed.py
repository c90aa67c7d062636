"""An app at a port of this machine, and Chromium to look at it."""

import shutil
import socket
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Thread

import pytest

from loopback import until

FOUND = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
CHROMIUM = next(filter(None, FOUND), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or not find_spec("playwright"),
    reason="there is no Chromium on this machine, or no playwright",
)


@contextmanager
def served(app):
    """Its address."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as free:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        thread = Thread(target=server.run, kwargs={"sockets": [free]}, daemon=True)
        thread.start()
        try:
            assert until(lambda: server.started, 30)
            yield f"http://127.0.0.1:{free.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
