"""What each experiment of the store has shown; how one is begun, and ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import BadParameter, HeadwaterError
from ..experiments import CURRENT, METRICS, Experiment, analyse, begin, end, list_metrics
from . import kept

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["CURRENT", "experiments", "start", "stop"]


def experiments(service: Service) -> dict[str, Any]:
    """All of them, those that run first; kept for a minute."""
    return kept(service, "experiments", (), lambda: _made(service))


def _made(service: Service) -> dict[str, Any]:
    now = datetime.fromtimestamp(service.clock(), UTC)
    found = [_one(service, name, about, now) for name, about in service.store.experiments().items()]
    order = {"running": 0, "planned": 1, "stopped": 2, "damaged": 3}
    found.sort(key=lambda each: (order[each["state"]], each["name"]))
    results = [each["result"] for each in found if each["result"]]
    people = sum(arm["exposed"] for result in results for arm in result["arms"])
    return {
        "experiments": found,
        "people": people,
        "versions": service.shelf.names()[::-1],
        "current": service.fleet.current,
        "metrics": {name: unit for name, (_, unit) in METRICS.items()},
    }


def _one(service: Service, name: str, about: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {"name": name, "about": dict(about), "result": None, "says": ""}
    try:
        experiment = Experiment.of(name, about)
    except BadParameter as error:
        return {**told, "state": "damaged", "says": str(error)}
    told["about"] = experiment.about()  # with all that the store was not told
    if experiment.started is None or experiment.started > now:
        when = f"it starts {experiment.started}" if experiment.started else "no start is set"
        return {**told, "state": "planned", "says": f"Nobody is in it yet: {when}."}
    told["state"] = "running" if experiment.runs(now) else "stopped"
    have = service.shelf.names()
    gone = [each for each in experiment.models if each != CURRENT and each not in have]
    if gone and told["state"] == "running":
        told["says"] = (
            f"Version {', '.join(gone)} is not on the shelf any more: people of that arm get the "
            "current one, and do not count."
        )
    try:
        told["result"] = analyse(
            service.store,
            experiment,
            now=now,
            lists=list_metrics(experiment, service.settings.kinds),
        ).as_dict()
    except HeadwaterError as error:
        told["says"] = f"{told['says']} {error}".strip()
    return told


def start(service: Service, name: str, about: Mapping[str, Any]) -> Experiment:
    """`experiments.begin`, now, with the versions on the shelf."""
    now = datetime.fromtimestamp(service.clock(), UTC)
    at = {**about, "started": now.isoformat(), "stopped": None}
    made = begin(service.store, name, at, now=now, versions=service.shelf.names())
    service.look()
    return made


def stop(service: Service, name: str) -> Experiment:
    """`experiments.end`, now."""
    made = end(service.store, name, now=datetime.fromtimestamp(service.clock(), UTC))
    service.look()
    return made
