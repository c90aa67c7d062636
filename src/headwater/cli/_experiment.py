"""``headwater experiment``: begin, read and end comparisons of models in a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadParameter
from ._arguments import Json
from ._console import show
from ._told import Config, Where, opened, shelf, told

experiment_app = typer.Typer(
    no_args_is_help=True, help="Models compared on people: who sees which, and what came of it."
)
Name = Annotated[str, typer.Argument(help="Of the experiment.")]


@experiment_app.command()
def begin(
    name: Name,
    file: Annotated[Path, typer.Argument(help="YAML: arms, metric, guardrails, horizon.")],
    store: Where = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Set an experiment down, and begin it: servers see it within seconds."""
    import yaml

    from ..serve import experiments

    with file.open(encoding="utf-8") as text:
        try:
            about = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise BadParameter(f"{file}: not YAML: {error}") from None
    have = shelf(None, config).names() or None  # none at all: the shelf is elsewhere
    with opened(store, config) as found:
        made = experiments.begin(found, name, about, now=datetime.now(UTC), versions=have)
    show({"name": name, **made.about()}, as_json)


@experiment_app.command("list")
def list_(store: Where = None, config: Config = None, as_json: Json = False) -> None:
    """All of them, and whether they run."""
    with opened(store, config) as found:
        rows = [
            {
                "name": name,
                "started": about.get("started"),
                "stopped": about.get("stopped"),
                "arms": ", ".join(about.get("arms", {})),
                "metric": about.get("metric"),
            }
            for name, about in found.experiments().items()
        ]
    show(rows, as_json, title="Experiments")


@experiment_app.command()
def result(name: Name, store: Where = None, config: Config = None, as_json: Json = False) -> None:
    """What came of it so far. It may be looked at as often as one likes."""
    from ..serve.experiments import analyse_named

    with opened(store, config) as found:
        made = analyse_named(found, name, now=datetime.now(UTC), kinds=told(config).kinds)
    values = made.as_dict()
    if as_json:
        show(values, True)
        return
    show(values["arms"], False, title=f"{made.metric}, a person, in each arm")
    rows = [
        {"arm": each["arm"], "numbers": kind, **each[kind]}
        for each in values["contrasts"]
        for kind in ("plain", "adjusted")
    ]
    show(rows, False, title=f"Less {made.control}; adjusted by what was known of people before")
    rails = [
        {"arm": each["arm"], **rail, "n": " and ".join(map(str, rail["n"]))}
        for each in values["contrasts"]
        for rail in each["guardrails"]
    ]
    if rails:
        show(rails, False, title="Guardrails: how much worse than the control")
    for note in made.notes:
        typer.secho(note, err=True)
    typer.echo(made.advice)


@experiment_app.command()
def estimate(
    model: Annotated[Path, typer.Argument(help="A version: models/versions/NAME.")],
    store: Where = None,
    config: Config = None,
    most: Annotated[float | None, typer.Option(help="Weights above are taken to be this.")] = None,
    as_json: Json = False,
) -> None:
    """What a model would have earned on what was shown since it learned, before anybody sees it.
    It takes places that were drawn by chance."""
    from ..serve.experiments import version_before_launch

    with opened(store, config) as found:
        made = version_before_launch(found, model, most=most)
    values = made.as_dict()
    if as_json:
        show(values, True)
        return
    value = values.pop("value")
    show({**values, **({} if value is None else value)}, False, title=f"{model} on what was shown")


@experiment_app.command()
def stop(name: Name, store: Where = None, config: Config = None, as_json: Json = False) -> None:
    """From now on everybody sees the current model."""
    from ..serve import experiments

    with opened(store, config) as found:
        made = experiments.end(found, name, now=datetime.now(UTC))
    show({"name": name, **made.about()}, as_json)
