"""Which method produced a slot: the one bookkeeping that recommenders of recommenders share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..model import Recommender
from ..types import PAD, Slate

__all__ = ["merged"]


def merged(
    parts: Sequence[tuple[Recommender, Slate]],
) -> tuple[list[NDArray[np.int8]], tuple[str, ...]]:
    """The path of every slot of every slate, (B, K) int8, in one common list of addresses.

    A slate that knows its own paths keeps them; the slots of any other are its recommender's.
    """
    names: list[str] = []
    codes = []
    for recommender, slate in parts:
        own = slate.paths or (getattr(recommender, "address", type(recommender).__name__),)
        names += [name for name in own if name not in names]
        number = np.array([names.index(name) for name in own] + [PAD], np.int8)  # -1 finds the PAD
        path = slate.path if slate.path is not None else np.zeros(slate.items.shape, np.int8)
        codes.append(np.where(slate.filled, number[path], PAD).astype(np.int8))
    return codes, tuple(names)
