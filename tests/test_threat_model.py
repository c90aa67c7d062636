"""Each defence that the threat model names is held by a test that is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_is_there():
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE))
    assert len(named) > 50
    for file in sorted({file for file, _ in named}):
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        have = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
        assert {test for of, test in named if of == file} <= have, file


def test_every_threat_has_a_defence_and_a_test():
    tables = re.findall(r"^\| threat \| defence \| held by \|\n\|---.*\n((?:\|.*\n)+)", PAGE, re.M)
    assert len(tables) == 6, "one of each of STRIDE"
    for row in "".join(tables).splitlines():
        threat, defence, held = row.strip("| ").split(" | ")
        assert threat, row
        assert defence, row
        assert "::" in held, row
