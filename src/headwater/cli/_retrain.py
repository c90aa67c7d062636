"""``headwater retrain`` and ``headwater models``: new versions, and which of them answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BadArtifact, BadParameter
from ._arguments import Json, Seed, Set, assigned, pairs
from ._console import progress, show
from ._told import Config, Models, Where, opened, shelf

if TYPE_CHECKING:
    from ..serve.shelf import Shelf

__all__ = ["REJECTED", "models_app", "retrain"]

REJECTED = 5  # exit status where the candidate was not good enough
Name = Annotated[str, typer.Argument(help="Of a version, from `models list`.")]


def retrain(
    store: Where = None,
    models: Models = None,
    config: Config = None,
    method: Annotated[
        str | None,
        typer.Option(help="A name from `methods`. Default: the method of the live model."),
    ] = None,
    flow: Annotated[Path | None, typer.Option(help="Instead, a flow file (.yaml).")] = None,
    settings: Set = None,
    window: Annotated[float, typer.Option(help="Days held out to judge by, at most.")] = 7.0,
    least: Annotated[int, typer.Option(min=1, help="Requests that it takes to judge.")] = 30,
    metric: Annotated[str, typer.Option("--metric", "-m", help="What decides.")] = "NDCG@10",
    tolerance: Annotated[float, typer.Option(help="How much of it may be lost.")] = 0.02,
    guard: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=LOSS",
            help="What else may not be lost, and how much of it may: CatalogCoverage@10=0.05; "
            "latency=2 is the factor of the p95. Repeatable; any takes the place of the defaults.",
        ),
    ] = None,
    worth: Annotated[
        bool,
        typer.Option("--worth", help="Clicks are worth the predicted satisfaction of their visit."),
    ] = False,
    work: Annotated[
        Path | None, typer.Option(help="Folder of the steps; default: .retrain in MODELS.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge, and change nothing.")] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit on what the store has now, and publish if that is as good as the live model.

    Exit status 5 if it is not, and 0 if it was published or there was nothing to do.
    """
    from ..serve.retrain import Terms
    from ..serve.retrain import retrain as run

    if method is not None and flow is not None:
        raise BadParameter("--method and --flow: give one of them")
    terms = Terms(
        method=flow if flow is not None else method,
        settings=assigned(settings),
        window=window,
        least=least,
        metric=metric,
        tolerance=tolerance,
        guards=None if guard is None else _guards(guard),
        worth=worth,
        seed=seed,
    )
    with opened(store, config) as found, progress() as told:
        report = run(found, shelf(models, config), terms, work=work, dry_run=dry_run, progress=told)
    _shown(report, as_json)
    if report["judged"] == "rejected":
        raise typer.Exit(REJECTED)


models_app = typer.Typer(no_args_is_help=True, help="The versions of a model: which answers.")


@models_app.command("list")
def list_(models: Models = None, config: Config = None, as_json: Json = False) -> None:
    """All versions, the oldest first, and which of them answers."""
    versions = shelf(models, config)
    try:
        current, before = versions.current, versions.before
    except BadArtifact as error:
        typer.secho(f"none answers: {error}", err=True)
        current = before = None
    rows = []
    for name in versions.names():
        try:
            report = versions.report(name)
        except BadArtifact as error:
            report = {"reason": str(error)}
        rows.append(
            {
                "name": name,
                "is": "current" if name == current else "before" if name == before else "",
                "verdict": report.get("verdict"),
                "reason": report.get("reason"),
            }
        )
    show(rows, as_json, title=f"{versions.folder}", wrap=True)
    if not rows:
        typer.secho("no version yet: `headwater retrain --method ease` makes one", err=True)


@models_app.command("show")
def show_(name: Name, models: Models = None, config: Config = None, as_json: Json = False) -> None:
    """The report of a version: from what it was made, and how it was found to be."""
    _shown(shelf(models, config).report(name), as_json)


@models_app.command()
def publish(
    name: Name, models: Models = None, config: Config = None, as_json: Json = False
) -> None:
    """Let a version answer; servers swap within seconds. One that cannot be loaded is refused."""
    versions = shelf(models, config)
    versions.publish(name)
    _answering(versions, as_json)


@models_app.command()
def rollback(models: Models = None, config: Config = None, as_json: Json = False) -> None:
    """Let the version before answer again; once more brings the newer one back."""
    versions = shelf(models, config)
    versions.roll_back()
    _answering(versions, as_json)


def _answering(versions: Shelf, as_json: bool) -> None:
    show({"current": versions.current, "before": versions.before, "since": versions.since}, as_json)


def _guards(given: list[str]) -> dict[str, float]:
    found = {}
    for name, value in pairs(given):
        try:
            found[name] = float(value)
        except ValueError:
            raise BadParameter(f"--guard {name}: the loss is a number, got {value!r}") from None
    return found


def _shown(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show(report, True)
        return
    rows = report.get("metrics", [])
    if rows:
        show(rows, False, title="On the latest window; difference: candidate minus baseline")
    named = ("verdict", "version", "against", "read", "window", "counts", "latency", "forgotten")
    show({name: report[name] for name in named if name in report}, False)
    typer.echo(report.get("reason", "nothing is said of it"))
