"""From lists and norms to verdicts.

A person u has the mean v_u of the values of their requests, and c_u that of lists by chance. A
target that is a word of the levels is met where v_u - f c_u is, on average, on the right side of 0
for both factors f of the word; one that is a range, where v_u is on the right side of both ends.
Means are over people, and so are their intervals, by Student's t; of people all alike, whose
values tell nothing of a spread, it reaches as far as people who were not met may move the mean.
Fragmentation is of pairs, so a person moves it twice as much (Hoeffding 1948); the interval is that
of `Fragmentation.interval`, people in place of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from scipy import special

from ..errors import BadParameter, DataError, MissingColumn
from ..evidence import Evidence, Metric
from ..metrics._slots import ratio
from ..types import PAD, Floats, Ints, Mask
from ._chance import by_chance
from ._file import Ends, Norms, Target
from ._measure import DAY, causes, pull, valued
from ._result import FEWEST, Checked, Finding, Part

__all__ = ["checked", "known_period"]

PERIODS = ("auto", "day", "week", "none")
UNKNOWN = "unknown"
MOST = 60  # days that are shown one by one
DIALS = ("divergence", "discount", "alpha", "only", "bins", "edges", "window", "half_life")
KINDS = 12  # different numbers of a column that are groups of their own
Progress = Callable[[str, int, int], None]


def checked(
    norms: Norms,
    seen: Evidence,
    *,
    segments: Mapping[str, pl.Series],
    period: str,
    seed: int,
    progress: Progress | None,
) -> Checked:
    """`Norms.check`."""
    if not len(seen):
        raise DataError("there is no request to check against norms")
    for name, column in segments.items():
        if len(column) != len(seen):
            raise DataError(
                f"segment {name!r} has {len(column):,} values for {len(seen):,} requests"
            )
    now = seen.queries.now
    period, when = _periods(now, period)
    grouped = {
        (name, begin): _groups(name, begin, seen, segments)
        for target in norms.targets
        for name, begin in target.segments.items()
    }
    user = seen.queries.user
    who = np.where(user == PAD, user.max(initial=0) + 1 + np.arange(len(user)), user)
    who = np.unique(who, return_inverse=True)[1]
    steps = len(norms.targets) * (1 + norms.draws)
    values, done = {}, 0

    def told() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress("norms", done, steps)

    for target in norms.targets:
        values[target.name] = valued(target.metric, seen, when, target.name)
        told()
    chance = _chances(norms, seen, when, seed, told)
    findings = []
    for target in norms.targets:
        v, c = values[target.name], chance.get(target.name)
        why = causes(target.metric, seen, np.isnan(v))
        if c is not None:
            alone = np.isnan(c) & ~np.isnan(v)
            if alone.any():
                why["lists by chance have no value"] = int(alone.sum())
            v = np.where(alone, np.nan, v)
        mine = {name: grouped[name, begin] for name, begin in target.segments.items()}
        findings.append(_finding(target, norms, v, c, who, mine, when, period, why))
    timed = now.any()
    return Checked(
        norms=norms.name,
        model=norms.model,
        period=period,
        requests=len(seen),
        people=int(who.max()) + 1,
        first=_day(int(now.min())) if timed else None,
        last=_day(int(now.max())) if timed else None,
        levels=norms.levels,
        draws=norms.draws,
        seed=seed,
        findings=tuple(findings),
    )


def _chances(
    norms: Norms, seen: Evidence, when: Ints, seed: int, told: Callable[[], None]
) -> dict[str, Floats]:
    """Of the targets that are words, the mean over draws of each request's value by chance."""
    asked = [target for target in norms.targets if isinstance(target.wanted, str)]
    if not asked:
        return {}
    deep = [getattr(target.metric, "k", None) for target in asked]
    if all(k is not None for k in deep):
        seen = replace(seen, slate=seen.slate.top(max(k for k in deep if k is not None)))
    total = {target.name: np.zeros(len(seen)) for target in asked}
    number = {target.name: np.zeros(len(seen)) for target in asked}
    for slate in by_chance(seen, norms.draws, seed):
        drawn = replace(seen, slate=slate)
        for target in asked:
            found = valued(target.metric, drawn, when, target.name)
            total[target.name] += np.nan_to_num(found)
            number[target.name] += ~np.isnan(found)
            told()
    return {name: ratio(total[name], number[name]) for name in total}


def _finding(
    target: Target,
    norms: Norms,
    v: Floats,
    c: Floats | None,
    who: Ints,
    segments: Mapping[str, tuple[Ints, list[str]]],
    when: Ints,
    period: str,
    why: Mapping[str, int],
) -> Finding:
    ends = norms.levels[target.wanted] if isinstance(target.wanted, str) else target.wanted

    def part(name: str, rows: Mask, *, column: str = "", of: int = 1) -> Part:
        return _part(target, ends, v, c, who, rows, name, column, of)

    every = np.ones(len(v), bool)
    by_segment = [
        part(group, code == at, column=name, of=shown)
        for name, (code, groups) in segments.items()
        for shown in [_told_of(code, np.where(np.isnan(v), PAD, who))]
        for at, group in enumerate(groups)
    ]
    first = [] if period == "none" else np.unique(when).tolist()
    by_period = [part(_name(each), when == each) for each in first]
    groups = {
        (name, group): _known(_by_person(np.where(code == at, v, np.nan), who))
        for name, (code, called) in segments.items()
        for at, group in enumerate(called)
    }
    return Finding(
        name=target.name,
        metric=target.said,
        address=type(target.metric).__module__.split(".", 1)[1],
        by=str(getattr(target.metric, "by", "")),
        wanted=target.wanted if isinstance(target.wanted, str) else "range",
        why=target.why,
        dials={name: value for name, value in _own(target.metric) if name in DIALS},
        least=target.defined,
        bounds=target.bounds,
        whole=part("all", every),
        segments=tuple(by_segment),
        periods=tuple(by_period),
        undefined=dict(why),
        people=_known(_by_person(v, who)),
        groups=groups,
    )


def _part(
    target: Target,
    ends: Ends,
    v: Floats,
    c: Floats | None,
    who: Ints,
    rows: Mask,
    name: str,
    column: str,
    of: int,
) -> Part:
    """The verdict of the requests ``rows`` (B,), whose interval is for ``of`` parts together."""
    asked, some = int(rows.sum()), rows & ~np.isnan(v)
    defined = int(some.sum())
    known = np.unique(who[some])
    least, most = target.bounds
    low, high = ends

    def made(verdict: str, **numbers: Any) -> Part:
        numbers |= {"asked": asked, "defined": defined, "people": len(known)}
        return Part(name=name, column=column, verdict=verdict, **numbers)

    if len(known) < FEWEST:
        ranged = ends if c is None else (None, None)
        return made(
            "undecided",
            why=f"fewer than {FEWEST} people have a value",
            range_low=ranged[0],
            range_high=ranged[1],
            **dict.fromkeys(("mean", "low", "high", "chance", "in_range")),
            by=0.0,
        )
    mine = _by_person(v[some], np.searchsorted(known, who[some]))
    luck = None if c is None else _by_person(c[some], np.searchsorted(known, who[some]))
    mean, half = _around(mine, pull(target.metric), of, most - least)
    inside = np.ones(len(mine), bool)
    sure_in, sure_out, off = True, False, 0.0
    edges: list[float | None] = []
    for side, end in ((1.0, low), (-1.0, high)):
        if end is None or (c is None and (end <= least if side > 0 else end >= most)):
            edges.append(end)  # nothing can be beyond it
            continue
        line = np.full(len(mine), end) if luck is None else end * luck
        over = side * (mine - line)  # at least 0 is in the range
        reach = most - least if luck is None else 0.0  # chance tells what values may be
        middle, around = _around(over, pull(target.metric), of, reach)
        sure_in &= middle - around >= -ROUNDING
        sure_out |= middle + around < -ROUNDING
        if middle < -ROUNDING:
            off = side * middle
        inside &= over >= -ROUNDING
        edges.append(float(np.clip(line.mean(), least, most)))
    verdict, why = ("missed", "") if sure_out else ("met", "") if sure_in else ("undecided", "")
    if verdict == "undecided":
        why = "too near an end of the range to tell"
    if defined < target.defined * asked:
        verdict = "undecided"
        why = f"{defined:,} of {asked:,} requests have a value, and {target.defined:.0%} must"
    return made(
        verdict,
        why=why,
        mean=mean,
        low=float(np.clip(mean - half, least, most)),
        high=float(np.clip(mean + half, least, most)),
        range_low=edges[0],
        range_high=edges[1],
        chance=None if luck is None else float(luck.mean()),
        by=off,
        in_range=float(inside.mean()),
    )


def _told_of(code: Ints, who: Ints) -> int:
    """How many groups have people enough to be told of: what an interval is for, together."""
    some = who != PAD
    n = int(who.max(initial=0)) + 1
    group = np.unique(code[some] * n + who[some]) // n
    return max(1, int((np.bincount(group) >= FEWEST).sum()))


def _around(values: Floats, pulled: float, of: int, reach: float) -> tuple[float, float]:
    """The mean, and how far its 95 % interval reaches to either side.

    Of n people who are all alike a share up to 1 - 0.025^(1/n) of all may be others, and each of
    these be as far off as ``reach``, the most that two values can be apart."""
    n = len(values)
    if np.ptp(values) <= ROUNDING:
        others = 1 - (0.025 / of) ** (1 / n)
        return float(values.mean()), reach * others if np.isfinite(reach) else 0.0
    wide = special.stdtrit(n - 1, 1 - 0.025 / of)
    return float(values.mean()), float(wide * pulled * values.std(ddof=1) / np.sqrt(n))


def _own(metric: Metric) -> list[tuple[str, Any]]:
    """What is set of a metric otherwise than it is by itself."""
    kind = type(metric)
    have: dict[str, Any] = (
        {each.name: each.default for each in fields(kind)} if is_dataclass(kind) else {}
    )
    return [(name, v) for name, default in have.items() if (v := getattr(metric, name)) != default]


def _by_person(values: Floats, who: Ints) -> Floats:
    """The mean of each person; NaN where all of theirs are."""
    some = ~np.isnan(values)
    n = int(who.max(initial=-1)) + 1
    number = np.bincount(who[some], minlength=n)
    total = np.bincount(who[some], values[some], minlength=n)
    return ratio(total, number)


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


# Parts ------------------------------------------------------------------------------------------


def known_period(period: str) -> None:
    """Raise `BadParameter` for what is no period."""
    if period not in PERIODS:
        raise BadParameter(f"period is one of {', '.join(PERIODS)}; got {period!r}")


def _periods(now: Ints, period: str) -> tuple[str, Ints]:
    """What periods are, and the first day of that of each request, counted from 1970."""
    known_period(period)
    if not now.any():
        if period in ("day", "week"):
            raise DataError(f"nobody knows when the requests were made: no period {period!r}")
        period = "none"
    day = now // DAY
    if period == "auto":
        period = "day" if day.max() - day.min() < MOST else "week"
    if period == "none":
        return period, np.zeros(len(now), np.int64)
    return period, np.asarray(day if period == "day" else (day + 3) // 7 * 7 - 3)


def _name(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=int(day))).date().isoformat()


def _day(now: int) -> str:
    return _name(now // DAY)


def _groups(
    name: str, begin: tuple[float, ...] | None, seen: Evidence, given: Mapping[str, pl.Series]
) -> tuple[Ints, list[str]]:
    """Which group each request is in, and what the groups are called; nobody is left out."""
    people = seen.data.people
    if name in given:
        column = given[name]
    elif people is not None and name in people.columns:
        user = seen.queries.user
        index = pl.Series(np.where(user == PAD, len(people), user))
        column = people[name].extend_constant(None, 1).gather(index)
    elif name == "history":
        column = pl.Series(name, seen.queries.history.lengths)
    else:
        have = [*given, *([] if people is None else people.columns), "history"]
        raise MissingColumn(name, "what segments can be made of", have)
    if isinstance(column.dtype, pl.List):
        raise DataError(f"segment {name!r} has lists; it takes one value for each person")
    if begin is not None and not column.dtype.is_numeric():
        raise DataError(f"segment {name!r} is no column of numbers, and has no place for {begin}")
    if begin is None and column.dtype.is_float() and column.drop_nans().n_unique() > KINDS:
        begin = tuple(np.unique(np.nanquantile(column.to_numpy(), [0.25, 0.5, 0.75])).tolist())
    elif begin is None and column.dtype.is_integer() and column.n_unique() > KINDS:
        known = column.drop_nulls().to_numpy()
        begin = tuple(np.unique(np.ceil(np.quantile(known, [0.25, 0.5, 0.75]))).tolist())
    if begin is not None:
        numbers = column.cast(pl.Float64).to_numpy().astype(np.float64)
        code = np.where(np.isnan(numbers), len(begin) + 1, np.searchsorted(begin, numbers, "right"))
        least = float(np.nanmin(numbers)) if not np.isnan(numbers).all() else 0.0
        called = [*_ranges(begin, least, whole=column.dtype.is_integer()), UNKNOWN]
        there = np.unique(code)
        return np.searchsorted(there, code), [called[at] for at in there]
    text = column.cast(pl.String).fill_null(UNKNOWN)
    names, code = np.unique(text.to_numpy(), return_inverse=True)
    return code, [str(each) for each in names]


def _ranges(begin: tuple[float, ...], least: float, *, whole: bool) -> list[str]:
    if not whole:
        middle = [f"{a:g} to {b:g}" for a, b in pairwise(begin)]
    else:
        middle = [f"{a:g}" if b - 1 <= a else f"{a:g} to {b - 1:g}" for a, b in pairwise(begin)]
    first = "0" if whole and begin[0] == 1 and least >= 0 else f"below {begin[0]:g}"
    return [first, *middle, f"{begin[-1]:g} and more"]


ROUNDING = 1e-9
