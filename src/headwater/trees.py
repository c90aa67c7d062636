"""Boosted trees of XGBoost, as bytes that can be saved: no pickle."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

__all__ = ["booster", "kept"]


def kept(trees: Any) -> NDArray[np.uint8]:
    """A booster in XGBoost's own JSON."""
    return np.frombuffer(bytes(trees.save_raw("json")), np.uint8).copy()


def booster(kept: NDArray[np.uint8], threads: int) -> Any:
    """The booster again; reading it takes far longer than to ask it, so the latest are at hand."""
    return _read(kept.tobytes(), threads)


@lru_cache(maxsize=8)
def _read(trees: bytes, threads: int) -> Any:
    found = xgboost.Booster({"nthread": threads})
    found.load_model(bytearray(trees))
    return found
