"""Imports point down, and a stage never imports another stage's folder."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "headwater"
STAGES = (
    "retrieve",
    "rank",
    "rerank",
    "explore",
    "thumbnail",
    "intent",
    "satisfaction",
    "enrich",
    "encode",
    "classify",
)
LAYERS = (
    ("errors",),
    (
        "types",
        "atomic",
        "extras",
        "frozen",
        "kept",
        "mapped",
        "rows",
        "pictures",
        "images",
        "wording",
    ),
    ("likelihoods", "model", "state"),
    ("losses", "threshold"),
    (
        "train",
        "checkpoint",
        "compiled",
        "negatives",
        "nets",
        "evidence",
        "features",
        "divergence",
        "draws",
        "fields",
        "visits",
        "glm",
        "trees",
        "heads",
    ),
    ("data",),
    (*STAGES, "metrics"),
    ("registry",),
    ("trace", "waiting"),
    ("flow",),
    ("evaluation",),
    ("artifact", "pages", "report", "survey_report", "norms", "tune"),
    ("facade", "catalogue", "stills", "enrichment"),
    ("contact_sheet",),
    ("testing", "papers", "simulate", "doctor"),
    ("serve",),
    ("studio",),
    ("demo",),
    ("cli",),
    ("__init__", "__main__"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(SOURCE.rglob("*.py"))


def imported(path: Path):
    """The modules of the package that a file imports, as paths from its root."""
    here = path.relative_to(SOURCE).with_suffix("").parts
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level]
            module = tuple(node.module.split(".")) if node.module else ()
            if base + module:
                yield base + module
            else:
                yield from ((alias.name,) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headwater"):
            yield tuple(node.module.split(".")[1:]) or ("__init__",)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path):
    own = path.relative_to(SOURCE).with_suffix("").parts
    assert own[0] in LEVEL, f"{own[0]} has no layer: give it one here"
    for other in imported(path):
        if other[0] == own[0]:
            continue
        assert LEVEL[other[0]] <= LEVEL[own[0]], f"{'.'.join(own)} imports {'.'.join(other)}"
        if own[0] in (*STAGES, "metrics"):
            assert other[0] not in (*STAGES, "metrics"), f"{own} imports another stage, {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_methods_speak_indices(path):
    own = path.relative_to(SOURCE).with_suffix("").parts
    if own[0] not in (*STAGES, "metrics"):
        return
    text = path.read_text()
    assert "polars" not in text, "a method speaks int32, not frames"
    assert "Ids" not in text
