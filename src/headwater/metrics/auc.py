"""AUC: how often a chosen candidate is ranked above one that was not chosen; a tie is half.

    ( [s_i > s_j] + [s_i = s_j] / 2 )  averaged over all chosen i and all other candidates j

Computed from the places of the chosen ones among all candidates, ties at their mean.

Source:  Hanley, McNeil, "The Meaning and Use of the Area under a ROC Curve", Radiology 1982; one
         value a request as in Rendle et al., "BPR", UAI 2009. arXiv:1205.2618
Checked: against all pairs, one by one, tests/metrics/test_auc.py
Differs: in nothing. What was chosen without having been a candidate is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..evidence import Evidence
from ..types import Floats
from ._area import areas

__all__ = ["AUC"]


@dataclass(frozen=True, kw_only=True)
class AUC:
    """In [0, 1], chance is 0.5; NaN for a request all or none of whose candidates were chosen."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    needs: ClassVar[tuple[str, ...]] = ("ranks", "candidates")

    def __call__(self, seen: Evidence) -> Floats:  # (B,)
        return areas(self, seen)[0]
