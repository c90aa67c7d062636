"""Articles made up: what comes out when, in which stories, who is in them, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..types import Floats, Ints, Mask
from ._news_words import (
    ENDINGS,
    GIVEN,
    PARTIES,
    POLITICAL,
    SECTIONS,
    STEMS,
    TITLES,
)

__all__ = ["DAY", "IS_POLITICAL", "SECTION", "SUBCATEGORIES", "Articles", "Persons"]

DAY = 86_400
SUBCATEGORIES = tuple(name for section in SECTIONS for name in section.subcategories)
SECTION = np.repeat(np.arange(len(SECTIONS)), [len(each.parts) for each in SECTIONS])  # (S,)
IS_POLITICAL = np.isin(SUBCATEGORIES, POLITICAL)  # (S,)
GAP = 2.2  # days between two articles of a story, at most


def shares() -> Floats:  # (S,)
    """Of the articles by subcategory: those of a category fall like 1 / rank."""
    inner = np.concatenate([1 / np.arange(1, len(each.parts) + 1) for each in SECTIONS])
    total = np.bincount(SECTION, inner)
    return np.asarray(inner / total[SECTION] * np.array([each.share for each in SECTIONS])[SECTION])


def drawn(weights: Floats, rows: Ints, rng: np.random.Generator) -> Ints:
    """For each of ``rows`` a column, with a chance in proportion to ``weights[row]``."""
    ends = np.cumsum(weights / weights.sum(1, keepdims=True), axis=1)
    flat = (ends + np.arange(len(ends))[:, None]).ravel()
    found = np.searchsorted(flat, rows + rng.random(rows.shape), side="right")
    return np.asarray(np.minimum(found - rows * weights.shape[1], weights.shape[1] - 1))


def falling(n: int, power: float) -> Floats:  # (n,)
    """Zipf: the chance of each rank."""
    out = 1 / np.arange(1, n + 1) ** power
    return np.asarray(out / out.sum())


@dataclass(frozen=True, eq=False)
class Persons:
    """Who may be in the news."""

    name: tuple[str, ...]  # (P,)
    family: tuple[str, ...]
    title: tuple[str, ...]  # "Sen.", or nothing
    gender: tuple[str, ...]
    party: Ints  # (P,) a number in PARTIES, -1 for none
    known: Mask  # (P,) whether they are in the gazetteer
    weights: Floats  # (S, P) how often each is named in each subcategory

    @classmethod
    def of(cls, n: int, known: float, rng: np.random.Generator) -> Persons:
        families = np.array([stem + end.lower() for stem in STEMS for end in ENDINGS])
        family = rng.choice(np.unique(families), n, replace=False)
        gender = rng.choice(["female", "male"], n, p=[0.4, 0.6])
        name = [
            f"{rng.choice(GIVEN[sex])} {last}" for sex, last in zip(gender, family, strict=True)
        ]
        politician = rng.random(n) < 0.4
        party = np.where(politician, rng.choice(len(PARTIES), n, p=list(PARTIES.values())), -1)
        own = np.array([each.share * each.named for each in SECTIONS])
        home = np.where(politician, 0, rng.choice(len(own), n, p=own / own.sum()))
        tilt = np.exp(0.8 * rng.normal(size=(len(SUBCATEGORIES), len(PARTIES))))
        weights = np.where(SECTION[:, None] == home, 1.0, 0.01)
        weights = weights * falling(n, 0.8)[rng.permutation(n)]
        weights[~IS_POLITICAL] *= np.where(politician, 0.15, 1.0)
        weights[IS_POLITICAL] *= np.where(politician, 1.0, 0.25)
        weights *= np.where(politician, tilt[:, party], 1.0)
        return cls(
            name=tuple(name),
            family=tuple(family.tolist()),
            title=tuple(np.where(politician, rng.choice(TITLES, n), "").tolist()),
            gender=tuple(gender.tolist()),
            party=party,
            known=rng.random(n) < np.where(politician, (1 + known) / 2, known),
            weights=weights,
        )

    @cached_property
    def forms(self) -> list[str]:  # (3 P,) how each is written
        """In full, in full with a title, and later on."""
        out = []
        for name, family, title in zip(self.name, self.family, self.title, strict=True):
            out += [name, f"{title} {name}".strip(), f"{title} {family}".strip()]
        return out

    @cached_property
    def table(self) -> pl.DataFrame:
        """All persons; the gazetteer is that of those who are ``known``."""
        parties = np.array([*PARTIES, None], dtype=object)
        return pl.DataFrame(
            {
                "name": list(self.name),
                "party": pl.Series(parties[self.party].tolist(), dtype=pl.String),
                "gender": list(self.gender),
                "wikidata": [f"Q{9_000_001 + p}" for p in range(len(self.name))],
                "known": self.known,
            }
        )


@dataclass(frozen=True, eq=False)
class Articles:
    """In the order in which they came out."""

    published: NDArray[np.int64]  # (N,) unix seconds
    subcategory: Ints  # (N,)
    story: Ints  # (N,) the first article of its story
    attractiveness: Floats  # (N,) mean 0, deviation 1
    difficulty: Floats  # (N,) mean about 0, deviation about 1
    tone: Floats  # (N,) the sentiment that was wanted
    cast: Ints  # (N, 3) who is in the story, -1 for nobody

    @classmethod
    def of(
        cls,
        n: int,
        begin: int,
        days: float,
        chained: float,
        persons: Persons,
        rng: np.random.Generator,
    ) -> Articles:
        sizes = _sizes(n, chained, rng)
        own = np.repeat(np.arange(len(sizes)), sizes)  # (N,) the story of each
        sub = rng.choice(len(SUBCATEGORIES), len(sizes), p=shares())
        published = begin + _when(sizes, own, days, rng)
        order = np.argsort(published, kind="stable")
        own, published = own[order], published[order]
        first = np.full(len(sizes), n)
        np.minimum.at(first, own, np.arange(n))
        heat = 0.8 * rng.normal(size=len(sizes)) + 0.5 * np.log(sizes)
        attract = heat[own] + 0.8 * rng.normal(size=n)
        section = SECTION[sub]
        part = rng.normal(size=(2, len(SUBCATEGORIES)))  # subcategories differ, too
        hard = np.array([each.hard for each in SECTIONS])[section] + 0.6 * part[0, sub]
        hard = hard + 0.5 * rng.normal(size=len(sizes))
        tone = np.array([each.tone for each in SECTIONS])[section] + 0.12 * part[1, sub]
        tone = tone + 0.35 * rng.normal(size=len(sizes))
        return cls(
            published=published,
            subcategory=sub[own],
            story=first[own],
            attractiveness=(attract - attract.mean()) / attract.std(),
            difficulty=hard[own] + 0.3 * rng.normal(size=n),
            tone=(tone[own] + 0.2 * rng.normal(size=n)).clip(-1, 1),
            cast=_cast(sub, persons, rng)[own],
        )

    def __len__(self) -> int:
        return len(self.published)


def _sizes(n: int, chained: float, rng: np.random.Generator) -> Ints:
    """How many articles each story has: about a share of ``chained`` is in stories of several."""
    several = rng.zipf(2.0, n).clip(1, 40) + 1
    several = several[: np.searchsorted(np.cumsum(several), chained * n, side="right")]
    alone = np.ones(n - int(several.sum()), np.int64)
    return np.asarray(rng.permutation(np.concatenate([several, alone])))


def _when(sizes: Ints, own: Ints, days: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Seconds (N,), story by story: never more than GAP days from one article to the next."""
    gap = np.minimum(rng.exponential(0.5, len(own)), GAP)
    head = np.cumsum(sizes) - sizes
    gap[head] = 0
    since = np.cumsum(gap)
    since -= since[head][own]
    took = np.maximum.reduceat(since, head)
    fit = np.minimum(1, 0.9 * days / np.maximum(took, 1e-9))
    start = rng.random(len(sizes)) * (days - took * fit)
    return np.asarray((start[own] + since * fit[own]) * DAY, np.int64)


def _cast(sub: Ints, persons: Persons, rng: np.random.Generator) -> Ints:  # (stories, 3)
    named = np.array([each.named for each in SECTIONS])[SECTION]
    named = np.where(IS_POLITICAL, 0.9, named)[sub]
    who = drawn(persons.weights, np.repeat(sub[:, None], 3, 1), rng)
    there = rng.random(who.shape) < np.stack([named, 0.6 * named, 0.3 * named], 1)
    there[:, 1:] &= there[:, :1]
    return np.where(there, who, -1)
