"""The area under the ROC curve of each request, from the places of what was chosen."""

from __future__ import annotations

import numpy as np

from ..evidence import Evidence
from ..types import Floats, Ints
from ._needs import needed
from ._slots import ratio, sum_by_row


def areas(metric: object, seen: Evidence) -> tuple[Floats, Ints]:  # (B,) each
    """And the number P of chosen candidates.

    Of P chosen ones among C candidates, with places r:  sum (C - r)  candidates are below them, of
    which P (P - 1) / 2 are chosen ones. NaN where all or none were chosen.
    """
    ranks, candidates = needed(metric, seen, "ranks"), needed(metric, seen, "candidates")
    truth = seen.truth
    ranked = np.flatnonzero(~np.isnan(ranks))
    pair = truth.rows[ranked] * truth.n_items + truth.items[ranked]
    once = ranked[np.unique(pair, return_index=True)[1]]  # what was chosen twice has one place
    row = truth.rows[once]
    chosen = np.bincount(row, minlength=len(seen))
    places = sum_by_row(row, ranks[once], len(seen))
    below = chosen * candidates - places - chosen * (chosen - 1) / 2
    return ratio(below, chosen * (candidates - chosen)), chosen
