"""Names: which of the names in a text mean the same, and what to call it.

    s(a, b) = 0 if either has fewer than 3 characters; 1 if one is whole words of the other;
              else the ratio of what they share, 2 M / (|a| + |b|)

Of the names of one label those with s > ``least`` are linked, and are one where they are in one
community (Louvain). It is called by its most frequent name; a person by the most frequent of
several words, if there is one; of equals by the longest.

Source:  Vrijenhoek, Benedict, Gutierrez Granada, Odijk, de Rijke, "RADio - Rank-Aware Divergence
         Metrics to Measure Normative Diversity in News Recommendations", RecSys 2022, in its code;
         Blondel, Guillaume, Lambiotte, Lefebvre, "Fast unfolding of communities in large
         networks", 2008. arXiv:0803.0476
Checked: names grouped by hand, and pairs against the definition, tests/enrich/test_names.py
Differs: one contains the other as whole words, where the authors' code takes any letters ("Ann" in
         "Hannover"); with ``apart`` a name that is part of several which are unlike each other
         ("Obama" of Barack and of Michelle Obama) is linked to the most frequent of them alone, and
         does not join them; communities are seeded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ..errors import DataError
from ..model import Model, between
from ._communities import communities

__all__ = ["Names"]

SHORT = 3  # characters below which nothing is alike
KEYS = ("text", "start", "end", "label")


@dataclass(kw_only=True, eq=False)
class Names(Model):
    """
    >>> said = ["Barack Obama", "Obama", "Michelle Obama", "Barack Obama"]
    >>> found = [dict(text=t, start=i, end=i + 1, label="PERSON") for i, t in enumerate(said)]
    >>> [(each["text"], each["alternative"]) for each in Names().group(found)]
    [('Barack Obama', ['Obama']), ('Michelle Obama', [])]
    """

    least: float = 0.9  # what names must be more alike than to be linked
    apart: bool = True  # a short name does not join longer ones that are unlike each other
    person: str = "PERSON"  # the label of persons
    seed: int = 0

    def __post_init__(self) -> None:
        between(self, "least", self.least, 0, 1)

    def group(self, entities: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The names of one text, each with its ``text``, the ``alternative`` names of the same,
        its ``frequency`` (how many mentions), their ``spans`` [start, end] and its ``label``; in
        the order of first mentions.

        ``entities`` are as `enrich.entities` finds them. `DataError` if one lacks a key.
        """
        mentions: dict[str, dict[str, list[list[int]]]] = {}
        for each in entities:
            lacking = [key for key in KEYS if key not in each]
            if lacking:
                raise DataError(f"Names: an entity has no {', '.join(lacking)}: {dict(each)!r}")
            of = mentions.setdefault(each["label"], {})
            of.setdefault(each["text"], []).append([int(each["start"]), int(each["end"])])
        found = []
        for label, of in mentions.items():
            counts = {name: len(spans) for name, spans in of.items()}
            for members in self.groups(counts):
                spans = sorted(span for name in members for span in of[name])
                called = self._called(members, counts, label)
                found.append(
                    {
                        "text": called,
                        "alternative": [name for name in members if name != called],
                        "frequency": len(spans),
                        "spans": spans,
                        "label": label,
                    }
                )
        return sorted(found, key=lambda each: each["spans"][0])

    def groups(self, counts: Mapping[str, int]) -> list[list[str]]:
        """The names, with how often each is said, as groups of the same; in alphabetical order."""
        names = sorted(counts)
        links = [
            (i, j, s)
            for i in range(len(names))
            for j in range(i + 1, len(names))
            if (s := alike(names[i], names[j], self.least)) > self.least
        ]
        if self.apart:
            links = self._apart(names, counts, links)
        return [
            [names[i] for i in members] for members in communities(len(names), links, self.seed)
        ]

    def _apart(
        self, names: Sequence[str], counts: Mapping[str, int], links: list[tuple[int, int, float]]
    ) -> list[tuple[int, int, float]]:
        """Without the links of a name to all but one of the longer names that are unlike."""
        linked = {(i, j) for i, j, _ in links}
        longer: dict[int, list[int]] = {}
        for i, j, _ in links:
            short, long = (i, j) if len(names[i]) < len(names[j]) else (j, i)
            if within(names[short], names[long]):
                longer.setdefault(short, []).append(long)
        gone = set()
        for short, many in longer.items():
            best = min(many, key=lambda i: (-counts[names[i]], names[i]))
            for other in many:
                if other != best and (min(best, other), max(best, other)) not in linked:
                    gone.add((min(short, other), max(short, other)))
        return [link for link in links if link[:2] not in gone]

    def _called(self, members: Sequence[str], counts: Mapping[str, int], label: str) -> str:
        some = [name for name in members if " " in name] if label == self.person else []
        return min(some or members, key=lambda name: (-counts[name], -len(name), name))


def alike(a: str, b: str, floor: float = 0.0) -> float:
    """How alike two names are, 0 to 1, in either order; 0 if that is no more than ``floor``."""
    if min(len(a), len(b)) < SHORT:
        return 0.0
    if within(a, b) or within(b, a):
        return 1.0
    one, other = sorted((a, b))  # the ratio depends on the order
    if 2 * min(len(a), len(b)) <= floor * (len(a) + len(b)):
        return 0.0
    match = SequenceMatcher(None, one, other, autojunk=False)
    return 0.0 if match.quick_ratio() <= floor else match.ratio()


def within(a: str, b: str) -> bool:
    """Whether ``a`` is whole words of ``b``."""
    return f" {a} " in f" {b} "
