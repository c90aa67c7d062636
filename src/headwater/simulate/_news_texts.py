"""What made-up articles say: each text is drawn word by word, so that all about it is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit

from ..types import Floats, Ints, Mask
from ._news_articles import SECTION, SUBCATEGORIES, Articles, Persons, falling
from ._news_words import FUNCTION, SECTIONS, STARTERS, TONES, coined, syllables

__all__ = ["Texts"]

GENERAL, SECTIONAL, LOCAL, OWN = 600, 80, 50, 6  # words of each: any text, section, part, story
SOURCES = np.cumsum([0.38, 0.06, 0.06, 0.08, 0.42])  # of a word: glue, and the four in turn
MENTIONS = 5  # most persons named in an article, the first of them in its title
TONED = 4  # most words with a sentiment, likewise
SHORT, LONG = (2,), (3,)  # syllables of the words in plain and in hard texts


@dataclass(frozen=True, eq=False)
class Texts:
    title: pl.Series  # (N,)
    abstract: pl.Series  # (N,) null where there is none
    complexity: Floats  # (N,) Flesch reading ease of both
    grade: Floats  # (N,) Flesch-Kincaid
    sentiment: Floats  # (N,) mean polarity of the words that have one
    people: Ints  # (N, MENTIONS) persons in the order in which they are named, -1 for none

    @classmethod
    def of(cls, articles: Articles, persons: Persons, rng: np.random.Generator) -> Texts:
        words = _Words.of(articles, persons, rng)
        size = _Size.of(articles, rng)
        token = words.plain(articles, size, rng)
        put, who = _mentions(articles, size, rng)
        token[put.at] = words.forms + put.value
        said = _tones(articles, size, rng, taken=put.at)
        token[said.at] = words.tones + said.value
        polarity = np.array(list(TONES.values()))[said.value]
        several = np.bincount(said.row, minlength=len(articles))
        total = np.bincount(said.row, polarity, len(articles))
        n = np.bincount(size.row, words.n_words[token], len(articles))
        heard = np.bincount(size.row, words.syllables[token], len(articles))
        long, hard = n / (1 + size.sentences), heard / n
        title, abstract = words.written(token, size)
        return cls(
            title=title,
            abstract=abstract,
            complexity=206.835 - 1.015 * long - 84.6 * hard,
            grade=0.39 * long + 11.8 * hard - 15.59,
            sentiment=total / np.maximum(several, 1),
            people=who,
        )


@dataclass(frozen=True, eq=False)
class _Size:
    """Where everything stands: the tokens of all articles, title first, one after the other."""

    title: Ints  # (N,) tokens
    abstract: Ints  # (N,)
    sentences: Ints  # (N,) of the abstract
    start: Ints  # (N,) its first token
    row: Ints  # (tokens,) the article of each
    place: Ints  # (tokens,) in the article
    opens: Mask  # (tokens,) whether a sentence begins
    ends: Mask  # (tokens,) whether one of the abstract ends

    @classmethod
    def of(cls, articles: Articles, rng: np.random.Generator) -> _Size:
        n = len(articles)
        title = rng.integers(6, 13, n)
        abstract = np.rint(np.exp(3.2 + 0.5 * rng.normal(size=n))).astype(np.int64).clip(8, 52)
        abstract[rng.random(n) < 0.08] = 0
        wanted = 7 + 14 * expit(articles.difficulty)  # tokens a sentence
        sentences = np.where(abstract > 0, np.rint(abstract / wanted).clip(1), 0).astype(np.int64)
        length = title + abstract
        start = np.cumsum(length) - length
        row = np.repeat(np.arange(n), length)
        place = np.arange(len(row)) - start[row]
        inner = place - title[row]
        per, of = sentences[row], np.maximum(abstract[row], 1)
        turn = (inner * per) // of
        opens = (place == 0) | ((inner >= 0) & (turn != ((inner - 1) * per) // of))
        ends = (inner >= 0) & (turn != ((inner + 1) * per) // of)
        return cls(title, abstract, sentences, start, row, place, opens, ends)


@dataclass(frozen=True, eq=False)
class _Put:
    """Tokens to put in place of others."""

    at: Ints  # where, of all tokens
    row: Ints  # in which article
    value: Ints


@dataclass(frozen=True, eq=False)
class _Words:
    """All words, each kind of them beginning at a number; of the coined ones half is short."""

    text: list[str]
    function: int
    general: int
    section: int
    local: int
    own: Ints  # (N first articles' stories, 2, OWN) numbers of words
    forms: int
    tones: int
    story: Ints  # (N,) row of ``own``
    n_words: Ints
    syllables: Ints

    @classmethod
    def of(cls, articles: Articles, persons: Persons, rng: np.random.Generator) -> _Words:
        stories, story = np.unique(articles.story, return_inverse=True)
        pool = int(np.clip(len(stories) // 2, 2_000, 10_000))
        counts = (GENERAL, SECTIONAL * len(SECTIONS), LOCAL * len(SUBCATEGORIES), pool)
        half = [coined(sum(counts), lengths, rng) for lengths in (SHORT, LONG)]
        text = [*STARTERS, *FUNCTION]
        at = []
        for n, before in zip(counts, np.cumsum(counts) - counts, strict=True):
            at.append(len(text))
            for words in half:
                text += words[before : before + n]
        own = at[3] + rng.integers(0, pool, (len(stories), 2, OWN))
        own[:, 1] += pool
        forms = len(text)
        tones = forms + len(persons.forms)
        text += [*persons.forms, *TONES]
        return cls(
            text=text,
            function=len(STARTERS),
            general=at[0],
            section=at[1],
            local=at[2],
            own=own,
            forms=forms,
            tones=tones,
            story=story,
            n_words=np.array([len(each.split()) for each in text]),
            syllables=np.array([syllables(each) for each in text]),
        )

    def plain(self, articles: Articles, size: _Size, rng: np.random.Generator) -> Ints:
        """(tokens,) of texts without persons and sentiments."""
        n = len(size.row)
        hard = expit(1.2 * articles.difficulty - 2.4)[size.row]
        long = (rng.random(n) < hard).astype(np.int64)
        kind = np.searchsorted(SOURCES, rng.random(n), side="right")
        kind[(size.place == 1) | (size.place == 2)] = 4  # a title begins with its story
        kind[size.opens] = -1
        sub = articles.subcategory[size.row]
        out = rng.integers(0, len(STARTERS), n)  # for where sentences open

        def fill(which: int, m: int, power: float) -> tuple[Mask, Ints]:
            mine = kind == which
            return mine, rng.choice(m, int(mine.sum()), p=falling(m, power))

        mine, rank = fill(0, len(FUNCTION), 0.8)
        out[mine] = self.function + rank
        mine, rank = fill(1, GENERAL, 0.8)
        out[mine] = self.general + GENERAL * long[mine] + rank
        mine, rank = fill(2, SECTIONAL, 0.9)
        whole = SECTIONAL * len(SECTIONS)
        out[mine] = self.section + whole * long[mine] + SECTIONAL * SECTION[sub[mine]] + rank
        mine, rank = fill(3, LOCAL, 0.9)
        whole = LOCAL * len(SUBCATEGORIES)
        out[mine] = self.local + whole * long[mine] + LOCAL * sub[mine] + rank
        mine, rank = fill(4, OWN, 0.7)
        rank[size.place[mine] == 1] = 0
        out[mine] = self.own[self.story[size.row[mine]], long[mine], rank]
        return np.asarray(out)

    def written(self, token: Ints, size: _Size) -> tuple[pl.Series, pl.Series]:
        table = pl.DataFrame(
            {
                "row": size.row,
                "title": size.place < size.title[size.row],
                "word": pl.Series(self.text).gather(pl.Series(token)),
                "ends": size.ends,
            }
        ).with_columns(word=pl.when("ends").then(pl.col("word") + ".").otherwise("word"))
        both = table.group_by("row", maintain_order=True).agg(
            title=pl.col("word").filter(pl.col("title")).str.join(" "),
            abstract=pl.col("word").filter(~pl.col("title")).str.join(" "),
        )
        empty = pl.Series(size.abstract == 0)
        return both["title"], both.select(pl.when(~empty).then("abstract"))["abstract"]


def _places(size: _Size, most: int, rng: np.random.Generator) -> tuple[Ints, Mask]:
    """(N, most) tokens of each article, in order, and which there are: the first in the title, the
    others each in a part of its own of the abstract."""
    n = len(size.title)
    u = rng.random((n, most))
    out = np.empty((n, most), np.int64)
    out[:, 0] = 3 + (u[:, 0] * (size.title - 3)).astype(np.int64)
    parts = (np.arange(most - 1) + u[:, 1:]) / (most - 1)
    out[:, 1:] = size.title[:, None] + (parts * size.abstract[:, None]).astype(np.int64)
    there = np.ones((n, most), bool)
    there[:, 1:] = (size.abstract > 0)[:, None]
    there[:, 1:] &= np.diff(out) > 0  # where parts are short, two may meet
    return size.start[:, None] + out, there


def _mentions(articles: Articles, size: _Size, rng: np.random.Generator) -> tuple[_Put, Ints]:
    """Where persons are named, and who (N, MENTIONS): in full first, by the family name then."""
    at, there = _places(size, MENTIONS, rng)
    chance = np.array([0.6, 0.6, 0.4, 0.3, 0.3])
    there &= rng.random(at.shape) < chance
    there &= (articles.cast[:, 0] >= 0)[:, None]
    there[:, 1:] &= np.diff(at) > 1  # or one name would seem to go on in the next
    one = rng.choice(3, at.shape, p=[0.6, 0.25, 0.15])
    who = np.take_along_axis(articles.cast, one, 1)
    who = np.where(who < 0, articles.cast[:, :1], who)
    who = np.where(there, who, -1)
    form = (rng.random(at.shape) < 0.4).astype(np.int64)
    for later in range(1, MENTIONS):
        again = (who[:, :later] == who[:, later : later + 1]).any(1)
        form[again, later] = 2
    row, slot = np.nonzero(there)
    return _Put(at[row, slot], row, 3 * who[row, slot] + form[row, slot]), who


def _tones(articles: Articles, size: _Size, rng: np.random.Generator, *, taken: Ints) -> _Put:
    at, there = _places(size, TONED, rng)
    there &= rng.random(at.shape) < np.array([0.35, 0.5, 0.4, 0.3])
    there &= ~np.isin(at, taken) & ~size.opens[np.minimum(at, len(size.opens) - 1)]
    row, slot = np.nonzero(there)
    wanted = articles.tone[row] + 0.25 * rng.normal(size=len(row))
    values = np.array(list(TONES.values()))  # in order
    edges = (values[1:] + values[:-1]) / 2
    low = np.searchsorted(edges, wanted, side="left")
    high = np.searchsorted(edges, wanted, side="right")
    return _Put(at[row, slot], row, low + rng.integers(0, high - low + 1))
