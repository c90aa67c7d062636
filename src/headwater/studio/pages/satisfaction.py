"""What people answered when they were asked how their visit was, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...serve.insight.satisfaction import satisfaction as found_in
from .._charts import ROOM, over_days, said, side_by_side
from ..page import Asked, Page
from ..wording import number

__all__ = ["SATISFACTION"]

DAYS = 28
LONGEST = 366
NUMBERS = {  # of a picture, that the table beside it has
    "satisfaction": ("level", "answers", "share", "low", "high"),
    "correlations": ("behaviour", "intent", "r", "p_holm"),
}


def satisfaction(asked: Asked) -> dict[str, Any]:
    days = asked.query.number("days", DAYS, least=1, most=LONGEST)
    found = found_in(asked.service, days)
    pictures = [
        {
            **each,
            "charts": [{**spec, "padding": ROOM} for spec in each["charts"]],
            "rows": _rows(found, each),
        }
        for each in found["pictures"]
    ]
    return {**found, "pictures": pictures, "charts": _charts(found)}


def _charts(found: Mapping[str, Any]) -> dict[str, Any]:
    response, answers = found["response"], found["days_of_answers"]
    predicts = found["predicts"] or {"rows": [], "says": ""}
    slopes = [
        {**row, "name": row["name"].replace("_", " "), "mean": row["estimate"]}
        for row in predicts["rows"]
    ]
    made = {
        "response": over_days(
            "Visits with an answer, by day",
            f"{said(response['rate'])} of {response['visits']:,} visits have an answer. Who was "
            "asked and kept silent is not known.",
            response["days"],
            "rate",
            share=True,
            unit="share of visits",
        ),
        "satisfied": over_days(
            "Satisfied, by day",
            "The share of answers that are 4 or 5; days on which fewer than five people answered "
            "are left out.",
            answers,
            "satisfied",
            share=True,
            unit="share of answers",
        ),
        "mean": over_days(
            "Mean answer, by day",
            "From 1, very dissatisfied, to 5; days on which fewer than five people answered are "
            "left out.",
            answers,
            "mean",
        ),
        "predicts": side_by_side(
            "What predicts satisfaction",
            predicts["says"],
            slopes,
            zero=True,
            unit="log-odds of 4 or 5, for a deviation more",
            more=("what",),
        ),
    }
    return {name: each for name, each in made.items() if each is not None}


def _rows(found: Mapping[str, Any], picture: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The numbers behind a picture, as a table says them."""
    if picture["name"] == "intents":
        return [
            {
                "intent": row["intent"],
                "group": row["group"],
                "answers": row["answers"],
                "mean and 95 % interval": said(row, number),
                "4 or 5": row["satisfied"],
            }
            for row in found["intents"]
        ]
    if picture["name"] == "behaviours":
        return [
            {**row, "behaviour": row["behaviour"].replace("_", " ")} for row in found["behaviours"]
        ]
    columns = NUMBERS.get(picture["name"], ())
    rows = next((each for spec in picture["charts"] for each in _data(spec)), [])
    return [{name: row[name] for name in columns} for row in rows] if columns else []


def _data(spec: Any) -> Iterator[list[dict[str, Any]]]:
    """The rows that are inside of a specification."""
    if isinstance(spec, Mapping):
        data = spec.get("data")
        if isinstance(data, Mapping) and "values" in data:
            yield list(data["values"])
        for each in spec.values():
            yield from _data(each)
    elif isinstance(spec, list | tuple):
        for each in spec:
            yield from _data(each)


SATISFACTION = Page("satisfaction", "Satisfaction", satisfaction)
