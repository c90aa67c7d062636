"""ranx: metrics on dictionaries of lists, compiled with numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from ranx import Qrels, evaluate
from ranx import Run as Lists


class Metrics:
    def __init__(self, lists: Any, scores: Any, test: Any, k: int):
        self.k = k
        asked = np.flatnonzero(np.diff(test.indptr))
        parts = {
            str(u): test.indices[test.indptr[u] : test.indptr[u + 1]].astype(str) for u in asked
        }
        self.truth = Qrels({u: dict.fromkeys(items.tolist(), 1) for u, items in parts.items()})
        self.lists = Lists(
            {
                str(u): dict(
                    zip(
                        lists[u].astype(str).tolist(), scores[u].astype(float).tolist(), strict=True
                    )
                )
                for u in asked
            }
        )

    def compute(self) -> dict[str, float]:
        names = ["ndcg", "recall", "precision", "hit_rate", "map", "mrr"]
        found = evaluate(self.truth, self.lists, [f"{name}@{self.k}" for name in names])
        return {name: float(value) for name, value in found.items()}
