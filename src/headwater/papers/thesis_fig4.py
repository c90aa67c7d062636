"""Figures 4.3 to 4.6 of the thesis: answers, by intent, beside behaviour, and coefficients.

The thesis's sessions are private. Here they are of sessions whose effects were planted
(`simulate.sessions`) and of dialogues with assistants, `user-satisfaction`. The picture is of the
first of the two that is asked for; `headwater satisfaction report` makes such a page, with all of
them, from a platform's own events and answers. The table has what each picture says, and whether
the chains agree, whose picture is no figure of the thesis.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from ..data.sessions import INTENTS
from ..registry import build
from ..survey_report import Picture, Posterior, charts, sheet
from ..types import Dataset
from . import Asked, Reproduction
from ._surveys import data_of

TITLE = "Thesis, Figures 4.3 to 4.6: satisfaction, intent and behaviour"
METHODS = ("realistic", "user-satisfaction")
SPLITS = 1

FIGURES = {
    "satisfaction": "4.3",
    "intents": "4.4",
    "correlations": "4.5",
    "coefficients": "4.6",
    "chains": "",
}
MOST = 3000  # answers that posteriors are of, by lot


def groups_of(data: Dataset) -> dict[str, str]:
    """Decisive or explorative; of dialogues, whether they are about films."""
    known = {intent: group for group, intents in INTENTS.items() for intent in intents}
    assert data.sessions is not None
    return {
        name: known.get(name, "films" if name.startswith("film") else "errands")
        for name in data.sessions.intent_names
    }


def drawn(data: Dataset, seed: int) -> tuple[dict[str, Picture], int]:
    """The pictures, and how many answers the posteriors are of."""
    sessions = data.sessions
    assert sessions is not None
    at = np.flatnonzero(sessions.answered)
    if len(at) > MOST:
        at = np.sort(np.random.default_rng(seed).choice(at, MOST, replace=False))
    model = build("satisfaction.bayesian", seed=seed)
    learned = sessions[at]
    posterior = Posterior.of(model.fit(replace(data, sessions=learned)), learned)
    found = charts(sessions, groups_of(data), posterior=posterior)
    return {name: found[name] for name in FIGURES if name in found}, len(at)


def reproduce(asked: Asked) -> Reproduction:
    rows, notes, picture = [], [], None
    for i, name in enumerate(asked.methods):
        asked.tell(name, i, len(asked.methods))
        data = data_of(name, asked.seed)
        pictures, answers = drawn(data, asked.seed)
        if picture is None:
            picture = sheet({n: found for n, found in pictures.items() if FIGURES[n]})
        notes.append(f"{name}: posteriors of {answers:,} answers, four chains of 1,000 draws")
        rows += [
            {"data": name, "figure": FIGURES[each] or "chains", "says": found.says}
            for each, found in pictures.items()
        ]
    asked.tell("thesis-fig4", 1, 1)
    return Reproduction(
        name="thesis-fig4",
        title=TITLE,
        table=pl.DataFrame(rows),
        notes=tuple(notes),
        about={"command": asked.command("thesis-fig4"), "seeds": asked.seeds},
        picture=picture,
    )
