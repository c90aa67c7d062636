"""The catalogue of methods, read from the files themselves: what each is, takes and comes from."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import MISSING
from pathlib import Path
from typing import Any, get_type_hints

from .errors import MissingExtra
from .registry import addresses, load_class, parameters_of

__all__ = ["entries", "entry", "text"]

HEADINGS = ("Source:", "Checked:", "Differs:")


def entries(under: str = "") -> list[dict[str, Any]]:
    """One row a method: name, address, what it is, its parameters. Imports what is installed."""
    return [entry(where) for where in addresses(under) if where != "flow"]


def entry(where: str) -> dict[str, Any]:
    """All that the file at ``where`` says of itself.

    >>> entry("retrieve.matrix.ease")["what"]
    'EASE: predict each item from all the others, with one ridge regression in closed form.'
    """
    doc = docstring(where)
    found: dict[str, Any] = {
        "name": where.rsplit(".", 1)[-1],
        "address": where,
        "what": " ".join(doc.split("\n\n")[0].split()),
    }
    try:
        found["parameters"] = parameters(load_class(where))
    except MissingExtra as error:
        found["parameters"] = None
        found["missing"] = str(error)
    for heading in HEADINGS:
        found[heading.strip(":").lower()] = section(doc, heading)
    return found


def parameters(kind: type) -> list[dict[str, Any]]:
    """Name, type, default and meaning of each; the meaning is the comment beside the field."""
    hints = get_type_hints(kind)
    said = comments(kind)
    return [
        {
            "name": name,
            "type": type_name(hints[name]),
            "default": None if f.default is MISSING else f.default,
            "required": f.default is MISSING and f.default_factory is MISSING,
            "meaning": said.get(name, ""),
        }
        for name, f in parameters_of(kind).items()
    ]


def comments(kind: type) -> dict[str, str]:
    """The comment at the end of each field's line, here or where it is inherited from."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        if base.__module__.startswith(__package__):
            source = inspect.getsource(base)
            found |= dict(re.findall(r"^    (\w+): [^#\n]*#\s*(.+)$", source, flags=re.M))
    return found


def docstring(where: str) -> str:
    path = Path(__file__).parent.joinpath(*where.split(".")).with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def section(doc: str, heading: str) -> str:
    _, found, rest = doc.partition(f"\n{heading}")
    if not found:
        return ""
    lines = rest.split("\n")
    stop = next((i for i, line in enumerate(lines) if i and not line.startswith(" ")), len(lines))
    return " ".join(" ".join(lines[:stop]).split())


def type_name(hint: Any) -> str:
    said = hint.__name__ if isinstance(hint, type) else str(hint)
    return re.sub(r"\b(typing|headwater\.\w+)\.", "", said)


def text(where: str) -> str:
    """The entry as people read it in a terminal."""
    one = entry(where)
    lines = [where, "", docstring(where), ""]
    if one["parameters"] is None:
        return "\n".join([*lines, one["missing"]])
    for each in one["parameters"]:
        default = "required" if each["required"] else repr(each["default"])
        lines.append(f"  {each['name']}: {each['type']} = {default}")
        if each["meaning"]:
            lines.append(f"      {each['meaning']}")
    return "\n".join(lines)
