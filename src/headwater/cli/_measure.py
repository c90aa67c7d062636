"""How good methods are: ``headwater evaluate``, ``compare``, ``tune`` and ``reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadParameter
from ._arguments import (
    Json,
    K,
    Method,
    Metrics,
    Read,
    Seed,
    Set,
    SplitBy,
    Splits,
    Stopping,
    assigned,
    method_called,
    pairs,
    parsed_split,
    parsed_stopping,
    reads_data,
    seeded,
)
from ._console import progress, reported, show

__all__ = ["compare", "evaluate", "reproduce", "tune"]


@reads_data
def evaluate(
    data: Read,
    model: Method,
    split: SplitBy = None,
    splits: Splits = 1,
    metrics: Metrics = None,
    k: K = 10,
    settings: Set = None,
    early_stopping: Stopping = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots: out.html.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit METHOD on the training part of DATA and measure it on what was held out."""
    from .. import facade

    made = seeded(facade.method(model, **assigned(settings)), seed)
    found = data()
    with progress() as told:
        result = facade.evaluate(
            made,
            found,
            split=parsed_split(split),
            splits=splits,
            metrics=metrics,
            k=k,
            seed=seed,
            early_stopping=parsed_stopping(early_stopping),
            progress=told,
        )
    reported(result, report, as_json, f"{result.model} on {found!r}")


@reads_data
def compare(
    data: Read,
    models: Annotated[
        list[str],
        typer.Argument(metavar="METHOD...", help="One or more; with settings: ease:l2=100."),
    ],
    split: SplitBy = None,
    splits: Splits = 1,
    metrics: Metrics = None,
    k: K = 10,
    baseline: Annotated[str | None, typer.Option(help="Test all against this one only.")] = None,
    early_stopping: Stopping = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots: out.html.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Several methods on the same splits: intervals, and paired tests with Holm's correction."""
    from .. import facade

    if len(set(models)) < len(models):
        raise BadParameter(f"a method is named twice: {', '.join(models)}; settings: ease:l2=100")
    made = {name: seeded(method_called(name), seed) for name in models}
    found = data()
    with progress() as told:
        result = facade.compare(
            made,
            found,
            split=parsed_split(split),
            splits=splits,
            metrics=metrics,
            k=k,
            seed=seed,
            baseline=baseline,
            early_stopping=parsed_stopping(early_stopping),
            progress=told,
        )
    reported(result, report, as_json, f"{', '.join(made)} on {found!r}")


@reads_data
def tune(
    data: Read,
    model: Method,
    metric: Annotated[str, typer.Option("--metric", "-m", help="What to make best.")] = "NDCG@10",
    trials: Annotated[int, typer.Option(min=1, help="How many to try.")] = 20,
    search: Annotated[
        list[str] | None,
        typer.Option(help="Where to look: l2='1..1000 log', similarity_by=cosine,jaccard."),
    ] = None,
    early_stopping: Stopping = None,
    study: Annotated[
        Path | None, typer.Option(help="File that keeps the trials, to go on from.")
    ] = None,
    split: SplitBy = None,
    settings: Set = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Look for better parameters on validation data; the test data is measured once, at the end."""
    from .. import facade, registry
    from .. import tune as tuning
    from ..data.split import split as make_split

    made = seeded(facade.method(model, **assigned(settings)), seed)
    space = {name: tuning.Search.parse(value) for name, value in pairs(search)}
    found = data()
    part = make_split(found, parsed_split(split), seed=seed)
    measured = registry.metric(metric, k=10)
    with progress() as told:
        best = tuning.tune(
            made,
            part,
            measured,
            space=space or None,
            trials=trials,
            seed=seed,
            early_stopping=parsed_stopping(early_stopping),
            study=study,
            progress=told,
        )
    if not as_json:
        show(best.trials, False, title=f"{len(best.trials)} trials on validation data")
    show(
        {
            "parameters": best.parameters,
            "metric": best.metric,
            "validation": best.validation,
            "test": best.test,
            "test_as_given": best.untuned,
            "seconds": round(best.seconds, 1),
            **({"trials": best.trials.to_dicts()} if as_json else {}),
        },
        as_json,
    )
    sign = 1 if getattr(measured, "best", "high") == "high" else -1
    if sign * best.test < sign * best.untuned:
        typer.secho("what was found is worse than what was given, on the test part", err=True)


def reproduce(
    table: Annotated[str | None, typer.Argument(help="thesis-2.5; none lists them.")] = None,
    methods: Annotated[str | None, typer.Option(help="Only these: ease,slim.")] = None,
    splits: Annotated[
        int | None,
        typer.Option(min=1, help="How many splits; if left out, as committed."),
    ] = None,
    seed: Seed = 0,
    write: Annotated[
        Path | None, typer.Option(help="Folder to write the result to, as JSON.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder that keeps long runs, to go on after a stop.")
    ] = None,
    as_json: Json = False,
) -> None:
    """A published table made again: the paper's figures and ours side by side."""
    from .. import papers

    if table is None:
        show(papers.listed(), as_json, title="Tables that can be made again")
        return
    chosen = [each.strip() for each in methods.split(",")] if methods else None
    with progress() as told:
        found = papers.reproduce(
            table, methods=chosen, splits=splits, seed=seed, checkpoint=checkpoint, progress=told
        )
    if write is not None:
        typer.secho(f"written: {papers.write(found, write)}", err=True)
    if as_json:
        show(found.as_dict(), True)
        return
    show(found.table, False, title=found.title)
    for note in found.notes:
        typer.echo(f"- {note}")
