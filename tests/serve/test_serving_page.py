"""The page "Serving" is true: what it tells to type is typed, in order, and a server answers it."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from loopback import free_port, until

pytest.importorskip("uvicorn", reason="pip install 'headwater[serve]'")
pytest.importorskip("httpx", reason="pip install 'headwater[people]'")

import httpx

from headwater.cli import app
from headwater.serve.experiments import METRICS
from headwater.serve.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.S | re.M)
ANY = "..."


class Reader:
    """Somebody who types all of it, in a folder of their own."""

    def __init__(self, folder, postgresql):
        self.folder, self.postgresql = folder, postgresql
        port = free_port()
        self.env = {n: v for n, v in os.environ.items() if not n.startswith("HEADWATER_")}
        self.env["PATH"] = f"{Path(sys.executable).parent}:{self.env['PATH']}"
        self.env |= {"HEADWATER_PORT": str(port), "HEADWATER_REFRESH": "0.2"}
        self.url = f"http://127.0.0.1:{port}"
        self.server = None
        self.words = {}
        self.names = {}
        self.done = {"sh": 0, "http": 0, "json": 0, "python": 0, "toml": 0, "yaml": 0}

    def sh(self, code):
        for line in re.sub(r"\s{2,}#.*", "", code).splitlines():
            if line.startswith("pip install"):
                have = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
                extras = re.search(r"\[(.*)\]", line)[1].split(",")
                assert set(extras) <= set(have["optional-dependencies"])
            elif line == "headwater serve":
                self.serve()
            elif "postgresql://" in line and self.postgresql is None:
                return  # the rest of it is for that
            else:
                self.typed(re.sub(r"postgresql://\S+", str(self.postgresql), line))

    def typed(self, line):
        if line.startswith("headwater ") and not re.search("[$;&]", line):
            self.command(line)
            return
        line = f"set -e; {line}; env -0 > {self.folder}/.env"
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}: {done.stdout} {done.stderr}"
        pairs = (self.folder / ".env").read_text().split("\0")
        self.env = dict(each.split("=", 1) for each in pairs if each)

    def command(self, line):
        """In this process: one of its own takes a second to begin."""
        line, _, file = line.partition(" > ")
        with pytest.MonkeyPatch.context() as here:
            here.chdir(self.folder)
            for name in {*os.environ, *self.env}:
                if name.startswith("HEADWATER_"):
                    here.delenv(name, raising=False)
                    if name in self.env:
                        here.setenv(name, self.env[name])
            done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}: {done.output} {done.exception!r}"
        if file:
            (self.folder / file).write_text(done.stdout)

    def serve(self):
        with (self.folder / "log").open("wb") as log:
            self.server = subprocess.Popen(
                [Path(sys.executable).parent / "headwater", "serve"],
                cwd=self.folder,
                env=self.env,
                stderr=log,
            )
        assert until(lambda: self.get("/health/live") == 200, 60), self.log

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def get(self, path):
        assert self.server.poll() is None, self.log
        try:
            return httpx.get(self.url + path, timeout=5).status_code
        except httpx.HTTPError:
            return None

    def toml(self, code):
        for name in ("site", "admin"):
            key = json.loads((self.folder / f"{name}.json").read_text())
            self.words[name.upper()] = key["key"]
            head = f'[keys.{name}]\nhash = "'
            assert f'{head}..."' in code
            code = code.replace(f'{head}..."', f'{head}{key["hash"]}"')
        (self.folder / "headwater.toml").write_text(code)
        assert set(tomllib.loads(code)) <= set(Settings.model_fields)

    def python(self, code):
        before = os.getcwd()
        os.chdir(self.folder)
        try:
            exec(compile(code, "docs/serving.md", "exec"), self.names)
        finally:
            os.chdir(before)

    def yaml(self, code):
        said = yaml.safe_load(code)
        if "groups" in said:
            (group,) = said["groups"]
            names = {
                n for each in group["rules"] for n in re.findall(r"headwater_\w+", each["expr"])
            }
            self.series(names)
            return
        assert {said["metric"], *said["guardrails"]} <= set(METRICS)
        shelf = json.loads((self.folder / "models" / "current.json").read_text())
        (self.folder / "experiment.yaml").write_text(code.replace("VERSION", shelf["current"]))

    def series(self, names):
        header = {"Authorization": f"Bearer {self.words['SITE']}"}
        text = httpx.get(f"{self.url}/metrics", headers=header).text
        for name in names:
            assert re.search(rf"^{name}[ {{]|^# TYPE {name} ", text, re.M), name

    def http(self, code):
        """Says what was answered."""
        first, _, body = code.partition("\n\n")
        line, *headers = first.splitlines()
        method, path, _ = line.split()
        words = self.words | {"NOW": datetime.now(UTC).isoformat()}

        def filled(text):
            return re.sub(r"\$([A-Z]+)", lambda found: words[found[1]], text)

        if path.startswith("/v1/home") and self.get("/health/ready") != 200:
            assert until(lambda: self.get("/health/ready") == 200, 60), "no model"
        answer = httpx.request(
            method,
            self.url + path,
            headers=dict(filled(each).split(": ") for each in headers)
            | ({"content-type": "application/json"} if body else {}),
            content=filled(body).encode() or None,
            timeout=30,
        )
        assert answer.is_success, f"{line}: {answer.text}"
        said = answer.json() if answer.content else None
        if isinstance(said, dict) and "token" in said:
            self.words["TOKEN"] = said["token"]
        return said


def like(said, asked, where="$"):
    """``said`` is as ``asked``, in which ... is anything, and at the end of a list any number."""
    if asked == ANY:
        return
    assert type(said) is type(asked), f"{where}: {said!r} is not as {asked!r}"
    if isinstance(asked, dict):
        assert set(said) == set(asked), where
        for name, value in asked.items():
            like(said[name], value, f"{where}.{name}")
    elif isinstance(asked, list):
        more = bool(asked) and asked[-1] == ANY
        wanted = asked[:-1] if more else asked
        assert len(said) > len(wanted) if more else len(said) == len(wanted), where
        for at, value in enumerate(wanted):
            like(said[at], value, f"{where}[{at}]")
    else:
        assert said == asked, where


@pytest.fixture
def postgresql(request):
    try:
        server = request.getfixturevalue("server")
    except pytest.skip.Exception:
        return None
    import psycopg

    name = f"db{os.urandom(6).hex()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def test_what_is_told_to_type_works(tmp_path, postgresql):
    reader = Reader(tmp_path, postgresql)
    answered = None
    try:
        for kind, code in FENCES:
            if kind == "json":
                like(answered, json.loads(code))
            else:
                answered = getattr(reader, kind)(code)
            reader.done[kind] += 1
        reader.series(set(re.findall(r"`(headwater_\w+)`", PAGE)))
        assert all(reader.done.values()), reader.done
        assert "Traceback" not in reader.log
    finally:
        if reader.server is not None:
            reader.server.send_signal(signal.SIGTERM)
            reader.server.wait(20)


def test_likeness_can_tell():
    like({"a": [1, 2, 3], "b": "x"}, {"a": [1, "..."], "b": "..."})
    for said, asked in (({"a": 1}, {"a": 2}), ({"a": 1}, {}), ([1], [1, 2]), ([1], [1, "..."]),
                        (1, "1"), ({"a": 1, "b": 2}, {"a": 1})):  # fmt: skip
        with pytest.raises(AssertionError):
            like(said, asked)


def test_settings_that_are_named_are_there():
    named = set(re.findall(r"`(\w+) = [^`]+`", PAGE))
    assert named >= {"cors", "trust_consent", "shadow", "redis", "workers", "log"}
    assert named <= set(Settings.model_fields)
