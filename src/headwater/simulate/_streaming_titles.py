"""A catalogue of films and series made up, or a real one to which is added what is not known."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from ..errors import BadParameter, DataError
from ..types import Catalog, Dataset, Floats, Histories, Ids, Ints, Mask, Stills
from ._streaming_words import ADJECTIVES, COUNTRIES, FAMILIES, GENRES, GIVEN, PLACES, Genre
from .pictures import plain

__all__ = ["Titles"]

TRIES = 200
FIRST, LAST = 1962, 2025  # years
WHOLE, PARTLY = 0.85, 0.1  # how much a still shows of its kind, and at most of another


@dataclass(frozen=True, eq=False)
class Titles:
    """What there is to watch. Quality and lure are known to the world alone."""

    ids: pl.Series  # (N,) text
    table: pl.DataFrame  # (N, columns) title, genres, year, country, minutes, type, synopsis
    shape: pl.DataFrame  # (N, 3) year, minutes, type: made up where the catalogue does not say
    genres: tuple[str, ...]  # G
    mix: Floats  # (N, G) the genres of each in equal parts; all alike where none is known
    quality: Floats  # (N,) mean 0, deviation 1
    lure: Floats  # (N,) likewise, and nothing to do with it
    stills: Stills

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def made(cls, n: int, seed: int) -> Titles:
        table, ids = _table(n, np.random.default_rng([seed, 1]))
        return cls._of(table, table, ids, seed)

    @classmethod
    def taken(cls, data: Dataset, n: int | None, seed: int) -> Titles:
        """The ``n`` items of ``data`` that most people chose, of those whose genres are known."""
        table = data.catalog.table
        for name in ("title", "genres"):
            data.catalog.column(name)
        known = np.diff(data.catalog.multi_hot("genres").indptr) > 0
        often = np.bincount(data.log.items, minlength=len(data.items))
        order = np.argsort(-often, kind="stable")
        order = order[known[order]]
        if not len(order):
            raise DataError("no item of these data has genres, and tastes are tastes for genres")
        if n is not None and n > len(order):
            raise BadParameter(
                f"n_items is {n:,}, and only {len(order):,} items of these data have genres"
            )
        chosen = order[:n]
        ids = data.items.values.gather(chosen).cast(pl.String)
        table = table[chosen].with_columns(pl.col("title").cast(pl.String).fill_null(ids))
        made, _ = _table(len(chosen), np.random.default_rng([seed, 1]))
        long = np.random.default_rng([seed, 3]).normal(105, 15, len(made)).clip(60, 200)
        year = table["title"].str.extract(r"\((\d{4})\)\s*$").cast(pl.Int64)
        made = made.select(
            year=pl.coalesce(year, made["year"]),
            minutes=pl.Series(long.astype(np.int64)),
            type=pl.lit("film"),
        )
        told = [table[name] for name in made.columns if name in table.columns]
        return cls._of(table, made.with_columns(*told), ids, seed)

    @classmethod
    def _of(cls, table: pl.DataFrame, shape: pl.DataFrame, ids: pl.Series, seed: int) -> Titles:
        catalog = Catalog(table)
        genres = tuple(str(each) for each in catalog.kinds("genres"))
        has = catalog.multi_hot("genres").toarray().astype(np.float64)
        quality, lure = np.random.default_rng([seed, 2]).normal(size=(2, len(ids)))
        stills = _stills(has > 0, genres, ids, np.random.default_rng([seed, 4]))
        mix = has / has.sum(1, keepdims=True)
        shape = shape.select("year", "minutes", "type")
        return cls(ids, table, shape, genres, mix, quality, lure, stills)

    @cached_property
    def number(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.ids.to_list())}

    @cached_property
    def names(self) -> list[str]:  # (N,)
        return [str(each) for each in self.table["title"].to_list()]

    @cached_property
    def is_series(self) -> Mask:  # (N,)
        return (self.shape["type"] == "series").fill_null(value=False).to_numpy()

    @cached_property
    def seconds(self) -> Floats:  # (N,) of a film, or of one evening with a series
        minutes = self.shape["minutes"].cast(pl.Float64).fill_null(90.0).to_numpy()
        return np.asarray(60 * minutes * np.where(self.is_series, 2, 1))

    @cached_property
    def newness(self) -> Floats:  # (N,) mean 0, deviation 1
        year = self.shape["year"].cast(pl.Float64)
        x = year.fill_null(strategy="mean").rank().to_numpy().astype(np.float64)
        return np.asarray((x - x.mean()) / max(float(x.std()), 1e-9))

    @cached_property
    def kind_of_still(self) -> Ints:  # (S,) the genre that each picture shows
        return np.asarray(self.stills.scores.argmax(1))

    @cached_property
    def data(self) -> Dataset:
        """The catalogue with its pictures, without people: what `pictures.draw` draws."""
        none = Histories.empty(0, len(self))
        catalog = Catalog(self.table, stills=self.stills)
        return Dataset(Ids(pl.Series([], dtype=pl.String)), Ids(self.ids), none, catalog)


def _stills(has: Mask, genres: Sequence[str], ids: pl.Series, rng: np.random.Generator) -> Stills:
    """A picture of each genre of each item, as `pictures.draw` draws and names them."""
    number = np.maximum(has.sum(1), 2)  # what has one genre has two pictures of it
    start = np.concatenate([[0], np.cumsum(number)]).astype(np.int64)
    scores = (PARTLY * rng.random((int(start[-1]), len(genres)))).astype(np.float32)
    names = []
    for item, name in enumerate(ids.to_list()):
        mine = np.flatnonzero(has[item]).tolist()
        for place, kind in enumerate(mine if len(mine) > 1 else mine * 2):
            scores[start[item] + place, kind] = WHOLE + PARTLY * rng.random()
            names.append(f"{name}/{place}-{plain(genres[kind])}.jpg")
    spoils = np.zeros(len(names), bool)
    return Stills(start, scores, tuple(genres), pl.Series(names, dtype=pl.String), spoils)


def _table(n: int, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.Series]:
    share = np.array([each.share for each in GENRES])
    share /= share.sum()
    rows: list[dict[str, object]] = []
    taken: set[str] = set()
    for _ in range(n):
        mine = rng.choice(len(GENRES), 3, replace=False, p=share)
        mine = mine[: rng.choice([1, 2, 3], p=[0.1, 0.55, 0.35])]
        first, other = GENRES[mine[0]], GENRES[mine[-1]]
        title = _title(first, other, taken, rng)
        series = rng.random() < first.series
        long = rng.normal(48, 8) if series else rng.normal(first.minutes, 14)
        rows.append(
            {
                "id": _slug(title),
                "title": title,
                "genres": [GENRES[i].name for i in mine],
                "year": int(LAST - min(int(rng.exponential(11)), LAST - FIRST)),
                "country": str(rng.choice(list(COUNTRIES), p=list(COUNTRIES.values()))),
                "minutes": round(float(np.clip(long, 22, 190))),
                "type": "series" if series else "film",
                "synopsis": _synopsis(first, other, rng),
            }
        )
    table = pl.DataFrame(rows)
    return table.drop("id"), table["id"]


def _title(first: Genre, other: Genre, taken: set[str], rng: np.random.Generator) -> str:
    """One that nothing else has; ``taken`` has it from now on."""
    for attempt in range(TRIES):
        noun, more = _two(first.nouns, other.nouns, rng)
        adjective = _one((*first.adjectives, *ADJECTIVES), rng)
        who, family, place = _one(GIVEN, rng), _one(FAMILIES, rng), _one(PLACES, rng)
        forms = (
            f"The {adjective} {noun}",
            f"The {noun} of {place}",
            f"{adjective} {noun}",
            f"{who}'s {noun}",
            f"The {noun} and the {more}",
            f"{_article(noun)} {noun} for {who}",
            f"{place}",
            f"{who} {family}",
            f"The {more} in {place}",
            f"Before the {noun}",
            f"{who} and the {adjective} {noun}",
        )
        title = forms[rng.integers(len(forms))]
        if attempt >= TRIES // 2:  # most of the short ones are there already
            title = f"{who} {family} and the {adjective} {noun} of {place}"
        if _slug(title) not in taken:
            taken.add(_slug(title))
            return title
    raise BadParameter("the words for made-up titles are used up: n_items must be smaller")


def _article(noun: str) -> str:
    return "An" if noun[0] in "AEIOU" else "A"


def _two(one: Sequence[str], other: Sequence[str], rng: np.random.Generator) -> tuple[str, str]:
    noun = _one(one, rng)
    more = [each for each in other if each != noun]
    return noun, _one(more, rng)


def _synopsis(first: Genre, other: Genre, rng: np.random.Generator) -> str:
    who = f"{_one(GIVEN, rng)} {_one(FAMILIES, rng)}"
    aim, turn = _one(first.aims, rng), _one(other.turns, rng)
    return f"{who}, {_one(first.jobs, rng)} in {_one(PLACES, rng)}, {aim}. {turn}."


def _one(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _slug(title: str) -> str:
    """
    >>> _slug("Zora's Séance")
    'zoras-seance'
    """
    bare = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", bare.replace("'", "")).strip("-")
