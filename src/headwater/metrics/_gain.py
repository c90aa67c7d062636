"""What a slot is worth, and what the best order would have been worth: for DCG and NDCG.

    gain "binary": g = 1 for what was chosen;  "linear": g = its value;  "exponential": 2^value - 1

What was chosen more than once has the sum of its values; below 0 a value counts as 0.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from ..errors import BadParameter, DataError
from ..evidence import Evidence
from ..types import Floats
from ._slots import sum_by_row

Gain = Literal["binary", "linear", "exponential"]


def check_gain(metric: object, gain: str) -> None:
    if gain not in get_args(Gain):
        have = ", ".join(get_args(Gain))
        raise BadParameter(f"{type(metric).__name__}: gain must be one of {have}; got {gain!r}")


def worth(values: Floats, gain: Gain) -> Floats:
    """Gains of chosen items from their values."""
    if gain == "binary":
        return np.ones(len(values))
    values = np.maximum(values.astype(np.float64), 0)
    if gain == "linear":
        return values
    if values.max(initial=0) > 1000:
        raise DataError(
            "gain 'exponential' is 2^value - 1, for grades of a few units, and something here "
            f"has the value {values.max():g}: take gain 'linear', or make grades of the values"
        )
    return np.exp2(values) - 1


def discounts(depth: int) -> Floats:  # (depth,)
    """What a place is worth: 1 / log2(rank + 1)."""
    places: Floats = np.log2(np.arange(2, depth + 2))
    return 1 / places


def dcg(seen: Evidence, k: int, gain: Gain) -> Floats:  # (B,)
    """The discounted gain of the first k slots."""
    found = seen.found[:, :k]
    row, slot = np.nonzero(seen.hits[:, :k])
    gained = worth(seen.chosen.data, gain)[found[row, slot]]
    each = gained * discounts(found.shape[1])[slot]
    return sum_by_row(row, each, len(seen))


def ideal_dcg(seen: Evidence, k: int, gain: Gain) -> Floats:  # (B,)
    """The discounted gain of the best k slots that were possible."""
    depth = min(k, int(seen.wanted.max(initial=0)))
    if gain == "binary":
        upto = np.append(0, np.cumsum(discounts(depth)))  # (depth + 1,)
        best: Floats = upto[np.minimum(seen.wanted, depth).astype(int)]
        return best
    chosen = seen.chosen
    row = np.repeat(np.arange(len(seen)), np.diff(chosen.indptr))
    order = np.lexsort((-chosen.data, row))
    place = np.arange(len(row)) - chosen.indptr[row]
    keep = place < depth
    each = worth(chosen.data[order[keep]], gain) * discounts(depth)[place[keep]]
    return sum_by_row(row[keep], each, len(seen))
