"""Fit a model and the models that are its fields; stop each where validation says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoint import Kept
from ..data.requests import split_requests
from ..data.split import RandomPerUser, Split, split
from ..errors import BadParameter
from ..model import Model, Scorer, Stage, at_least
from ..registry import label
from ..registry import metric as metric_called
from ..state import pack, unpack
from ..types import Dataset
from ._asking import Progress, judge

__all__ = ["Best", "EarlyStopping", "fit", "fit_best"]


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """When to stop, and which epoch to keep: the one of the best ``metric`` on validation data."""

    metric: str = "NDCG@100"
    patience: int | None = 10  # judgements without a new best before it stops; None: all epochs
    every: int = 1  # epochs between judgements
    min_improvement: float = 0.0  # a new best is better by more than this
    filter_seen: bool = True  # whether what was fed in is left out of the ranking, as when asked

    def __post_init__(self) -> None:
        for name in ("every", "patience"):
            if not isinstance(getattr(self, name), int | None):
                raise BadParameter(
                    f"EarlyStopping: {name} must be a whole number, got {getattr(self, name)!r}"
                )
        at_least(self, "every", self.every, 1)
        at_least(self, "min_improvement", self.min_improvement, 0)
        if self.patience is not None:
            at_least(self, "patience", self.patience, 1)
        if self.sign() == 0:
            raise BadParameter(f"{self.metric} is neither better high nor better low: not a target")

    @property
    def label(self) -> str:
        return label(metric_called(self.metric))

    def sign(self) -> int:
        best = getattr(metric_called(self.metric), "best", None)
        return {"high": 1, "low": -1}.get(best or "", 0)


@dataclass(eq=False)
class Best:
    """The epoch that a rule keeps."""

    rule: EarlyStopping
    epoch: int = 0
    value: float = float("nan")
    values: dict[int, float] = field(default_factory=dict)  # of every epoch that was judged
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether patience is at its end."""
        late = sum(epoch > self.epoch for epoch in self.values)
        return self.rule.patience is not None and late >= self.rule.patience

    def give(self, model: Model) -> None:
        """Make ``model`` what it was after that epoch."""
        unpack(model, self.arrays, self.plain)


Judged = Callable[[int, float], None]  # epoch, value


def fit_best(
    model: Model,
    part: Split,
    rules: Mapping[str, EarlyStopping],
    *,
    what: str = "",
    progress: Progress | None = None,
    judged: Judged | None = None,
) -> dict[str, Best]:
    """Learn from ``part.train``, judging each epoch on the rest of ``part``, by several rules.

    It goes on until every rule is satisfied; `Best.give` makes a model what a rule keeps. With
    ``model.how.checkpoint`` the judgements are kept too, and an interrupted run goes on to the same
    end. ``judged`` is told each judgement; what it raises ends the run.
    """
    _alone(model)
    found = {name: Best(rule) for name, rule in rules.items()}
    with _own_folder(model, part, rules) as kept:
        _run(model, part, found, kept, what or model.address, progress, judged)
    for best in found.values():
        if not best.epoch:
            raise BadParameter(
                f"{type(model).__name__} was never judged by {best.rule.metric}: it is asked for "
                f"every {best.rule.every} epochs, and there were fewer"
            )
    return found


def _run(
    model: Model,
    part: Split,
    found: Mapping[str, Best],
    kept: Kept | None,
    what: str,
    progress: Progress | None,
    judged: Judged | None,
) -> None:
    if kept is not None:
        _restore(kept, found)
    total = int(getattr(getattr(model, "how", model), "n_epochs", 0))
    for epoch, loss in enumerate(model.epochs(part.train), 1):
        news = False
        for best in found.values():
            if epoch in best.values and judged is not None:  # by the run that this one goes on from
                judged(epoch, best.values[epoch])
            if best.done or epoch % best.rule.every or epoch in best.values:
                continue
            news = True
            value = judge(model, part, best.rule.metric, filter_seen=best.rule.filter_seen)
            best.values[epoch] = value
            ahead = best.rule.sign() * (value - best.value)
            if not best.epoch or ahead > best.rule.min_improvement:
                best.epoch, best.value = epoch, value
                arrays, best.plain = pack(model)
                best.arrays = {name: array.copy() for name, array in arrays.items()}
            if judged is not None:
                judged(epoch, value)
        if kept is not None and news:
            _keep(kept, found)
        if progress is not None:
            said = ", ".join(f"{b.rule.metric} {b.value:.4f}" for b in found.values())
            progress(f"{what}\tloss {loss:.4g}, best {said}", epoch, max(total, epoch))
        if all(best.done for best in found.values()):
            break


def fit(
    model: Any,
    data: Dataset,
    *,
    validation: Split | None = None,
    early_stopping: EarlyStopping | None = None,
    what: str = "",
    progress: Progress | None = None,
    judged: Judged | None = None,
) -> None:
    """Fit ``model`` on ``data``, part by part.

    With ``early_stopping`` what learns in epochs learns from ``validation.train`` instead, and is
    left as it was after the epoch that is best on the rest of ``validation``; of what learns from
    impressions, a tenth of the users are kept to judge by, where ``validation`` has no candidates.
    ``judged`` is told each judgement.
    """
    for part, mine in model.lessons(data) if model.composed else ():
        judge_by = validation
        if validation is not None and mine.log is not data.log:
            # what is held out from this lesson is in the validation split of the whole
            judge_by = split(mine, RandomPerUser(seed=validation.seed))
        fit(
            part,
            mine,
            validation=judge_by,
            early_stopping=early_stopping,
            what=what,
            progress=progress,
            judged=judged,
        )
    if model.composed:
        return
    _alone(model)
    what = what or model.address
    if type(model).epochs is Model.epochs:
        if progress is not None:
            progress(what, 0, 1)
        model.fit(data)
        if progress is not None:
            progress(what, 1, 1)
        return
    ranked = validation is not None and validation.candidates is not None
    if early_stopping is not None and model.learns_from_impressions and not ranked:
        seed = validation.seed if validation else 0
        validation = split_requests(data, shares=(0.9, 0, 0.1), seed=seed)
    if early_stopping is not None and validation is not None and _can_be_judged(model, validation):
        rules = {"": early_stopping}
        found = fit_best(model, validation, rules, what=what, progress=progress, judged=judged)
        found[""].give(model)
        return
    total = int(getattr(getattr(model, "how", model), "n_epochs", 0))
    for done, loss in enumerate(model.epochs(data), 1):
        if progress is not None:
            progress(f"{what}\tloss {loss:.4g}", done, max(total, done))


def _can_be_judged(model: Model, part: Split) -> bool:
    return isinstance(model, Scorer) or (isinstance(model, Stage) and part.candidates is not None)


def _alone(model: Model) -> None:
    n = getattr(getattr(model, "how", None), "n_processes", 1)
    if n > 1:
        raise BadParameter(
            f"how.n_processes={n}: several processes each run the whole script, which is for "
            "model.fit(data) in one of your own; what judges, saves or prints takes one"
        )


@contextmanager
def _own_folder(
    model: Any, part: Split, rules: Mapping[str, EarlyStopping]
) -> Iterator[Kept | None]:
    """Where judgements are kept, and for the time being the model's checkpoint beside them.

    A state that was kept by a run with other rules may be ahead of what these have judged.
    """
    how = getattr(model, "how", None)
    if how is None or how.checkpoint is None:
        yield None
        return
    from ..train import identity

    truth = identity(model, replace(part.train, log=part.truth))
    told = f"{identity(model, part.train)} {truth} {[repr(rule) for rule in rules.values()]}"
    folder = Path(how.checkpoint) / hashlib.sha256(told.encode()).hexdigest()[:20]
    model.how = replace(how, checkpoint=str(folder))
    try:
        yield Kept(folder, "judgements")
    finally:
        model.how = how


def _keep(kept: Kept, found: Mapping[str, Best]) -> None:
    arrays = {f"{i}/{n}": a for i, b in enumerate(found.values()) for n, a in b.arrays.items()}
    plain = [[b.epoch, b.value, b.values, b.plain] for b in found.values()]
    kept.write(arrays, {"rules": plain})


def _restore(kept: Kept, found: Mapping[str, Best]) -> None:
    got = kept.read()
    if got is None:
        return
    arrays, plain = got
    for i, (best, was) in enumerate(zip(found.values(), plain["rules"], strict=True)):
        best.epoch, best.value, values, best.plain = was
        best.values = {int(epoch): value for epoch, value in values.items()}
        mine = f"{i}/"
        best.arrays = {n.removeprefix(mine): a for n, a in arrays.items() if n.startswith(mine)}
