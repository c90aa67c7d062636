"""SLIM: predict each item from a few others, with weights that are sparse and not negative.

    minimise over w_j   1/(2 U) ||x_j - X w_j||^2 + l1 ||w_j||_1 + l2/2 ||w_j||^2
    subject to          w_jj = 0  and, if positive,  w_j >= 0          for every item j

X is the binary (users x items) matrix and x_j its column. Multiplied by the U users this is the
paper's  1/2 ||x_j - X w_j||^2 + beta/2 ||w_j||^2 + lambda ||w_j||_1  with  beta = U l2  and
lambda = U l1. It is solved by coordinate descent on X'X: a working set takes in the items that
violate the optimality conditions most, the problem on it is solved, and so on until the duality
gap, which bounds how far the objective is above its minimum, is small.

Source:  Ning, Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011.
         doi:10.1109/ICDM.2011.134. Coordinate descent with covariance updates: Friedman, Hastie,
         Tibshirani, "Regularization Paths for Generalized Linear Models via Coordinate Descent",
         Journal of Statistical Software 33(1), 2010.
Checked: column by column against scikit-learn's ElasticNet, and against the optimality conditions,
         tests/retrieve/matrix/test_slim.py
Differs: the loss is divided by the number of users, so that l1 and l2 mean the same on data of
         another size. The defaults are those of RecPack, which fits by stochastic gradient descent
         without the constraint and then sets negative weights to zero.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from ...compiled import kernel, spread
from ...errors import DataError
from ...model import Scorer, at_least, learned
from ...types import Dataset, Floats, Ints, Mask, Queries
from ._factors import check_items

__all__ = ["SLIM"]

MOST_BYTES = 1 << 32  # of X'X between the items that can have a weight
FIRST = 32  # items that enter a working set at once, at first
HALVINGS = 16  # in the search for what enters


@dataclass(kw_only=True, eq=False)
class SLIM(Scorer):
    """Warns if ``max_sweeps`` end the work on an item before ``tolerance`` does.

    >>> from headwater.data.toy import checkers
    >>> data, asked = checkers(8)
    >>> SLIM(l1=0.01, l2=0.01).fit(data).recommend(asked, 1).items.ravel()
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=int32)
    """

    l1: float = 5e-4
    l2: float = 5e-5
    positive: bool = True  # as in the paper; False lets weights be negative
    tolerance: float = 1e-5  # largest duality gap, as a share of ||x_j||^2
    max_sweeps: int = 10_000  # passes over the working set of one item
    threads: int = 0  # 0: one for each core; the result does not depend on it

    weights_: csr_array = learned()  # (N, N) float32, zero diagonal; column j predicts item j
    sweeps_: Ints = learned()  # (N,) int32, passes that each item took
    gap_: Floats = learned()  # (N,) float64, the duality gap it ended with, share of ||x_j||^2

    def __post_init__(self) -> None:
        at_least(self, "l1", self.l1, 0)
        at_least(self, "l2", self.l2, 0)
        at_least(self, "l1 + l2", self.l1 + self.l2, 0, above=True)  # else any solution will do
        at_least(self, "tolerance", self.tolerance, 0, above=True)
        at_least(self, "max_sweeps", self.max_sweeps, 1)
        at_least(self, "threads", self.threads, 0)

    def fit(self, data: Dataset) -> Self:
        """Raises `DataError` if X'X between the items that can have a weight exceeds 4 GiB."""
        x = data.log.matrix()  # (U, N)
        n_users, n_items = x.shape
        l1, l2 = float(self.l1 * n_users), float(self.l2 * n_users)
        usable = self._usable(np.bincount(x.indices, minlength=n_items), l1)
        gram = co_counts(x[:, usable], self.threads)  # (M, M)
        settings = (gram, l1, l2, self.positive, float(self.tolerance), self.max_sweeps)
        parts = spread(_solve, len(usable), self.threads, *settings)
        lengths, predictors, weights, sweeps, gaps = map(np.concatenate, zip(*parts, strict=True))

        at = (usable[predictors], np.repeat(usable, lengths))
        self.weights_ = csr_array((weights, at), shape=(n_items, n_items))
        self.sweeps_ = np.zeros(n_items, np.int32)
        self.gap_ = np.zeros(n_items)
        self.sweeps_[usable] = sweeps
        self.gap_[usable] = gaps
        self._warn()
        return self

    def _usable(self, count: Ints, l1: float) -> Ints:  # (M,)
        """Items that can have a weight at all: the weights of the others are known to be zero.

        Item k enters for j only if |x_k'(x_j - X w_j)| > U l1. With weights that are not negative
        that is at most n_kj <= min(n_k, n_j); with any weights at most sqrt(n_k n_j).
        """
        bound = count if self.positive else np.sqrt(count * float(count.max(initial=0)))
        usable = np.flatnonzero((bound > l1) & (count > 0))
        size = 4 * len(usable) ** 2
        if size > MOST_BYTES:
            raise DataError(
                f"SLIM needs X'X between {len(usable):,} items, {size / 2**30:.1f} GiB, and takes "
                f"at most {MOST_BYTES / 2**30:.1f} GiB. Drop rare items, or raise l1: an item that "
                f"no more than l1 * users = {l1:.1f} people chose needs no place in it."
            )
        return usable

    def _warn(self) -> None:
        late = int((self.gap_ > self.tolerance).sum())
        if late:
            warnings.warn(
                f"SLIM: {late} of {len(self.gap_)} items did not reach the tolerance "
                f"{self.tolerance:g} in {self.max_sweeps} sweeps; the largest gap is "
                f"{self.gap_.max():.2g} (see gap_). Raise max_sweeps or tolerance.",
                stacklevel=3,
            )

    def scores(self, queries: Queries) -> Floats:
        check_items(self, self.weights_.shape[1], queries.history.n_items)
        scores: Floats = (queries.history.matrix() @ self.weights_).toarray()
        return scores


def co_counts(x: csr_array, threads: int) -> Floats:  # (N, N) float32
    """X'X of a binary matrix: how many rows hold both items."""
    n = x.shape[1]
    columns = x.T.tocsr()
    gram = np.empty((n, n), np.float32)
    spread(_count, n, threads, columns.indptr, columns.indices, x.indptr, x.indices, gram)
    return gram


@kernel
def _count(
    first: int,
    last: int,
    column_start: Ints,
    users: Ints,
    row_start: Ints,
    items: Ints,
    gram: Floats,
) -> None:
    count = np.zeros(gram.shape[1], np.int32)
    for j in range(first, last):
        count[:] = 0
        for at in range(column_start[j], column_start[j + 1]):
            for other in range(row_start[users[at]], row_start[users[at] + 1]):
                count[items[other]] += 1
        gram[j] = count


@kernel
def _solve(
    first: int,
    last: int,
    gram: Floats,
    l1: float,
    l2: float,
    positive: bool,
    tolerance: float,
    max_sweeps: int,
) -> tuple[Ints, Ints, Floats, Ints, Floats]:
    """The weights that predict items first..last - 1, one after the other, and how well it went.

    Gives (lengths, predictors, weights, sweeps, gaps): the first ``lengths[0]`` predictors and
    weights belong to item ``first``, and so on.
    """
    n, targets = len(gram), last - first
    lengths, sweeps = np.zeros(targets, np.int64), np.zeros(targets, np.int32)
    gaps = np.zeros(targets)
    predictors, weights = np.empty(64 * targets, np.int64), np.empty(64 * targets, np.float32)
    used = 0
    members, inside = np.empty(n, np.int64), np.zeros(n, np.bool_)
    among = np.empty((FIRST, FIRST))  # X'X of the members
    w, slope = np.empty(n), np.empty(n)  # of the members: weight, and x_k'(x_j - X w)
    every, excess = np.empty(n), np.empty(n)  # of all items: x_k'(x_j - X w), violation

    for j in range(first, last):
        worth = np.float64(gram[j, j])
        enough = 0.1 * tolerance * worth
        inside[:] = False
        inside[j] = True  # an item does not predict itself
        size, swept = 0, 0
        while True:
            every[:] = gram[j]
            for a in range(size):
                if w[a] != 0:
                    row, by = gram[members[a]], w[a]
                    for k in range(n):
                        every[k] -= by * row[k]
            every[j] = 0
            gap = _gap(worth, gram[j], every, members[:size], inside, w[:size], l1, l2, positive)
            gap /= worth
            if gap <= tolerance or swept >= max_sweeps:
                break

            for k in range(n):
                pull = every[k] if positive else abs(every[k])
                excess[k] = 0.0 if inside[k] else pull - l1
            old, least = size, _least(excess, max(FIRST, size))
            for k in range(n):
                if excess[k] > 0 and excess[k] >= least:
                    members[size], w[size], inside[k] = k, 0.0, True
                    size += 1
            if size == old:
                enough *= 0.1
            if size > len(among):
                larger = np.empty((max(size, 2 * len(among)), max(size, 2 * len(among))))
                larger[:old, :old] = among[:old, :old]
                among = larger
            for a in range(old, size):
                row = gram[members[a]]
                for b in range(a + 1):
                    among[a, b] = among[b, a] = row[members[b]]
            for a in range(size):
                slope[a] = every[members[a]]
            left = max_sweeps - swept
            swept += _descend(among, w[:size], slope[:size], l1, l2, positive, enough, left)

        if used + size > len(weights):
            predictors = np.concatenate((predictors, np.empty(len(weights) + size, np.int64)))
            weights = np.concatenate((weights, np.empty(len(weights) + size, np.float32)))
        for a in range(size):
            if w[a] != 0:
                predictors[used], weights[used] = members[a], w[a]
                used += 1
                lengths[j - first] += 1
        sweeps[j - first], gaps[j - first] = swept, max(gap, 0.0)
    return lengths, predictors[:used], weights[:used], sweeps, gaps


@kernel
def _least(excess: Floats, room: int) -> float:
    """A value that about ``room`` items reach, and those of the largest excess in any case."""
    low, high = 0.0, 0.0
    for each in excess:
        high = max(high, each)
    for _ in range(HALVINGS):
        middle, above = (low + high) / 2, 0
        for each in excess:
            above += each > middle
        if above > room:
            low = middle
        else:
            high = middle
    return high


@kernel
def _descend(
    among: Floats,
    w: Floats,
    slope: Floats,
    l1: float,
    l2: float,
    positive: bool,
    enough: float,
    max_sweeps: int,
) -> int:
    """Improve one weight after the other until a sweep gains ``enough`` or less; counts sweeps."""
    for sweep in range(max_sweeps):
        gain = 0.0
        for a in range(len(w)):
            bend = among[a, a] + l2
            aim = slope[a] + among[a, a] * w[a]
            new = max(aim - l1, 0.0)
            if not positive and aim < -l1:
                new = aim + l1
            by = new / bend - w[a]
            if by != 0:
                w[a] += by
                gain += bend * by * by / 2
                row = among[a]
                for b in range(len(w)):
                    slope[b] -= by * row[b]
        if gain <= enough:
            return sweep + 1
    return max_sweeps


@kernel
def _gap(
    worth: float,
    target: Floats,
    every: Floats,
    members: Ints,
    inside: Mask,
    w: Floats,
    l1: float,
    l2: float,
    positive: bool,
) -> float:
    """How far the objective can be above its minimum, by two feasible points of the dual.

    One is the residual itself, where l2 softens the constraint |x_k'r| <= l1; the other is the
    residual of the problem with l2 as further rows of X, shrunk until it meets the constraint.
    """
    fit, square, total, left = 0.0, 0.0, 0.0, worth
    for a in range(len(w)):
        fit += w[a] * target[members[a]]
        left -= w[a] * (target[members[a]] + every[members[a]])
        square += w[a] * w[a]
        total += abs(w[a])
    primal = left / 2 + l1 * total + l2 / 2 * square

    over, most = 0.0, 0.0
    for k in range(len(every)):
        pull = every[k] if positive else abs(every[k])
        over += max(pull - l1, 0.0) ** 2
        most = max(most, pull if not inside[k] else 0.0)
    for a in range(len(w)):
        pull = every[members[a]] - l2 * w[a]
        most = max(most, pull if positive else abs(pull))
    soft = worth - fit - left / 2 - over / (2 * l2) if l2 > 0 else -np.inf
    shrink = l1 / most if most > l1 else 1.0
    hard = shrink * (worth - fit) - shrink * shrink * (left + l2 * square) / 2
    return primal - max(soft, hard)
