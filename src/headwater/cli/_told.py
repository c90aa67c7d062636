"""Where the store and the shelf are: as a server is told it, for the commands beside it, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..serve.settings import Told
    from ..serve.shelf import Shelf
    from ..serve.store import Store

__all__ = ["Config", "Models", "Where", "opened", "shelf", "told"]

Config = Annotated[
    Path | None, typer.Option(help="A settings file; default: headwater.toml, if it is there.")
]
Where = Annotated[
    str | None, typer.Option("--store", help="A file, or postgresql://...; default: by settings.")
]
Models = Annotated[
    Path | None, typer.Option("--models", help="The shelf of versions; default: by settings.")
]


def told(config: Path | None, **given: Any) -> Told:
    """The settings, with what was ``given`` on top; None was not."""
    from ..serve.settings import told_from

    return told_from(config, **{name: value for name, value in given.items() if value is not None})


@contextmanager
def opened(store: str | None, config: Path | None) -> Iterator[Store]:
    """The event store, which goes by what the settings say of consent, as a server does."""
    from ..serve.store import Store

    settings = told(config, store=store)
    with Store(
        settings.store, default=settings.consent, trust_consent=settings.trust_consent
    ) as found:
        yield found


def shelf(models: Path | None, config: Path | None) -> Shelf:
    from ..serve.shelf import Shelf

    return Shelf(told(config, models=models).models)
