"""Tune: look for better parameters of a method, on the validation part alone.

Optuna's tree-structured Parzen estimator proposes, each is judged on ``split.validation``, which
lies within what the split may learn from; the test part is looked at once, after the search, to
say what the choice is worth, and never decides anything.

With early stopping the epoch is chosen on the same validation part, and what after ten epochs is
below the median of the trials before it is given up.

Source:  Bergstra, Bardenet, Bengio, Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import polars as pl

from .data.fingerprint import fingerprint
from .data.split import Split
from .errors import BadParameter, Diverged, MissingExtra, UnknownName
from .evaluation import EarlyStopping, fit, judge
from .evidence import Metric
from .model import Model
from .registry import build, describe, label

__all__ = ["Search", "Tuned", "searches", "tune"]

# not searched unless asked: chance, cost, digits and machines
FIXED = (
    *("seed", "threads", "n_epochs", "tolerance", "max_sweeps", "optimizer"),
    *("device", "n_processes", "precision", "checkpoint", "log"),
)
HALVINGS = 12  # of the way, in logarithms, from a default to a value that is not possible
WARM_UP = 5, 10  # trials before any is given up, and epochs of each


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
    test: float  # fitted anew, as `evaluate` would, and measured on the test part once
    untuned: float  # the method as it was given, likewise
    trials: pl.DataFrame  # trial, value (none: given up), epoch if it stops early, the parameters
    seconds: float  # that the trials took, together


def searches(model: Model) -> dict[str, Search]:
    """Where `tune` looks if it is not told: around each default, or all that a Literal allows.

    >>> searches(build("ease"))["l2"]
    Search(low=16.666666666666668, high=15000.0, log=True, whole=False, choices=())
    """
    tree = describe(model)
    return {name: _possible(tree, name, where) for name, where in _around(model)}


def _possible(tree: Any, name: str, where: Search) -> Search:
    """``where``, its ends moved towards the default until the method accepts them."""
    if where.choices:
        return where

    def nearest(edge: float, turn: Callable[[float], float]) -> float:
        for _ in range(HALVINGS):
            try:
                build(tree, **{name: turn(edge) if where.whole else edge})
                return edge
            except BadParameter:
                edge = (edge * value) ** 0.5
        return float(value)

    value = _at(tree, name)
    return replace(where, low=nearest(where.low, math.ceil), high=nearest(where.high, math.floor))


def _around(thing: Any, under: str = "") -> Iterator[tuple[str, Search]]:
    hints = get_type_hints(type(thing))
    for f in fields(thing):
        value = getattr(thing, f.name) if f.init else None
        name = under + f.name
        if not f.init or f.name in FIXED or value is None:
            continue
        if get_origin(hints[f.name]) is Literal:
            yield name, Search(choices=get_args(hints[f.name]))
        elif isinstance(value, bool):
            yield name, Search(choices=(True, False))
        elif isinstance(value, int) and value > 0:
            yield name, Search(low=max(1, value // 4), high=value * 4, log=True, whole=True)
        elif isinstance(value, float) and value > 0:
            yield name, Search(low=value / 30, high=value * 30, log=True)
        elif is_dataclass(value) and not isinstance(value, Model):
            yield from _around(value, f"{name}.")


def tune(
    model: Model,
    split: Split,
    metric: Metric,
    *,
    space: Mapping[str, Search] | None = None,
    trials: int = 20,
    seed: int = 0,
    early_stopping: EarlyStopping | None = None,
    study: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Tuned:
    """The parameters of ``model`` in ``space`` that are best by ``metric`` on the validation part.

    Whether more is better is the metric's to say (its ``best``); one that says neither is an error.
    The first trial is the method as it is given, where that lies in ``space``, so that the search
    cannot end below it. ``study`` is a file that keeps the trials: interrupted, or asked for more
    of them, the same search goes on as if it had never stopped.
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
    tree = describe(model)
    chosen = _chosen(model, tree, space)
    part = split.validation
    # trials can be told apart epoch by epoch only by what stops them
    gives_up = early_stopping is not None and early_stopping.label == label(metric)
    sign = 1 if best == "high" else -1

    def objective(trial: Any) -> float:
        asked = {name: where.ask(trial, name) for name, where in chosen.items()}
        values: dict[int, float] = {}

        def judged(epoch: int, value: float) -> None:
            values[epoch] = value
            kept = max(values, key=lambda at: sign * values[at])
            trial.set_user_attr("epoch", kept)
            if gives_up:
                trial.report(values[kept], epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

        try:
            made = build(tree, **asked)
            fit(made, part.train, validation=part, early_stopping=early_stopping, judged=judged)
        except (BadParameter, Diverged) as error:  # values that do not go together, or too far
            if not _finished(search):  # the method as it is given cannot do without itself
                raise
            trial.set_user_attr("given up", str(error))
            raise optuna.TrialPruned from None
        return judge(made, part, metric)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    told = (
        tree,
        chosen,
        fingerprint(split.train),
        repr(split),
        label(metric),
        early_stopping,
        seed,
    )
    search = optuna.create_study(
        study_name=hashlib.sha256(repr(told).encode()).hexdigest()[:20],
        storage=_storage(study),
        load_if_exists=True,
        direction="maximize" if best == "high" else "minimize",
        pruner=optuna.pruners.MedianPruner(*WARM_UP),
    )
    given = {name: _at(tree, name) for name in chosen}
    while (done := len(_finished(search))) < trials:
        if not done:
            search.enqueue_trial({n: value for n, value in given.items() if chosen[n].holds(value)})
        # a sampler of its own for each trial: a search that goes on draws what it would have drawn
        draw = int(np.random.default_rng([seed, done]).integers(1 << 31))
        search.sampler = optuna.samplers.TPESampler(seed=draw)
        search.optimize(objective, n_trials=1, catch=())
        if progress is not None:
            progress(f"tune\tbest {search.best_value:.4f}", done + 1, trials)
    kept = _finished(search)[:trials]  # a study may hold more than are asked for now
    rows = [
        {"trial": i, "value": _of(t), **t.user_attrs, **t.params} for i, t in enumerate(kept, 1)
    ]
    winner = max((t for t in kept if _of(t) is not None), key=lambda t: sign * t.value)
    found = build(tree, **winner.params)
    reached = []
    for each in (build(describe(found)), build(tree)):
        fit(each, split.train, validation=part, early_stopping=early_stopping)
        reached.append(judge(each, split, metric))
    return Tuned(
        model=found,
        parameters=dict(winner.params),
        metric=label(metric),
        validation=float(winner.value),
        test=reached[0],
        untuned=reached[1],
        trials=pl.DataFrame(rows, infer_schema_length=None),
        seconds=sum(t.duration.total_seconds() for t in kept),
    )


def _chosen(model: Model, tree: Any, space: Mapping[str, Search] | None) -> dict[str, Search]:
    """Where to look, known before the first trial to be possible."""
    chosen = dict(space or searches(model))
    if not chosen:
        raise BadParameter(f"{type(model).__name__} has no parameter to tune; name one: l2=1..100")
    _names_exist(tree, chosen)
    for name, where in chosen.items():
        value = _at(tree, name)
        if isinstance(value, int) and not isinstance(value, bool):
            chosen[name] = where = replace(where, whole=True)
        for edge in where.choices or where.ends():
            build(tree, **{name: edge})
    return chosen


def _storage(study: str | Path | None) -> Any:
    if study is None:
        return None
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    Path(study).parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(study)))


def _finished(search: Any) -> list[Any]:
    from optuna.trial import TrialState

    ends = (TrialState.COMPLETE, TrialState.PRUNED)
    return list(search.get_trials(deepcopy=False, states=ends))


def _of(trial: Any) -> float | None:
    """A trial's value; what was given up has none."""
    return trial.value if trial.state.name == "COMPLETE" else None


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
