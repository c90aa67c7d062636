"""What a model would have earned on what was shown already, before anybody is shown it.

Of every slot that was filled by chance, with the propensity p of what came into it:

    w = [ the candidate would have put the same item there ] / p,    value = sum w r / sum w

r is 1 for a click (`evaluation.off_policy`, "snips"). What would have been put there is asked of
the candidate with the person's history as it was at the request.

Differs: the propensity of a slot is given what stands above it, and where the candidate's item
         stands above it already, the log has no chance for it; such slots weigh 0, and the value
         is of the others.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadParameter, DataError
from ...evaluation import Decisions, Value, decisions, off_policy
from ...model import Recommender
from ...types import PAD, Dataset, Ints, Slate
from ..events import instant
from ..shelf import usable
from ..store import Store
from ..translated import Translated
from ._result import plain_values

__all__ = ["BeforeLaunch", "before_launch", "version_before_launch"]

SURE = 1 - 1e-6  # a propensity from here on was no draw
LEAST = 100.0  # rows of equal weight that an estimate has to be worth, to be said without a warning
ROWS = 1024  # requests that the candidate is asked at once
EXPLORE = (
    "let some of what is shown be drawn, and log how likely it was: a flow that ends in "
    "rerank.plackett_luce does both; a low temperature costs few clicks"
)


@dataclass(frozen=True)
class BeforeLaunch:
    """``value`` is clicks per drawn slot, were the candidate asked; None where the log says nothing
    of it. ``logged``, from ``low`` to ``high``, is what the same slots did earn."""

    value: Value | None
    logged: float
    low: float
    high: float
    slots: int  # that were drawn
    fixed: int  # that were not: of them the log knows only what was shown
    agreed: float  # share of the drawn slots in which the candidate has the item that was shown
    advice: str

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON; what is infinite or not known is None."""
        found: dict[str, Any] = plain_values(asdict(self))
        return found


def before_launch(
    data: Dataset, candidate: Recommender, *, filter_seen: bool = True, most: float | None = None
) -> BeforeLaunch:
    """What ``candidate`` would have earned on the impressions of ``data``.

    It is to be fitted on what was known before those impressions, with the items numbered as in
    ``data``, and to draw nothing itself: of a flow with an exploring stage, take the flow without.
    ``filter_seen`` as for `Recommender.recommend`; weights above ``most`` are taken to be ``most``.

    `DataError` without impressions, or without their propensities; `BadParameter` for a candidate
    that draws.
    """
    shown = data.impressions
    if shown is None or not len(shown):
        raise DataError("nothing that was shown is in these data: before_launch needs impressions")
    log = decisions(shown)
    row, slot = np.nonzero(shown.slate.filled)
    width = shown.slate.items.shape[1]
    wanted = _asked(shown.queries, candidate, width, filter_seen)[row, slot]
    user = shown.queries.user[row]
    groups = np.where(user == PAD, -2 - row, user)  # somebody unknown is somebody else each time
    drawn = np.asarray(log.propensity) < SURE
    fixed, n = int((~drawn).sum()), int(drawn.sum())
    same = wanted == log.actions
    low, high, logged = _earned(log, groups, drawn if n else np.ones_like(drawn))
    agreed = float(same[drawn].mean() if n else same.mean())

    def told(value: Value | None, advice: str) -> BeforeLaunch:
        return BeforeLaunch(value, logged, low, high, n, fixed, agreed, advice)

    if not n:
        return told(
            None,
            f"No estimate: in all {fixed:,} slots nothing was drawn (propensity 1), "
            f"and nobody knows what people would have done with other items; {EXPLORE}.",
        )
    if not same[drawn].any():
        return told(
            None,
            f"No estimate: in none of the {n:,} slots that were drawn is the candidate's item what "
            f"was shown, so the log says nothing of it; draw more widely, or longer: {EXPLORE}.",
        )
    hit = same[drawn].astype(np.float64)
    seen = Decisions(
        rewards=np.asarray(log.rewards)[drawn],
        propensity=np.asarray(log.propensity)[drawn],
        actions=np.zeros(n, np.int64),  # 0 is what was shown, 1 all else
        groups=groups[drawn],
    )
    value = off_policy(seen, np.column_stack([hit, 1 - hit]), "snips", most=most)
    never = ~np.isin(wanted[drawn], np.asarray(log.actions)[drawn])
    value = replace(value, unsupported=float(never.mean()))
    return told(value, _advice(value, logged, n))


def version_before_launch(
    store: Store, folder: str | Path, *, most: float | None = None
) -> BeforeLaunch:
    """`before_launch` of the model in ``folder``, on what ``store`` has shown since that learned.

    `DataError` if there is nothing since then.
    """
    fitted = usable(folder)
    data = store.dataset()
    shown = data.impressions
    newest = int(fitted.data.log.times.max(initial=0))
    if fitted.data.impressions is not None:
        newest = max(newest, int(fitted.data.impressions.queries.now.max(initial=0)))
    none = np.zeros(0, np.int64)
    later = none if shown is None else np.flatnonzero(shown.queries.now > newest)
    if shown is None or not len(later):
        raise DataError(
            f"nothing was shown since {instant(newest * 1_000_000).isoformat()}, when {folder} had "
            "learned: on what it has seen its own success proves nothing"
        )
    data = replace(data, impressions=shown[later])
    return before_launch(data, Translated(fitted, data), most=most)


def _asked(queries: Any, candidate: Recommender, width: int, filter_seen: bool) -> Ints:  # (B, K)
    parts = []
    for some in queries.chunks(ROWS):
        slate: Slate = candidate.recommend(some, width, filter_seen=filter_seen)
        if slate.propensity is not None and (slate.propensity[slate.filled] < SURE).any():
            raise BadParameter(
                "the candidate draws what it shows, and one draw does not say how likely others "
                "are: give the flow without its exploring stage"
            )
        short = width - slate.items.shape[1]
        parts.append(np.pad(slate.items, ((0, 0), (0, short)), constant_values=PAD))
    return np.concatenate(parts)


def _earned(log: Decisions, groups: Ints, rows: Any) -> tuple[float, float, float]:
    """Low and high end, and the mean, of the clicks of these ``rows``, people held together."""
    always = np.column_stack([np.ones(int(rows.sum())), np.zeros(int(rows.sum()))])
    as_it_was = Decisions(
        rewards=np.asarray(log.rewards)[rows],
        propensity=np.ones(len(always)),
        actions=np.zeros(len(always), np.int64),
        groups=groups[rows],
    )
    found = off_policy(as_it_was, always, "snips")
    return found.low, found.high, found.mean


def _advice(value: Value, logged: float, n: int) -> str:
    ends = f"{value.low:.3g} to {value.high:.3g}"
    said = f"{value.mean:.3g} clicks a slot ({ends}), where {logged:.3g} were logged"
    if value.effective < LEAST or not np.isfinite(value.low):
        return (
            f"Not to be relied on: {said}, but the {n:,} drawn slots are worth only "
            f"{value.effective:.0f} of this candidate's own, and {LEAST:.0f} are the least; log "
            "for longer, or draw more widely."
        )
    off = abs(value.weight + value.cut - 1)
    warn = ""
    if off > 0.2:
        warn = (
            f" The weights have the mean {value.weight + value.cut:.2g} where 1 is right: the "
            "candidate often wants what could not have been drawn, or propensities are wrong."
        )
    if value.low > logged:
        return f"Better, so far as the log can tell: {said}; make it an experiment.{warn}"
    if value.high < logged:
        return f"Worse, so far as the log can tell: {said}; think twice before an experiment.{warn}"
    return f"Not to be told apart from what was shown: {said}.{warn}"
