"""What each experiment of the store has shown; how one is begun, and ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import BadParameter, HeadwaterError, UnknownName
from ...evidence import Metric
from ...registry import metric as metric_called
from ..experiments import METRICS, Experiment, analyse
from . import kept

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any

__all__ = ["CURRENT", "experiments", "start", "stop"]

CURRENT = "current"  # the published version, whichever that is


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
            service.store, experiment, now=now, lists=_lists(experiment, service.settings.kinds)
        ).as_dict()
    except HeadwaterError as error:
        told["says"] = f"{told['says']} {error}".strip()
    return told


def _lists(experiment: Experiment, kinds: str) -> dict[str, Metric]:
    """The metrics of lists that it names: those of `headwater.metrics`, by the kinds of here."""
    named = {experiment.metric, *experiment.guardrails} - {*METRICS}
    found: dict[str, Metric] = {}
    for name in sorted(named):
        try:
            made: Any = metric_called(name)
        except HeadwaterError:
            continue  # `analyse` says that nobody has measured it
        by = getattr(made, "by", None)
        if by is not None and by != kinds and "by=" not in name:
            made = replace(made, by=kinds)
        found[name] = made
    return found


def start(service: Service, name: str, about: Mapping[str, Any]) -> Experiment:
    """Begin an experiment now. `BadParameter` names what is wrong with it, or says that there is
    one of that name; `UnknownName` for a version that is not on the shelf."""
    if name in service.store.experiments():
        raise BadParameter(
            f"there is an experiment {name!r}: an experiment is set down once, before it begins; "
            "take another name"
        )
    now = datetime.fromtimestamp(service.clock(), UTC)
    experiment = Experiment.of(name, {**about, "started": now.isoformat(), "stopped": None})
    have = service.shelf.names()
    for model in experiment.models:
        if model != CURRENT and model not in have:
            raise UnknownName("version", model, [CURRENT, *have])
    if len(set(experiment.models)) < 2 and not any(a.settings for a in experiment.arms.values()):
        raise BadParameter(
            f"experiment {name!r}: all arms have the model {experiment.models[0]!r}, so there is "
            "nothing to compare; give one of them another version"
        )
    others = [each.name for each in service.experiments]
    if others:
        full = sum(a.share for each in service.experiments for a in each.arms.values())
        if full >= 1 - 1e-9:
            raise BadParameter(
                f"everybody is in {', '.join(others)} already, so nobody would be in {name!r}: "
                "stop that, or wait until it is over"
            )
    service.store.put_experiment(name, experiment.about())
    service.look()
    return experiment


def stop(service: Service, name: str) -> Experiment:
    """End an experiment now; its result stays. `UnknownName`, or `BadParameter` if it is over."""
    have = service.store.experiments()
    if name not in have:
        raise UnknownName("experiment", name, have)
    experiment = Experiment.of(name, have[name])
    now = datetime.fromtimestamp(service.clock(), UTC)
    if experiment.started is None or experiment.started > now:
        raise BadParameter(f"experiment {name!r} has not begun")
    if experiment.stopped is not None and experiment.stopped <= now:
        raise BadParameter(f"experiment {name!r} ended {experiment.stopped.isoformat()}")
    about = {**experiment.about(), "stopped": now.isoformat()}
    service.store.put_experiment(name, about)
    service.look()
    return Experiment.of(name, about)
