"""The command line: ``headwater --help``. Tables for people, `--json` for programs.

What is asked for goes to standard output, everything else (progress, notes, errors) to standard
error. Exit status: 0 done, 1 an error of Headwater's own, 2 a wrong call, 4 a norm that is missed
(`headwater monitor`), 5 a model that is not good enough (`headwater retrain`), 130 interrupted.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import HeadwaterError
from ._about import doctor, methods
from ._console import Interrupted, fail
from ._data import data_app
from ._demo import demo
from ._enrich import enrich
from ._experiment import experiment_app
from ._fit import fit, recommend, similar, thumbnail
from ._measure import compare, evaluate, reproduce, tune
from ._monitor import monitor
from ._news import news_app
from ._retrain import models_app, retrain
from ._satisfaction import satisfaction_app
from ._serve import key_app, serve
from ._simulate import simulate_app
from ._store import store_app

# What somebody does first stands first.
PANELS: Mapping[str, Mapping[str, Callable[..., None] | typer.Typer]] = {
    "Start here": {"demo": demo, "doctor": doctor, "data": data_app, "methods": methods},
    "Recommend, and measure how good that is": {
        "fit": fit,
        "recommend": recommend,
        "similar": similar,
        "thumbnail": thumbnail,
        "evaluate": evaluate,
        "compare": compare,
        "tune": tune,
        "reproduce": reproduce,
    },
    "Satisfaction, news and norms": {
        "satisfaction": satisfaction_app,
        "enrich": enrich,
        "monitor": monitor,
        "news": news_app,
    },
    "A platform": {
        "key": key_app,
        "store": store_app,
        "retrain": retrain,
        "models": models_app,
        "serve": serve,
        "experiment": experiment_app,
        "simulate": simulate_app,
    },
}


class InOrder(TyperGroup):
    """As in `PANELS`; of itself Typer puts groups of commands last."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return [name for commands in PANELS.values() for name in commands]


app = typer.Typer(
    cls=InOrder,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel, commands in PANELS.items():
    for name, what in commands.items():
        if isinstance(what, typer.Typer):
            app.add_typer(what, name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(what)


def interrupt(*_: Any) -> None:
    raise Interrupted


def main() -> None:
    """Run the command line; errors of Headwater's own are one line and exit status 1."""
    signal.signal(signal.SIGINT, interrupt)
    try:
        app(standalone_mode=True)
    except HeadwaterError as error:
        fail(str(error))
    except Interrupted:
        fail("interrupted; nothing half-written was left", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        fail(f"{error.filename or 'file'}: {error.strerror or error}")
    except MemoryError:
        fail("out of memory: fewer items (--min-users-per-item), or another method")


@app.callback(invoke_without_command=True)
def version(
    asked: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """[bold]Headwater[/]: any table of events in, measured recommendations out.

    Start with [cyan]headwater demo[/]; with your own table:
    [cyan]headwater fit events.csv ease --save model.hw[/]
    """
    if asked:
        from importlib.metadata import version as installed

        typer.echo(f"headwater {installed('headwater')}")
        raise typer.Exit
