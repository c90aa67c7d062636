"""A platform's own norms of diversity, and how its lists stand to them.

    >>> norms = Norms.of({"targets": {"topics": {"metric": "calibration", "target": [0.1, 0.4]}}})
    >>> norms.targets[0].said, norms.targets[0].wanted
    ('Calibration@10', (0.1, 0.4))
    >>> MODELS
    ('critical', 'deliberative', 'liberal', 'participatory')

A target is a feature, a context and a range: the first two are a metric (`headwater.metrics`), the
third two numbers, or a word: low, medium and high are told against lists drawn by chance from what
the lists were chosen from. ``norms.check(evidence)`` says which targets are met, by whom, since
when; `write` makes a page of it and `told` a text for editors; `shown` reads tables.
"""

from ._check import known_period
from ._file import LEVELS, MODELS, Norms, Target
from ._page import write
from ._reading import Shown, recent, shown
from ._result import Checked, Finding, Part
from ._text import in_brief, rows, told, write_text

__all__ = [
    "LEVELS",
    "MODELS",
    "Checked",
    "Finding",
    "Norms",
    "Part",
    "Shown",
    "Target",
    "in_brief",
    "known_period",
    "recent",
    "rows",
    "shown",
    "told",
    "write",
    "write_text",
]
