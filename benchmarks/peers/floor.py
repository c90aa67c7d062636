"""Not a library: the work that no EASE in closed form can do without, in the same precision.

X'X made dense, and one inverse of it by LAPACK's Cholesky (potrf, potri), which leaves it in one
triangle. ``floor`` is in float64, as ours is; ``floor32`` is the same in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import World
from scipy.linalg import lapack


class Run:
    def __init__(self, task: str, how: dict[str, Any], world: World):
        self.train, self.l2 = world.train, how["l2"]
        single = task == "ease32"
        self.dtype = np.float32 if single else np.float64
        self.potrf = lapack.spotrf if single else lapack.dpotrf
        self.potri = lapack.spotri if single else lapack.dpotri

    def fit(self) -> list[float]:
        gram = np.asfortranarray((self.train.T @ self.train).toarray(), self.dtype)
        gram[np.diag_indices_from(gram)] += self.l2
        factor, failed = self.potrf(gram, lower=True, overwrite_a=True)
        self.inverse, failed_too = self.potri(factor, lower=True, overwrite_c=True)
        if failed or failed_too:
            raise ArithmeticError("LAPACK could not invert X'X + l2 I")
        return []
