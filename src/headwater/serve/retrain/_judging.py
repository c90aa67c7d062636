"""A candidate against the model that answers: the same requests, from a window neither has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np

from ...data.split import PAST, TRAIN, TRUTH, Split, assemble
from ...errors import BadParameter, DataError
from ...evaluation import compare
from ...facade import Progress
from ...model import Recommender
from ...registry import label
from ...registry import metric as metric_called
from ...types import PAD, Dataset, Ints, Mask, Queries, Sessions
from ..translated import Translated
from ._terms import GUARDS, LATENCY

__all__ = ["TooLittle", "judged", "over", "said", "window"]

DAY = 86_400
FAST = 0.01  # seconds that are nobody's concern, whatever the factor
SINGLE = 200  # requests, one at a time
KINDS = ("category", "genres", "topic")  # columns of kinds, for metrics of mixes


class TooLittle(Exception):
    """There is not enough to judge by, and why."""


def window(data: Dataset, *, days: float, seen: int | None, out: Mask | None, least: int) -> Split:
    """What is before the window trains, what is in it is held out; all by the times of the events,
    whatever the clock says.

    It begins after ``seen``, the unix time of the newest event that the live model knows, or
    ``days`` before the newest event if that is later; without a live model, with the last fifth of
    the events at the earliest. ``out`` (N,) are items that may not be recommended. `TooLittle` for
    fewer than ``least`` requests.
    """
    log = data.log
    if not len(log.times) or not log.timed:
        raise TooLittle("there are no events with times to judge by")
    newest = int(log.times.max())
    cut = newest - round(days * DAY) + 1
    if seen is None:
        cut = max(cut, int(np.quantile(log.times, 0.8)))
    elif seen >= newest:
        raise TooLittle(
            f"no event is newer than those that the live model has seen, up to {said(seen)}"
        )
    else:
        cut = max(cut, seen + 1)
    before = log.times < cut
    roles = np.where(before, TRAIN | PAST, TRUTH).astype(np.uint8)
    again = ~before & log.where(before).has(log.rows, log.items)
    gone = ~before & (np.zeros(len(data.items), bool) if out is None else out)[log.items]
    roles[again | gone] = 0
    asking = len(np.unique(log.rows[roles == TRUTH]))
    if asking < least or not before.any():
        raise TooLittle(
            f"{asking:,} people chose something new to them since {said(cut)}, and it takes "
            f"{least:,}" + ("" if before.any() else "; nothing was chosen before it")
        )
    made = assemble(
        data,
        roles,
        now=cut,
        pool=None if out is None else ~out,
        cut=cut,
        name="latest window",
        dropped={
            "held-out events on items of the history": int(again.sum()),
            "held-out events on items that were removed": int((gone & ~again).sum()),
        },
    )
    return replace(made, train=replace(made.train, sessions=_visits(data, made.train, cut)))


def _visits(data: Dataset, train: Dataset, cut: int) -> Sessions | None:
    """The visits of those who train that were over by then, in their numbers there."""
    if data.sessions is None:
        return None
    done = data.sessions[over(data.sessions, cut)]
    user = train.users.encode(data.users.decode(done.user))
    return replace(done, user=user)[np.flatnonzero(user != PAD)]


def over(sessions: Sessions, cut: int) -> Ints:
    """Which of ``sessions`` ended before ``cut``."""
    return np.flatnonzero(sessions.start + sessions.seconds.astype(np.float64) < cut)


def said(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()


def judged(
    candidate: Recommender,
    live: Translated | Recommender,
    split: Split,
    *,
    name: str,
    metric: str,
    tolerance: float,
    guards: Mapping[str, float] | None,
    valued: bool,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Both on the requests of ``split``, by ``metric`` and ``guards``: plain values, with
    ``passed`` and, where it did not, ``reason``."""
    columns = split.train.catalog.table.columns
    asked = _metrics(metric, tolerance, guards, columns, valued=valued)
    found = compare(
        {"candidate": candidate, name: live},
        split,
        [each for each, _ in asked],
        tests=("bootstrap",),
        baseline=name,
        fitted=True,
        seed=seed,
        progress=progress,
    )
    measured = {(row["model"], row["metric"]): row for row in found.table().to_dicts()}
    means = {key: row["mean"] for key, row in measured.items()}
    tests = {row["metric"]: row for row in found.tests().to_dicts()}
    rows = []
    for i, (each, loss) in enumerate(asked):
        what = label(each)
        test = tests.get(what, {})
        pair = means["candidate", what], means[name, what]
        row = {
            "metric": what,
            "role": "guard" if i else "target",
            "candidate": pair[0],
            "candidate_low": measured["candidate", what]["low"],
            "candidate_high": measured["candidate", what]["high"],
            "baseline": pair[1],
            "difference": test.get("difference", None if None in pair else pair[0] - pair[1]),
            "low": test.get("low"),
            "high": test.get("high"),
            "users": test.get("users"),
            "tolerated": loss,
        }
        better = {"high": 1, "low": -1}.get(getattr(each, "best", "none"), 0)
        rows.append({**row, "passed": _target(row, better) if not i else _guard(row, better)})
    factor = (GUARDS if guards is None else guards).get(LATENCY)
    latency = _latency(candidate, live, split.queries, seed)
    against = isinstance(live, Translated)  # popularity, which stands in for it, is no measure
    slow = factor is not None and against and latency["candidate_p95"] > FAST
    slow = slow and latency["candidate_p95"] > (factor or 0) * latency["baseline_p95"]
    why = [_why(row, name) for row in rows if not row["passed"]]
    if slow:
        p95, old = (1000 * latency[f"{each}_p95"] for each in ("candidate", "baseline"))
        why.append(f"its p95 of {p95:.1f} ms is above {factor:g} times the {old:.1f} ms of {name}")
    return {
        "metrics": rows,
        "latency": {**latency, "factor": factor if against else None, "passed": not slow},
        "passed": not why,
        "reason": "; ".join(why),
    }


def _metrics(
    metric: str,
    tolerance: float,
    guards: Mapping[str, float] | None,
    columns: Sequence[str],
    *,
    valued: bool,
) -> list[tuple[Any, float]]:
    """The target and the guards, each with the loss that is tolerated."""
    target: Any = metric_called(metric, k=10)
    if valued and hasattr(target, "gain"):
        target = replace(target, gain="linear")  # what it was worth
    made = [(target, tolerance)]
    if getattr(target, "best", None) not in ("high", "low"):
        raise BadParameter(f"{metric} is neither better high nor better low: not a target")
    kinds = next((each for each in KINDS if each in columns), None)
    for name, loss in (GUARDS if guards is None else guards).items():
        if name == LATENCY:
            continue
        each: Any = metric_called(name, k=10)
        by = getattr(each, "by", None)
        if by is not None and by not in columns:
            if kinds is None and guards is None:
                continue  # nobody asked for it, and no catalogue says what items are
            if kinds is None:
                raise DataError(
                    f"{name} looks at a column of kinds, one of {', '.join(KINDS)}; the catalogue "
                    f"has: {', '.join(columns)}"
                )
            each = replace(each, by=kinds)
        if label(each) in [label(other) for other, _ in made]:
            raise BadParameter(f"{name} is the target, and cannot be a guard as well")
        made.append((each, loss))
    return made


def _target(row: Mapping[str, Any], better: int) -> bool:
    """The mean is not worse beyond what is tolerated, and surely so."""
    if row["difference"] is None or row["low"] is None:
        return False
    end = row["low"] if better > 0 else -row["high"]
    return bool(better * row["difference"] >= -row["tolerated"] and end >= -row["tolerated"])


def _guard(row: Mapping[str, Any], better: int) -> bool:
    """What is better neither high nor low is to stay as it was."""
    gap = row["difference"]
    if gap is None:
        return row["baseline"] is None
    loss = abs(gap) if not better else -better * gap
    return bool(loss <= row["tolerated"])


def _why(row: Mapping[str, Any], name: str) -> str:
    if row["difference"] is None:
        return f"{row['metric']} is not defined for the candidate"
    told = f"{row['metric']} differs from that of {name} by {row['difference']:+.4f}"
    if row["low"] is not None:
        told += f" (95 % interval {row['low']:+.4f} to {row['high']:+.4f})"
    return f"{told}, beyond the tolerated {row['tolerated']:g}"


def _latency(
    candidate: Recommender, live: Translated | Recommender, queries: Queries, seed: int
) -> dict[str, Any]:
    """Seconds of single requests, in turn, so that a busy machine slows both."""
    rng = np.random.default_rng(seed)
    at = rng.integers(len(queries), size=SINGLE)
    theirs, other = queries, live
    if isinstance(live, Translated):
        theirs, other = live.asked(queries), live.fitted.model
    took: dict[str, list[float]] = {"candidate": [], "baseline": []}
    for i in (*at[:5], *at):  # the first few warm up
        for who, model, mine in (("candidate", candidate, queries), ("baseline", other, theirs)):
            one = mine[[i]]
            began = perf_counter()
            model.recommend(one, 10)
            took[who].append(perf_counter() - began)
    parts = {"p50": 50, "p95": 95}
    return {"requests": SINGLE} | {
        f"{who}_{part}": float(np.percentile(times[5:], q))
        for who, times in took.items()
        for part, q in parts.items()
    }
