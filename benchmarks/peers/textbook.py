"""Not a library: greedy re-ranking as the papers write it, in numpy, from a matrix of similarities.

``dpp`` is Algorithm 1 of Chen, Zhang, Zhou (2018): the kernel L of all candidates first, then one
row of Cholesky a pick. ``mmr`` looks its largest similarity up in the matrix at every pick.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TRADE, ALPHA = 0.7, 7 / 6


class Rerank:
    def __init__(self, method: str, x: Any, scores: Any, k: int):
        self.pick = {"mmr": mmr, "dpp": dpp}[method]
        self.x, self.scores, self.k = x, scores, k

    def once(self) -> Any:
        return self.pick(self.x, self.scores, self.k)


def mmr(x: Any, scores: Any, k: int) -> list[int]:
    alike = x @ x.T
    picked, left = [int(scores.argmax())], np.ones(len(x), bool)
    left[picked] = False
    while len(picked) < k:
        gain = TRADE * scores - (1 - TRADE) * alike[:, picked].max(1)
        picked.append(int(np.where(left, gain, -np.inf).argmax()))
        left[picked[-1]] = False
    return picked


def dpp(x: Any, scores: Any, k: int) -> list[int]:
    quality = np.exp(ALPHA * scores)
    kernel = quality[:, None] * (x @ x.T) * quality
    gain = np.diag(kernel).copy()
    rows = np.zeros((k, len(x)))
    picked = [int(gain.argmax())]
    while len(picked) < k:
        j, m = picked[-1], len(picked) - 1
        rows[m] = (kernel[j] - rows[:m, j] @ rows[:m]) / np.sqrt(gain[j])
        gain = gain - rows[m] ** 2
        gain[j] = -np.inf
        picked.append(int(gain.argmax()))
    return picked
