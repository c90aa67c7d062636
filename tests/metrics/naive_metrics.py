"""The metrics once more, slow and obvious: lists, sets and loops, one request at a time.

Nothing here is taken from headwater.metrics. `none` is NaN: a request without an answer.
"""

import math
from itertools import combinations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.testing.metrics import evidence

none = math.nan


# Worlds with ties, repeats, empty slots and empty rows: half of them of some size, half of any.
large = st.builds(evidence, seed=st.integers(0, 10**9), users=st.just(20), pool=st.booleans())
odd = st.builds(
    evidence,
    seed=st.integers(0, 10**9),
    requests=st.integers(0, 9),
    items=st.integers(1, 25),
    slots=st.integers(0, 12),
    users=st.integers(0, 20),
    pool=st.booleans(),
)
worlds = large | odd
often = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def on_random_worlds(test):
    """Runs ``test(seen, k)`` on many worlds and depths."""
    return often(given(seen=worlds, k=st.integers(1, 15))(test))


def agree(ours, theirs):
    np.testing.assert_allclose(ours, np.array(theirs, float), rtol=1e-9, atol=1e-12)


def slates(seen, k):
    """The first k slots of each request, None for an empty one."""
    rows = [[None if item == -1 else item for item in row[:k]] for row in seen.slate.items.tolist()]
    return [row + [None] * (k - len(row)) for row in rows]


def shown(seen, k):
    return [[item for item in row if item is not None] for row in slates(seen, k)]


def rows_of(h):
    """The (item, value) pairs of each row."""
    pairs = list(zip(h.items.tolist(), h.values.tolist(), strict=True))
    return [pairs[a:b] for a, b in zip(h.start[:-1].tolist(), h.start[1:].tolist(), strict=True)]


def choices(seen):
    """For each request, the items that were chosen, with the sum of their values."""
    out = []
    for row in rows_of(seen.truth):
        worth = {}
        for item, value in row:
            worth[item] = worth.get(item, 0) + value
        out.append(worth)
    return out


def genres(seen):
    """The genres of each item, as sets."""
    return [set(each or ()) - {None} for each in seen.data.catalog.table["genres"].to_list()]


def catalogue(seen):
    """The items that may be recommended."""
    n, pool = seen.truth.n_items, seen.queries.pool
    return [i for i in range(n) if pool is None or pool[i]]


def popularity(seen):
    """How many users of the data chose each item."""
    users = [{item for item, _ in row} for row in rows_of(seen.data.log)]
    return [sum(i in chosen for chosen in users) for i in range(seen.truth.n_items)]


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else none


def hits(slate, chosen):
    return [int(item is not None and item in chosen) for item in slate]


def each(seen, k, answer):
    """``answer(slate, chosen)`` of every request that chose anything."""
    pairs = zip(slates(seen, k), choices(seen), strict=True)
    return [answer(slate, chosen) if chosen else none for slate, chosen in pairs]


def recall(seen, k):
    return each(seen, k, lambda s, c: sum(hits(s, c)) / len(c))


def calibrated_recall(seen, k):
    return each(seen, k, lambda s, c: sum(hits(s, c)) / min(k, len(c)))


def precision(seen, k):
    return each(seen, k, lambda s, c: sum(hits(s, c)) / k)


def hit(seen, k):
    return each(seen, k, lambda s, c: max(hits(s, c)))


def reciprocal_rank(seen, k):
    def answer(slate, chosen):
        for rank, item in enumerate(slate, 1):
            if item in chosen:
                return 1 / rank
        return 0

    return each(seen, k, answer)


def average_precision(seen, k):
    def answer(slate, chosen):
        total = 0
        for rank, item in enumerate(slate, 1):
            if item in chosen:
                total += sum(hits(slate[:rank], chosen)) / rank
        return total / min(k, len(chosen))

    return each(seen, k, answer)


def gain_of(value, gain):
    value = max(value, 0)
    return {"binary": 1, "linear": value, "exponential": 2**value - 1}[gain]


def discounted(gains):
    return sum(g / math.log2(rank + 1) for rank, g in enumerate(gains, 1))


def dcg(seen, k, gain):
    def answer(slate, chosen):
        return discounted([gain_of(chosen[i], gain) if i in chosen else 0 for i in slate])

    return each(seen, k, answer)


def ndcg(seen, k, gain):
    def ideal(_, chosen):
        gains = sorted((gain_of(value, gain) for value in chosen.values()), reverse=True)
        return discounted(gains[:k])

    pairs = zip(dcg(seen, k, gain), each(seen, k, ideal), strict=True)
    return [got / best if best > 0 else none for got, best in pairs]


def auc(seen, scores):
    """All pairs of a chosen and another candidate, ties half, from the scores (B, N)."""
    out = []
    for row, (past, chosen) in enumerate(
        zip(rows_of(seen.queries.history), choices(seen), strict=True)
    ):
        candidates = [i for i in catalogue(seen) if i not in {item for item, _ in past}]
        above = []
        for i in candidates:
            for j in candidates:
                if i in chosen and j not in chosen:
                    a, b = scores[row, i], scores[row, j]
                    above.append(1 if a > b else 0.5 if a == b else 0)
        out.append(mean(above))
    return out


def mistakes(seen):
    return [p - v for p, v in zip(seen.predicted.tolist(), seen.truth.values.tolist(), strict=True)]


def exposure(seen, k):
    every = [item for row in shown(seen, k) for item in row]
    return [every.count(i) for i in catalogue(seen)]


def coverage(seen, k):
    if not len(seen):
        return none
    return mean(count > 0 for count in exposure(seen, k))


def gini(seen, k):
    """Half the mean difference of two different items, over the mean."""
    counts = exposure(seen, k)
    if len(counts) < 2 or not sum(counts):
        return none
    difference = mean(abs(a - b) for a, b in combinations(counts, 2))
    return difference / 2 / mean(counts)


def novelty(seen, k):
    users, count = max(len(seen.data.log), 1), popularity(seen)
    return [mean(math.log2(users / max(count[i], 1)) for i in row) for row in shown(seen, k)]


def popularity_bias(seen, k):
    users, count = max(len(seen.data.log), 1), popularity(seen)
    return [mean(count[i] / users for i in row) for row in shown(seen, k)]


def serendipity(seen, k):
    count, out = popularity(seen), []
    rows = zip(shown(seen, k), choices(seen), rows_of(seen.queries.history), strict=True)
    for slate, chosen, past in rows:
        had = {item for item, _ in past}
        others = [i for i in catalogue(seen) if i not in had]
        popular = sorted(others, key=lambda i: (-count[i], i))[:k]
        surprises = [i for i in slate if i in chosen and i not in popular and i not in had]
        out.append(len(surprises) / k if chosen else none)
    return out


def kinds(seen, column):
    """The set of categories of each item, empty if it has none."""
    cells = seen.data.catalog.table[column].to_list()
    return [set(c) if isinstance(c, list) else set() if c is None else {c} for c in cells]


def jaccard(a, b):
    return 1 - len(a & b) / len(a | b)


def cosine_of_sets(a, b):
    return 1 - len(a & b) / math.sqrt(len(a) * len(b))


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return 1 - dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def distance(seen, k, features, between):
    out = []
    for row in shown(seen, k):
        described = [features[i] for i in row if features[i] and any(features[i])]
        out.append(mean(between(a, b) for a, b in combinations(described, 2)))
    return out
