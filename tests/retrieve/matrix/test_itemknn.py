import math

import numpy as np
import pytest

from headwater.data.toy import blocks, histories, world
from headwater.registry import build


def expected(x, by, shrink, k1, b):
    """The formulas of the module, pair by pair, over sets of people."""
    n_users, n = x.shape
    people = [set(np.flatnonzero(x[:, i])) for i in range(n)]
    h = x.sum(1)
    idf = {u: math.log(1 + n / h[u]) if h[u] else 0 for u in range(n_users)}
    mean = sum(len(p) for p in people) / n
    s = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            both = people[i] & people[j]
            if i == j or not both:
                continue
            if by == "cosine":
                value = len(both) / math.sqrt(len(people[i]) * len(people[j]))
            elif by == "jaccard":
                value = len(both) / len(people[i] | people[j])
            elif by == "tfidf":
                norms = [math.sqrt(sum(idf[u] ** 2 for u in people[a])) for a in (i, j)]
                value = sum(idf[u] ** 2 for u in both) / (norms[0] * norms[1])
            else:
                scale = [(k1 + 1) / (1 + k1 * (1 - b + b * len(people[a]) / mean)) for a in (i, j)]
                value = sum(idf[u] ** 2 for u in both) * scale[0] * scale[1]
            s[i, j] = value * len(both) / (len(both) + shrink)
    return s


@pytest.mark.parametrize("shrink", [0.0, 5.0])
@pytest.mark.parametrize("by", ["cosine", "jaccard", "tfidf", "bm25"])
def test_pair_by_pair(by, shrink):
    data = blocks(users=40, items=20)
    x = data.log.matrix().toarray()
    model = build("itemknn", similarity_by=by, shrink=shrink, k=20, k1=0.9, b=0.6).fit(data)
    np.testing.assert_allclose(
        model.weights_.toarray(), expected(x, by, shrink, 0.9, 0.6), rtol=1e-5, atol=1e-7
    )


def test_keeps_the_k_nearest():
    data = blocks(users=60, items=25)
    whole = build("itemknn", k=25).fit(data).weights_.toarray()
    few = build("itemknn", k=4).fit(data).weights_.toarray()
    for i in range(25):
        kept = np.flatnonzero(few[i])
        assert len(kept) <= 4
        assert set(kept) == set(np.argsort(-whole[i], kind="stable")[:4]) - {i}
        np.testing.assert_array_equal(few[i, kept], whole[i, kept])


def test_items_nobody_chose():
    data = world(histories([(0, 1), (1, 1)], 2, 4))
    for by in ("cosine", "jaccard", "tfidf", "bm25"):
        model = build("itemknn", similarity_by=by, shrink=2.0).fit(data)
        assert model.weights_.nnz == 0


def test_many_items_are_done_in_parts(monkeypatch):
    data = blocks(users=40, items=30)
    whole = build("itemknn", shrink=3.0).fit(data).weights_.toarray()
    monkeypatch.setattr("headwater.model.CELLS", 200)
    parts = build("itemknn", shrink=3.0).fit(data).weights_.toarray()
    np.testing.assert_array_equal(parts, whole)
