"""pyversity: re-rankers of one request, in numpy."""

from __future__ import annotations

from typing import Any

import pyversity

SETTINGS = {"mmr": {"diversity": 0.3}, "dpp": {"diversity": 0.3}, "ssd": {"window": 10}}


class Rerank:
    def __init__(self, method: str, x: Any, scores: Any, k: int):
        self.method, self.x, self.scores, self.k = method, x, scores, k

    def once(self) -> Any:
        rerank = getattr(pyversity, self.method)
        return rerank(self.x, self.scores, self.k, **SETTINGS[self.method]).indices
