"""The columns of the evidence that are filled only for metrics that ask for them."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from ..evidence import Evidence
from ..types import Floats


def needed(metric: object, seen: Evidence, name: str) -> Floats:
    """The column ``name`` of the evidence, or an error that says what is missing."""
    column: Floats | None = getattr(seen, name)
    if column is None:
        raise DataError(
            f"{type(metric).__name__} needs the column {name!r}, which this evidence lacks; "
            "`evaluate` fills it in for a recommender that scores every item"
        )
    return column


def mistakes(metric: object, seen: Evidence) -> Floats:  # (truth events,)
    """Predicted minus given value, of every event."""
    predicted = needed(metric, seen, "predicted").astype(np.float64)
    if np.isnan(predicted).any():
        raise DataError(
            f"{type(metric).__name__} got NaN as a prediction; a score may be -inf, never NaN"
        )
    return predicted - seen.truth.values
