"""``headwater serve``: the API and the studio; ``headwater key``: who may ask."""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from ..errors import BadParameter
from ._arguments import Json
from ._console import Interrupted, show
from ._told import Config, Models, Where

key_app = typer.Typer(no_args_is_help=True, help="Keys of programs that ask the server.")


def serve(
    config: Config = None,
    store: Where = None,
    models: Models = None,
    host: Annotated[str | None, typer.Option(help="The address to listen at.")] = None,
    port: Annotated[int | None, typer.Option(help="0 is any that is free.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.")] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Without keys, to try it out on this machine.")
    ] = False,
    log: Annotated[str | None, typer.Option(help="json or text.")] = None,
) -> None:
    """The API and the studio, until they are told to stop.

    What is not said here comes from HEADWATER_... in the environment, then from the file.
    """
    from ..extras import needs

    with needs("headwater serve", "serve"):
        import uvicorn

    from ..serve.logs import set_up
    from ..serve.settings import settings_from

    given: dict[str, Any] = {
        "store": store,
        "models": models,
        "host": host,
        "port": port,
        "workers": workers,
        "log": log,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if open_:
        given["open"] = True
    settings = settings_from(config, **given)
    set_up(settings.log)
    for name, value in given.items():  # for the processes that uvicorn makes
        os.environ[f"HEADWATER_{name.upper()}"] = str(value)
    if config is not None:
        os.environ["HEADWATER_CONFIG"] = str(config)
    if settings.secret is None:  # the processes have to agree on one
        os.environ["HEADWATER_SECRET"] = token_urlsafe(32)
    port = _free(settings.host, settings.port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    typer.secho(f"http://{host}:{port}/studio", err=True)
    with suppress(Interrupted), _counting_together(settings.workers):
        uvicorn.run(
            "headwater.cli._serve:worker",
            factory=True,
            host=settings.host,
            port=port,
            workers=settings.workers,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=15,
        )


@contextmanager
def _counting_together(workers: int) -> Iterator[None]:
    """Several processes count in one folder, made anew unless the environment names one."""
    from ..serve.telemetry import SHARED

    if workers == 1 or SHARED in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="headwater-counts-") as folder:
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            del os.environ[SHARED]


def _free(host: str, port: int) -> int:
    """``port``, if one may listen there; for 0 one that nobody has."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise BadParameter(
                f"nothing can listen at {host}, port {port}: {error.strerror}; --port takes "
                "another, and 0 for any that is free"
            ) from None
        return int(trial.getsockname()[1])


def worker() -> Any:
    """The app of one process, whose log is set up as that of the others."""
    from ..serve.logs import set_up
    from ..serve.settings import settings_from
    from ..studio import from_environment

    set_up(settings_from().log)
    sys.setswitchinterval(0.0005)  # who answers requests waits that long for who makes pages
    app = from_environment()
    app.state.service.swapped = _settled
    return app


def _settled() -> None:
    """What is there now stays: looking it all over for garbage again would stop everybody for a
    tenth of a second, every thousand pages."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@key_app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Of the program or person that gets it.")],
    role: Annotated[str, typer.Option(help="read, ingest or admin.")],
    as_json: Json = False,
) -> None:
    """Make a key. It is shown once; the settings get its hash."""
    from ..serve.keys import ORDER, new_key

    if role not in ORDER:
        raise BadParameter(f"--role is one of {', '.join(ORDER)}; got {role!r}")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise BadParameter(f"a name of letters, digits, - and _; got {name!r}")
    word, key = new_key(role)
    if as_json:
        show({"name": name, "key": word, "hash": key.hash, "role": key.role}, True)
        return
    typer.echo(word)
    typer.secho(
        "It is kept nowhere: this was the only time. In headwater.toml:\n\n"
        f'[keys.{name}]\nhash = "{key.hash}"\nrole = "{key.role}"',
        err=True,
    )
