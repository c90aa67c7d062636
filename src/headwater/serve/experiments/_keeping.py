"""Experiments that a store keeps: begun, ended, and found by their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ...errors import BadParameter, UnknownName
from ..store import Store
from ._experiment import CURRENT, Experiment

__all__ = ["begin", "end", "named"]


def named(store: Store, name: str) -> Experiment:
    """The experiment that ``store`` keeps under ``name``; `UnknownName` if there is none."""
    have = store.experiments()
    if name not in have:
        raise UnknownName("experiment", name, have)
    return Experiment.of(name, have[name])


def begin(
    store: Store,
    name: str,
    about: Mapping[str, Any],
    *,
    now: datetime,
    versions: Collection[str] | None = None,
) -> Experiment:
    """Set an experiment down, for good; it begins ``now``, if ``about`` does not say when.

    ``versions`` are those that there are to answer with; None is not known. `BadParameter` names
    what is wrong with it, or says that there is one of that name, that its arms are the same or
    that nobody would be in it; `UnknownName` for a version that there is not.
    """
    have = store.experiments()
    if name in have:
        raise BadParameter(
            f"there is an experiment {name!r}: an experiment is set down once, before it begins; "
            "take another name"
        )
    if isinstance(about, Mapping) and about.get("started") is None:
        about = {**about, "started": now}
    made = Experiment.of(name, about)
    for model in made.models:
        if versions is not None and model != CURRENT and model not in versions:
            raise UnknownName("version", model, [CURRENT, *versions])
    if len(made.models) < 2 and not any(arm.settings for arm in made.arms.values()):
        raise BadParameter(
            f"experiment {name!r}: all arms have the model {made.models[0]!r}, so there is "
            "nothing to compare; give one of them another version"
        )
    others = [each for each in _sound(have) if made.started and each.runs(made.started)]
    if sum(arm.share for each in others for arm in each.arms.values()) >= 1 - 1e-9:
        raise BadParameter(
            f"everybody is in {', '.join(each.name for each in others)} already, so nobody would "
            f"be in {name!r}: stop that, or wait until it is over"
        )
    store.put_experiment(name, made.about())
    return made


def end(store: Store, name: str, *, now: datetime) -> Experiment:
    """End an experiment ``now``; its result stays. `BadParameter` if it has not begun or is over,
    `UnknownName` if there is none of that name."""
    made = named(store, name)
    if made.started is None or made.started > now:
        raise BadParameter(f"experiment {name!r} has not begun")
    if made.stopped is not None and made.stopped <= now:
        raise BadParameter(f"experiment {name!r} ended {made.stopped.isoformat()}")
    about = {**made.about(), "stopped": now.isoformat()}
    store.put_experiment(name, about)
    return Experiment.of(name, about)


def _sound(found: Mapping[str, Mapping[str, Any]]) -> list[Experiment]:
    made = []
    for name, about in found.items():
        try:
            made.append(Experiment.of(name, about))
        except BadParameter:
            continue  # nobody is put into what cannot be read
    return made
