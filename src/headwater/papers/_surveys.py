"""Sessions with answers, for the tables and figures of chapter 4."""

from __future__ import annotations

from ..data import sources
from ..simulate.sessions import realistic, trivial
from ..types import Dataset

__all__ = ["data_of"]


def data_of(name: str, seed: int) -> Dataset:
    """Made-up sessions, another draw for each ``seed``, or the source ``name``."""
    if name == "trivial":
        return trivial(seed=seed)
    if name == "realistic":
        return realistic(seed=seed).data
    return sources.load(name)
