"""BPR: factors that put what was chosen above what was not, learned from one pair at a time.

    x_uij = b_i + p_u'q_i - b_j - p_u'q_j          i was chosen by u, j was not
    minimise the mean of  loss(x_uij) + regularization/2 |every number in x_uij|^2  over draws
    of a choice (u, i), all equally likely, and of j, equally likely among what u did not choose

    loss "bpr": -log sigmoid(x);   loss "hinge": max(0, 1 - x)

    one step:   theta += learning_rate (g dx/dtheta - regularization theta),   g = -dloss/dx

An epoch is as many draws as there are choices. Nothing is kept of the users of the training data:
someone who asks gets the p that minimises the same mean over the own choices with the items fixed,
found by 2,048 draws from p = 0 with a rate that falls from 0.1 to 0. The draws come from the seed
alone, so the same choices always get the same answer; no choices at all get the order of b.

Source:  Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from
         Implicit Feedback", UAI 2009. arXiv:1205.2618
Checked: steps against the formula written out, and against the gradient by finite differences;
         a new user against the minimum found by scipy, tests/retrieve/matrix/test_bpr.py
Differs: the paper's factor model has no item bias (item_bias=False); it has one regularization
         constant for users and one each for chosen and other items, here they are one; it
         scores users by the vectors they were trained with. More than one thread updates the same
         factors without locks ("Hogwild"): about as good, but not the same bits every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_array

from ...compiled import kernel, spread
from ...errors import BadParameter
from ...model import Scorer, at_least, learned
from ...types import PAD, Dataset, Floats, Ints, Queries
from ._factors import check_items, cosine, start
from ._kernels import STEP, begin_of, below, mix

__all__ = ["BPR"]

SMALL = 1e-150  # a product of probabilities below it is put away, before it is 0
ONE, MOST = np.float32(1), np.float32(80)  # exp(MOST) is not infinite
SCALE = 0.1  # of the factors at the start
BLOCK = 64  # draws that are looked up together, so that memory is asked for early
BITS = 16  # for each choice in the marks: of other pairs, one in BITS at most looks chosen
DRAWS, RATE = 2048, 0.1  # for someone who asks


@dataclass(kw_only=True, eq=False)
class BPR(Scorer):
    """
    >>> from headwater.data.toy import checkers
    >>> data, asked = checkers(8)
    >>> model = BPR(embedding_size=4, n_epochs=200, learning_rate=0.1).fit(data)
    >>> model.recommend(asked, 1).items.ravel()  # the one item withheld from each
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=int32)
    """

    embedding_size: int = 64
    loss: Literal["bpr", "hinge"] = "bpr"
    learning_rate: float = 0.05
    regularization: float = 0.01
    n_epochs: int = 60
    item_bias: bool = True
    seed: int = 0
    threads: int = 1  # more: not the same bits every time; 0: one for each core

    item_factors_: Floats = learned()  # (N, D) float32
    item_bias_: Floats = learned()  # (N,) float32

    def __post_init__(self) -> None:
        at_least(self, "embedding_size", self.embedding_size, 1)
        at_least(self, "learning_rate", self.learning_rate, 0, above=True)
        at_least(self, "regularization", self.regularization, 0)
        at_least(self, "n_epochs", self.n_epochs, 1)
        at_least(self, "threads", self.threads, 0)
        if self.loss not in ("bpr", "hinge"):
            raise BadParameter(f"BPR: loss is bpr or hinge, got {self.loss!r}")

    def epochs(self, data: Dataset) -> Iterator[float]:
        """Yields the mean loss of the draws of each epoch, each as it was when it was drawn.

        Raises `BadParameter` when the factors grow without bounds.
        """
        x = data.log.matrix()  # (U, N)
        rng = np.random.default_rng(self.seed)
        users = start(rng, x.shape[0], self.embedding_size, SCALE)
        items = start(rng, x.shape[1], self.embedding_size, SCALE)
        bias = np.zeros(x.shape[1], np.float32)
        rows = np.repeat(np.arange(x.shape[0], dtype=np.int32), np.diff(x.indptr))  # (choices,)
        pairs = (x.indptr, x.indices, rows, marks_of(x), users, items, bias)
        rates = (float(self.learning_rate), float(self.regularization))
        how = (*rates, self.loss == "hinge", self.item_bias)
        for epoch in range(self.n_epochs):
            seed = int(rng.integers(1 << 62))
            total = sum(spread(_learn, x.nnz, self.threads, seed, *pairs, *how))
            if not (np.isfinite(total) and np.isfinite(items).all()):
                raise BadParameter(
                    f"BPR: the factors grew without bounds in epoch {epoch + 1}; a learning_rate "
                    f"below {self.learning_rate:g} may help"
                )
            self.item_factors_, self.item_bias_ = items.copy(), bias.copy()
            yield total / max(x.nnz, 1)

    def users(self, queries: Queries) -> Floats:  # (B, D)
        """The vector that fits each history best, as said at the top of this file."""
        check_items(self, len(self.item_bias_), queries.history.n_items)
        x = queries.history.matrix()
        users = np.zeros((len(queries), self.embedding_size), np.float32)
        known = (x.indptr, x.indices, self.item_factors_, self.item_bias_, users)
        how = (DRAWS, RATE, float(self.regularization), self.loss == "hinge")
        spread(_fold_in, len(users), 0, self.seed, *known, *how)
        return users

    def scores(self, queries: Queries) -> Floats:
        scores: Floats = self.users(queries) @ self.item_factors_.T + self.item_bias_
        return scores

    def similarity(self, items: Ints, n_items: int) -> Floats:  # (n, N)
        """Cosines of the item factors."""
        check_items(self, len(self.item_bias_), n_items)
        return cosine(self.item_factors_, items)


def marks_of(x: csr_array) -> Ints:
    """Bits that are set for every choice of x (U, N), and for few other pairs."""
    marks = np.zeros(1 << max((BITS * x.nnz).bit_length() - 3, 0), np.uint8)
    _mark(x.indptr, x.indices, marks)
    return marks


@kernel
def _learn(
    first: int,
    last: int,
    seed: int,
    indptr: Ints,
    indices: Ints,
    rows: Ints,
    marks: Ints,
    users: Floats,
    items: Floats,
    bias: Floats,
    learning_rate: float,
    regularization: float,
    hinge: bool,
    biased: bool,
) -> float:
    """Draws first..last - 1 of an epoch, each followed by its step; gives the sum of the losses."""
    rate, decay = np.float32(learning_rate), np.float32(1 - learning_rate * regularization)
    who, better, worse = np.empty((3, BLOCK), np.int64)
    total, product = 0.0, 1.0  # a product takes one logarithm, not many
    for at in range(first, last, BLOCK):
        n = min(BLOCK, last - at)
        _draw(at, at + n, seed, indptr, indices, rows, marks, len(items), who, better, worse)
        for k in range(n):
            i, j = better[k], worse[k]
            if j == PAD:
                continue
            p, q, s = users[who[k]], items[i], items[j]
            x = bias[i] - bias[j]
            for d in range(len(p)):
                x += p[d] * (q[d] - s[d])
            g = _pull(x, hinge)
            if hinge:
                total += max(1 - x, 0)
            else:  # -log sigmoid(x) = -x - log sigmoid(-x)
                total -= min(max(x, -MOST), MOST)
                product *= g
                if product < SMALL:
                    total -= np.log(product)
                    product = 1.0
            by = rate * g
            for d in range(len(p)):
                old, up, down = p[d], q[d], s[d]
                p[d] = decay * old + by * (up - down)
                q[d] = decay * up + by * old
                s[d] = decay * down - by * old
            if biased:
                bias[i] = decay * bias[i] + by
                bias[j] = decay * bias[j] - by
    return float(total - np.log(product))


@kernel
def _draw(
    first: int,
    last: int,
    seed: int,
    indptr: Ints,
    indices: Ints,
    rows: Ints,
    marks: Ints,
    n_items: int,
    who: Ints,
    better: Ints,
    worse: Ints,
) -> None:
    """Users, what they chose and what they did not; the last is PAD for one who chose all."""
    for draw in range(first, last):
        state = begin_of(seed, draw)
        place = below(len(rows), mix(state, 0))
        u = rows[place]
        begin, end = indptr[u], indptr[u + 1]
        j = PAD
        if end - begin < n_items:
            again = 1
            j = below(n_items, mix(state, again))
            while _marked(marks, u, j) and _holds(indices, begin, end, j):
                again += 1
                j = below(n_items, mix(state, again))
        who[draw - first], better[draw - first], worse[draw - first] = u, indices[place], j


@kernel
def _fold_in(
    first: int,
    last: int,
    seed: int,
    indptr: Ints,
    indices: Ints,
    items: Floats,
    bias: Floats,
    users: Floats,
    draws: int,
    rate: float,
    regularization: float,
    hinge: bool,
) -> None:
    n_items = len(items)
    chosen = np.zeros(n_items, np.bool_)
    for row in range(first, last):
        own = indices[indptr[row] : indptr[row + 1]]
        if len(own) == 0 or len(own) == n_items:
            continue
        for i in own:
            chosen[i] = True
        p = users[row]
        for draw in range(draws):
            state = begin_of(seed, draw)
            i = own[below(len(own), mix(state, 0))]
            j, again = below(n_items, mix(state, 1)), 1
            while chosen[j]:
                again += 1
                j = below(n_items, mix(state, again))
            q, s = items[i], items[j]
            x = bias[i] - bias[j]
            for d in range(len(p)):
                x += p[d] * (q[d] - s[d])
            step = rate * (1 - draw / draws)
            decay, by = (
                np.float32(max(1 - step * regularization, 0.0)),
                np.float32(step) * _pull(x, hinge),
            )
            for d in range(len(p)):
                p[d] = decay * p[d] + by * (q[d] - s[d])
        for i in own:
            chosen[i] = False


@kernel
def _pull(x: Any, hinge: bool) -> Any:
    """-dloss/dx, float32."""
    if hinge:
        return np.float32(1 if x < 1 else 0)
    return ONE / (ONE + np.exp(min(max(x, -MOST), MOST)))


@kernel
def _place(u: int, i: int, n: int) -> int:
    """A bit out of n, a power of two, for the pair (u, i)."""
    pair = (np.uint64(u) << np.uint64(32)) | np.uint64(i)
    return int((pair * np.uint64(STEP) >> np.uint64(20)) & np.uint64(n - 1))


@kernel
def _mark(indptr: Ints, indices: Ints, marks: Ints) -> None:
    """Set the bits of all pairs, so that most others are known at a glance not to be among them."""
    for u in range(len(indptr) - 1):
        for at in range(indptr[u], indptr[u + 1]):
            bit = _place(u, indices[at], 8 * len(marks))
            marks[bit >> 3] |= np.uint8(1 << (bit & 7))


@kernel
def _marked(marks: Ints, u: int, i: int) -> bool:
    bit = _place(u, i, 8 * len(marks))
    return bool((marks[bit >> 3] >> (bit & 7)) & 1)


@kernel
def _holds(indices: Ints, begin: int, end: int, j: int) -> bool:
    """Whether j is in indices[begin:end], which is sorted."""
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if indices[middle] < j:
            low = middle + 1
        else:
            high = middle
    return low < end and indices[low] == j
