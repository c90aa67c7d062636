"""The pages of the studio, one a file, in the order of the navigation."""

from __future__ import annotations

from ..page import Page
from .data import DATA
from .experiments import EXPERIMENTS
from .flow import FLOW
from .home import HOME
from .norms import NORMS
from .quality import QUALITY
from .satisfaction import SATISFACTION

__all__ = ["PAGES"]

PAGES: tuple[Page, ...] = (HOME, FLOW, QUALITY, SATISFACTION, NORMS, EXPERIMENTS, DATA)
