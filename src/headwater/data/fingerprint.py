"""A name for the content of a dataset, so that what was made from it can refuse another."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..types import Dataset

__all__ = ["fingerprint"]


def fingerprint(data: Dataset) -> str:
    """SHA-256, in hex, over the ids of users and items in their order, and every event.

    Catalogue, people, impressions and sessions do not count: splits and learned weights speak of
    indices, and those hold as long as ids and events do. Nor does the width of integer ids.

    >>> from headwater.data.toy import checkers
    >>> fingerprint(checkers(4)[0]) == fingerprint(checkers(4)[0])
    True
    """
    log = data.log
    parts: dict[str, NDArray[Any]] = {
        **_ids("users", data.users.values),
        **_ids("items", data.items.values),
        "start": log.start.astype("<i8", copy=False),
        "at": log.items.astype("<i4", copy=False),
        "times": log.times.astype("<i8", copy=False),
        "values": log.values.astype("<f4", copy=False),
        "n_items": np.array([log.n_items], "<i8"),
    }
    if log.kinds is not None:
        parts |= {
            "kinds": log.kinds,
            **_ids("names of kinds", pl.Series(data.kinds, dtype=pl.String)),
        }
    digest = sha256()
    for name, array in parts.items():
        digest.update(f"{name} {array.dtype.kind} {len(array)}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _ids(name: str, values: pl.Series) -> dict[str, NDArray[Any]]:
    if values.dtype.is_integer():
        return {name: values.to_numpy().astype("<i8")}
    texts = values.cast(pl.String)
    return {
        f"lengths of {name}": texts.str.len_bytes().to_numpy().astype("<i8"),
        name: np.frombuffer("".join(texts).encode(), np.uint8),
    }
