"""What each experiment has shown; to begin one, and to end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadParameter
from ...serve.insight.experiments import CURRENT, start, stop
from ...serve.insight.experiments import experiments as found_in
from .._charts import said
from ..drawing import SERIES, SOFT, chart
from ..page import Asked, Page, Values, Went
from ..wording import number

__all__ = ["EXPERIMENTS"]

HERE = "/studio/experiments"
RAILS = {"satisfaction": "points of satisfaction", "latency_p95": "ms", "degraded": "share"}


def experiments(asked: Asked) -> dict[str, Any]:
    found = found_in(asked.service)
    return {
        **found,
        "experiments": [{**each, "contrasts": _contrasts(each)} for each in found["experiments"]],
        "rails": RAILS,
        "choices": [CURRENT, *found["versions"]],
    }


def _contrasts(each: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each arm, what it is compared with the control."""
    result = each["result"]
    if result is None:
        return []
    control, metric = result["control"], result["metric"]
    return [
        {
            "arm": one["arm"],
            "verdict": one["verdict"],
            "reduction": one["reduction"],
            "rows": [
                _row("as they are", one["plain"]),
                _row("less what was known before", one["adjusted"]),
            ],
            "guardrails": [
                {
                    "metric": rail["metric"],
                    "verdict": rail["verdict"],
                    "worse by": said({**rail, "mean": rail["loss"]}, number),
                    "tolerated": rail["tolerated"],
                    "people": " and ".join(number(n) for n in rail["n"]),
                }
                for rail in one["guardrails"]
            ],
            "chart": _path(f"{one['arm']} less {control}: {metric}", result["advice"], one["path"]),
        }
        for one in result["contrasts"]
    ]


def _row(name: str, point: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "difference": name,
        "mean": point["mean"],
        "from": point["low"],
        "to": point["high"],
        "p": point["p"],
        "people": point["n"],
    }


def _path(title: str, says: str, points: Any) -> dict[str, Any] | None:
    """What was known after each person: the interval narrows, however often one looks."""
    known = [p for p in points if None not in (p["mean"], p["low"], p["high"])]
    if len(known) < 2:
        return None
    x = {"field": "n", "type": "quantitative", "title": "people", "scale": {"zero": False}}
    y = {"type": "quantitative", "title": "difference", "axis": {"tickCount": 5}}
    wide = max(abs(end) for p in known[len(known) // 4 :] for end in (p["low"], p["high"]))
    y["scale"] = {"domain": [-wide, wide], "clamp": True}
    layers = [
        {
            "mark": {"type": "area", "color": SERIES[0], "opacity": 0.18},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": SERIES[0], "strokeWidth": 2},
            "encoding": {"x": x, "y": {"field": "mean", **y}},
        },
        {"mark": {"type": "rule", "color": SOFT}, "encoding": {"y": {"datum": 0}}},
    ]
    spec = {"data": {"values": known}, "width": 480, "height": 220, "layer": layers}
    step = max(1, len(known) // 12)
    last = [*known[:-1:step], known[-1]]
    rows = [{"people": p["n"], "difference and interval": said(p, number)} for p in last]
    return chart(title, says, spec, rows)


# Forms ------------------------------------------------------------------------------------------


def begin(asked: Asked) -> Went:
    """From the form: two arms of the same share."""
    form = asked.form
    name = form.id("name")
    share = form.number("share", 50, least=1, most=50) / 100
    about: dict[str, Any] = {
        "arms": {
            "control": {"share": share, "model": form.one("control", CURRENT)},
            "new": {"share": share, "model": form.must("new")},
        },
        "control": "control",
        "metric": form.must("metric"),
        "horizon": form.number("horizon", 24, least=1, most=24 * 366),
        "people": form.number("people", 10_000, least=200, most=100_000_000),
        "guardrails": _rails(form),
    }
    made = start(asked.service, name, about)
    return Went(HERE, f"{made.name} has begun.")


def _rails(form: Values) -> dict[str, float]:
    found = {}
    for name in RAILS:
        given = form.one(f"rail_{name}").strip()
        if not given:
            continue
        try:
            found[name] = float(given)
        except ValueError:
            raise BadParameter(f"{name} takes a number, such as 0.1; got {given[:40]!r}") from None
    found.pop(form.must("metric"), None)
    return found


def end(asked: Asked) -> Went:
    made = stop(asked.service, asked.form.id("name"))
    return Went(HERE, f"{made.name} is over; everybody gets the current version again.")


EXPERIMENTS = Page("experiments", "Experiments", experiments, {"start": begin, "stop": end})
