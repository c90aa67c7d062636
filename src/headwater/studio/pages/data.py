"""What the store holds, whether it is fit for use, and why nothing happens."""

from __future__ import annotations

from typing import Any

from ...serve.insight.data import data as found_in
from ..page import Asked, Page

__all__ = ["DATA"]


def data(asked: Asked) -> dict[str, Any]:
    found = found_in(asked.service)
    wrong = [each for each in found["doctor"] if not each["passed"]]
    return {**found, "wrong": wrong}


DATA = Page("data", "Data", data)
