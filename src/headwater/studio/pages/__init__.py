"""The pages of the studio, one a file, in the order of the navigation."""

from __future__ import annotations

from ..page import Page
from .flow import FLOW
from .home import HOME

__all__ = ["PAGES"]

PAGES: tuple[Page, ...] = (HOME, FLOW)
