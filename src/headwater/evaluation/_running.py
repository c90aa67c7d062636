"""Fit, ask and measure, model by model and split by split."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter

from ..data.split import Split
from ..errors import BadParameter, DataError, UnknownName
from ..evidence import Metric
from ..model import Model, Recommender
from ._asking import Progress, Sampled, called, collect, values_of
from ._fitting import EarlyStopping, fit
from ._results import Comparison, Evaluation, Run
from ._statistics import TESTS

__all__ = ["DEFAULT", "compare", "evaluate"]

log = logging.getLogger("headwater")

DEFAULT = ("NDCG@10", "Recall@10", "Hit@10", "MRR@10", "CatalogCoverage@10", "Novelty@10")


def evaluate(
    model: Recommender,
    splits: Split | Iterable[Split],
    metrics: Sequence[Metric | str] = DEFAULT,
    *,
    name: str | None = None,
    fitted: bool = False,
    sampled: Sampled | None = None,
    early_stopping: EarlyStopping | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Fit a fresh copy of ``model`` on the training part of each split, and measure it on the rest.

    ``fitted`` takes the model as it is: that it has not seen what is held out is then the caller's
    word. With ``early_stopping`` methods that learn in epochs learn from the split's validation
    part, as much of it as it keeps for training, and stop where the rest of it says; the others
    learn from all that the split gives to learn from. ``progress`` is told (what, done, total).
    """
    named = {name or _name(model): model}
    found = _all(
        named,
        splits,
        metrics,
        fitted=fitted,
        sampled=sampled,
        early_stopping=early_stopping,
        progress=progress,
    )
    return next(iter(found.values()))


def compare(
    models: Mapping[str, Recommender],
    splits: Split | Iterable[Split],
    metrics: Sequence[Metric | str] = DEFAULT,
    *,
    tests: Sequence[str] = TESTS,
    baseline: str | None = None,
    fitted: bool = False,
    sampled: Sampled | None = None,
    early_stopping: EarlyStopping | None = None,
    resamples: int = 10_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Comparison:
    """`evaluate` all ``models`` on the same splits, and test their differences.

    Every pair is tested, or every model against the ``baseline`` if one is named. ``resamples`` and
    ``seed`` are those of the bootstrap.
    """
    if not models:
        raise BadParameter("nothing to compare: give at least one model")
    if baseline is not None and baseline not in models:
        raise UnknownName("model", baseline, models)
    for test in tests:
        if test not in TESTS:
            raise UnknownName("test", test, TESTS)
    if resamples < 1:
        raise BadParameter(f"compare: resamples must be at least 1, got {resamples}")
    found = _all(
        models,
        splits,
        metrics,
        fitted=fitted,
        sampled=sampled,
        early_stopping=early_stopping,
        progress=progress,
    )
    return Comparison(
        evaluations=found,
        baseline=baseline,
        kinds=tuple(tests),
        resamples=resamples,
        seed=seed,
    )


def _all(
    models: Mapping[str, Recommender],
    splits: Split | Iterable[Split],
    metrics: Sequence[Metric | str],
    *,
    fitted: bool,
    sampled: Sampled | None,
    early_stopping: EarlyStopping | None,
    progress: Progress | None,
) -> dict[str, Evaluation]:
    asked = called(metrics)
    runs: dict[str, list[Run]] = {name: [] for name in models}
    number = len(splits) if isinstance(splits, Sequence) else 0
    for i, split in enumerate([splits] if isinstance(splits, Split) else splits):
        which = f", split {i + 1}" + (f" of {number}" if number > 1 else "") if number != 1 else ""
        for name, model in models.items():
            run = _run(
                model,
                split,
                asked,
                fitted=fitted,
                sampled=sampled,
                early_stopping=early_stopping,
                progress=progress,
                what=name if isinstance(splits, Split) else name + which,
            )
            runs[name].append(run)
        _warn_of_the_dropped(split)
    if not any(runs.values()):
        raise DataError("no split to measure on: give at least one")
    bounds = {name: metric.bounds for name, metric in asked.items() if hasattr(metric, "bounds")}
    return {name: Evaluation(name, tuple(each), bounds) for name, each in runs.items()}


def _warn_of_the_dropped(split: Split) -> None:
    kept = len(split.truth.items)
    lost = sum(n for what, n in split.dropped.items() if "held-out events" in what)
    if lost > kept:
        log.warning(
            "%s: %d of %d held-out events cannot be measured (%s); %d requests are left. Another "
            "protocol, or fewer rare items, leaves more",
            split.name,
            lost,
            lost + kept,
            "; ".join(f"{n:,} {what}" for what, n in split.dropped.items()),
            len(split.queries),
        )


def _run(
    model: Recommender,
    split: Split,
    metrics: Mapping[str, Metric],
    *,
    fitted: bool,
    sampled: Sampled | None,
    early_stopping: EarlyStopping | None,
    progress: Progress | None,
    what: str,
) -> Run:
    started = perf_counter()
    if not fitted and isinstance(model, Model):
        model = model.fresh()
        fit(
            model,
            split.train,
            validation=None if early_stopping is None else split.validation,
            early_stopping=early_stopping,
            what=f"{what}: fit",
            progress=progress,
        )
    after_fit = perf_counter()
    seen, recommend_seconds = collect(
        model,
        split,
        list(metrics.values()),
        sampled=sampled,
        progress=progress,
        what=f"{what}: recommend",
    )
    values = values_of(metrics, seen, sampled)
    return Run(
        split=split.name,
        seed=split.seed,
        dropped=split.dropped,
        users=split.users,
        values=values,
        fit_seconds=after_fit - started,
        recommend_seconds=recommend_seconds,
        metric_seconds=perf_counter() - after_fit - recommend_seconds,
    )


def _name(model: Recommender) -> str:
    return model.address.rsplit(".", 1)[-1] if isinstance(model, Model) else type(model).__name__
