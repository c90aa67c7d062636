"""Stories: which articles tell the same story, as it goes on from day to day.

    x_d = TF-IDF of the text of article d, of length one; one vectoriser for all articles
    linked are d and e of one category, at most ``days`` days apart, with x_d . x_e >= ``least``
    a story = a community of what is linked (Louvain, by the cosines)

A story is called by its first article, by time and then by id. An article that is linked to none is
its own story, as is one without a date or without a word. Two that say the same are linked.

Pairs are compared category by category in blocks of articles close in time, so memory grows with
the articles and the links, and time with the pairs within the window. Words of many articles are
multiplied as a dense block, the others as a sparse one; pairs near ``least`` again in float64.

Source:  Vrijenhoek, Benedict, Gutierrez Granada, Odijk, de Rijke, "RADio - Rank-Aware Divergence
         Metrics to Measure Normative Diversity in News Recommendations", RecSys 2022.
         arXiv:2209.13520, and its code; Trilling, van Hoof, "Between Article and Topic: News Events
         as Level of Analysis and Their Computational Identification", Digital Journalism 2020
Checked: against all pairs in dense numpy, and in any order of the rows,
         tests/enrich/test_stories.py; timed by benchmarks/enrich.py
Differs: from the authors' code: one vectoriser, singles are stories of their own, a cosine of 1
         links, communities are seeded and found part by part; TF-IDF is scikit-learn's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..errors import DataError
from ..extras import needs
from ..model import Model, at_least, between
from ..types import Ints
from ._communities import communities

__all__ = ["Stories"]

DAY = 86_400
ROWS, COLUMNS = 512, 8192  # of a block of cosines, 16 MiB of float32
OFTEN = 0.02  # share of articles from which a word is multiplied dense
DENSE = 1024  # at most so many words are
MOST = 10_000_000  # pairs that are linked; so many take 4 GiB
NEAR = 1e-4  # cosines in float32 are no further than this from those in float64


@dataclass(kw_only=True, eq=False)
class Stories(Model):
    """
    >>> texts = ["flood in the valley", "valley flood grows", "a goal at last"]
    >>> Stories(least=0.3).chains(texts, ids=["b", "a", "c"], published=[0, 90_000, 0])
    ['b', 'b', 'c']
    """

    least: float = 0.5  # cosine from which two articles are linked
    days: int = 3  # most days between two that are linked
    stop_words: bool = False  # leave English function words out
    seed: int = 0

    def __post_init__(self) -> None:
        between(self, "least", self.least, 0, 1)
        at_least(self, "least", self.least, 0, above=True)
        at_least(self, "days", self.days, 0)

    def chains(
        self,
        texts: Sequence[str],
        *,
        ids: Sequence[str],
        published: Sequence[int | None],
        categories: Sequence[str | None] | None = None,
    ) -> list[str]:
        """The story of each article: the id of the first of its chain.

        ``published`` are unix seconds, None where nobody knows; days are those of UTC.
        ``categories`` None: all of one; a category None is one, too. `DataError` for lists of
        different lengths, an id that two articles have, or more links than there is room for.
        """
        n = len(texts)
        kinds = [None] * n if categories is None else list(categories)
        if not n == len(ids) == len(published) == len(kinds):
            raise DataError(
                f"Stories: {n} texts with {len(ids)} ids, {len(published)} times and {len(kinds)} "
                "categories"
            )
        if len(set(ids)) < n:
            twice = Counter(ids).most_common(1)[0][0]
            raise DataError(f"Stories: two articles have the id {twice!r}")
        when = np.array([0 if each is None else int(each) for each in published], np.int64)
        dated = np.array([each is not None for each in published], bool)
        order = np.array(
            sorted(np.flatnonzero(dated).tolist(), key=lambda i: (when[i], ids[i])), np.int64
        )
        links = self.links([texts[i] for i in order], when[order], [kinds[i] for i in order])
        story = list(ids)
        for members in communities(len(order), links, self.seed):
            for i in members:
                story[order[i]] = ids[order[members[0]]]
        return story

    def links(
        self, texts: Sequence[str], when: Ints, kinds: Sequence[str | None]
    ) -> list[tuple[int, int, float]]:
        """The pairs (i, j, cosine) that are linked, i < j, of articles in the order of time."""
        if not len(texts):
            return []
        x = self._vectors(texts)
        day = np.asarray(when) // DAY
        names = sorted({kind for kind in kinds if kind is not None})
        codes = {kind: i for i, kind in enumerate(names)}
        of = np.array([codes.get(kind, -1) if kind is not None else -1 for kind in kinds])
        some = np.flatnonzero(np.diff(x.indptr) > 0)
        found: list[tuple[int, int, float]] = []
        for kind in np.unique(of[some]):
            mine = some[of[some] == kind]
            found += self._linked(x[mine], mine, day[mine], MOST - len(found))
        return found

    def _vectors(self, texts: Sequence[str]) -> Any:  # (n, T) csr_array, float64
        with needs("enrich.stories", "news"):
            from sklearn.feature_extraction.text import TfidfVectorizer
        try:
            vectorizer = TfidfVectorizer(stop_words="english" if self.stop_words else None)
            x = csr_array(vectorizer.fit_transform(texts))
        except ValueError:  # no article has a word
            return csr_array((len(texts), 0))
        x.sort_indices()
        return x

    def _linked(self, x: Any, rows: Ints, day: Ints, most: int) -> list[tuple[int, int, float]]:
        """Pairs of one category: vectors (n, T), the articles' numbers and days, ascending."""
        n = len(rows)
        often = _often(x)
        dense = x[:, often].toarray().astype(np.float32)
        rare = x.copy().astype(np.float32)
        rare.data[np.isin(rare.indices, often)] = 0
        rare.eliminate_zeros()
        last = np.searchsorted(day, day + self.days, side="right")
        found: list[tuple[int, int, float]] = []
        for at in range(0, n, ROWS):
            block = slice(at, min(at + ROWS, n))
            for left in range(at, int(last[block].max()), COLUMNS):
                right = slice(left, min(left + COLUMNS, int(last[block].max())))
                cosine = dense[block] @ dense[right].T
                cosine += (rare[block] @ rare[right].T).toarray()
                i, j = np.nonzero(cosine >= self.least - NEAR)
                i, j = i + at, j + left
                keep = (i < j) & (j < last[i])
                found += self._exactly(x, i[keep], j[keep], rows)
                if len(found) > most:
                    raise DataError(
                        f"Stories: more than {MOST:,} pairs are alike by {self.least}, as where "
                        "many texts are made from one template: raise least, look at fewer days, "
                        "or leave such articles out"
                    )
        return found

    def _exactly(self, x: Any, i: Ints, j: Ints, rows: Ints) -> list[tuple[int, int, float]]:
        found: list[tuple[int, int, float]] = []
        for at in range(0, len(i), 4096):
            some, other = i[at : at + 4096], j[at : at + 4096]
            exact = np.asarray(x[some].multiply(x[other]).sum(1), np.float64).ravel()
            for a, b, s in zip(some, other, exact.round(12), strict=True):
                if s >= self.least:
                    found.append((int(rows[a]), int(rows[b]), float(min(s, 1.0))))
        return found


def _often(x: Any) -> Ints:
    """The words that many of the rows of ``x`` have."""
    counts = np.bincount(x.indices, minlength=x.shape[1])
    often = np.flatnonzero(counts > OFTEN * x.shape[0])
    return often[np.argsort(-counts[often], kind="stable")][:DENSE]
