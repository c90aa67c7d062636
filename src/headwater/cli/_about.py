"""What there is, and what works here: ``headwater methods`` and ``headwater doctor``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ._arguments import Json
from ._console import show

__all__ = ["doctor", "methods"]


def methods(
    name: Annotated[str | None, typer.Argument(help="One of them, in full.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="JSON schema of a flow file.")] = False,
    as_json: Json = False,
) -> None:
    """The methods and metrics, with their parameters and sources."""
    from .. import catalogue, registry

    if schema:
        typer.echo(json.dumps(registry.schema(), indent=2))
        return
    if name is None:
        rows = catalogue.entries()
        brief = [{key: row[key] for key in ("name", "address", "what")} for row in rows]
        show(rows if as_json else brief, as_json, title="Methods and metrics")
        return
    if as_json:
        show(catalogue.entry(registry.resolve(name)), True)
        return
    typer.echo(catalogue.text(registry.resolve(name)))


def doctor(as_json: Json = False) -> None:
    """What is installed, what is missing and how to get it, and whether Headwater works here."""
    from .. import doctor as health

    checks = health.examine()
    import polars as pl

    show(pl.DataFrame(checks), as_json, title="Headwater on this machine")
    if any(check["verdict"] == "FAIL" for check in checks):
        raise typer.Exit(1)
