"""MF: a rating is a mean, plus two biases, plus the product of two vectors.

    r_ui is predicted by  mu + b_u + b_i + p_u'q_i
    minimise over the ratings   sum (r_ui - mu - b_u - b_i - p_u'q_i)^2
                                + regularization (b_u^2 + b_i^2 + |p_u|^2 + |q_i|^2)

mu is the mean of all ratings. The penalty is inside the sum, so somebody with n ratings is held
back n times. It is minimised by alternating least squares: with the items fixed, the bias and the
vector of each user together are one ridge regression, solved exactly; and the other way round.
That regression is also how someone who asks is understood, from the ratings in the history alone.

Source:  Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE
         Computer 42(8), 2009. doi:10.1109/MC.2009.263
Checked: a sweep against ridge regressions solved one by one, the loss against the sum over the
         ratings, tests/retrieve/matrix/test_mf.py
Differs: of the two ways of learning that the article gives, alternating least squares only; there
         it alternates vectors, here a bias and its vector are solved together. Predictions are not
         clipped to the scale, which would tie the best items.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...compiled import kernel, spread
from ...errors import DataError
from ...model import Scorer, at_least, learned
from ...types import Dataset, Floats, Histories, Ints, Queries
from ._factors import check_items, cosine, start
from ._kernels import solve

__all__ = ["MF"]

SCALE = 0.1  # of the factors at the start


@dataclass(kw_only=True, eq=False)
class MF(Scorer):
    """Scores are predicted ratings, on the scale of the values of the histories."""

    predicts_values: ClassVar[bool] = True

    embedding_size: int = 64
    regularization: float = 0.12
    n_epochs: int = 15
    seed: int = 0
    threads: int = 0  # 0: one for each core; the result does not depend on it

    mean_: float = learned()
    item_bias_: Floats = learned()  # (N,) float32
    item_factors_: Floats = learned()  # (N, D) float32

    def __post_init__(self) -> None:
        at_least(self, "embedding_size", self.embedding_size, 1)
        at_least(self, "regularization", self.regularization, 0, above=True)  # else no inverse
        at_least(self, "n_epochs", self.n_epochs, 1)
        at_least(self, "threads", self.threads, 0)

    def epochs(self, data: Dataset) -> Iterator[float]:
        """Yields the loss, the sum at the top of this file, for each rating, after each sweep."""
        log = _checked(data.log)
        back = Histories.of(
            log.items, log.rows, n_rows=log.n_items, n_items=len(log), values=log.values
        )
        rng = np.random.default_rng(self.seed)
        users = start(rng, len(log), 1 + self.embedding_size, SCALE)  # bias first
        items = start(rng, log.n_items, 1 + self.embedding_size, SCALE)
        users[:, 0] = items[:, 0] = 0
        n = max(len(log.items), 1)
        self.mean_ = float(log.values.sum(dtype=np.float64) / n)
        for _ in range(self.n_epochs):
            self._solve(log, items, users)
            loss = self._solve(back, users, items)
            square = np.einsum("ud,ud->u", users, users, dtype=np.float64)
            loss += self.regularization * float(square @ log.lengths)
            self.item_bias_, self.item_factors_ = items[:, 0].copy(), items[:, 1:].copy()
            yield loss / n

    def _solve(self, rows: Histories, other: Floats, out: Floats) -> float:
        """Fit ``out`` (rows, 1 + D) to the ratings of each row; gives its part of the loss."""
        known = (rows.start, rows.items, rows.values, other, out)
        loss = np.zeros(len(out))
        penalty = float(self.regularization)
        spread(_ridge, len(out), self.threads, *known, loss, self.mean_, penalty)
        return float(loss.sum())

    def scores(self, queries: Queries) -> Floats:
        """The predicted rating of every item."""
        check_items(self, len(self.item_bias_), queries.history.n_items)
        users = np.zeros((len(queries), 1 + self.embedding_size), np.float32)
        items = np.column_stack((self.item_bias_, self.item_factors_))
        self._solve(_checked(queries.history), items, users)
        scores: Floats = users[:, 1:] @ self.item_factors_.T
        scores += users[:, :1] + self.item_bias_ + np.float32(self.mean_)
        return scores

    def similarity(self, items: Ints, n_items: int) -> Floats:  # (n, N)
        """Cosines of the item factors."""
        check_items(self, len(self.item_bias_), n_items)
        return cosine(self.item_factors_, items)


def _checked(rows: Histories) -> Histories:
    bad = int((~np.isfinite(rows.values)).sum())
    if bad:
        raise DataError(f"MF predicts ratings, and {bad} of {len(rows.values)} are not numbers")
    return rows


@kernel
def _ridge(
    first: int,
    last: int,
    begins: Ints,
    columns: Ints,
    values: Floats,
    other: Floats,
    out: Floats,
    loss: Floats,
    mean: float,
    regularization: float,
) -> None:
    """Rows first..last - 1 of ``out`` fit their ratings best, given ``other``; biases come first.

    With y = (1, the other's vector), t = the rating less mean and the other's bias, the row z
    minimises sum (t - y'z)^2 + n regularization |z|^2, whose least value is sum t^2 - z'sum t y.
    """
    size = other.shape[1]
    a, b, z = np.empty((size, size)), np.empty(size), np.empty(size)
    y = np.zeros((4, size))
    for row in range(first, last):
        begin, end = begins[row], begins[row + 1]
        if begin == end:
            out[row] = 0
            continue
        a[:] = 0
        b[:] = 0
        square = 0.0
        for at in range(begin, end, 4):  # four at once: `a` is read and written a quarter as often
            for n in range(4):
                if at + n < end:
                    y[n] = other[columns[at + n]]
                    t = values[at + n] - mean - y[n, 0]
                    y[n, 0] = 1
                    square += t * t
                    for d in range(size):
                        b[d] += t * y[n, d]
                else:
                    y[n] = 0
            for r in range(size):
                y0, y1, y2, y3 = y[0, r], y[1, r], y[2, r], y[3, r]
                for c in range(r + 1):
                    a[r, c] += y0 * y[0, c] + y1 * y[1, c] + y2 * y[2, c] + y3 * y[3, c]
        for d in range(size):
            a[d, d] += regularization * (end - begin)
        z[:] = b
        solve(a, z)
        out[row] = z
        fitted = 0.0
        for d in range(size):
            fitted += b[d] * z[d]
        loss[row] = square - fitted
