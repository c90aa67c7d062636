"""The folders are the registry: every file has one public class and says where it comes from."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from headwater import registry
from headwater.errors import BadParameter, UnknownName

ROOT = Path(__file__).parents[2]
METHODS = [where for where in registry.addresses() if where != "flow"]


@pytest.mark.parametrize("where", METHODS)
def test_header(where):
    module = import_module(f"headwater.{where}")
    assert len(module.__all__) == 1
    for word in ("Source:", "Checked:", "Differs:"):
        assert word in module.__doc__, f"{where} does not say {word}"
    said = module.__doc__.split("Checked:")[1]
    files = re.findall(r"(?:tests|papers)/[\w./-]+\w", said)
    assert files, f"{where} does not name the test it was checked by"
    for file in files:
        home = (
            ROOT if file.startswith("tests") or (ROOT / file).exists() else ROOT / "src/headwater"
        )
        assert (home / file).exists(), f"{where} names {file}, which does not exist"


def test_listing_imports_no_method():
    code = (
        "import sys; from headwater.registry import addresses; assert addresses();"
        "bad = [m for m in sys.modules if m.startswith('headwater.retrieve.matrix.')];"
        "assert not bad, bad; assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names():
    assert registry.resolve("ease") == "retrieve.matrix.ease"
    assert repr(registry.build({"model": "ease", "l2": 3})) == "EASE(l2=3.0)"
    with pytest.raises(UnknownName, match="did you mean 'ease'"):
        registry.build("eaze")
    with pytest.raises(UnknownName, match="did you mean 'l2'"):
        registry.build("ease", l3=2)
    with pytest.raises(BadParameter, match="l2 must be a number, got 'much'"):
        registry.build("ease", l2="much")
    with pytest.raises(BadParameter, match="must be a number, got True"):
        registry.build("ease", l2=True)
    with pytest.raises(BadParameter, match="needs first, then"):
        registry.build("fallback")
    with pytest.raises(BadParameter, match="no key 'model'"):
        registry.build({"l2": 3})


def test_parts_by_path():
    made = registry.build({"model": "fallback", "first": "ease", "then": "popularity"})
    assert made.first.l2 == 500
    tree = registry.describe(made)
    assert registry.build(tree, **{"first.l2": 7}).first.l2 == 7
    blend = registry.describe(registry.build({"model": "blend", "recommenders": ["ease"]}))
    assert registry.build(blend, **{"recommenders.0.l2": 9}).recommenders[0].l2 == 9
    with pytest.raises(UnknownName, match="place in recommenders"):
        registry.build(blend, **{"recommenders.3.l2": 9})
    with pytest.raises(BadParameter, match="no parts"):
        registry.build(tree, **{"least.more": 9})
    with pytest.raises(BadParameter, match="a method is a name or a mapping"):
        registry.build({"model": "fallback", "first": 3, "then": "popularity"})


def test_schema_describes_what_builds():
    import json

    schema = registry.schema()
    assert schema["$defs"]["retrieve.matrix.ease"]["properties"]["l2"]["default"] == 500
    for where in METHODS:
        if where.startswith("retrieve."):
            assert schema["$defs"][where]["additionalProperties"] is False
    json.dumps(schema)


def test_metrics_by_name():
    assert registry.label(registry.metric("ndcg@7")) == "NDCG@7"
    assert registry.label(registry.metric("ndcg", k=3)) == "NDCG@3"
    with pytest.raises(UnknownName, match="did you mean 'ndcg'"):
        registry.metric("ndgc@10")
    with pytest.raises(BadParameter, match="whole number"):
        registry.metric("ndcg@ten")
