"""Re-ranking by definition: one request at a time, every candidate tried at every pick."""

from dataclasses import replace

import numpy as np
import polars as pl

from headwater.data.toy import blocks
from headwater.types import PAD, Catalog, Slate


def world(*, users=30, items=40, size=6, seed=0):
    """`blocks` with one to three genres an item, some with none, and vectors."""
    data = blocks(users, items, topics=4, seed=seed)
    rng = np.random.default_rng(seed)
    genres = [
        sorted({f"g{g}" for g in rng.integers(0, 5, rng.integers(0, 4))}) for _ in range(items)
    ]
    table = pl.DataFrame({"genres": genres}, schema={"genres": pl.List(pl.String)})
    vectors = {"text": rng.normal(size=(items, size)).astype(np.float32)}
    return replace(data, catalog=Catalog(table, vectors))


def lists(data, *, requests=12, width=15, seed=0):
    """Requests with candidates and scores; the lists get shorter, down to one item and to none."""
    rng = np.random.default_rng(seed)
    n = len(data.items)
    items = np.array([rng.permutation(n)[:width] for _ in range(requests)], np.int32)
    scores = np.sort(rng.normal(size=items.shape).astype(np.float32))[:, ::-1].copy()
    for row, size in enumerate((width - 3, 4, 2, 1, 0)):
        items[row, size:] = PAD
        scores[row, size:] = -np.inf
    return data.queries(np.arange(requests)), Slate(items, scores)


def minmax(scores):
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low if high > low else 1)


def zscore(scores):
    return (scores - scores.mean()) / (scores.std() if scores.std() > 0 else 1)


def picks(relevance, gain, k):
    """Greedy by definition: ``gain(picked, i)`` is what i would add to the list ``picked``."""
    picked = []
    for _ in range(min(k, len(relevance))):
        gains = {i: gain(picked, i) for i in range(len(relevance)) if i not in picked}
        most = max(gains.values())
        picked.append(next(i for i, each in gains.items() if each >= most - 1e-6))
    return picked + [i for i in range(len(relevance)) if i not in picked]


def agrees(stage, data, gain_of, *, seed=0, scale=minmax):
    """The stage gives every request the order that the definition gives.

    ``gain_of(row, items, relevance)`` makes the ``gain`` of `picks` for one request.
    """
    queries, slate = lists(data, seed=seed)
    got = stage.fit(data)(queries, slate)
    for row in range(len(slate)):
        items = slate.items[row][slate.filled[row]]
        if not len(items):
            assert (got.items[row] == PAD).all()
            continue
        relevance = scale(slate.scores[row][slate.filled[row]].astype(float))
        order = picks(relevance, gain_of(row, items, relevance), stage.k)
        np.testing.assert_array_equal(got.items[row][: len(items)], items[order])
        scores = slate.scores[row][order]
        np.testing.assert_array_equal(got.scores[row][: len(items)], scores)
        assert (got.items[row][len(items) :] == PAD).all()


def unit(x):
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(length > 0, length, 1)


def shares(data, items):
    """The mix of genres of each item, (n, kinds)."""
    names = data.catalog.kinds("genres")
    lists = data.catalog.table["genres"].to_list()
    out = np.zeros((len(items), len(names)))
    for at, item in enumerate(items):
        for genre in lists[item]:
            out[at, names.index(genre)] = 1 / len(lists[item])
    return out


def wanted(data, row):
    """The mix of genres in the history of a request."""
    history = np.unique(data.log.items[data.log.start[row] : data.log.start[row + 1]])
    total = shares(data, history).sum(0)
    return total / total.sum()
