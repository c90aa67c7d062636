"""What was shown, against what the platform asks of its lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...serve.insight.norms import norms as found_in
from .._charts import said, verdicts, wanted
from ..page import Asked, Page
from ..wording import number

__all__ = ["NORMS"]

DAYS = 28
LONGEST = 366


def norms(asked: Asked) -> dict[str, Any]:
    days = asked.query.number("days", DAYS, least=1, most=LONGEST)
    found = found_in(asked.service, days)
    targets = found["checked"]["targets"] if found["checked"] else []
    return {**found, "targets": [_target(each) for each in targets]}


def _target(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says of one norm."""
    since = found["missed_since"]
    says = f"{found['metric']} is {said(found, number)}, and is to be {wanted(found)}."
    if since:
        says += f" Missed since {since}."
    return {
        "name": found["name"],
        "verdict": found["verdict"],
        "why": found["why"],
        "says": says,
        "because": found["undecided_because"],
        "chart": verdicts(f"{found['name']}, over time", says, found["periods"]),
        "segments": [
            {
                "segment": f"{part['column']} {part['name']}",
                "verdict": part["verdict"],
                "mean and 95 % interval": said(part, number),
                "wanted": wanted(part),
                "people": part["people"],
                "lists": part["asked"],
            }
            for part in found["segments"]
        ],
        "undefined": [{"because": why, "lists": many} for why, many in found["undefined"].items()],
    }


NORMS = Page("norms", "Norms", norms)
