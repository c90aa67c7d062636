"""What was learned: coefficients with their posteriors, and whether chains agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from ..pictures import axis_of_names
from ..types import Floats, Ints, Mask, Sessions
from ..visits import columns as columns_of
from ..wording import joined, plural
from ._picture import (
    FEWEST,
    GREY,
    KIND,
    Picture,
    Rows,
    colours_of,
    factor,
    plain,
)

__all__ = ["Posterior", "chains", "coefficients", "of_enough", "rare"]

TOP = 3  # coefficients of an intent
TRUSTED = 1.05  # largest R-hat of a coefficient that is drawn, as in the thesis
AGREED = 1.01  # largest R-hat of chains that agree
POINTS = 200  # of a chain
RARE = 0.05  # of the answers: what is in fewer of them is not drawn, as trailers are in the thesis,
LEAST = 30  # nor what is in fewer than these
ENDS = ("median", "low", "high", "least", "most")


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of what a deviation more of each column does to the log-odds, for each intent."""

    draws: Floats  # (chains, draws, J, P)
    intents: tuple[str, ...]  # J
    columns: tuple[str, ...]  # P, without the intercept
    rhat: Floats  # (J, P); NaN where there is one chain
    divergences: int
    target: str = "overall"
    answers: Ints | None = None  # (J,) that it is of; None where nobody says

    @classmethod
    def of(cls, model: Any, sessions: Sessions | None = None) -> Posterior:
        """Of a fitted `satisfaction.bayesian` or `satisfaction.hierarchical`, and of the
        ``sessions`` that it learned from."""
        per_unit = model.coefficients()
        rhat = [[each.rhat for each in per_unit[intent][1:]] for intent in model.intents]
        return cls(
            draws=model.posterior(per="deviation")[..., 1:],
            intents=model.intents,
            columns=model.columns,
            rhat=np.array(rhat),
            divergences=int(model.divergences_.sum()),
            target=model.target,
            answers=None if sessions is None else sessions.intents[sessions.answered].sum(0),
        )

    @property
    def bad(self) -> Mask:  # (J, P)
        return np.asarray(self.rhat > TRUSTED)


def of_enough(posterior: Posterior, answers: Sessions) -> tuple[Posterior, list[str]]:
    """``posterior`` without the intents that too few answers named, and those."""
    named = dict(zip(answers.intent_names, answers.intents.sum(0).tolist(), strict=True))
    many = np.array([named.get(intent, 0) for intent in posterior.intents])
    if posterior.answers is not None:
        many = np.minimum(many, posterior.answers)
    at = np.flatnonzero(many >= FEWEST)
    enough = replace(
        posterior,
        draws=posterior.draws[:, :, at],
        intents=tuple(posterior.intents[j] for j in at),
        rhat=posterior.rhat[at],
        answers=many[at],
    )
    return enough, [each for each in posterior.intents if each not in enough.intents]


def rare(answers: Sessions, columns: Sequence[str]) -> list[str]:
    """Those of ``columns`` that hardly vary: other than 0, or a time at all, in few answers; or,
    of whether something never happened, one or the other in few."""
    names, x = columns_of(answers, log=False)
    found = []
    for at, name in enumerate(names):
        known = x[~np.isnan(x[:, at]), at]
        often = len(known) if name in answers.censored else int((known != 0).sum())
        if at >= len(answers.names):
            often = min(often, len(x) - often)
        if name in columns and often < max(LEAST, RARE * len(x)):
            found.append(name)
    return found


def _top(posterior: Posterior, rare: Sequence[str]) -> dict[str, list[int]]:
    """Of each intent the columns that are drawn, the largest first."""
    size = abs(np.median(posterior.draws, axis=(0, 1)))  # (J, P)
    size[posterior.bad] = -1
    for name in rare:
        size[:, posterior.columns.index(name)] = -1
    order = np.argsort(-size, axis=1, kind="stable")[:, :TOP]
    return {
        intent: [int(at) for at in order[j] if size[j, at] >= 0]
        for j, intent in enumerate(posterior.intents)
    }


def coefficients(
    posterior: Posterior,
    groups: Mapping[str, str],
    *,
    rare: Sequence[str] = (),
    few: Sequence[str] = (),
) -> Picture | None:
    """Half-eyes of the largest coefficients of each intent (figure 4.6): the posterior, its median,
    the middle 50 % and 99.8 %; without ``rare`` columns, and without the intents that too ``few``
    came for. None where nothing is left."""
    import altair as alt

    top = _top(posterior, rare) if posterior.intents else {}
    if not any(top.values()):
        return None
    kind = KIND[posterior.target]
    flat = posterior.draws.reshape(-1, *posterior.draws.shape[2:])
    colours = colours_of(list(dict.fromkeys(groups.get(each, "") for each in posterior.intents)))
    rows: dict[str, Rows] = {}
    for j, intent in enumerate(posterior.intents):
        rows[intent] = []
        for at in top[intent]:
            ends = np.quantile(flat[:, j, at], (0.001, 0.25, 0.5, 0.75, 0.999)).tolist()
            row = dict(zip(("least", "low", "median", "high", "most"), ends, strict=True))
            rows[intent].append({"name": plain(posterior.columns[at]), "column": at, **row})
    every = [row for each in rows.values() for row in each]
    low, high = (f([row[e] for row in every]) for f, e in ((min, "least"), (max, "most")))
    edge = 0.04 * max(high - low, 1e-9)
    scale = alt.Scale(domain=[min(low, 0) - edge, max(high, 0) + edge], nice=False)
    charts = []
    for j, intent in enumerate(posterior.intents):
        if not rows[intent]:
            continue
        shapes: Rows = []
        for place, row in enumerate(rows[intent]):
            row["at"] = place
            shapes += _density(flat[:, j, row["column"]], row, place)
        names = {float(row["at"]): row["name"] for row in rows[intent]}
        up = alt.Scale(domain=[len(names) - 0.7, -0.95], nice=False)
        y = alt.Y("at:Q", scale=up, axis=axis_of_names(names))
        axis = alt.Axis(tickCount=5, format="~g")
        base = alt.Chart(alt.Data(values=rows[intent])).encode(y=y)
        area = (
            alt.Chart(alt.Data(values=shapes))
            .mark_area(opacity=0.55, color=colours[groups.get(intent, "")], orient="vertical")
            .encode(
                x=alt.X("x:Q", scale=scale, title=None, axis=axis),
                y=alt.Y("low:Q", scale=up),
                y2="high:Q",
                detail="name:N",
            )
        )
        zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=GREY, strokeDash=[4, 4])
        tip = [alt.Tooltip("name:N"), *(alt.Tooltip(f"{n}:Q", format=".2f") for n in ENDS)]
        layers = [area, zero.encode(x=alt.X("zero:Q", scale=scale))]
        for wide, first, last in ((1.5, "least", "most"), (5, "low", "high")):
            line = base.mark_rule(strokeWidth=wide, strokeCap="round")
            layers.append(line.encode(x=alt.X(f"{first}:Q", scale=scale), x2=f"{last}:Q"))
        dot = base.mark_point(
            filled=True, size=60, color="#111111", stroke="#ffffff", strokeWidth=1.5, opacity=1
        )
        layers.append(dot.encode(x=alt.X("median:Q", scale=scale), tooltip=tip))
        title = alt.TitleParams(plain(intent), anchor="start", frame="group")
        charts.append(
            alt.layer(*layers).properties(
                width="container", height=42 * len(names) + 16, title=title
            )
        )
    note = (
        f"For each intent the {TOP} with the largest median: to the right of 0, more of it goes "
        f"with being {kind}; in log-odds, for a standard deviation more. The dot is the median, "
        "the thick line the middle 50 %, the thin one 99.8 %. It says what goes together, not what "
        "causes it."
    )
    if rare:
        note += f" Left out, as too rare: {joined([plain(each) for each in rare])}."
    if posterior.bad.any():
        bad = int(posterior.bad.sum())
        note += f" Left out, with an R-hat above {TRUSTED}: {plural(bad, 'coefficient')}."
    return Picture(
        f"What goes with being {kind}, by why people came",
        tuple(charts),
        _surest(posterior, rows, kind),
        note + _hidden(few),
        colours=colours if any(colours) else {},
        width=270,
        columns=2,
    )


def _density(draws: Floats, row: Mapping[str, Any], place: int) -> Rows:
    """Of a posterior, standing on its line."""
    if row["least"] == row["most"]:
        return []
    grid = np.linspace(row["least"], row["most"], 80)
    high = stats.gaussian_kde(draws)(grid)
    return [
        {"name": row["name"], "x": x, "low": place, "high": place - wide}
        for x, wide in zip(grid.tolist(), (0.78 * high / high.max()).tolist(), strict=True)
    ]


def _hidden(few: Sequence[str]) -> str:
    if not few:
        return ""
    return f" Not shown, with fewer than {FEWEST} answers: {joined([plain(n) for n in few])}."


def _surest(posterior: Posterior, rows: Mapping[str, Rows], kind: str) -> str:
    drawn = [(intent, row) for intent in posterior.intents for row in rows[intent]]
    if not (posterior.rhat <= AGREED).all():  # NaN of one chain is not either
        return (
            f"The chains do not agree yet, so that none of the {len(drawn)} coefficients shown is "
            "beyond doubt: draw more."
        )
    clear = [(i, row) for i, row in drawn if row["least"] > 0 or row["most"] < 0]
    if not clear:
        return (
            f"None of the {len(drawn)} coefficients shown has a 99.8 % interval that leaves out 0: "
            f"none of these ties a behaviour to being {kind} beyond doubt."
        )
    intent, row = max(clear, key=lambda each: abs(each[1]["median"]))
    least, most = sorted((row["least"], row["most"]))
    many = "is" if len(clear) == 1 else "are"
    return (
        f"{len(clear)} of the {len(drawn)} coefficients shown {many} beyond doubt; the largest: "
        f"among those who come for {plain(intent)}, a standard deviation more of "
        f"\u201c{row['name']}\u201d multiplies the odds of being {kind} by "
        f"{factor(row['median'])} (99.8 % interval {factor(least)} to {factor(most)})."
    )


def chains(posterior: Posterior, *, few: Sequence[str] = ()) -> Picture | None:
    """The draws in their order, of the coefficient of each intent that mixed worst; without the
    intents that too ``few`` came for, None where no other is left."""
    import altair as alt

    if not posterior.intents:
        return None
    n_chains, n_draws = posterior.draws.shape[:2]
    every = -(-n_draws // POINTS)
    names = [f"chain {i + 1}" for i in range(n_chains)]
    colours = colours_of(names)
    scale = alt.Scale(domain=names, range=list(colours.values()))
    charts = []
    for j, intent in enumerate(posterior.intents):
        rhat = np.where(np.isnan(posterior.rhat[j]), -np.inf, posterior.rhat[j])
        at = int(rhat.argmax())
        rows: Rows = [
            {"chain": names[i], "draw": draw, "value": round(float(value), 4)}
            for i in range(n_chains)
            for draw, value in zip(
                range(0, n_draws, every), posterior.draws[i, ::every, j, at], strict=True
            )
        ]
        line = alt.Chart(alt.Data(values=rows)).mark_line(strokeWidth=0.9, opacity=0.75)
        said = f"{plain(posterior.columns[at])}"
        if np.isfinite(rhat[at]):
            said += f", R-hat {rhat[at]:.3f}"
        chart = line.encode(
            x=alt.X("draw:Q", title=None, axis=alt.Axis(tickCount=4, grid=False)),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4)),
            color=alt.Color("chain:N", scale=scale, legend=None),
        )
        title = alt.TitleParams(plain(intent), subtitle=said, anchor="start", frame="group")
        charts.append(chart.properties(width="container", height=110, title=title))
    each = f"every {every}th draw" if every > 1 else "every draw"
    note = (
        "For each intent the coefficient whose chains agree least: they should look like one band, "
        f"without trends and without one that stays apart. Shown is {each} of {n_draws:,}."
    )
    return Picture(
        "Whether the chains agree",
        tuple(charts),
        _agree(posterior),
        note + _hidden(few),
        colours=colours,
        width=250,
        columns=2,
    )


def _agree(posterior: Posterior) -> str:
    lost = posterior.divergences
    draws = posterior.draws.shape[0] * posterior.draws.shape[1]
    diverged = f"{plural(lost, 'draw')} diverged" if lost else "no draw diverged"
    if posterior.draws.shape[0] < 2 or np.isnan(posterior.rhat).all():
        return f"There is one chain, so that nothing says whether it is done; {diverged}."
    j, at = np.unravel_index(np.nanargmax(posterior.rhat), posterior.rhat.shape)
    worst = float(posterior.rhat[j, at])
    where = f"{plain(posterior.columns[at])} for {plain(posterior.intents[j])}"
    if worst > AGREED:
        many = int((posterior.rhat > AGREED).sum())
        return (
            f"The chains do not agree yet: R-hat is up to {worst:.3f} ({where}) and above {AGREED} "
            f"for {plural(many, 'coefficient')}; {diverged}. Draw more before trusting them."
        )
    if lost:
        return (
            f"The chains agree (R-hat at most {worst:.3f}), but {diverged} of {draws:,} a "
            "posterior: near there it is not to be trusted."
        )
    return f"The chains agree: R-hat is at most {worst:.3f}, and {diverged}."
