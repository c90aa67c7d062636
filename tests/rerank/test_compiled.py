"""The compiled loops give the order that numpy's give, also where they skip what cannot win."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from textbook import lists, world

pytest.importorskip("numba")

from headwater.registry import build
from headwater.rerank import _greedy

WAYS = {
    "mmr": [{"trade": 0.7}, {"trade": 0.05}, {"trade": 1.0}],
    "interest_mmr": [{"diversity": 0.5}, {"diversity": 5.0}],
    "dpp": [
        {"theta": theta, "window": window, "positive": positive}
        for theta in (0.0, 0.7, 0.999)
        for window in (None, 1, 2, 7)
        for positive in (False, True)
    ],
    "gsp": [{"gamma": 0.1}, {"gamma": 3.0}],
    "ssd": [
        {"volume": volume, "window": window, "gamma": gamma, "bias": bias}
        for volume in ("product", "residual")
        for window in (1, 2, 7, 100)
        for gamma in (0.3, 30.0)
        for bias in (True, False)
    ],
}
CASES = [(name, how) for name, hows in WAYS.items() for how in hows]


@pytest.mark.parametrize(("name", "how"), CASES, ids=lambda each: str(each))
@pytest.mark.parametrize("d", [8, 24])
def test_the_same_order(name, how, d, way, monkeypatch):
    if way == "numpy":
        pytest.skip("compares both ways itself")
    rng = np.random.default_rng(d)
    b, n, k = 6, 40, 25
    x = rng.normal(size=(b, n, d))
    x[:, 5:9] = x[:, 1:5]  # twice the same
    x /= np.linalg.norm(x, axis=2, keepdims=True)
    x[:, 11] = 0  # nobody knows what it is
    relevance = rng.random((b, n)).round(1)  # with ties
    relevance[2] = 0
    filled = np.arange(n) < np.array([40, 40, 40, 30, 1, 0])[:, None]
    relevance *= filled
    relevance[0, 3:20:3] = _greedy.LOWEST
    x = (x * filled[:, :, None]).astype(np.float32)
    interest = rng.normal(size=(b, d))
    model = build(name, **how)
    fast = model.picks(x, relevance, interest, filled, k)
    monkeypatch.setattr(_greedy, "find_spec", lambda name: None)  # noqa: ARG005
    np.testing.assert_array_equal(fast, model.picks(x, relevance, interest, filled, k))


@pytest.mark.parametrize("divergence", ["jensen_shannon", "kl", "hellinger", "total_variation"])
@pytest.mark.parametrize("to", ["history", "pool", "platform"])
@pytest.mark.parametrize(("low", "high", "window"), [(0, 0, None), (0.3, 0.5, None), (0, 0, 30)])
def test_the_same_mix(divergence, to, low, high, window, way, monkeypatch):
    if way == "numpy":
        pytest.skip("compares both ways itself")
    data = world(seed=3)
    times = 86_400 * np.random.default_rng(0).integers(1, 60, len(data.log.items))
    data = replace(data, log=replace(data.log, times=times))
    queries, slate = lists(data, seed=3)
    queries = replace(queries, now=np.full(len(queries), 60 * 86_400))
    model = build(
        "radio", by="genres", to=to, trade=0.8, low=low, high=high, divergence=divergence,
        window=window, k=9,
    ).fit(data)  # fmt: skip
    for column in ("genres", "length"):
        model = replace(model, by=column).fit(with_length(data))
        fast = model(queries, slate)
        with monkeypatch.context() as slow:
            slow.setattr(_greedy, "find_spec", lambda name: None)  # noqa: ARG005
            np.testing.assert_array_equal(fast.items, model(queries, slate).items)
        assert (fast.items != slate.items).any()


def with_length(data):
    """With a column of numbers, which some items lack."""
    n = len(data.items)
    length = np.random.default_rng(1).random(n).round(2)
    table = data.catalog.table.with_columns(
        length=pl.Series([None if i % 7 == 0 else each for i, each in enumerate(length)])
    )
    return replace(data, catalog=replace(data.catalog, table=table))
