"""What there is to say of data, and how much of it may be shown to anybody."""

from __future__ import annotations

from typing import Self

__all__ = ["Note"]


class Note(str):
    """A note for whoever reads the data. ``counts`` is the same without examples, for a page that
    others read: no ids, paths, or names of events; empty where nothing is left.

    >>> note = Note("left out 2 rows, such as ann@17", "left out 2 rows")
    >>> note, note.counts
    ('left out 2 rows, such as ann@17', 'left out 2 rows')
    """

    counts: str

    def __new__(cls, said: str, counts: str = "") -> Self:
        note = super().__new__(cls, said)
        note.counts = counts
        return note
