"""EASE: predict each item from all the others, with one ridge regression in closed form.

    minimise over B   ||X - X B||_F^2 + l2 ||B||_F^2    subject to  diag(B) = 0

    P = (X'X + l2 I)^-1,    B_ij = -P_ij / P_jj  for i != j

X is the binary (users x items) matrix, so the whole model is one symmetric inverse.

Source:  Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. arXiv:1905.03375
Checked: column by column against least squares, tests/retrieve/matrix/test_ease.py; and the table
         of the thesis on MovieLens-1M, papers/results/thesis-2.5.json
Differs: in nothing. The inverse is taken in float64 and the weights are kept in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from ...model import Scorer, at_least, learned
from ...types import Dataset, Floats, Queries

__all__ = ["EASE"]


@dataclass(kw_only=True, eq=False)
class EASE(Scorer):
    """
    >>> from headwater.data.toy import checkers
    >>> data, asked = checkers(8)
    >>> EASE(l2=1).fit(data).recommend(asked, 1).items.ravel()  # the one item withheld from each
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=int32)
    """

    l2: float = 500.0  # the paper's best on ML-20M; fewer users want less

    weights_: Floats = learned()  # (N, N) float32, zero diagonal

    def __post_init__(self) -> None:
        at_least(self, "l2", self.l2, 0, above=True)  # else X'X may have no inverse

    def fit(self, data: Dataset) -> Self:
        x = data.log.matrix()
        gram = np.asfortranarray((x.T @ x).toarray(), np.float64)  # float32 loses digits
        gram[np.diag_indices_from(gram)] += self.l2
        factor, _ = dpotrf(gram, lower=True, overwrite_a=True)
        inverse, _ = dpotri(factor, lower=True, overwrite_c=True)  # fills the lower triangle
        self.weights_ = regression(inverse)
        return self

    def scores(self, queries: Queries) -> Floats:
        return queries.history.matrix() @ self.weights_


def regression(lower: Floats) -> Floats:  # (N, N) float32
    """-P_ij / P_jj off the diagonal, from the lower triangle of P, in blocks that fit the cache."""
    n, size = len(lower), 256
    scale = -1 / np.diag(lower)  # (N,)
    out = np.empty((n, n), np.float32)
    for at in range(0, n, size):
        to = min(at + size, n)
        block = lower[at:, at:to]
        out[at:, at:to] = block * scale[at:to]
        out[at:to, at:] = block.T * scale[at:]
        corner = np.tril(lower[at:to, at:to], -1)
        out[at:to, at:to] = (corner + corner.T) * scale[at:to]
    return out
