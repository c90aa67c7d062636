"""WRMF: a matrix of zeros and ones factorised with confidences, by alternating least squares.

    minimise   sum_{u,i} c_ui (p_ui - x_u'y_i)^2  +  regularization (sum_u |x_u|^2 + sum_i |y_i|^2)

    p_ui = 1 if r_ui > 0 else 0;   confidence "linear": c_ui = 1 + alpha r_ui
                                   confidence "log":    c_ui = 1 + alpha log(1 + r_ui / eps)

over all pairs, also those that never met. With the items fixed each user is one linear system,

    (Y'Y + Y'(C_u - I) Y + regularization I) x_u = Y'C_u p_u,

and the other way round. The solver "cholesky" solves it; "cg" takes ``cg_steps`` steps of
conjugate gradients from where the last sweep ended. Someone who asks is always solved for exactly,
from the history alone: nothing is kept of the users of the training data.

Source:  Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.
         doi:10.1109/ICDM.2008.22. Conjugate gradients: Takacs, Pilaszy, Tikk, "Applications of the
         Conjugate Gradient Method for Implicit Feedback Collaborative Filtering", RecSys 2011.
Checked: a sweep against the normal equations solved one by one, the loss against the sum over all
         pairs, conjugate gradients against Cholesky, tests/retrieve/matrix/test_wrmf.py
Differs: in nothing. Factors are float32; Cholesky works in float64, conjugate gradients in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from ...compiled import kernel, spread
from ...errors import BadParameter, DataError
from ...model import Scorer, at_least, learned
from ...types import Dataset, Floats, Histories, Ints, Queries
from ._factors import check_items, cosine, gram, start
from ._kernels import solve

__all__ = ["WRMF"]

SCALE = 0.01  # of the factors at the start
NONE, ONE = np.float32(0), np.float32(1)
NOTHING = np.float32(1e-20)  # a squared residual that is not worth a step


@dataclass(kw_only=True, eq=False)
class WRMF(Scorer):
    """
    >>> from headwater.data.toy import checkers
    >>> data, asked = checkers(8)
    >>> model = WRMF(embedding_size=2, regularization=0.1).fit(data)
    >>> model.recommend(asked, 1).items.ravel()  # the one item withheld from each
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=int32)
    """

    embedding_size: int = 64
    regularization: float = 10.0
    alpha: float = 1.0
    confidence: Literal["linear", "log"] = "linear"
    eps: float = 1.0  # confidence "log": the value that starts to count less
    n_epochs: int = 15
    solver: Literal["cholesky", "cg"] = "cg"
    cg_steps: int = 3
    seed: int = 0
    threads: int = 0  # 0: one for each core; the result does not depend on it

    item_factors_: Floats = learned()  # (N, D) float32
    gram_: Floats = learned()  # (D, D) float64, Y'Y + regularization I

    def __post_init__(self) -> None:
        at_least(self, "embedding_size", self.embedding_size, 1)
        at_least(self, "regularization", self.regularization, 0, above=True)  # else no inverse
        at_least(self, "alpha", self.alpha, 0, above=True)
        at_least(self, "eps", self.eps, 0, above=True)
        at_least(self, "n_epochs", self.n_epochs, 1)
        at_least(self, "cg_steps", self.cg_steps, 1)
        at_least(self, "threads", self.threads, 0)
        if self.confidence not in ("linear", "log"):
            raise BadParameter(f"WRMF: confidence is linear or log, got {self.confidence!r}")
        if self.solver not in ("cholesky", "cg"):
            raise BadParameter(f"WRMF: solver is cholesky or cg, got {self.solver!r}")

    def epochs(self, data: Dataset) -> Iterator[float]:
        """Yields the loss, the sum at the top of this file, after each sweep over both sides."""
        chosen = self._extra(data.log)  # (U, N)
        choosers = chosen.T.tocsr()  # (N, U)
        rng = np.random.default_rng(self.seed)
        users = start(rng, chosen.shape[0], self.embedding_size, SCALE)
        items = start(rng, chosen.shape[1], self.embedding_size, SCALE)
        inner = self._system(items)
        for _ in range(self.n_epochs):
            self._sweep(chosen, items, inner, users)
            outer = self._system(users)
            loss = self._sweep(choosers, users, outer, items) + self._penalty(users)
            inner = self._system(items)
            self.item_factors_, self.gram_ = items.copy(), inner
            yield loss

    def _extra(self, log: Histories) -> csr_array:  # (B, N) float32
        """c - 1 of what was chosen; a value of 0 is no choice."""
        x = log.matrix(binary=False)
        if not (x.data >= 0).all():
            raise DataError(
                "WRMF weighs a choice by its value, so no value may be negative or NaN; the least "
                f"is {np.min(x.data)}. Drop such events, or fit on ones."
            )
        x.eliminate_zeros()
        counts = np.log1p(x.data / self.eps) if self.confidence == "log" else x.data
        x.data = (self.alpha * counts).astype(np.float32)
        return x

    def _system(self, factors: Floats) -> Floats:  # (D, D)
        return gram(factors, self.threads) + self.regularization * np.eye(self.embedding_size)

    def _penalty(self, factors: Floats) -> float:
        return self.regularization * float(np.einsum("nd,nd->", factors, factors, dtype=np.float64))

    def _sweep(self, extra: csr_array, other: Floats, system: Floats, out: Floats) -> float:
        """Improve ``out``, a row for each of ``extra``; gives its part of the loss."""
        rows = (extra.indptr, extra.indices, extra.data, other)
        loss = np.zeros(len(out))
        if self.solver == "cholesky":
            spread(_exact, len(out), self.threads, *rows, system, out, loss)
        else:
            small = system.astype(np.float32)
            spread(_gradient, len(out), self.threads, *rows, small, out, loss, self.cg_steps)
        return float(loss.sum())

    def scores(self, queries: Queries) -> Floats:
        """The user that fits each history best, exactly, times every item."""
        check_items(self, len(self.item_factors_), queries.history.n_items)
        x = self._extra(queries.history)
        users = np.zeros((len(queries), self.embedding_size), np.float32)
        rows = (x.indptr, x.indices, x.data, self.item_factors_)
        spread(_exact, len(users), self.threads, *rows, self.gram_, users, np.zeros(len(users)))
        scores: Floats = users @ self.item_factors_.T
        return scores

    def similarity(self, items: Ints, n_items: int) -> Floats:  # (n, N)
        """Cosines of the item factors."""
        check_items(self, len(self.item_factors_), n_items)
        return cosine(self.item_factors_, items)


@kernel
def _exact(
    first: int,
    last: int,
    indptr: Ints,
    indices: Ints,
    extra: Floats,
    other: Floats,
    system: Floats,
    out: Floats,
    loss: Floats,
) -> None:
    """Rows first..last - 1 of ``out`` solve their normal equations.

    At the solution z of A z = b the row's part of the loss, sum c p^2 - 2 b'z + z'A z, is
    sum c - b'z.
    """
    size = other.shape[1]
    a, b, z = np.empty((size, size)), np.empty(size), np.empty(size)
    y, e = np.zeros((4, size)), np.zeros(4)
    for row in range(first, last):
        begin, end = indptr[row], indptr[row + 1]
        if begin == end:
            out[row] = 0
            continue
        a[:] = system
        b[:] = 0
        weight = 0.0
        for at in range(begin, end, 4):
            for n in range(4):  # four at once, so that A is read and written a quarter as often
                e[n] = extra[at + n] if at + n < end else 0.0
                confidence = 1 + e[n] if at + n < end else 0.0
                y[n] = other[indices[min(at + n, end - 1)]]
                weight += confidence
                for d in range(size):
                    b[d] += confidence * y[n, d]
            for r in range(size):
                e0, e1, e2, e3 = e[0] * y[0, r], e[1] * y[1, r], e[2] * y[2, r], e[3] * y[3, r]
                for c in range(r + 1):
                    a[r, c] += e0 * y[0, c] + e1 * y[1, c] + e2 * y[2, c] + e3 * y[3, c]
        z[:] = b
        solve(a, z)
        out[row] = z
        fitted = 0.0
        for d in range(size):
            fitted += b[d] * z[d]
        loss[row] = weight - fitted


@kernel
def _gradient(
    first: int,
    last: int,
    indptr: Ints,
    indices: Ints,
    extra: Floats,
    other: Floats,
    system: Floats,
    out: Floats,
    loss: Floats,
    steps: int,
) -> None:
    """Rows first..last - 1 of ``out`` take steps of conjugate gradients towards their solution.

    With the residual r = b - A z the row's part of the loss is sum c - b'z - r'z.
    """
    size = other.shape[1]
    b, r = np.empty(size, np.float32), np.empty(size, np.float32)
    p, product = np.empty(size, np.float32), np.empty(size, np.float32)
    for row in range(first, last):
        begin, end = indptr[row], indptr[row + 1]
        z = out[row]
        if begin == end:
            z[:] = 0
            continue
        weight = 0.0
        b[:] = 0
        for at in range(begin, end):
            confidence = ONE + extra[at]
            weight += confidence
            y = other[indices[at]]
            for d in range(size):
                b[d] += confidence * y[d]
        _apply(begin, end, indices, extra, other, system, z, product)
        square = np.float32(0)
        for d in range(size):
            r[d] = b[d] - product[d]
            p[d] = r[d]
            square += r[d] * r[d]
        for _ in range(steps):
            if square < NOTHING:
                break
            _apply(begin, end, indices, extra, other, system, p, product)
            bend = np.float32(0)
            for d in range(size):
                bend += p[d] * product[d]
            far = square / bend
            now = np.float32(0)
            for d in range(size):
                z[d] += far * p[d]
                r[d] -= far * product[d]
                now += r[d] * r[d]
            turn = now / square
            for d in range(size):
                p[d] = r[d] + turn * p[d]
            square = now
        fitted = 0.0
        for d in range(size):
            fitted += (b[d] + r[d]) * z[d]
        loss[row] = weight - fitted


@kernel
def _apply(
    begin: int,
    end: int,
    indices: Ints,
    extra: Floats,
    other: Floats,
    system: Floats,
    z: Floats,
    product: Floats,
) -> None:
    """product = (system + sum_n extra_n y_n y_n') z."""
    size = len(z)
    product[:] = 0
    for r in range(size):
        row, by = system[r], z[r]
        for d in range(size):
            product[d] += by * row[d]
    whole = begin + (end - begin) // 4 * 4
    for at in range(begin, whole, 4):  # four at once, so that the product is moved less often
        y0, y1 = other[indices[at]], other[indices[at + 1]]
        y2, y3 = other[indices[at + 2]], other[indices[at + 3]]
        s0, s1, s2, s3 = NONE, NONE, NONE, NONE
        for d in range(size):
            s0 += y0[d] * z[d]
            s1 += y1[d] * z[d]
            s2 += y2[d] * z[d]
            s3 += y3[d] * z[d]
        s0, s1, s2, s3 = s0 * extra[at], s1 * extra[at + 1], s2 * extra[at + 2], s3 * extra[at + 3]
        for d in range(size):
            product[d] += s0 * y0[d] + s1 * y1[d] + s2 * y2[d] + s3 * y3[d]
    for at in range(whole, end):
        y, dot = other[indices[at]], NONE
        for d in range(size):
            dot += y[d] * z[d]
        dot *= extra[at]
        for d in range(size):
            product[d] += dot * y[d]
