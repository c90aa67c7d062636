"""Packages that only a part of Headwater needs: the extra that brings them, their versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from .errors import MissingExtra

__all__ = ["needs", "version_of"]


@contextmanager
def needs(who: str, extra: str) -> Iterator[None]:
    """Imports inside that fail say which extra of Headwater brings what ``who`` lacks."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise MissingExtra(who, (missing.name or "a package").split(".")[0], extra) from None


def version_of(who: str, package: str, extra: str) -> str:
    """``package`` and its version, as text; `MissingExtra` if it is not installed."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        raise MissingExtra(who, package, extra) from None
