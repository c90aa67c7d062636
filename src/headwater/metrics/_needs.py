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
        can = "says chances" if name == "chances" else "scores every item"
        raise DataError(
            f"{type(metric).__name__} needs the column {name!r}, which this evidence lacks; "
            f"`evaluate` fills it in for what {can}"
        )
    return column


def mistakes(metric: object, seen: Evidence) -> Floats:  # (n,)
    """Predicted minus given value, of every event that was a candidate."""
    predicted = needed(metric, seen, "predicted").astype(np.float64)
    known = ~np.isnan(predicted)
    return predicted[known] - seen.truth.values[known]
