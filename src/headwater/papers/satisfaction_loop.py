"""Satisfaction back into the flow: rankers that learn what clicks were worth, in made-up worlds.

Not a table of the thesis, which ends where satisfaction is predicted. In a world of
`simulate.platform` people click what lures them and are satisfied by something else. One flow
learns from the clicks, the same flow from clicks that are worth the predicted satisfaction of their
sessions (`data.worth`), a tenth of which have an answer. Both then make lists for people who come
later, and the world says how satisfied these are. A split is another world.

clicks              what was clicked
answers             likewise, of the sessions alone whose people said they were satisfied
predicted           what was clicked, worth the predicted satisfaction
predicted, intents  the same, and people say why they come: those who answered while it learns, and
                    everybody who asks
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..data.worth import came_for, session_of, worth
from ..registry import build
from ..simulate.platform import Platform
from ..types import Dataset, Floats
from ..visits import reached
from . import Asked, Reproduction
from ._comparison import spread

TITLE = "True satisfaction of people who are recommended by clicks, and by predicted satisfaction"
METHODS = ("clicks", "answers", "predicted", "predicted, intents")
SPLITS = 20

BASE = "clicks"
REQUESTS = 1000
FLOW: Mapping[str, Any] = {
    "model": "flow",
    "retrieve": "retrieve.matrix.popularity",
    "stages": [{"model": "rank.logistic", "embedding_size": 8, "how": {"n_epochs": 8}}],
    "width": 1000,  # everything
}
JUDGE: Mapping[str, Any] = {"model": "satisfaction.logistic", "log": True}


def learned_from(method: str, data: Dataset) -> Dataset:
    """``data`` whose impressions are what a method learns from."""
    shown, sessions = data.impressions, data.sessions
    assert shown is not None
    assert sessions is not None
    if method == "answers":
        good = reached(sessions.satisfaction, "overall")
        at = session_of(shown.queries, sessions)
        return replace(data, impressions=shown[np.flatnonzero(good[at])])
    if method.startswith("predicted"):
        shown = worth(shown, sessions, build(JUDGE).fit(data).chances(sessions))
    if method.endswith("intents"):
        shown = replace(shown, queries=came_for(shown.queries, sessions))
    return replace(data, impressions=shown)


def reproduce(asked: Asked) -> Reproduction:
    figures: dict[str, dict[str, list[float]]] = {}
    total = asked.splits * len(asked.methods)
    for i, seed in enumerate(asked.seeds):
        world = Platform(seed=seed)
        data = world.log()
        queries, intent = world.requests(data, REQUESTS)
        for j, method in enumerate(asked.methods):
            asked.tell(f"{method}, world {seed}", i * len(asked.methods) + j, total)
            flow = build(FLOW).fit(learned_from(method, data))
            who = world.told(queries, intent) if method.endswith("intents") else queries
            items = flow.recommend(who, world.k, filter_seen=False).items
            clicked = world.clicks(queries.user, intent, items).sum(1)
            found = figures.setdefault(method, {"satisfied": [], "clicks": []})
            satisfied = world.satisfaction(queries.user, intent, items)
            found["satisfied"].append(100 * float(satisfied.mean()))
            found["clicks"].append(float(clicked.mean()))
    asked.tell("satisfaction-loop", total, total)
    rows = [row(method, name, figures) for method in figures for name in figures[method]]
    return Reproduction(
        name="satisfaction-loop",
        title=TITLE,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=(
            "satisfied: % of people who were, clicks: a list; ours: mean over worlds; low, high: "
            f"95 % interval of the mean of the differences to {BASE!r}, world by world",
        ),
        about={
            "command": asked.command("satisfaction-loop"),
            "seeds": asked.seeds,
            "per_world": figures,
        },
    )


def row(method: str, name: str, figures: Mapping[str, Mapping[str, list[float]]]) -> dict[str, Any]:
    mine: Floats = np.array(figures[method][name])
    out: dict[str, Any] = {"method": method, "metric": name, "ours": round(float(mine.mean()), 3)}
    if BASE not in figures or method == BASE:
        return {**out, "difference": None, "low": None, "high": None, "ahead": None}
    gain = mine - np.array(figures[BASE][name])
    low, high = spread(gain)
    return {
        **out,
        "difference": round(float(gain.mean()), 3),
        "low": None if low is None else round(low, 3),
        "high": None if high is None else round(high, 3),
        "ahead": f"{int((gain > 0).sum())} of {len(gain)}",
    }
