"""How satisfied people were, in all and by why they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from ..evaluation import holm, interval
from ..pictures import axis_of_names
from ..types import Floats, Ints, Mask, Sessions
from ..visits import LEVELS
from ..wording import joined, percent, plural
from ._picture import (
    BLUE,
    FEWEST,
    ORANGE,
    SATISFIED,
    Picture,
    Rows,
    apart,
    colours_of,
    grouped,
    merged,
    plain,
)

__all__ = ["by_intent", "of_intents", "satisfaction"]

WIDE = 0.28  # deviation, in levels, of what an answer is spread out to in a violin
HALF = 0.44  # of a row, the half width of the widest violin


def satisfaction(answers: Sessions) -> Picture:
    """How many answers there are of each level (figure 4.3)."""
    import altair as alt

    n = len(answers)
    counts = np.bincount(answers.satisfaction, minlength=LEVELS + 1)[1:]
    parts = _levels(counts)
    rows: Rows = []
    for first, last in parts:
        many = int(counts[first : last + 1].sum())
        ends = stats.binomtest(many, n).proportion_ci(method="wilson")
        rows.append(
            {
                "level": _level(first, last),
                "answers": many,
                "share": many / n,
                "said": percent(many / n),
                "low": float(ends.low),
                "high": float(ends.high),
                "kind": "satisfied" if first + 1 >= SATISFIED else "not",
            }
        )
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X(
            "level:O",
            sort=None,
            title=f"1 very dissatisfied to {LEVELS} very satisfied",
            axis=alt.Axis(labelAngle=0, ticks=False),
        ),
        y=alt.Y(
            "share:Q",
            title="share of the answers",
            axis=alt.Axis(format="%", tickCount=4, grid=False),
        ),
    )
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=["satisfied", "not"], range=[BLUE, ORANGE]),
        legend=None,
    )
    tip = [alt.Tooltip("level:O"), alt.Tooltip("answers:Q", format=",")]
    tip += [alt.Tooltip(f"{end}:Q", format=".1%") for end in ("low", "high")]
    bars = base.mark_bar(cornerRadiusEnd=2).encode(color=colour, tooltip=tip)
    texts = base.mark_text(dy=-8, fontSize=13).encode(text="said:N")
    note = f"{plural(n, 'answer')}; blue is what counts as satisfied, {SATISFIED} or {LEVELS}."
    if len(parts) < LEVELS:
        note += f" Levels with fewer than {FEWEST} answers are put together with their neighbours."
    chart = alt.layer(bars, texts).properties(width="container", height=240)
    return Picture("How satisfied people were", (chart,), _shares(answers, counts), note, width=420)


def _levels(counts: Ints) -> list[tuple[int, int]]:
    """First and last level, from 0, of each bar: satisfied ones and others apart, if those on
    either side are enough."""
    cut = SATISFIED - 1
    sides = counts[:cut].sum(), counts[cut:].sum()
    if any(0 < side < FEWEST for side in sides):
        return merged(counts)
    high = [(first + cut, last + cut) for first, last in merged(counts[cut:])]
    return merged(counts[:cut]) + high


def _level(first: int, last: int) -> str:
    return f"{first + 1}" if first == last else f"{first + 1} to {last + 1}"


def _shares(answers: Sessions, counts: Ints) -> str:
    n = len(answers)
    good = int(counts[SATISFIED - 1 :].sum())
    levels = f"{SATISFIED} or {LEVELS}"
    if 0 < good < FEWEST:
        return f"Fewer than {FEWEST} of {n:,} answers were {levels}."
    if 0 < n - good < FEWEST:
        return f"All but fewer than {FEWEST} of {n:,} answers were {levels}."
    said = f"{percent(good / n)} were satisfied ({levels}); "
    first, last = _levels(counts)[0]
    worst = int(counts[first : last + 1].sum())
    if first == last:
        said += f"{percent(worst / n)} were" if worst else "nobody was"
        said += " very dissatisfied (1)."
    else:
        said += f"{percent(worst / n)} chose {_level(first, last)}."
    weights = answers.weights.astype(np.float64)
    if len(np.unique(weights)) > 1:
        share = weights @ (answers.satisfaction >= SATISFIED) / weights.sum()
        said += (
            f" Weighted for those who were asked and did not answer: {percent(share)} satisfied."
        )
    return said


def by_intent(answers: Sessions, groups: Mapping[str, str]) -> Picture | None:
    """Violins of satisfaction for each intent, its mean as a dot (figure 4.4); None without
    intents that enough people came for."""
    import altair as alt

    order = grouped(answers, groups)
    y = answers.satisfaction
    grid = np.linspace(0.4, LEVELS + 0.6, 105)

    def spread(told: Floats) -> Floats:
        at, n = np.unique(told, return_counts=True)
        return np.asarray(np.exp(-((grid[:, None] - at) ** 2) / (2 * WIDE**2)) @ (n / len(told)))

    shapes: dict[str, Floats] = {}
    hidden = []
    for name in (each for names in order.values() for each in names):
        mine = y[_came(answers, name)]
        if len(mine) < FEWEST:
            hidden.append(name)
        else:
            shapes[name] = spread(_told(mine))
    if not shapes:
        return None
    most = max(float(shape.max()) for shape in shapes.values())
    violins: Rows = []
    dots: Rows = []
    places: dict[float, str] = {}
    at = 0.0
    for group, names in order.items():
        for name in (each for each in names if each in shapes):
            told = _told(y[_came(answers, name)])
            at = round(at, 2)
            places[at] = f"{plain(name)} ({len(told):,})"
            half = HALF * shapes[name] / most
            for x, wide in zip(grid.tolist(), half.tolist(), strict=True):
                violins.append(
                    {
                        "intent": name,
                        "group": group,
                        "x": round(x, 3),
                        "low": round(at - wide, 4),
                        "high": round(at + wide, 4),
                    }
                )
            mean = float(told.mean())
            low, high = interval(told, normal=False)
            dots.append(
                {
                    "intent": plain(name),
                    "at": at,
                    "mean": mean,
                    "said": f"{mean:.1f}",
                    "answers": len(told),
                    "low": low,
                    "high": high,
                    "end": LEVELS + 1.75,
                }
            )
            at += 1.0
        at += 0.35
    scale = alt.Scale(domain=[max(places) + 0.6, -0.6], nice=False, zero=False)
    rows = alt.Y("low:Q", scale=scale, axis=axis_of_names(places))
    across = alt.Scale(domain=[0.4, LEVELS + 1.8], nice=False, zero=False)
    axis = alt.Axis(values=list(range(1, LEVELS + 1)), format="d")
    x = alt.X("x:Q", scale=across, axis=axis, title="satisfaction")
    colours = colours_of(list(order))
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(title=None, orient="top") if len(order) > 1 else None,
    )
    shape = (
        alt.Chart(alt.Data(values=violins))
        .mark_area(opacity=0.75, orient="vertical")
        .encode(x=x, y=rows, y2="high:Q", detail="intent:N", color=colour)
    )
    base = alt.Chart(alt.Data(values=dots)).encode(y=alt.Y("at:Q", scale=scale))
    tip = [alt.Tooltip("intent:N"), alt.Tooltip("answers:Q", format=",")]
    tip += [alt.Tooltip(f"{name}:Q", format=".2f") for name in ("mean", "low", "high")]
    dot = base.mark_point(
        filled=True, size=70, color="#111111", stroke="#ffffff", strokeWidth=1.5, opacity=1
    ).encode(x=alt.X("mean:Q", scale=across), tooltip=tip)
    text = base.mark_text(align="right", fontSize=12).encode(
        x=alt.X("end:Q", scale=across), text="said:N"
    )
    chart = alt.layer(shape, dot, text).properties(
        width="container", height=int(40 * (max(places) + 1.2))
    )
    note = (
        "A violin is as wide as that many of them gave that answer; the dot, and the number "
        "beside it, is the mean; in brackets how many came for it. Who came for several intents is "
        f"in each. Levels that fewer than {FEWEST} of them gave are put together with their "
        "neighbours and spread evenly, also in means and intervals."
    )
    if hidden:
        note += (
            f" Not shown, with fewer than {FEWEST} answers: {joined([plain(n) for n in hidden])}."
        )
    says = _least(answers, list(shapes))
    return Picture("Satisfaction by why people came", (chart,), says, note, width=460)


def _told(levels: NDArray[np.int8]) -> Floats:
    """As many answers as ``levels``, spread evenly over the levels that are put together, and in
    the middle of them where that does not come out even: what is made of them tells no more than
    the parts, of enough answers each, do."""
    counts = np.bincount(levels, minlength=LEVELS + 1)[1:]
    told = []
    for first, last in _levels(counts):
        each, rest = divmod(int(counts[first : last + 1].sum()), last - first + 1)
        told += [np.repeat(np.arange(first, last + 1), each) + 1.0]
        told += [np.full(rest, (first + last) / 2 + 1)]
    return np.concatenate(told)


def _came(answers: Sessions, name: str) -> Mask:
    return answers.intents[:, answers.intent_names.index(name)]


def _least(answers: Sessions, names: Sequence[str]) -> str:
    """What is surest of the intents; the interval is for all of them together."""
    y = answers.satisfaction
    found = []
    for name in names:
        mine = _came(answers, name)
        if min(mine.sum(), (~mine).sum()) >= FEWEST:
            found.append((name, _told(y[mine]), _told(y[~mine])))
    if not found:
        return "Everybody came for the same: there is nothing to compare."
    tests = [_welch(a, b) for _, a, b in found]
    p = holm([1.0 if np.isnan(each) else each for each in tests])
    means = {name: float(a.mean()) for name, a, _ in found}
    if p.min() >= 0.05:
        low, high = min(means.values()), max(means.values())
        between = (
            f"at {low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"from {low:.1f} to {high:.1f}"
        )
        return (
            "Why people came makes no difference that is clear from these answers: the means are "
            f"all {between}."
            if len(found) > 1
            else f"Those who came for {plain(found[0][0])} were neither more nor less satisfied "
            "than others, as far as these answers can tell."
        )
    name, a, b = found[int(p.argmin())]
    difference, low, high = apart(a, b, len(found))
    extreme = min if difference < 0 else max
    most = extreme(means, key=lambda each: means[each]) == name and len(means) > 1
    word = (
        ("the least" if difference < 0 else "the most")
        if most
        else ("less" if difference < 0 else "more")
    )
    than = f"{a.mean():.1f} against {b.mean():.1f} on average for the others"
    return (
        f"People who come for {plain(name)} are {word} satisfied: {than} (difference "
        f"{difference:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}, corrected for "
        f"{plural(len(found), 'intent')})."
    )


def _welch(a: Floats, b: Floats) -> float:
    if a.var() == 0 and b.var() == 0:
        return float("nan") if a.mean() == b.mean() else 0.0
    sd_a, sd_b = a.std(ddof=1), b.std(ddof=1)
    found = stats.ttest_ind_from_stats(
        a.mean(), sd_a, len(a), b.mean(), sd_b, len(b), equal_var=False
    )
    return float(found.pvalue)


def of_intents(answers: Sessions, groups: Mapping[str, str]) -> pl.DataFrame:
    """A row for each intent that enough people came for, and one for all answers."""
    y = answers.satisfaction
    order = [(name, group) for group, names in grouped(answers, groups).items() for name in names]
    parts = [(plain(name), group, y[_came(answers, name)]) for name, group in order]
    rows = []
    for name, group, mine in [*parts, ("all answers", "", y)]:
        if len(mine) < FEWEST:
            continue
        told = _told(mine)
        low, high = interval(told, normal=False)
        good = int((mine >= SATISFIED).sum())
        few = 0 < good < FEWEST or 0 < len(mine) - good < FEWEST
        rows.append(
            {
                "intent": name,
                "group": group,
                "answers": len(mine),
                "mean": float(told.mean()),
                "low": low,
                "high": high,
                "satisfied": None if few else good / len(mine),
            }
        )
    return pl.DataFrame(rows)
