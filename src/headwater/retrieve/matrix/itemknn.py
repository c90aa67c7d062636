"""Item-kNN: what is similar to what you chose, where similar means chosen by the same people.

    score(u, j) = sum_{i in history(u)} s_ij,    s_ij only for the k items j most similar to i
    s_ij = n_ij / (n_ij + shrink) * similarity(i, j),    n_ij = people who chose both

    cosine    n_ij / sqrt(n_i n_j)
    jaccard   n_ij / (n_i + n_j - n_ij)
    tfidf     cosine of the vectors  a_iu = log(1 + N / h_u),  h_u = items that u chose
    bm25      a_i . a_j  with  a_iu = log(1 + N / h_u) (k1 + 1) / (1 + k1 (1 - b + b n_i / mean n))

Source:  Deshpande, Karypis, "Item-Based Top-N Recommendation Algorithms", TOIS 2004; shrinkage as
         in Bell, Koren, "Scalable Collaborative Filtering with Jointly Derived Neighborhood
         Interpolation Weights", ICDM 2007; BM25 as in Robertson, Zaragoza, "The Probabilistic
         Relevance Framework: BM25 and Beyond", 2009, with items as documents and people as terms.
Checked: pair by pair against the formulas, tests/retrieve/matrix/test_itemknn.py
Differs: the rows of s are not scaled to length one, the authors' option; the inverse document
         frequency is log(1 + N / h), which is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from ...model import Scorer, at_least, chunk, learned, top
from ...types import Dataset, Floats, Queries

__all__ = ["ItemKNN"]


@dataclass(kw_only=True, eq=False)
class ItemKNN(Scorer):
    """
    >>> from headwater.data.toy import checkers
    >>> data, asked = checkers(8)
    >>> ItemKNN(k=5).fit(data).recommend(asked, 1).items.ravel()
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=int32)
    """

    k: int = 200  # neighbours kept of each item
    similarity_by: Literal["cosine", "jaccard", "tfidf", "bm25"] = "cosine"
    shrink: float = 0.0  # people: an overlap of so many counts half
    k1: float = 1.2  # BM25: how soon more of the same people stop to count
    b: float = 0.75  # BM25: 1 divides by the item's popularity, 0 does not

    weights_: csr_array = learned()  # (N, N) float32, zero diagonal, at most k a row

    def __post_init__(self) -> None:
        at_least(self, "k", self.k, 1)
        at_least(self, "shrink", self.shrink, 0)
        at_least(self, "k1", self.k1, 0)
        at_least(self, "b", self.b, 0)

    def fit(self, data: Dataset) -> Self:
        x = data.log.matrix()  # (U, N)
        n_items = x.shape[1]
        chosen = np.bincount(x.indices, minlength=n_items).astype(np.float64)  # n_i
        people = x.T.tocsr()  # (N, U)
        vectors = self.vectors(people, chosen)
        other = vectors.T.tocsr()  # (U, N)
        rows = []
        size = chunk(n_items)
        for at in range(0, n_items, size):
            part = slice(at, at + size)
            s = (vectors[part] @ other).toarray()  # (size, N)
            if self.similarity_by == "jaccard":
                union = chosen[part, None] + chosen - s
                s = np.divide(s, union, out=np.zeros_like(s), where=union > 0)
            if self.shrink:
                both = (people[part] @ x).toarray()
                s *= both / (both + self.shrink)
            here = np.arange(len(s))
            s[here, at + here] = 0
            rows.append(nearest(s, self.k))
        self.weights_ = csr_array(vstack(rows, format="csr")) if rows else csr_array((0, 0))
        return self

    def vectors(self, people: csr_array, chosen: Floats) -> csr_array:  # (N, U) float32
        """Items as vectors whose products are similarities (or overlaps, for Jaccard)."""
        if self.similarity_by == "jaccard":
            return people
        if self.similarity_by in ("tfidf", "bm25"):
            h = np.bincount(people.indices, minlength=people.shape[1])
            idf = np.log1p(people.shape[0] / np.maximum(h, 1)).astype(np.float32)
            people = csr_array((idf[people.indices], people.indices, people.indptr), people.shape)
        if self.similarity_by == "bm25":
            share = chosen / max(chosen.mean(), 1e-12)
            scale = (self.k1 + 1) / (1 + self.k1 * (1 - self.b + self.b * share))
        else:
            length = np.sqrt(people.power(2).sum(1))
            scale = 1 / np.maximum(length, 1e-12)
        return csr_array(diags_array(scale.astype(np.float32)) @ people)

    def scores(self, queries: Queries) -> Floats:
        return np.asarray((queries.history.matrix() @ self.weights_).toarray(), np.float32)


def nearest(s: Floats, k: int) -> csr_array:
    """The k largest positive entries of each row."""
    best = top(s, k)
    values = np.take_along_axis(s, best, 1)
    row, slot = np.nonzero(values > 0)
    out = csr_array((values[row, slot].astype(np.float32), (row, best[row, slot])), s.shape)
    out.sort_indices()
    return out
