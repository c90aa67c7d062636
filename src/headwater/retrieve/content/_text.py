"""The catalogue as what nets read: words by number, kinds by number, vectors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadParameter, DataError, MissingColumn
from ...types import Catalog, Floats, Ints

__all__ = ["NONE", "UNKNOWN", "column", "numbered", "tokens", "vocabulary", "word_vectors"]

NONE, UNKNOWN = 0, 1  # the numbers of no word, and of a word that is not in the vocabulary
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
GUESSES = {
    "title": ("title",),
    "body": ("abstract", "text"),
    "category": ("category", "topic"),
    "subcategory": ("subcategory",),
}  # what is read where no column is named: the first that there is


def column(catalog: Catalog, part: str, named: str | None) -> str | None:
    """The column that is ``part`` of news: the one that is ``named``, which must be there, or else
    the first that may be; None if there is none."""
    have = catalog.table.columns
    if named is not None:
        if named not in have:
            raise MissingColumn(named, "the catalogue", have)
        return named
    return next((each for each in GUESSES[part] if each in have), None)


def tokens(texts: Iterable[Any], name: str) -> list[list[str]]:
    """The words of each text, in lower case; of None, none.

    >>> tokens(["Don't panic: 42!", None], "title")
    [["don't", 'panic', '42'], []]
    """
    out = []
    for text in texts:
        if text is not None and not isinstance(text, str):
            raise DataError(
                f"column {name!r} of the catalogue is read as words, and has {text!r}, a "
                f"{type(text).__name__}: name a column of text"
            )
        out.append(WORD.findall(text.lower()) if text else [])
    return out


def vocabulary(texts: Iterable[Sequence[str]], min_count: int) -> list[str]:
    """Words that at least ``min_count`` texts have, those in the most texts first.

    >>> vocabulary([["b", "a", "a"], ["b"], ["c"]], 1)
    ['b', 'a', 'c']
    """
    often = Counter(word for text in texts for word in dict.fromkeys(text))
    kept = [(word, n) for word, n in often.items() if n >= min_count]
    return [word for word, _ in sorted(kept, key=lambda each: (-each[1], each[0]))]


def numbered(texts: Sequence[Sequence[str]], words: Mapping[str, int], length: int) -> Ints:
    """The first ``length`` words of each text by number, (N, L) int32; NONE behind the last. L is
    ``length``, or that of the longest text if that is less, and at least 1."""
    longest = max((len(text) for text in texts), default=0)
    out = np.full((len(texts), max(1, min(length, longest))), NONE, np.int32)
    for row, text in enumerate(texts):
        found = [words.get(word, UNKNOWN) for word in text[:length]]
        out[row, : len(found)] = found
    return out


def word_vectors(path: str, words: Mapping[str, int], size: int) -> tuple[Ints, Floats]:
    """Numbers (n,) and vectors (n, size) of those ``words`` that are in a file of vectors: a line
    a word, the word and ``size`` numbers with spaces between, as GloVe's are."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(f"no file of word vectors {path}: name one in the format of GloVe's")
    at, found = [], []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            word, _, rest = line.rstrip().partition(" ")
            if word not in words:
                continue
            try:
                vector = np.array(rest.split(" "), np.float32)
            except ValueError:
                raise DataError(f"line {number} of {path} is not a word and numbers") from None
            if len(vector) != size:
                raise BadParameter(
                    f"line {number} of {path} has {len(vector)} numbers for {word!r}, and "
                    f"word_size is {size}: set word_size={len(vector)}"
                )
            at.append(words[word])
            found.append(vector)
    if not at:
        raise DataError(
            f"{path} has none of the {len(words):,} words of the catalogue: is it in lower case, "
            "in the same language, with spaces between?"
        )
    return np.array(at), np.stack(found)
