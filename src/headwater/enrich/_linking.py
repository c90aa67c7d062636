"""What is known of a person or an organisation, and the one interface by which it is looked up."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ..errors import DataError
from ..kept import Kind

__all__ = ["FACTS", "Asked", "Linker", "Record", "plain"]

FACTS = Kind("fact", mark=0x68776663)  # "hwfc": files of what was found in texts and of people


class Asked(NamedTuple):
    """A name to look up, with the other names that it goes by where it was found."""

    name: str
    alternatives: tuple[str, ...] = ()
    label: str = "PERSON"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known; () and "" where nothing is. The fields are those of the source's pipeline."""

    name: str
    wikidata: str = ""  # "Q170581"
    alternatives: tuple[str, ...] = ()
    label: str = "PERSON"  # or "ORG"
    given_name: str = ""
    family_name: str = ""
    occupations: tuple[str, ...] = ()
    party: tuple[str, ...] = ()  # the one that counts first
    positions: tuple[str, ...] = ()
    gender: str = ""
    ethnicity: tuple[str, ...] = ()
    birthplace: str = ""  # the country
    citizenship: tuple[str, ...] = ()
    instance: tuple[str, ...] = ()  # of an organisation: what it is
    industry: tuple[str, ...] = ()
    country: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Record:
        """From plain values: text, or a list of texts where there may be several; None is nothing.

        `DataError` for a field that there is none of, or of another kind.
        """
        kinds = {f.name: f.default for f in fields(cls)}
        if not values.get("name"):
            raise DataError(f"a record has no name: {dict(values)!r}")
        made: dict[str, Any] = {}
        for name, value in values.items():
            if name not in kinds:
                raise DataError(f"a record has no field {name!r}; it has {', '.join(kinds)}")
            if value is None:
                continue
            many = isinstance(kinds[name], tuple)
            listed = [value] if isinstance(value, str) else value
            if not isinstance(listed, Sequence) or not all(isinstance(x, str) for x in listed):
                raise DataError(f"{name} of {values['name']!r} is text; got {value!r}")
            if not many and not isinstance(value, str):
                raise DataError(f"{name} of {values['name']!r} is one text; got {value!r}")
            made[name] = tuple(x for x in listed if x) if many else value
        return cls(**made)


@runtime_checkable
class Linker(Protocol):
    """Whatever knows people and organisations by their names."""

    def look_up(
        self, name: str, alternatives: Sequence[str] = (), label: str = "PERSON"
    ) -> Record | None:
        """What is known of ``name``, or else of the first of ``alternatives`` that is known."""
        ...

    def look_up_all(self, asked: Sequence[Asked]) -> list[Record | None]:
        """The same for many, in their order."""
        ...

    def identity(self) -> dict[str, Any]:
        """Plain values that change where answers do."""
        ...


def plain(name: str) -> str:
    """A name without accents, marks and capitals: what is looked up.

    >>> plain("Nydia M. Velázquez, Jr.")
    'nydia m velazquez jr'
    """
    bare = unicodedata.normalize("NFKD", name)
    bare = "".join(c for c in bare if not unicodedata.combining(c)).casefold()
    return " ".join(re.sub(r"[^\w\s'-]|(?<!\w)['-]|['-](?!\w)", " ", bare).split())
