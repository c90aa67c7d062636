"""Words that tell what a name is of, from words/english.txt."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["known"]

FILE = Path(__file__).with_name("words") / "english.txt"


@cache
def known(section: str) -> frozenset[str]:
    """
    >>> "senator" in known("TITLES"), "New York" in known("PLACES")
    (True, True)
    """
    text = FILE.read_text(encoding="utf-8").partition(f"\n[{section}]")[2]
    _, _, said = text.partition("\n")
    listed = said.partition("\n[")[0].replace("\n", " ").split(",")
    return frozenset(each.strip() for each in listed)
