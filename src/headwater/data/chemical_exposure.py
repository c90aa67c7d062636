"""Chemical exposure: abstracts of PubMed, labelled with what they tell of how people take up
chemicals and how it is measured in them.

A label is a path in a taxonomy, ``biomonitoring--exposure biomarker--urine--children``, given to a
sentence; an abstract has those of its sentences. They come in three columns:

paths    69 as annotated, 2.9 an abstract
labels   the 32 classes of the taxonomy, 2.3 an abstract: its two branches, without "site
         comparisons" and without the group of people that ends some paths
parts    the 37 names that stand in the paths, "other" of three places being one, 6.0 an abstract:
         labels as the released code of sigmoidF1 takes them, whose paper counts 38 and 6.1

Source: Larsson, Baker, Silins, Guo, Stenius, Korhonen, Berglund, "Text mining for improved exposure
        assessment", PLoS ONE 12(3), 2017.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ._files import lines, tidy
from .sources import Layout, Remote, Source, Tables

__all__ = ["SOURCES"]

HOME = "https://github.com/sb895/chemical-exposure-information-corpus"
BRANCHES = ("biomonitoring", "exposure routes")
PEOPLE = {"children", "cord blood", "pregnant women", "workers"}
LISTS = pl.List(pl.String)


def _read(base: Path) -> Tables:
    """A file of text, a sentence a line, and one of labels, ``<`` before those of a sentence."""
    files = sorted((base / "text").glob("*.txt"))
    paths = [_paths((base / "labels" / file.name).read_text(encoding="utf-8")) for file in files]
    table = {
        "item_id": [file.stem for file in files],
        "text": [" ".join(line.strip() for line in lines(file)) for file in files],
        "paths": paths,
    }
    return _tables(pl.DataFrame(table, schema_overrides={"paths": LISTS}))


def _paths(text: str) -> list[str]:
    """The different labels of a file.

    >>> _paths("< <Exposure routes--oral intake-- AND  Biomonitoring<Biomonitoring<")
    ['biomonitoring', 'exposure routes--oral intake']
    """
    each = [label for sentence in text.split("<") for label in sentence.split(" AND ")]
    return sorted({"--".join(named) for label in each if (named := _named(label.lower()))})


def _named(path: str) -> list[str]:
    return [name.strip() for name in path.split("--") if name.strip()]


def _class(path: str) -> str | None:
    """The class of the taxonomy that a path leads to, if any.

    >>> _class("exposure routes--inhalation--other--workers")
    'exposure routes--inhalation--other'
    """
    named = _named(path)
    known = [name for name in named if name not in PEOPLE]
    return "--".join(known) if named[0] in BRANCHES else None


def _parquet(base: Path) -> Tables:
    table = pl.read_parquet(base / "documents.parquet")
    return _tables(table.select("text", item_id="doc_id", paths="labels"))


def _tables(table: pl.DataFrame) -> Tables:
    every = table["paths"].to_list()
    labels = [_once(_class(path) for path in paths) for paths in every]
    parts = [_once(name for path in paths for name in _named(path)) for paths in every]
    items = table.select("item_id", "text", pl.Series("labels", labels, LISTS), "paths")
    return Tables(items=tidy(items.with_columns(pl.Series("parts", parts, LISTS))))


def _once(names: Iterable[str | None]) -> list[str]:
    return sorted({name for name in names if name})


SOURCES = (
    Source(
        name="chemical-exposure",
        title="Chemical Exposure Information corpus",
        home=HOME,
        files=(Remote(url=f"{HOME}/archive/refs/heads/master.zip"),),
        terms="GPL-3.0: use, change and pass on, on these terms. The abstracts are PubMed's. Cite "
        "Larsson et al. 2017.",
        terms_url=HOME,
        citation="Kristin Larsson, Simon Baker, Ilona Silins, Yufan Guo, Ulla Stenius, Anna "
        "Korhonen, and Marika Berglund. 2017. Text mining for improved exposure assessment. PLoS "
        "ONE 12, 3, e0173132. doi:10.1371/journal.pone.0173132",
        sizes={"items": 3_661, "labels": 32},
        layouts=(
            Layout(kind="parquet", needs=("documents.parquet",), read=_parquet),
            Layout(kind="official", needs=("text/*.txt", "labels/*.txt"), read=_read),
        ),
        also="Nobody chose anything here: items have text and labels. In 'labels' are the 32 "
        "classes of the taxonomy, in 'paths' the 69 as annotated, in 'parts' the 37 names in them.",
    ),
)
