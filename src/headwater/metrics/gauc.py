"""GAUC: AUC of each request, averaged by how much each of them weighs.

    sum_r w_r AUC_r  /  sum_r w_r,    w the number of candidates, or of those that were chosen

Scores need only be right within a request, so what makes one person click more than another has no
part in it.

Source:  Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018.
         arXiv:1706.06978, section 6.1
Checked: pair by pair, tests/metrics/test_gauc.py
Differs: a group is a request, where theirs is a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ..errors import BadParameter
from ..evidence import Evidence
from ..types import Floats
from ._area import areas
from ._needs import needed

__all__ = ["GAUC"]


@dataclass(frozen=True, kw_only=True)
class GAUC:
    """In [0, 1], chance is 0.5; NaN if AUC is defined for no request."""

    best: ClassVar[str] = "high"
    bounds: ClassVar[tuple[float, float]] = (0, 1)
    needs: ClassVar[tuple[str, ...]] = ("ranks", "candidates")

    weight: Literal["candidates", "chosen"] = "candidates"

    def __post_init__(self) -> None:
        if self.weight not in ("candidates", "chosen"):
            raise BadParameter(f"GAUC: weight is candidates or chosen; got {self.weight!r}")

    def __call__(self, seen: Evidence) -> Floats:  # ()
        each, chosen = areas(self, seen)
        known = ~np.isnan(each)
        number = needed(self, seen, "candidates") if self.weight == "candidates" else chosen
        weights = number[known]
        return np.array(np.average(each[known], weights=weights) if known.any() else np.nan)
