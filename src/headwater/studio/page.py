"""What a page is: a function from what was asked to plain values, and a template for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pydantic import ValidationError

from ..errors import BadParameter
from ..serve.api.asking import NAME
from ..serve.service import Service

__all__ = ["Asked", "Page", "Values", "Went", "plain"]

SUGGESTED = 50  # users


@dataclass(frozen=True)
class Values:
    """What stood in an address or in a form: several values to a name."""

    pairs: Sequence[tuple[str, str]] = ()

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value of ``name``."""
        return next(iter(self.all(name)), otherwise)

    def must(self, name: str) -> str:
        found = self.one(name)
        if not found:
            raise BadParameter(f"{name} is empty: give one")
        return found

    def number(self, name: str, otherwise: int, *, least: int, most: int) -> int:
        said = self.one(name).strip()
        if not said:
            return otherwise
        try:
            value = int(said)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise BadParameter(f"{name} is a whole number from {least} to {most}; got {said[:40]}")
        return value

    def ids(self, name: str) -> list[str]:
        """Ids of users or items; `BadParameter` for what can be none. Empty fields are none."""
        found = [each.strip() for each in self.all(name)]
        try:
            return [NAME.validate_python(each) for each in found if each]
        except ValidationError:
            raise BadParameter(
                f"{name}: an id has up to 200 characters, and no line ends among them"
            ) from None

    def id(self, name: str) -> str:
        """Of one user or item, which has to be given."""
        found = self.ids(name)
        if not found:
            raise BadParameter(f"{name} is empty: give an id")
        return found[0]


@dataclass(frozen=True)
class Asked:
    """What a page, or an action of it, is asked."""

    service: Service
    query: Values = field(default_factory=Values)  # of the address
    form: Values = field(default_factory=Values)  # of an action
    kept: Mapping[str, str] = field(default_factory=dict)  # what the last action left, for once
    visit: str = ""  # the same while a browser stays signed in

    @property
    def suggested(self) -> list[str]:
        """Some of those whom the model knows, for a field that asks for one."""
        fleet = self.service.fleet
        return list(islice(fleet.live().version.users, SUGGESTED)) if fleet.current else []


@dataclass(frozen=True)
class Went:
    """How an action went: the page to show next, and what to say there."""

    to: str  # an address under /studio/
    said: str
    kept: Mapping[str, str] = field(default_factory=dict)  # short: it travels in a cookie


@dataclass(frozen=True)
class Page:
    """One page at /studio/NAME, its JSON twin at /studio/NAME.json.

    ``made`` returns plain values; the template NAME.html knows them as ``page``. Each of
    ``actions`` is a form that changes something, sent to /studio/NAME/ACTION by the macro ``form``
    of parts.html, which has the token without which it is refused.
    """

    name: str
    title: str
    made: Callable[[Asked], Mapping[str, Any]]
    actions: Mapping[str, Callable[[Asked], Went]] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return f"{self.name}.html"


def plain(value: Any) -> Any:
    """As JSON can say it: times in ISO 8601, what is no number as null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if hasattr(value, "tolist"):  # of NumPy
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    raise TypeError(f"a page has plain values, not {type(value).__name__}")
