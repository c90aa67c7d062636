"""A value for each request, and why some have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ..divergence import DAY
from ..errors import DataError, HeadwaterError, MissingColumn
from ..evidence import Evidence, Metric
from ..metrics._divergence import FromContext, Mixed
from ..metrics._slots import ratio
from ..metrics.calibration import Calibration
from ..metrics.fragmentation import Fragmentation
from ..metrics.platform_distance import PlatformDistance
from ..registry import label
from ..types import Floats, Ints, Mask

__all__ = ["DAY", "causes", "compares", "pull", "taken", "valued"]


COMPARE = (Fragmentation, PlatformDistance)  # what looks at the lists of others


def compares(metric: Metric) -> bool:
    """Whether it compares lists with each other: those of one period, as those of other days were
    chosen from other news."""
    return isinstance(metric, COMPARE)


def pull(metric: Metric) -> float:
    """How much more than a value of its own somebody moves the mean: of pairs, twice."""
    return 2.0 if isinstance(metric, Fragmentation) else 1.0


def valued(metric: Metric, seen: Evidence, when: Ints, name: str) -> Floats:  # (B,)
    """The metric of each request, NaN where it has none; ``when`` (B,) is the period of each."""
    out = np.full(len(seen), np.nan)
    try:
        for rows, mine in _parts(metric, seen, when):
            found = _values(metric, taken(seen, rows) if len(rows) < len(seen) else seen)
            if found.ndim == 0:
                raise DataError(
                    f"{label(metric)} is one number for all requests; norms take what each has"
                )
            out[rows[mine]] = found[mine]
    except MissingColumn as error:
        raise DataError(
            f"target {name!r}, {label(metric)}: {error}; add the column (headwater enrich), or "
            f"leave the target out: {name}: null"
        ) from None
    except HeadwaterError as error:
        raise DataError(f"target {name!r}, {label(metric)}: {error}") from None
    return out


def _values(metric: Metric, seen: Evidence) -> Floats:
    if not isinstance(metric, Fragmentation):
        return np.asarray(metric(seen), np.float64)
    b = len(seen)
    total, number = np.zeros(b), np.zeros(b)
    for one, other, value in metric.compared(seen):
        for end in (one, other):  # a request has its part in the pairs of others, too
            total += np.bincount(end, value, minlength=b)
            number += np.bincount(end, minlength=b)
    return ratio(total, number)


def _parts(metric: Metric, seen: Evidence, when: Ints) -> Iterator[tuple[Ints, Mask]]:
    """Rows that are looked at together, and which of them are asked for."""
    if not compares(metric):
        yield np.arange(len(seen)), np.ones(len(seen), bool)
        return
    window = getattr(metric, "window", None)
    for period in np.unique(when):
        mine = when == period
        near = mine
        if window is not None:  # what its people were shown before belongs to their lists
            now = seen.queries.now
            near = (now > now[mine].min() - window * DAY) & (now <= now[mine].max())
        rows = np.flatnonzero(near)
        yield rows, mine[rows]


def taken(seen: Evidence, rows: Ints) -> Evidence:
    """The evidence of some requests."""
    return replace(
        seen,
        queries=seen.queries[rows],
        slate=seen.slate[rows],
        truth=seen.truth[rows],
        offered=None if seen.offered is None else seen.offered[rows],
    )


def causes(metric: Metric, seen: Evidence, undefined: Mask) -> dict[str, int]:
    """How many of the ``undefined`` (B,) have no value for which reason, the first that holds."""
    left = undefined.copy()
    out: dict[str, int] = {}

    def told(where: Mask, why: str) -> None:
        nonlocal left
        many = int((left & where).sum())
        if many:
            out[why] = many
        left = left & ~where

    k = getattr(metric, "k", None)
    told(np.asarray(~seen.slate.filled[:, :k].any(1)), "the list is empty")
    mixed: object = metric
    if isinstance(mixed, Mixed):
        _of_mixes(mixed, seen, told)
    told(left, "there is nobody to compare with" if compares(metric) else "the metric has no value")
    return out


def _of_mixes(metric: Mixed, seen: Evidence, told: Callable[[Mask, str], None]) -> None:
    made, keep = metric.feature(seen), metric.keep(seen)
    known = made.known.astype(np.float64)
    b = len(seen)
    bare = np.zeros((4, b), bool)  # list, list known, context, context known
    spread = np.ones(b, bool)
    at = 0
    for part, bag in metric.parts(seen):
        rows = slice(at, at + len(part))
        at += len(part)
        bare[0, rows] = np.diff(bag.indptr) == 0
        bare[1, rows] = bag @ known == 0
        if isinstance(metric, FromContext):
            context = metric.context(part, keep)
            bare[2, rows] = np.diff(context.indptr) == 0
            bare[3, rows] = context @ known == 0
            if made.numbers is not None and not isinstance(made.edges, tuple):
                p, _ = made.mixes(context, bag)
                spread[rows] = np.diff(p.indptr) > 0
    only = "" if metric.only is None else f" with {metric.only[0]} {metric.only[1]}"
    read = isinstance(metric, Calibration)
    where = "the history" if read else "what it was chosen from"
    told(bare[0], f"nothing{only} is in the list")
    told(bare[1], f"no {metric.by} known of anything{only} in the list")
    told(bare[2], f"nobody knows what was chosen before{only and f', {only.strip()}'}"
         if read else f"nothing{only} could be chosen from")  # fmt: skip
    told(bare[3], f"no {metric.by} known of anything{only} in {where}")
    told(~spread, f"{where} has no two different values of {metric.by}")
