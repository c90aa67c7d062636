"""pyversity: re-rankers of one request, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyversity

METHODS = ("mmr", "dpp", "ssd")


class Rerank:
    def __init__(self, method: str, x: Any, scores: Any, k: int):
        self.method, self.x, self.scores, self.k = method, x, scores, k

    def once(self) -> Any:
        return getattr(pyversity, self.method)(self.x, self.scores, self.k).indices.astype(np.int64)
