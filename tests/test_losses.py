"""Losses of rankings against sums written out."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headwater.losses import listwise, pairwise, pointwise  # noqa: E402

RNG = np.random.default_rng(0)
S = RNG.normal(size=(5, 6)) * 2
THERE = np.array([6, 5, 3, 1, 0])[:, None] > np.arange(6)
Y = ((RNG.random((5, 6)) < 0.4) & THERE).astype(float)
Y[1] = 0  # nobody clicked
Y[2, :3] = 1  # everything was
W = RNG.random((5, 6)) + 0.5


def given(weights):
    tensors = [torch.from_numpy(each) for each in (S, Y, THERE)]
    return (*tensors, torch.from_numpy(W) if weights else None)


@pytest.mark.parametrize("weights", [False, True])
def test_pointwise(weights):
    p = 1 / (1 + np.exp(-S))
    each = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)) * (W if weights else 1)
    assert pointwise(*given(weights)).item() == pytest.approx(each[THERE].mean())


@pytest.mark.parametrize("weights", [False, True])
def test_pairwise(weights):
    requests = []
    for b in range(5):
        pairs = [
            np.log(1 + np.exp(S[b, j] - S[b, i])) * (W[b, i] if weights else 1)
            for i in range(6)
            for j in range(6)
            if THERE[b, i] and THERE[b, j] and Y[b, i] == 1 and Y[b, j] == 0
        ]
        requests += [np.mean(pairs)] if pairs else []
    assert pairwise(*given(weights)).item() == pytest.approx(np.mean(requests))


@pytest.mark.parametrize("weights", [False, True])
def test_listwise(weights):
    requests = []
    for b in range(5):
        total = np.exp(S[b][THERE[b]]).sum()
        terms = [
            -np.log(np.exp(S[b, i]) / total) * (W[b, i] if weights else 1)
            for i in range(6)
            if Y[b, i] == 1
        ]
        requests += [np.mean(terms)] if terms else []
    assert listwise(*given(weights)).item() == pytest.approx(np.mean(requests))


@pytest.mark.parametrize("loss", [pointwise, pairwise, listwise])
def test_half_precision_and_nothing_to_learn(loss):
    s, y, there, _ = given(weights=False)
    half = loss(s.bfloat16(), y.float(), there)
    assert half.dtype == torch.float32
    s = s.clone().requires_grad_()
    loss(s, torch.zeros_like(y), there).backward()
    assert torch.isfinite(s.grad).all()
