"""Whether something draws from the random numbers that everybody shares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def no_global_chance() -> Iterator[None]:
    """Fails if numpy's or torch's global generator was used inside."""
    torch = sys.modules.get("torch")
    state = str(np.random.get_state(legacy=False))  # noqa: NPY002
    torch_state = torch.get_rng_state().tolist() if torch else None
    yield
    assert state == str(np.random.get_state(legacy=False))  # noqa: NPY002
    assert not torch or torch_state == torch.get_rng_state().tolist()
