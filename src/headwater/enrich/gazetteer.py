"""Gazetteer: what is known of people, in a table of one's own, by their names.

    name -> record, looked up by: the name as it stands; then each alternative; both first as they
    are in the table, then without initials and endings such as Jr. ("Donald McEachin" for "A.
    Donald McEachin", "Abigail Spanberger" for "Abigail Davis Spanberger")

Capitals, accents and full stops do not count. A short form that two people have finds neither.

Source:  Vrijenhoek, Benedict, Gutierrez Granada, Odijk, de Rijke, "RADio - Rank-Aware Divergence
         Metrics to Measure Normative Diversity in News Recommendations", RecSys 2022, in its code,
         which asks Wikidata for the same fields
Checked: by hand, and every member of the 116th US House by name, tests/enrich/test_gazetteer.py
Differs: it looks into a table, where the authors' code asks a server; short forms are found too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

from ..errors import DataError
from ..model import Model
from ._linking import Asked, Record, plain

__all__ = ["Gazetteer"]

ENDINGS = frozenset(["jr", "sr", "i", "ii", "iii", "iv", "v", "phd", "md", "esq"])


@dataclass(kw_only=True, eq=False)
class Gazetteer(Model):
    people: tuple[Record, ...] = ()
    short: bool = True  # whether people are found without initials, middle names and endings

    def __post_init__(self) -> None:
        if not self.people:
            raise DataError("Gazetteer: nobody is in it; give people, such as those of a table")

    def identity(self) -> dict[str, Any]:
        """Plain values that change where answers do."""
        sha = hashlib.sha256(repr([astuple(each) for each in self.people]).encode())
        return {"method": self.address, "people": sha.hexdigest(), "short": self.short}

    def look_up(
        self, name: str, alternatives: Sequence[str] = (), label: str = "PERSON"
    ) -> Record | None:
        """What is known of ``name``, or else of the first of ``alternatives`` that is known."""
        keys = [key for each in (name, *alternatives) if (key := plain(each))]
        for table in (self._whole, self._short) if self.short else (self._whole,):
            for key in keys:
                if (label, key) in table:
                    return table[label, key]
        return None

    def look_up_all(self, asked: Sequence[Asked]) -> list[Record | None]:
        """The same for many, in their order."""
        return [self.look_up(*each) for each in asked]

    @property
    def names(self) -> tuple[str, ...]:
        """All names of persons, as `enrich.entities` takes them."""
        found = {
            name
            for each in self.people
            if each.label == "PERSON"
            for name in (each.name, *each.alternatives, *self._forms(each.name))
            if " " in name
        }
        return tuple(sorted(found))

    @staticmethod
    def _forms(name: str) -> Iterator[str]:
        """``name`` without its ending, its initials, and what is between first and last."""
        words = name.replace(",", " ").split()
        while len(words) > 2 and plain(words[-1]) in ENDINGS:
            words = words[:-1]
        yield " ".join(words)
        long = [word for word in words if len(plain(word)) > 1]
        if len(long) > 1:
            yield " ".join(long)
            yield f"{long[0]} {long[-1]}"

    @cached_property
    def _whole(self) -> dict[tuple[str, str], Record]:
        """By name, then by alternative: of several the first in the table."""
        found: dict[tuple[str, str], Record] = {}
        for each in self.people:
            found.setdefault((each.label, plain(each.name)), each)
        for each in self.people:
            for name in each.alternatives:
                found.setdefault((each.label, plain(name)), each)
        return found

    @cached_property
    def _short(self) -> dict[tuple[str, str], Record]:
        found: dict[tuple[str, str], set[int]] = {}
        for at, each in enumerate(self.people):
            if each.label == "PERSON":
                for name in self._forms(each.name):
                    found.setdefault((each.label, plain(name)), set()).add(at)
        return {key: self.people[min(at)] for key, at in found.items() if len(at) == 1}
