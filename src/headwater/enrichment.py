"""A catalogue of articles, and what their texts say, column by column.

The methods are those of `enrich`; here are the columns that they read and write, what is kept of
them on disk, and what there is to say of how it went.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .data._tables import open_table, whole
from .data._times import Clock
from .data.people import read_people
from .enrich._linking import Asked, Linker, Record
from .enrich._text import latin
from .enrich._work import Both, Progress, Work
from .enrich.entities import Entities
from .enrich.gazetteer import Gazetteer
from .enrich.names import Names
from .errors import BadParameter, DataError, UnknownName
from .registry import build
from .types import PAD, Dataset

__all__ = ["STEPS", "Enriched", "enrich", "read_articles"]

STEPS = ("complexity", "sentiment", "entities", "voices", "stories")
TEXT = ("title", "abstract")  # of a `Dataset` that was read the second is "text"
MARKUP = re.compile(
    r"</?(?:a|b|br|div|em|figure|h[1-6]|i|img|li|ol|p|span|strong|table|ul)(?:\s[^<>]*)?/?>"
    r"|&(?:amp|apos|gt|lt|nbsp|quot|#\d+|#x[0-9a-f]+);",
    re.IGNORECASE,
)
TEXTS = pl.List(pl.String)
NAMED = pl.List(
    pl.Struct(
        {
            "text": pl.String,
            "alternative": TEXTS,
            "frequency": pl.Int64,
            "spans": pl.List(pl.List(pl.Int64)),
            "label": pl.String,
        }
    )
)


@dataclass(frozen=True, eq=False)
class Enriched:
    """Articles with what their texts say."""

    table: pl.DataFrame  # a row an article, as they were given
    notes: tuple[str, ...]  # how names were found, what was left out and why
    n_texts: int  # articles that have any text
    data: Dataset | None = None  # whose catalogue has the columns, where a `Dataset` was given


def read_articles(source: Any, *, encoding: str = "utf-8") -> pl.DataFrame:
    """Any table of articles as a frame; `DataError` names the rows that are none."""
    table = open_table(source, encoding=encoding)
    frame, broken = whole(table)
    if len(broken):
        first = broken.row(0, named=True)
        raise DataError(f"{table.name}: {len(broken)} rows cannot be read, such as {first}")
    return frame


def enrich(
    articles: pl.DataFrame | Dataset,
    *,
    steps: Iterable[str] | None = None,
    text: Sequence[str] | None = None,
    id: str = "item_id",
    category: str | None = "category",
    published: str | None = None,
    language: str = "en",
    people: Any = None,
    linker: Linker | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    details: bool = False,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> Enriched:
    """Add what the texts of ``articles`` say, in columns that the metrics of news look at.

    ``steps`` are of `STEPS`; None is all that can be done, and a note says what cannot:

    * complexity: ``complexity`` (reading ease) and ``grade``
    * sentiment: ``sentiment``, from -1 to 1
    * entities: ``people``, an entry a mention; with ``details`` also ``names``, all that is named
    * voices: ``parties``, ``voices`` and ``genders``, an entry a mention; it needs ``people`` (any
      table of people, or "us_house_116") or a ``linker`` (`enrich.wikidata`), the table first
    * stories: ``story``; it needs to know when articles came out: the column ``published``, or a
      `Dataset` that says when they were shown. It writes ``published``.

    A text is the columns ``text``, a line each; if None title, and abstract or, where there is
    none, text, as a `Dataset` calls it. ``settings`` are parameters by step: {"sentiment":
    {"model": "..."}}; those of entities, voices and stories go to the methods of that name, "names"
    to `enrich.names`. ``cache`` is a file, made if missing, that keeps what was found by what it
    was found in: after an interruption, or with more articles, only the rest is computed.

    `DataError` names all columns that cannot be used.

    >>> news = pl.DataFrame({"item_id": ["n1"], "title": ["A good day. It was warm."]})
    >>> enrich(news, steps=["complexity"]).table["complexity"].round(2).to_list()
    [119.19]
    """
    data = articles if isinstance(articles, Dataset) else None
    if data is None and not isinstance(articles, pl.DataFrame):
        raise DataError(
            f"articles are a polars frame or a Dataset; got a {type(articles).__name__}. "
            "`read_articles` reads any table"
        )
    table = articles.catalog.table if isinstance(articles, Dataset) else articles
    if data is not None:
        if table.height != len(data.items):
            raise DataError("the catalogue has no row for each item: nothing is known of them")
        names: pl.Series | None = data.items.values.cast(pl.String)
    else:
        known = id in table.columns and _plain(table[id])
        names = table[id].cast(pl.String) if known else None
    source = Source(data=data, table=table, id=id, names=names, category=category)
    chosen = source.begin(steps, text, published, language, people, linker, settings or {})
    work = Work(cache=cache, progress=progress)
    columns = source.run(chosen, work, details)
    over = [name for name in columns if name in table.columns and name != "published"]
    if over:
        source.notes.append(f"columns that were there are replaced: {', '.join(over)}")
    made = table.with_columns(**columns)
    notes = tuple(source.notes)
    if data is not None:
        catalog = replace(data.catalog, table=made)
        data = replace(data, catalog=catalog, notes=(*data.notes, *notes))
    return Enriched(made, notes, sum(map(bool, chosen.texts)), data)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is done, by which methods."""

    steps: tuple[str, ...]
    texts: list[str]
    methods: dict[str, Any]
    linker: Linker | None
    published: pl.Series | None  # Datetime


@dataclass(eq=False)
class Source:
    """The articles, and what there is to say of them."""

    data: Dataset | None
    table: pl.DataFrame
    id: str
    names: pl.Series | None  # what the articles are called
    category: str | None
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    # What is to be done -------------------------------------------------------------------------

    def begin(
        self,
        steps: Iterable[str] | None,
        text: Sequence[str] | None,
        published: str | None,
        language: str,
        people: Any,
        linker: Linker | None,
        settings: Mapping[str, Mapping[str, Any]],
    ) -> Chosen:
        asked = None if steps is None else _steps(steps)
        texts = self.texts(text)
        before = len(self.faults)
        when = self.when(published)
        untold = when is None and len(self.faults) == before
        wanted = STEPS if asked is None else asked
        for name in settings:
            if name not in (*STEPS, "names"):
                raise UnknownName("step to give settings to", name, (*STEPS, "names"))
        left: dict[str, str] = {}
        methods = self.methods(wanted, language, settings, left)
        if people is not None:
            gazetteer = Gazetteer(people=tuple(Record.of(each) for each in read_people(people)))
            linker = gazetteer if linker is None else Both(gazetteer, linker)
            finder = methods.get("entities")
            if finder is not None:
                known = (*finder.gazetteer, *gazetteer.names)
                methods["entities"] = replace(finder, gazetteer=known)
        if linker is None:
            left["voices"] = (
                "voices need to know people: give a table of them (people=), or a linker such as "
                "enrich.wikidata"
            )
        if "entities" in left:
            left["voices"] = left["entities"]
        if untold:
            left["stories"] = (
                "stories need to know when articles came out: name the column that says so "
                "(published=), or give a Dataset that says when they were shown"
            )
        elif asked is None and self.category not in (None, *self.table.columns):
            left["stories"] = f"stories need the column {self.category!r}: name it (category=)"
        if asked is not None:
            self.faults += [why for step, why in left.items() if step in asked]
        else:
            self.notes += [f"{step} left out: {why}" for step, why in left.items()]
        todo = tuple(step for step in wanted if step not in left)
        if "stories" in todo:
            self.ready_for_stories()
        if self.faults:
            raise DataError(
                f"the articles cannot be enriched: {'; '.join(self.faults)}. Their columns are: "
                f"{', '.join(self.table.columns)}"
            )
        return Chosen(todo, texts, methods, linker, when)

    def texts(self, asked: Sequence[str] | None) -> list[str]:
        """A line a column; what is missing is no line."""
        columns = self.table.columns
        if isinstance(asked, str):
            raise BadParameter(f"text is a list of columns; got {asked!r}")
        whole = TEXT if TEXT[1] in columns else (TEXT[0], "text")
        names = [each for each in whole if each in columns] if asked is None else list(asked)
        if not names:
            self.faults.append(
                f"no column of text: neither {' nor '.join(map(repr, (*TEXT, 'text')))} is there, "
                "and text= names none"
            )
        for name in names:
            if name not in columns:
                self.faults.append(f"no column {name!r} (text)")
            elif self.table.schema[name] not in (pl.String, pl.Null):
                self.faults.append(f"{name!r} is {self.table.schema[name]}, not text")
        if self.faults:
            return []
        parts = [self.table[name].cast(pl.String).fill_null("").to_list() for name in names]
        found = ["\n\n".join(filter(None, map(str.strip, row))) for row in zip(*parts, strict=True)]
        empty = len(found) - sum(map(bool, found))
        if empty:
            self.notes.append(f"{empty:,} of {len(found):,} articles have no text")
        if marked := sum(bool(MARKUP.search(text)) for text in found):
            self.notes.append(
                f"{marked:,} of {len(found):,} texts have HTML in them, and its tags are read as "
                "words: take it out first"
            )
        if foreign := sum(not latin(text) for text in found):
            self.notes.append(
                f"{foreign:,} of {len(found):,} texts are in other letters than Latin: nothing is "
                "said of how hard they are, nor by the lexicon of their tone, and stories take for "
                "a word what stands between spaces"
            )
        return found

    def when(self, asked: str | None) -> pl.Series | None:
        """When each came out, Datetime us of UTC, from a column or from when it was first shown."""
        name = "published" if asked is None else asked
        if name in self.table.columns:
            column = self.table[name]
            if column.dtype == pl.Null:
                column = column.cast(pl.String)
            if column.dtype.is_nested():
                self.faults.append(f"{name!r} is {column.dtype}, no times")
                return None
            if column.dtype == pl.String:  # nothing is written in different ways
                column = column.str.strip_chars().replace("", None)
            seconds = Clock().seconds(column)
            bad = int(seconds.null_count() - column.null_count())
            if bad:
                row = int((seconds.is_null() & column.is_not_null()).arg_max() or 0)
                self.faults.append(
                    f"{bad} times in {name!r} cannot be read, such as {column[row]!r}"
                )
                return None
            if column.null_count():
                self.notes.append(
                    f"{column.null_count():,} articles have no time in {name!r}: each is its own "
                    "story"
                )
        elif asked is not None:
            self.faults.append(f"no column {asked!r} (published)")
            return None
        elif self.data is not None and (shown := _first_shown(self.data)) is not None:
            seconds = shown
            self.notes.append(
                "published is when an article was first shown"
                + (f"; {shown.null_count():,} never were" if shown.null_count() else "")
            )
        else:
            return None
        return pl.from_epoch(seconds, "s").cast(pl.Datetime("us")).alias("published")

    def methods(
        self,
        steps: Sequence[str],
        language: str,
        settings: Mapping[str, Mapping[str, Any]],
        left: dict[str, str],
    ) -> dict[str, Any]:
        """The methods of ``steps``; in ``left`` why there is none in this language."""
        found = {}
        for step in dict.fromkeys([*steps, *(["entities", "names"] if _names(steps) else [])]):
            spoken = step in ("complexity", "sentiment", "entities")
            given = {**({"language": language} if spoken else {}), **settings.get(step, {})}
            try:
                found[step] = build(f"enrich.{step}", **given)
            except BadParameter as error:
                if language == "en" or settings.get(step):
                    raise
                left[step] = str(error)
        return found

    def ready_for_stories(self) -> None:
        kinds = self.table.schema
        if self.names is None and self.id in kinds:
            self.faults.append(f"{self.id!r} (id) is {kinds[self.id]}, no text or numbers")
        elif self.names is None:
            self.faults.append(f"no column {self.id!r} (id), which stories are called by")
        elif self.names.null_count():
            self.faults.append(f"{self.names.null_count():,} rows have nothing in {self.id!r} (id)")
        elif self.names.n_unique() < len(self.names):
            twice = self.names.filter(self.names.is_duplicated())[0]
            self.faults.append(f"{self.id!r} (id) has {twice!r} more than once")
        if self.category is None:
            return
        if self.category in kinds and not _plain(self.table[self.category]):
            self.faults.append(
                f"{self.category!r} (category) is {kinds[self.category]}, no text or numbers"
            )
        elif self.category not in kinds:
            self.faults.append(
                f"no column {self.category!r} (category), within which stories are; None looks "
                "at no category"
            )

    # Doing it -----------------------------------------------------------------------------------

    def run(self, chosen: Chosen, work: Work, details: bool) -> dict[str, pl.Series]:
        columns: dict[str, pl.Series] = {}
        if "complexity" in chosen.steps:
            pairs = work.annotated(chosen.methods["complexity"], chosen.texts)
            columns["complexity"] = _numbers(ease for ease, _ in pairs)
            columns["grade"] = _numbers(grade for _, grade in pairs)
        if "sentiment" in chosen.steps:
            found = work.annotated(chosen.methods["sentiment"], chosen.texts)
            columns["sentiment"] = _numbers(found)
        if _names(chosen.steps):
            columns |= self.named(chosen, work, details)
        if chosen.published is not None:
            columns["published"] = chosen.published
        if "stories" in chosen.steps:
            columns["story"] = self.stories(chosen, work)
        return columns

    def named(self, chosen: Chosen, work: Work, details: bool) -> dict[str, pl.Series]:
        finder: Entities = chosen.methods["entities"]
        grouper: Names = chosen.methods["names"]
        note = f"names were found by {finder.used}"
        if finder.used == "rules" and finder.by == "auto":
            note += ", since spaCy with a model for English is not installed: they find fewer"
        self.notes.append(note)
        found = work.annotated(finder, chosen.texts)
        groups = [grouper.group(each) for each in found]
        work.tell("names", len(groups), len(groups))
        records: dict[Asked, Record] = {}
        asked = [[_asked(name) for name in group] for group in groups]
        person = grouper.person
        if "voices" in chosen.steps and chosen.linker is not None:
            people = [each for group in asked for each in group if each.label == person]
            records = work.linked(chosen.linker, people)
            n = len(set(people))
            self.notes.append(f"something is known of {len(records):,} of {n:,} people named")
        voices = chosen.methods.get("voices") or build("enrich.voices")
        heard = [
            voices.heard(group, [records.get(each) for each in some])
            for group, some in zip(groups, asked, strict=True)
        ]
        kinds = ["people"]
        kinds += ["parties", "voices", "genders"] if "voices" in chosen.steps else []
        columns = {name: pl.Series(name, [each[name] for each in heard], TEXTS) for name in kinds}
        if details:
            columns["names"] = pl.Series("names", groups, NAMED)
        return columns

    def stories(self, chosen: Chosen, work: Work) -> pl.Series:
        assert self.names is not None
        assert chosen.published is not None
        seconds = chosen.published.dt.epoch("s").to_list()
        kinds = None
        if self.category is not None:
            kinds = self.table[self.category].cast(pl.String).to_list()
        n = len(chosen.texts)
        work.tell("stories", 0, n)
        chains = chosen.methods["stories"].chains(
            chosen.texts, ids=self.names.to_list(), published=seconds, categories=kinds
        )
        work.tell("stories", n, n)
        return pl.Series("story", chains, pl.String)


def _steps(asked: Iterable[str]) -> tuple[str, ...]:
    """The steps in their order."""
    if isinstance(asked, str):
        raise BadParameter(f"steps are a list, such as ['complexity', 'stories']; got {asked!r}")
    listed = list(asked)
    for each in listed:
        if each not in STEPS:
            raise UnknownName("step", each, STEPS)
    if not listed:
        raise BadParameter(f"steps are some of {', '.join(STEPS)}; got none")
    return tuple(step for step in STEPS if step in listed)


def _names(steps: Sequence[str]) -> bool:
    """Whether it must be found out who is named."""
    return "entities" in steps or "voices" in steps


def _asked(name: Mapping[str, Any]) -> Asked:
    return Asked(name["text"], tuple(name["alternative"]), name["label"])


def _plain(column: pl.Series) -> bool:
    """Whether what is in it can be written as text."""
    return not column.dtype.is_nested() and column.dtype not in (pl.Binary, pl.Object)


def _numbers(values: Iterable[float]) -> pl.Series:
    """NaN is null in a table."""
    return pl.Series([None if math.isnan(value) else value for value in values], dtype=pl.Float64)


def _first_shown(data: Dataset) -> pl.Series | None:
    """Unix seconds at which each item was first shown, or chosen; None where nobody knows."""
    never = np.iinfo(np.int64).max
    first = np.full(len(data.items), never)
    if data.impressions is not None:
        items = data.impressions.slate.items  # (B, K)
        now = np.broadcast_to(data.impressions.queries.now[:, None], items.shape)
        there = (items != PAD) & (now > 0)
        np.minimum.at(first, items[there], now[there])
    known = data.log.times > 0
    np.minimum.at(first, data.log.items[known], data.log.times[known])
    if (first == never).all():
        return None
    return pl.Series(first).replace(never, None)
