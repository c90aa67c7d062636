"""The compiled loops give the order that numpy's give, also where they skip what cannot win."""

import numpy as np
import pytest

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
