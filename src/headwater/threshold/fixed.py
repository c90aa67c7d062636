"""Fixed: what scores above a half, or another number, is said.

Source:  as old as classification; the thesis has 0.5 for pictures and 0.05 for texts.
Checked: by hand, tests/threshold/test_threshold.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..types import Floats, Mask
from ._base import Threshold

__all__ = ["Fixed"]


@dataclass(kw_only=True, eq=False)
class Fixed(Threshold):
    at: float = 0.5

    def rule(self, scores: Floats) -> Mask:
        return scores > self.at
