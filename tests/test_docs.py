"""The documents are true: their code runs, their commands exist, their tables are the code's."""

import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer

from headwater.cli import PANELS, app
from headwater.registry import addresses

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(app)


def fences(path, *languages):
    text = path.read_text(encoding="utf-8")
    return [
        code for kind, code in re.findall(r"```(\w+)\n(.*?)```", text, re.S) if kind in languages
    ]


@pytest.fixture
def films(tmp_path, monkeypatch):
    """The files that the README speaks of."""
    rng = np.random.default_rng(0)
    movies = [1, 7, 260, 1196, 1210, *range(2000, 2040)]
    rows = [
        (user, int(movie), int(rng.integers(3, 6)), 1_000_000 + 86_400 * i + user)
        for user in range(1, 60)
        for i, movie in enumerate(rng.choice(movies, 12, replace=False))
    ]
    schema = ["userId", "movieId", "rating", "timestamp"]
    pl.DataFrame(rows, schema=schema, orient="row").write_csv(tmp_path / "ratings.csv")
    titles = pl.DataFrame({"movieId": movies, "title": [f"Film {m}" for m in movies]})
    titles.write_csv(tmp_path / "movies.csv")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md"])
@pytest.mark.usefixtures("films")
def test_python_runs(page, capsys):
    names = {}
    for code in fences(ROOT / page, "python"):
        exec(compile(code, page, "exec"), names)
    assert names["model"] is not None
    capsys.readouterr()


def commands_of(page):
    for code in fences(page, "sh"):
        for line in code.splitlines():
            if line.startswith("headwater "):
                yield line.split("  #")[0]
    for line in re.findall(r"`(headwater [^`\n]+)`", page.read_text(encoding="utf-8")):
        if "COMMAND" not in line:
            yield line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_exist(page):
    for line in commands_of(page):
        words = shlex.split(line)[1:]
        command = COMMANDS
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            assert words[0] in command.commands, f"{page.name}: {line}"
            command = command.commands[words.pop(0)]
        known = {o for p in command.params for o in p.opts}
        for word in words:
            if word.startswith("-"):
                assert word.split("=")[0] in known, f"{page.name}: {line}: {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pictures_are_there_and_small(page):
    for said, file in re.findall(r"!\[(.*?)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert said, f"{page.name}: {file} says nothing to who cannot see it"
        assert (page.parent / file).stat().st_size < 300_000, file


def test_every_command_is_in_the_guide():
    text = (ROOT / "docs" / "cli.md").read_text()
    for name, command in COMMANDS.commands.items():
        for full in [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]:
            assert f"`headwater {full}" in text, f"docs/cli.md does not name {full}"


def test_help_and_guide_have_the_order_of_a_newcomer():
    text = (ROOT / "docs" / "cli.md").read_text()
    order = COMMANDS.list_commands(None)
    assert sorted(order) == sorted(COMMANDS.commands)
    assert order[0] == "demo"
    places = [text.index(f"| `headwater {name}") for name in order]
    assert places == sorted(places)
    for panel, commands in PANELS.items():
        below = text.partition(f"## {panel}\n")[2].partition("\n## ")[0]
        named = {line.split()[2].strip("`") for line in below.splitlines() if "| `" in line}
        assert named == set(commands), panel


def test_every_option_has_help():
    def leaves(command):
        inner = getattr(command, "commands", None)
        return [command] if inner is None else [x for c in inner.values() for x in leaves(c)]

    for command in leaves(COMMANDS):
        assert command.help, command.name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{command.name}: {parameter.name}"


def builder():
    spec = importlib.util.spec_from_file_location("catalogue_page", ROOT / "docs" / "catalogue.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_tables_are_current():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert builder().readme(text) == text, "run: python docs/catalogue.py --readme"


def test_catalogue_has_every_method():
    page = builder().catalogue_page()
    for where in addresses():
        if where != "flow":
            assert f"`{where}`" in page


def test_flow_in_the_readme_is_a_flow(tmp_path):
    from headwater.flow import read_flow

    (code,) = fences(ROOT / "README.md", "yaml")
    path = tmp_path / "flow.yaml"
    path.write_text(code)
    assert read_flow(path).then.half_life == 30
