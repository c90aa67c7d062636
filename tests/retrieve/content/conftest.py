import pytest
import torch
from news_in_numpy import columns


@pytest.fixture
def thin(monkeypatch):
    """Dropout leaves out columns that are known."""
    for file in ("_news", "nrms"):
        monkeypatch.setattr(f"headwater.retrieve.content.{file}.dropout", columns)


@pytest.fixture
def hidden(monkeypatch):
    """Of a batch of five the first and the fourth are hidden while training, if half are."""
    drawn = torch.tensor([0.1, 0.9, 0.9, 0.3, 0.9], dtype=torch.float64)
    rand = torch.rand

    def known(shape, **how):
        return drawn if tuple(shape) == (5,) else rand(shape, **how)

    monkeypatch.setattr(torch, "rand", known)
