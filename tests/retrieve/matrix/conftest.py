import numpy as np
import pytest
import torch


@pytest.fixture
def double():
    """Nets and losses in float64, so that formulas can be compared to the last digits."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def drawn(monkeypatch):
    """The noise that a loss draws, in its order, as arrays."""
    rng = np.random.default_rng(3)
    seen = []

    def randn_like(x):
        seen.append(rng.normal(size=tuple(x.shape)))
        return torch.tensor(seen[-1], dtype=x.dtype)

    monkeypatch.setattr(torch, "randn_like", randn_like)
    return seen


@pytest.fixture
def no_chance(monkeypatch):
    """Whatever draws noise or leaves something out fails."""

    def draws(*_, **__):
        raise AssertionError("chance where there must be none")

    for name in ("randn_like", "randn", "rand_like", "bernoulli", "normal"):
        monkeypatch.setattr(torch, name, draws)
    monkeypatch.setattr("headwater.nets.dropout", draws)
