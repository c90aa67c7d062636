"""Quotas: at most so many of one kind in the list, or in any stretch of it.

    argmax over what is left, and allowed, of   r_i
    allowed:  none of its kinds has ``most`` of the last ``window`` - 1 picks already

An item with several kinds counts for each; one without a kind is always allowed. Where nothing that
is left is allowed, the best of all comes next: a list is not cut short.

Source:  a rule that every platform has, in no paper that we know of.
Checked: against counts, pick by pick, tests/rerank/test_quotas.py
Differs: there is nothing to differ from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..model import at_least
from ..types import Floats, Ints
from ._greedy import ByKinds, Gain

__all__ = ["Quotas"]

NOT_ALLOWED = -1e6


@dataclass(kw_only=True, eq=False)
class Quotas(ByKinds):
    reason: ClassVar[str] = "to keep the quotas"

    most: int = 3
    window: int | None = None  # slots in a row; None: the first k

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "most", self.most, 1)
        if self.window is not None:
            at_least(self, "window", self.window, 1)

    def among(self, mixes: Floats, relevance: Floats, wanted: Floats) -> Gain:  # noqa: ARG002
        row = np.arange(len(mixes))
        has = (mixes > 0).astype(np.float64)
        picks: list[Floats] = []  # (B, kinds) each
        back = None if self.window is None else self.window - 1

        def gain(last: Ints | None) -> Floats:
            if last is not None:
                picks.append(has[row, last])
            counted = picks if back is None else picks[len(picks) - min(back, len(picks)) :]
            full = (sum(counted, np.zeros(has[:, 0].shape)) >= self.most).astype(np.float64)
            over = (has @ full[:, :, None])[:, :, 0] > 0
            return np.where(over, NOT_ALLOWED, 0) + relevance

        return gain
