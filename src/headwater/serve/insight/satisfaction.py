"""What people answered when they were asked how their visit was, and what goes with it.

The pictures, their sentences and the table of intents are those of `headwater.survey_report`. What
predicts satisfaction is `headwater.satisfaction.logistic` on the behaviours as log(1 + x), all on
one scale: each slope is what one deviation more of a column does to the log-odds.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...data.surveys import Survey
from ...errors import DataError
from ...registry import build
from ...survey_report import FEWEST, charts, of_intents
from ...types import Dataset, Sessions
from ...visits import LEVELS, columns, reached
from ...wording import plural
from ..events import KINDS
from . import kept
from ._rates import by
from ._read import Period, day_of, events_of, period, visits

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["satisfaction"]

LEAST = 30  # answers, and
EACH = 10  # of either kind, to learn from
JUDGE = {"model": "satisfaction.logistic", "log": True, "intents": True, "l2": 1.0}
EVENTS = ("user_id", "kind", "time", "seconds", "satisfaction")


def satisfaction(service: Service, days: int = 28, survey: Any = "video") -> dict[str, Any]:
    """Of the visits of the last ``days``; kept for a minute."""
    asks = Survey.of(survey)
    return kept(service, "satisfaction", (days, asks.name), lambda: _made(service, days, asks))


def _made(service: Service, days: int, asks: Survey) -> dict[str, Any]:
    when = period(service, days)
    events = events_of(service.store, EVENTS, KINDS, when)
    found: dict[str, Any] = {
        **when.told,
        "events": len(events),
        "notes": [*when.notes],
        "question": asks.question,
        "response": _response(events),
        "days_of_answers": _by_day(events),
        "pictures": [],
        "intents": [],
        "behaviours": [],
        "predicts": None,
        "answers": int((events["kind"] == "survey").sum()),
    }
    if not found["answers"]:
        found["empty"] = {
            "what": "Nobody has answered the survey in this time.",
            "do": "Show the survey on the page: the studio's home page asks after seven seconds, "
            "and a site sends what people say as events of the kind survey to /v1/events.",
        }
        return found
    data = service.store.dataset(survey=asks)
    sessions = _within(data.sessions, when)
    answered = 0 if sessions is None else int(sessions.answered.sum())
    if sessions is None or answered < FEWEST:
        found["empty"] = {
            "what": f"{plural(answered, 'answer')} to visits of people who agreed to be learned "
            f"from: pictures take {FEWEST} at least, so that they tell nothing of one person.",
            "do": "Wait for more, or look at a longer time.",
        }
        return found
    groups = {name: asks.groups.get(name, "other") for name in sessions.intent_names}
    found["people"] = len(np.unique(sessions.user[sessions.answered]))
    found["intents"] = of_intents(sessions[sessions.answered], groups).to_dicts()
    found["behaviours"] = _behaviours(sessions[sessions.answered])
    found["predicts"] = _predicts(data, sessions)
    if find_spec("altair") and find_spec("vl_convert"):
        found["pictures"] = [
            {
                "name": name,
                "title": each.title,
                "says": each.says,
                "note": each.note,
                "width": each.width,
                "columns": each.columns,
                "colours": dict(each.colours),
                "charts": [chart.properties(width=each.width).to_dict() for chart in each.charts],
            }
            for name, each in charts(sessions, groups).items()
        ]
    else:
        found["notes"].append("no pictures: pip install 'headwater[report]'")
    apart = found["answers"] - answered
    if apart:
        found["notes"].append(
            f"{plural(apart, 'answer')} left out of what follows: to no visit that the store has, "
            "too early or too late, or not the first of a visit"
        )
    return found


def _within(sessions: Sessions | None, when: Period) -> Sessions | None:
    if sessions is None:
        return None
    since, until = when.since // 10**6, when.until // 10**6
    return sessions[(sessions.start >= since) & (sessions.start <= until)]


def _response(events: pl.DataFrame) -> dict[str, Any]:
    """The share of visits of which somebody said how they were."""
    those = visits(events).with_columns(
        visits=pl.lit(1), answered=(pl.col("answers") > 0).cast(pl.Int64)
    )
    rates = by(those, ["day"], "answered", "visits")
    days = those.group_by("day").agg(pl.col("visits").sum(), pl.col("answered").sum()).sort("day")
    return {
        "visits": len(those),
        "answered": int(those["answered"].sum()),
        "rate": by(those, [], "answered", "visits")[()],
        "days": [{**row, "rate": rates[(row["day"],)]} for row in days.to_dicts()],
    }


def _by_day(events: pl.DataFrame) -> list[dict[str, Any]]:
    """The share that was satisfied, and the mean, of each day; nothing of fewer than five people
    who answered."""
    said = events.filter(pl.col("kind") == "survey").with_columns(
        day=day_of(),
        one=pl.lit(1),
        good=(pl.col("satisfaction") >= LEVELS - 1).cast(pl.Int64),
    )
    good = by(said, ["day"], "good", "one")
    mean = by(said, ["day"], "satisfaction", "one", share=False)
    rows = []
    days = said.group_by("day").agg(answers=pl.len(), people=pl.col("user_id").n_unique())
    for row in days.sort("day").to_dicts():
        enough = row["people"] >= FEWEST
        key = (row["day"],)
        rows.append(
            {
                **row,
                "satisfied": good[key] if enough else None,
                "mean": mean[key] if enough else None,
            }
        )
    return rows


def _behaviours(answers: Sessions) -> list[dict[str, Any]]:
    """The mean of each behaviour, of the satisfied and of the others, where either are enough;
    of a time until something first happened that of those to whom it did."""
    good = answers.satisfaction >= LEVELS - 1
    if min(good.sum(), (~good).sum()) < FEWEST:
        return []
    rows = []
    for name in answers.names:
        column = answers.column(name).astype(np.float64)
        known = ~np.isnan(column)
        means = {
            said: float(column[known & of].mean()) if (known & of).sum() >= FEWEST else None
            for said, of in (("satisfied", good), ("others", ~good))
        }
        rows.append({"behaviour": name, **means})
    return rows


def _predicts(data: Dataset, sessions: Sessions) -> dict[str, Any]:
    """What a deviation more of each behaviour, or an intent, does to the log-odds of 4 or 5."""
    answers = sessions[sessions.answered]
    good = int(reached(answers.satisfaction, "overall").sum())
    bad = len(answers) - good
    if len(answers) < LEAST or min(good, bad) < EACH:
        return {
            "rows": [],
            "says": f"Nothing is learned from {plural(len(answers), 'answer')}, {good:,} of them 4 "
            f"or 5: it takes {LEAST} at least, and {EACH} of either kind.",
        }
    model = build(JUDGE)
    try:
        model.fit(replace(data, sessions=sessions))
    except DataError as error:
        return {"rows": [], "says": str(error)}
    slopes, wide = model.slopes_, 1.959964 * np.sqrt(np.diag(model.covariance_))
    varies = np.nanstd(columns(answers, log=True)[1], axis=0) > 1e-9  # else none
    came = answers.intents.sum(0)
    rare = {n for n, many in zip(answers.intent_names, came, strict=True) if many < FEWEST}
    names = [*model.columns, *answers.intent_names]
    rows = [
        {
            "name": name,
            "what": "intent" if i >= len(model.columns) else "behaviour",
            "estimate": float(slopes[i + 1]),
            "low": float(slopes[i + 1] - wide[i + 1]),
            "high": float(slopes[i + 1] + wide[i + 1]),
        }
        for i, name in enumerate(names)
        if name not in rare and (i >= len(model.columns) or varies[i])
    ]
    rows.sort(key=lambda row: -abs(float(str(row["estimate"]))))
    sure = [row for row in rows if float(str(row["low"])) > 0 or float(str(row["high"])) < 0]
    return {
        "rows": rows,
        "answers": len(answers),
        "says": f"Of {len(answers):,} answers. {_told(sure)}",
    }


def _told(sure: list[dict[str, Any]]) -> str:
    if not sure:
        return "The interval of every slope has 0 in it: nothing stands out."
    more = [row["name"].replace("_", " ") for row in sure if row["estimate"] > 0]
    less = [row["name"].replace("_", " ") for row in sure if row["estimate"] < 0]
    said = []
    if more:
        said.append(f"more of {', '.join(more)} goes with satisfaction")
    if less:
        said.append(f"more of {', '.join(less)} goes with dissatisfaction")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}. That is no cause: what is behind both is not known."
