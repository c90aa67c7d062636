"""What somebody gets on their home page, and what becomes of it when they choose."""

from __future__ import annotations

from typing import Any

from ...serve.api.asking import Pictured
from ...serve.api.shapes import page
from ..page import Asked, Page

__all__ = ["HOME"]


def home(asked: Asked) -> dict[str, Any]:
    user = next(iter(asked.query.ids("user")), None)
    reply = asked.service.home(user, record=False)
    return page(reply, Pictured(asked.service))


HOME = Page("home", "Home", home)
