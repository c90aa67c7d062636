"""Every error that Headwater raises on purpose.

    HeadwaterError
      DataError             the table cannot be used as it is
        MissingColumn       a column that was asked for is not there
        Leak                something held out is also in the training part
        NoConsent           somebody has not agreed to what was to be kept of them
      UnknownName           a method, parameter, user, item, source or split that does not exist
      BadParameter          a parameter of the wrong type or with a value that makes no sense
      BadFlow               a flow file that cannot be read, with its line
      NotFitted             a learned value was asked for before ``fit``
      Diverged              a loss that is no longer a number
      MissingExtra          a part of Headwater that is not installed, and how to install it
      BadArtifact           a saved model that is truncated, foreign or of another format
      StoreError            the database of the event store did not do what was asked
      ApiError              an API refused what it was asked, or did not answer

Each says what was asked, what there is, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ApiError",
    "BadArtifact",
    "BadFlow",
    "BadParameter",
    "DataError",
    "Diverged",
    "HeadwaterError",
    "Leak",
    "MissingColumn",
    "MissingExtra",
    "NoConsent",
    "NotFitted",
    "StoreError",
    "UnknownName",
]


class HeadwaterError(Exception):
    """The root: ``except HeadwaterError`` catches what Headwater raises on purpose."""

    about: str | None = None  # the parameter that it is about, where there is one


class DataError(HeadwaterError, ValueError):
    """The table cannot be used as it is."""


class MissingColumn(DataError):
    """A column that was asked for is not there."""

    def __init__(self, name: str, where: str, have: Iterable[str]):
        super().__init__(f"no column {name!r} in {where}; it has: {_list(have)}")


class Leak(DataError):
    """Something held out is also in the training part."""


class NoConsent(DataError):
    """Somebody has not agreed to what was to be kept of them."""


class UnknownName(HeadwaterError, LookupError):
    """A name that does not exist, with the names that do and the nearest one."""

    def __init__(self, what: str, name: object, have: Iterable[object], hint: str = ""):
        names = [str(each) for each in have]
        near = get_close_matches(str(name).partition("@")[0], names, n=1, cutoff=0.5)
        said = f"no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else ".")
        said += f" There are: {_list(names)}." if names else ""
        super().__init__(said + (f" {hint}" if hint else ""))


class BadParameter(HeadwaterError, ValueError):
    """A parameter of the wrong type or with a value that makes no sense."""


class BadFlow(HeadwaterError, ValueError):
    """A flow file that cannot be read; the message begins with file and line."""


class NotFitted(HeadwaterError, AttributeError):
    """A learned value was asked for before ``fit``."""


class Diverged(HeadwaterError, ArithmeticError):
    """Training whose loss is infinite or no longer a number."""


class MissingExtra(HeadwaterError, ImportError):
    """A part of Headwater that is not installed, and how to install it."""

    def __init__(self, asked: str, package: str, extra: str):
        super().__init__(
            f"{asked} needs {package}, which is not installed: pip install 'headwater[{extra}]'"
        )


class BadArtifact(HeadwaterError, ValueError):
    """A saved model that is truncated, foreign or of another format."""


class StoreError(HeadwaterError, RuntimeError):
    """The database of the event store did not do what was asked; nothing of it was kept."""


class ApiError(HeadwaterError, RuntimeError):
    """An API refused what it was asked, or did not answer; the message has its answer."""


def _list(names: Iterable[object], most: int = 20) -> str:
    said = [str(name) for name in names]
    shown = ", ".join(said[:most])
    return shown + (f" and {len(said) - most} more" if len(said) > most else "")
