"""Tune: look for better parameters of a method, on the validation part alone.

Optuna's tree-structured Parzen estimator proposes, `measure` judges on ``split.validation``, which
lies within what the split may learn from; the test part is looked at once, after the search, to
say what the choice is worth, and never decides anything.

Source:  Bergstra, Bardenet, Bengio, Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import polars as pl

from .data.split import Split
from .errors import BadParameter, MissingExtra, UnknownName
from .evaluation import measure
from .evidence import Metric
from .model import Model
from .registry import build, describe, label

__all__ = ["Search", "Tuned", "searches", "tune"]

# not searched unless asked: chance, cost and digits
FIXED = ("seed", "threads", "n_epochs", "tolerance", "max_sweeps")


@dataclass(frozen=True, kw_only=True)
class Search:
    """Where to look for one parameter: between two numbers, or among ``choices``."""

    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    @classmethod
    def parse(cls, text: str, *, whole: bool = False) -> Search:
        """``1..1000``, ``1..1000 log`` or ``cosine,jaccard``.

        >>> Search.parse("1..1000 log")
        Search(low=1.0, high=1000.0, log=True, whole=False, choices=())
        """
        body, _, how = text.partition(" ")
        if ".." not in body:
            return cls(choices=tuple(_plain(each) for each in body.split(",")))
        try:
            low, high = (float(each) for each in body.split(".."))
        except ValueError:
            raise BadParameter(f"a range is written 1..1000 or 1..1000 log, got {text!r}") from None
        if not low < high or how not in ("", "log") or (how == "log" and low <= 0):
            raise BadParameter(f"{text!r} is no range: low < high, and above 0 where it says log")
        return cls(low=low, high=high, log=how == "log", whole=whole)

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is one that could be asked for."""
        if self.choices:
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high

    def ends(self) -> tuple[Any, Any]:
        if self.whole:
            return math.ceil(self.low), math.floor(self.high)
        return self.low, self.high

    def ask(self, trial: Any, name: str) -> Any:
        if self.choices:
            return trial.suggest_categorical(name, self.choices)
        if self.whole:
            return trial.suggest_int(name, *self.ends(), log=self.log)
        return trial.suggest_float(name, *self.ends(), log=self.log)


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a search found."""

    model: Any  # the method with the best parameters, not fitted
    parameters: dict[str, Any]
    metric: str
    validation: float  # the metric of the best trial, on the validation part
    test: float  # the same parameters fitted on all but the test part, measured on that once
    untuned: float  # the method as it was given, likewise
    trials: pl.DataFrame  # trial, value, one column a parameter


def searches(model: Model) -> dict[str, Search]:
    """Where `tune` looks if it is not told: around each default, or all that a Literal allows.

    >>> searches(build("ease"))["l2"]
    Search(low=16.666666666666668, high=15000.0, log=True, whole=False, choices=())
    """
    hints = get_type_hints(type(model))
    found = {}
    for f in fields(model):
        value = getattr(model, f.name) if f.init else None
        if not f.init or f.name in FIXED or value is None:
            continue
        if get_origin(hints[f.name]) is Literal:
            found[f.name] = Search(choices=get_args(hints[f.name]))
        elif isinstance(value, bool):
            found[f.name] = Search(choices=(True, False))
        elif isinstance(value, int) and value > 0:
            found[f.name] = Search(low=max(1, value // 4), high=value * 4, log=True, whole=True)
        elif isinstance(value, float) and value > 0:
            found[f.name] = Search(low=value / 30, high=value * 30, log=True)
    return found


def tune(
    model: Model,
    split: Split,
    metric: Metric,
    *,
    space: Mapping[str, Search] | None = None,
    trials: int = 20,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Tuned:
    """The parameters of ``model`` in ``space`` that are best by ``metric`` on the validation part.

    Whether more is better is the metric's to say (its ``best``); one that says neither is an error.
    The first trial is the method as it is given, where that lies in ``space``, so that the search
    cannot end below it.
    """
    try:
        import optuna
    except ModuleNotFoundError:
        raise MissingExtra("tune", "optuna", "tune") from None
    best = getattr(metric, "best", None)
    if best not in ("high", "low"):
        raise BadParameter(f"{label(metric)} is neither better high nor better low: not a target")
    if trials < 1:
        raise BadParameter(f"trials must be at least 1, got {trials}")
    chosen = dict(space or searches(model))
    if not chosen:
        raise BadParameter(f"{type(model).__name__} has no parameter to tune; name one: l2=1..100")
    tree = describe(model)
    _names_exist(tree, chosen)
    for name, where in chosen.items():  # before the first trial, not in the middle
        for edge in where.choices or where.ends():
            build(tree, **{name: edge})
    part = split.validation

    def objective(trial: Any) -> float:
        asked = {name: where.ask(trial, name) for name, where in chosen.items()}
        value = _value(build(tree, **asked), part, metric)
        if progress is not None:
            progress("tune", trial.number + 1, trials)
        return value

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize" if best == "high" else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed),
    )
    given = {name: _at(tree, name) for name in chosen}
    study.enqueue_trial({name: value for name, value in given.items() if chosen[name].holds(value)})
    study.optimize(objective, n_trials=trials, catch=())
    found = build(tree, **study.best_params)
    rows = [{"trial": t.number + 1, "value": t.value, **t.params} for t in study.trials]
    return Tuned(
        model=found,
        parameters=dict(study.best_params),
        metric=label(metric),
        validation=float(study.best_value),
        test=_value(build(describe(found)), split, metric),
        untuned=_value(build(tree), split, metric),
        trials=pl.DataFrame(rows),
    )


def _value(model: Any, split: Split, metric: Metric) -> float:
    model.fit(split.train)
    values = measure(model, split, [metric])[label(metric)]
    known = np.atleast_1d(values)
    known = known[~np.isnan(known)]
    if not len(known):
        raise BadParameter(f"{label(metric)} is not defined for any request of {split!r}")
    return float(known.mean())


def _at(tree: Any, name: str) -> Any:
    for part in name.split("."):
        tree = tree[int(part)] if isinstance(tree, list) else tree.get(part)
    return tree


def _names_exist(tree: Any, space: Mapping[str, Search]) -> None:
    for name in space:
        try:
            _at(tree, name)
        except (AttributeError, ValueError, IndexError):
            raise UnknownName("parameter", name, [n for n in tree if n != "model"]) from None
        head = name.split(".")[0]
        if head not in tree:
            raise UnknownName("parameter", head, [n for n in tree if n != "model"])


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
