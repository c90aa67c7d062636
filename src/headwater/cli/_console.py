"""What the command line prints: tables or JSON, progress, and errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import BadParameter

if TYPE_CHECKING:
    import polars as pl


class Interrupted(BaseException):
    """Ctrl-C, under a name that the argument parser does not swallow."""


def fail(said: str, status: int = 1) -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error:[/]", end=" ")
    console.print(said, markup=False)
    sys.exit(status)


def reported(result: Any, report: Path | None, as_json: bool, title: str) -> None:
    """The tables of an `Evaluation` or a `Comparison`, and its page if one was asked for."""
    if report is not None:
        from ..report import write

        write(result, report)
        typer.secho(f"written: {report}", err=True)
    tests = result.tests() if hasattr(result, "tests") else None
    made = result.splits()
    if as_json:
        found = {
            "table": result.table().to_dicts(),
            "times": result.times().to_dicts(),
            "splits": made,
        }
        show({**found, **({} if tests is None else {"tests": tests.to_dicts()})}, True)
        return
    table = result.table()
    if table["splits"].max() == 1:
        table = table.drop("split_mean", "split_low", "split_high", "median", "splits")
    for each in made:
        said = "".join(f"; dropped {n:,} {what}" for what, n in each["dropped"].items())
        typer.secho(
            f"{each['split']}, seed {each['seed']}: {each['requests']:,} requests{said}",
            err=True,
            dim=True,
        )
    show(table, False, title=title)
    if tests is not None and len(tests):
        show(tests, False, title="Differences, paired by user; p-values corrected after Holm")
    show(result.times(), False, title="Time")


def write_table(table: pl.DataFrame, out: Path) -> None:
    from ..atomic import atomic_path

    if out.suffix not in (".csv", ".parquet"):
        raise BadParameter(f"--out must end in .csv or .parquet, got {out}")
    with atomic_path(out) as temp:
        if out.suffix == ".csv":
            table.write_csv(temp)
        else:
            table.write_parquet(temp)


def show(thing: Any, as_json: bool, *, title: str = "", wrap: bool = False) -> None:
    """A frame, a list of rows or a mapping, as JSON or as a table."""
    import polars as pl

    if as_json:
        rows = thing.to_dicts() if isinstance(thing, pl.DataFrame) else thing
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False, default=str))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if isinstance(thing, list):
        thing = pl.DataFrame(thing, infer_schema_length=None)
    if isinstance(thing, dict):
        rows = [(name, said(value)) for name, value in thing.items()]
        columns, numbers = ["", " "], [False, False]
    else:
        columns = thing.columns
        numbers = [thing[c].dtype.is_numeric() for c in columns]
        rows = [tuple(said(value) for value in row) for row in thing.rows()]
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    table.show_header = not isinstance(thing, dict)
    for name, number in zip(columns, numbers, strict=True):
        fold = "fold" if wrap or not number else "ellipsis"
        table.add_column(name, justify="right" if number else "left", overflow=fold)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=160)
    console.print(table)


def said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value}"
    if isinstance(value, list | tuple):
        return ", ".join(said(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {said(each)}" for name, each in value.items())
    return str(value)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar a task on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, total: int | None) -> None:
            name, _, how = what.partition("\t")
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(
                tasks[name], completed=done, total=total, description=f"{name} {how}".rstrip()
            )

        yield told


@contextmanager
def spinning(what: str) -> Iterator[None]:
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield
