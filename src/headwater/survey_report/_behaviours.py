"""What people did, by how satisfied they were and by why they came."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from ..evaluation import holm
from ..types import Floats, Mask, Sessions
from ..visits import LEVELS
from ..wording import joined, percent, plural
from ._picture import (
    BLUE,
    FEWEST,
    GREY,
    ORANGE,
    SATISFIED,
    SKY,
    Picture,
    Rows,
    merged,
    plain,
)

__all__ = ["by_behaviour", "correlations"]

BINS = 24
BELOW = f"below {SATISFIED}"
LIKED = f"{SATISFIED} or {LEVELS}"
COLOURS = {"all": GREY, LIKED: BLUE, BELOW: ORANGE}
CROSS = "M-0.5,-0.5L0.5,0.5M-0.5,0.5L0.5,-0.5"


# Behaviours by satisfaction ---------------------------------------------------------------------


def by_behaviour(answers: Sessions) -> Picture:
    """Histograms of the behaviours on a logarithmic axis, of all and of those who were satisfied
    and not; what has no logarithm is told of each."""
    liked = answers.satisfaction >= SATISFIED
    groups = {"all": np.ones(len(answers), bool)}
    if min(liked.sum(), (~liked).sum()) >= FEWEST:
        groups |= {LIKED: liked, BELOW: ~liked}
    charts, hidden = [], []
    for name in answers.names:
        chart = _histogram(name, answers.column(name).astype(np.float64), groups)
        if chart is None:
            hidden.append(name)
        else:
            charts.append(chart)
    note = (
        "Steps are as high as that share of the group's sessions is at these values, on a "
        "logarithmic axis. Above each: in how many sessions, of the groups in the order of the "
        "colours, it was 0 or never happened, which has no place on that axis; one number is of "
        f"all. No step stands for fewer than {FEWEST} sessions."
    )
    if len(groups) == 1:
        note += f" Fewer than {FEWEST} were satisfied, or not: only all are shown."
    if hidden:
        named = joined([plain(name) for name in hidden])
        note += f" Not shown, in fewer than {FEWEST} sessions above 0: {named}."
    return Picture(
        "What people did, and how they liked it",
        tuple(charts),
        _differs(answers, liked),
        note,
        colours={name: COLOURS[name] for name in groups},
        width=250,
        columns=3,
    )


def _histogram(name: str, x: Floats, groups: dict[str, Mask]) -> Any:
    """None where too few have a value above 0."""
    import altair as alt

    some = x > 0  # not NaN either
    values = x[some]
    if len(values) < FEWEST:
        return None
    edges = _edges(values)
    counts = {group: np.histogram(x[some & mask], edges)[0] for group, mask in groups.items()}
    apart = [each for group, each in counts.items() if group != "all"] or [counts["all"]]
    parts = merged(np.stack(apart))
    if any(0 < each.sum() < FEWEST for each in apart):
        groups = {"all": groups["all"]}  # too few of one of them, which all minus the other tells
        parts = merged(counts["all"])
    ends = np.append(edges[[first for first, _ in parts]], edges[parts[-1][1] + 1])
    rows: Rows = []
    for group, mask in groups.items():
        total = np.array([counts[group][first : last + 1].sum() for first, last in parts])
        high = total / max(int(mask.sum()), 1) / np.diff(np.log2(ends))
        for at, height in zip(ends.tolist(), [*high.tolist(), float(high[-1])], strict=True):
            rows.append({"group": group, "at": at, "high": height})
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=None,
    )
    axis = alt.Axis(values=_ticks(float(values.min()), ends[-1]), format=",~g", grid=False)
    bare = alt.Axis(labels=False, ticks=False, grid=False)
    scale = alt.Scale(type="log", domain=[float(ends[0]), float(ends[-1])], nice=False)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("at:Q", scale=scale, title=None, axis=axis),
        y=alt.Y("high:Q", title=None, stack=None, axis=bare),
        color=colour,
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=1.8)
    first = alt.datum.group == "all"
    area = base.transform_filter(first).mark_area(interpolate="step-after", opacity=0.25)
    title = alt.TitleParams(plain(name), subtitle=_none(x, groups), anchor="start", frame="group")
    return alt.layer(area, line).properties(width="container", height=130, title=title)


def _edges(values: Floats) -> Floats:
    """Of bins that a logarithmic axis shows: each whole number its own while they are few."""
    low, high = float(values.min()), float(values.max())
    if (values != np.round(values)).any():
        return np.geomspace(low * 0.999, high * 1.001, BINS + 1)
    edges = [low - 0.5]
    while edges[-1] < high:
        edges.append(max(edges[-1] + 1, np.floor(edges[-1] * 1.3) + 0.5))
    return np.array(edges)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from ``low`` to ``high``: 1, 2, 5, 10 where they are few, else powers of 10."""
    tens = [10.0**i for i in range(int(np.floor(np.log10(low))), int(np.log10(high)) + 1)]
    every = [ten * each for ten in tens for each in ((1, 2, 5) if high / low < 300 else (1,))]
    return [each for each in every if low <= each <= high]


def _none(x: Floats, groups: dict[str, Mask]) -> str:
    """In how many sessions of each group there is no logarithm, and why."""
    said = []
    for what, where in (("0", x == 0), ("never", np.isnan(x))):
        if any(0 < where[mask].sum() < FEWEST for mask in groups.values()):
            all_ = int(where.sum())
            said.append(
                f"{what} in fewer than {FEWEST} sessions"
                if all_ < FEWEST
                else f"{what} in {percent(all_ / len(x))}"
            )
        elif where.any():
            shares = [percent(float(where[mask].mean())) for mask in groups.values()]
            said.append(f"{what} in {' / '.join(shares)}")
    return "; ".join(said) or "never 0"


def _differs(answers: Sessions, liked: Mask) -> str:
    """The behaviour that tells the satisfied from the others best, by ranks."""
    if min(liked.sum(), (~liked).sum()) < FEWEST:
        return "Nearly all were satisfied, or nearly none: too few of the others to compare with."
    found = []
    for name in answers.names:
        x = answers.column(name).astype(np.float64)
        x = np.where(np.isnan(x), np.inf, x)  # never is later than all others
        if (x == x[0]).all():
            continue
        found.append((name, float(stats.mannwhitneyu(x[liked], x[~liked]).pvalue)))
    if not found:
        return "Nothing that was measured varies between these sessions."
    p = holm([each for _, each in found])
    if p.min() >= 0.05:
        return (
            "Nothing that people did differs clearly between the satisfied and the others "
            f"({plural(len(found), 'behaviour')} compared by rank, p corrected after Holm)."
        )
    name, _ = found[int(p.argmin())]
    timed = name in answers.censored
    higher, lower = _pairs(answers.column(name).astype(np.float64), liked)
    ways = [
        (higher, "later, or never" if timed else "higher"),
        (lower, "earlier" if timed else "lower"),
    ]
    (most, way), (least, other) = sorted(ways, reverse=True)
    clear = int((p < 0.05).sum())
    return (
        f"What tells the satisfied ({LIKED}) from the others best is {_measure(name)}: of 100 "
        f"pairs of a satisfied session and another it is {way} in the satisfied one in "
        f"{100 * most:.0f}, {other} in {100 * least:.0f} and the same in "
        f"{100 * (1 - most - least):.0f}. {_clear(clear, len(found))}"
    )


def _pairs(x: Floats, liked: Mask) -> tuple[float, float]:
    """Of all pairs of a satisfied session and another the shares in which ``x`` is higher in the
    first, and lower; what never happened is later than all else."""
    x = np.where(np.isnan(x), np.inf, x)
    mine, others = x[liked], np.sort(x[~liked])
    pairs = len(mine) * len(others)
    higher = np.searchsorted(others, mine, side="left").sum() / pairs
    lower = (len(others) - np.searchsorted(others, mine, side="right")).sum() / pairs
    return float(higher), float(lower)


def _measure(name: str) -> str:
    return f"the {'number of ' if name.startswith('num_') else ''}{plain(name)}"


def _clear(clear: int, of: int) -> str:
    return (
        f"{clear} of {of} behaviours {'differs' if clear == 1 else 'differ'} clearly, compared by "
        "rank and corrected after Holm."
    )


# Intents by behaviours --------------------------------------------------------------------------


def correlations(answers: Sessions) -> Picture | None:
    """Pearson's r of intents and behaviours, those crossed out whose p, corrected after Holm, is
    above 0.05 (figure 4.5); None where no pair has enough sessions."""
    import altair as alt

    rows = _correlated(answers)
    known = [row for row in rows if not np.isnan(row["p"])]
    if not known:
        return None
    crossed = [row for row in known if row["p_holm"] > 0.05]
    most = max([0.15, *(abs(row["r"]) for row in known if row["p_holm"] <= 0.05)])
    names = [plain(each) for each in answers.names]
    intents = [plain(each) for each in answers.intent_names]
    x = alt.X(
        "intent:N",
        sort=intents,
        scale=alt.Scale(domain=intents),
        title=None,
        axis=alt.Axis(orient="top", labelAngle=-50, ticks=False, domain=False),
    )
    y = alt.Y(
        "behaviour:N",
        sort=names,
        scale=alt.Scale(domain=names),
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=140),
    )
    base = alt.Chart(alt.Data(values=known)).encode(x=x, y=y)
    colour = alt.Color(
        "r:Q",
        scale=alt.Scale(domain=[-most, 0, most], range=[ORANGE, "#f5f5f5", SKY], clamp=True),
        legend=None,
    )
    tip = [alt.Tooltip(f"{each}:N") for each in ("behaviour", "intent")]
    tip += [alt.Tooltip("r:Q", format=".3f")]
    tip += [alt.Tooltip("p_holm:Q", format=".2g", title="p, Holm")]
    cells = base.mark_rect(stroke="#ffffff", strokeWidth=1).encode(color=colour, tooltip=tip)
    crosses = (
        alt.Chart(alt.Data(values=crossed))
        .mark_point(shape=CROSS, size=2000, stroke="#b4b4b4", strokeWidth=1, opacity=1)
        .encode(x=x, y=y)
    )
    texts = base.mark_text(fontSize=10.5, color="#111111").encode(text="said:N")
    chart = alt.layer(cells, crosses, texts).properties(width="container", height=30 * len(names))
    note = (
        "Pearson's r of having come for it and having done it: blue is more, orange less; crossed "
        "out where it may well be chance (p above 0.05 after Holm's correction for "
        f"{plural(len(known), 'pair')})."
    )
    if answers.censored:
        times = joined([plain(each) for each in answers.censored])
        note += f" {times[0].upper()}{times[1:]}: of sessions in which it happened."
    if len(known) < len(rows):
        note += (
            f" Empty: {plural(len(rows) - len(known), 'pair')} with fewer than {FEWEST} sessions "
            "on a side."
        )
    says = _strongest(known, answers.censored)
    return Picture("Why people came, and what they did", (chart,), says, note, width=420)


def _correlated(answers: Sessions) -> Rows:
    """Every behaviour with every intent; p_holm and what is written only where p is known."""
    rows: Rows = []
    for name in answers.names:
        x = answers.column(name).astype(np.float64)
        for j, intent in enumerate(answers.intent_names):
            r, p = _pearson(x, answers.intents[:, j])
            rows.append(
                {
                    "name": name,
                    "behaviour": plain(name),
                    "intent": plain(intent),
                    "r": r,
                    "p": p,
                }
            )
    known = [row for row in rows if not np.isnan(row["p"])]
    for row, corrected in zip(known, holm([row["p"] for row in known]).tolist(), strict=True):
        row["p_holm"] = corrected
        row["said"] = f"{row['r']:.2f}".replace("0.", ".").replace("-.00", ".00")
    return rows


def _pearson(x: Floats, came: Mask) -> tuple[float, float]:
    """r and its p; NaN where there are too few to say."""
    some = ~np.isnan(x)
    x, came = x[some], came[some]
    if min(came.sum(), (~came).sum(), (x > 0).sum()) < FEWEST or (x == x[0]).all():
        return float("nan"), float("nan")
    found = stats.pearsonr(x, came.astype(np.float64))
    return float(found.statistic), float(found.pvalue)


def _strongest(known: Rows, censored: tuple[str, ...]) -> str:
    clear = [row for row in known if row["p_holm"] <= 0.05]
    if not clear:
        return (
            "What people did is not clearly tied to why they came: no correlation of "
            f"{len(known)} is beyond chance."
        )
    most = max(clear, key=lambda row: abs(row["r"]))
    higher = most["r"] > 0
    if most["name"] in censored:
        had = f"had a {'longer' if higher else 'shorter'} {most['behaviour']}"
    elif most["name"].startswith("num_"):
        had = f"had {'more' if higher else 'fewer'} {most['behaviour']}"
    else:
        had = f"had a {'higher' if higher else 'lower'} {most['behaviour']}"
    size = abs(most["r"])
    how = "weakly" if size < 0.3 else "moderately" if size < 0.5 else "strongly"
    return (
        f"{len(clear)} of {len(known)} correlations {'is' if len(clear) == 1 else 'are'} beyond "
        f"chance; the largest: those who came for {most['intent']} {had} "
        f"(r = {most['r']:.2f}, {how} tied)."
    )
