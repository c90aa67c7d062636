"""How lists come about: the parts of the model, what each does and takes, and its versions."""

from __future__ import annotations

from typing import Any

from ..page import Asked, Page, Went

__all__ = ["FLOW"]


def flow(asked: Asked) -> dict[str, Any]:
    shelf = asked.service.shelf
    current = shelf.current
    return {"versions": [{"name": n, "published": n == current} for n in shelf.names()]}


def publish(asked: Asked) -> Went:
    """Let another version answer."""
    name = asked.form.must("version")
    asked.service.shelf.publish(name)
    asked.service.look()
    return Went("/studio/flow", f"{name} answers from now on.")


FLOW = Page("flow", "Flow", flow, {"publish": publish})
