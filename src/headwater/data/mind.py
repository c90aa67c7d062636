"""MIND: news that was put before people, what they clicked, and what they had read before.

Source: Wu et al., "MIND: A Large-scale Dataset for News Recommendation", ACL 2020.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..errors import DataError
from ..types import Dataset, Floats
from .impressions import read_impressions
from .sources import Layout, Remote, Source, Tables, clicked, find, tables

__all__ = ["SOURCES", "is_mind", "read_mind"]

ENTITIES = "entity_embedding.vec"  # a line an entity: its Wikidata id, and its numbers
FILES = "mind-small"  # its files are those of all sizes
SITE = "https://recodatasets.z20.web.core.windows.net/newsrec"
BEHAVIORS = ("request_id", "user_id", "timestamp", "history", "shown")
NEWS = (
    "item_id",
    "category",
    "subcategory",
    "title",
    "abstract",
    "url",
    "title_entities",
    "abstract_entities",
)
RENAMED = {
    "impression_id": "request_id",
    "time": "timestamp",
    "candidates": "item_id",
    "clicked": "click",
}


def is_mind(folder: str | Path) -> bool:
    """Whether ``folder`` has the files of MIND, whatever it is called."""
    return Path(folder).is_dir() and find(FILES, folder) is not None


def read_mind(folder: str | Path, *, items: Any = None) -> Dataset:
    """What the files of MIND in ``folder`` say; ``items``, any table that `read` takes, in place of
    news.tsv: what `headwater enrich` makes of it."""
    have = tables(FILES, folder)
    return read_impressions(have.shown, items=have.items if items is None else items)


def _read(base: Path) -> Tables:
    shown = _table(base / "behaviors.tsv", BEHAVIORS)
    pairs = pl.col("shown").str.split(" ")
    shown = shown.select(
        pl.col("request_id").cast(pl.Int32),
        "user_id",
        pl.col("timestamp").str.to_datetime("%m/%d/%Y %I:%M:%S %p", time_unit="us"),
        pl.col("history").fill_null("").str.split(" ").list.eval(pl.element().filter(NOT_EMPTY)),
        item_id=pairs.list.eval(pl.element().str.extract(r"^(.+)-\d$")),
        click=pairs.list.eval(pl.element().str.extract(r"-(\d)$").cast(pl.Int8)),
    )
    unmarked = shown.filter(pl.col("item_id").list.eval(pl.element().is_null()).list.any())
    if len(unmarked):
        raise DataError(
            f"{base / 'behaviors.tsv'}: {len(unmarked):,} requests have candidates without "
            "-0 or -1 behind them, such as those of MIND's test part, whose clicks nobody has"
        )
    items = _table(base / "news.tsv", NEWS)
    named = [pl.Series(name, [_ids(text) for text in items[name]], IDS) for name in NEWS[-2:]]
    return _tables(shown, items.drop("url").with_columns(named), base)


def _parquet(base: Path) -> Tables:
    shown = pl.read_parquet(base / "impressions.parquet").rename(RENAMED)
    items = pl.read_parquet(base / "news_sample.parquet")
    ids = pl.element().struct.field("wikidata_id")
    return _tables(shown, items.with_columns(pl.col(NEWS[-2:]).list.eval(ids)), base)


NOT_EMPTY = pl.element() != ""
IDS = pl.List(pl.String)


def _ids(entities: str | None) -> list[str]:
    try:
        return [each["WikidataId"] for each in json.loads(entities or "[]")]
    except (KeyError, TypeError):
        raise ValueError(f"entities are no list of objects with a WikidataId: {entities}") from None


def _table(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    kinds = dict.fromkeys(columns, pl.String)
    return pl.read_csv(path, separator="\t", has_header=False, quote_char=None, schema=kinds)


def _tables(shown: pl.DataFrame, items: pl.DataFrame, base: Path) -> Tables:
    """``entities`` are the Wikidata ids of what title and abstract speak of; their vectors, where
    the folder has them, become the article's: the mean, zeros where there is none."""
    both = pl.concat_list(NEWS[-2:]).list.unique(maintain_order=True)
    items = items.with_columns(entities=both).drop(NEWS[-2:])
    vectors = {}
    if (base / ENTITIES).is_file():
        vectors["entities"] = _means(items["entities"], _vectors(base / ENTITIES))
    return Tables(events=clicked(shown), items=items, shown=shown, vectors=vectors)


def _vectors(path: Path) -> Mapping[str, Floats]:
    """The vector of each Wikidata id."""
    table = pl.read_csv(
        path, separator="\t", has_header=False, quote_char=None, infer_schema_length=None
    )
    if table.width > 1 and table[table.columns[-1]].null_count() == len(table):
        table = table.drop(table.columns[-1])  # lines end in a separator
    numbers = table.drop(table.columns[0])
    whole = all(kind.is_numeric() for kind in numbers.dtypes) and numbers.width > 0
    if not whole or numbers.null_count().sum_horizontal().sum():
        raise DataError(f"{path} is not a Wikidata id and as many numbers in every line")
    return dict(zip(table[table.columns[0]], numbers.to_numpy().astype(np.float32), strict=True))


def _means(entities: pl.Series, vectors: Mapping[str, Floats]) -> Floats:  # (n, D)
    size = len(next(iter(vectors.values())))
    out = np.zeros((len(entities), size), np.float32)
    for row, ids in enumerate(entities):
        known = [vectors[each] for each in ([] if ids is None else ids) if each in vectors]
        if known:
            out[row] = np.mean(known, axis=0)
    return out


PARQUET = Layout(
    kind="parquet", needs=("impressions.parquet", "news_sample.parquet"), read=_parquet
)
LATER = "The last day of the fifth week; ids are those of the training part."
SOURCES = tuple(
    Source(
        name=f"mind-{size}" + ("" if part == "train" else f"-{part}"),
        title=f"MIND {size}, {'training' if part == 'train' else 'validation'} part",
        home="https://msnews.github.io/",
        files=(Remote(url=f"{SITE}/MIND{size}_{part}.zip", size=bytes_),),
        terms="Microsoft Research licence: for non-commercial research; do not pass on.",
        terms_url="https://github.com/msnews/MIND/blob/master/MSR%20License_Data.pdf",
        citation="Fangzhao Wu et al. 2020. MIND: A Large-scale Dataset for News Recommendation. "
        "In ACL 2020.",
        sizes=sizes,
        layouts=(
            Layout(kind="official", needs=("behaviors.tsv", "news.tsv"), read=_read),
            *((PARQUET,) if part == "train" else ()),
        ),
        also=also,
    )
    for size, part, bytes_, sizes, also in (
        (
            "demo",
            "train",
            17_372_879,
            {},
            "In the Parquet layout a sample: most of what was shown is not in its table of news.",
        ),
        ("demo", "dev", None, {}, LATER),
        ("small", "train", None, {"users": 50_000, "items": 51_282, "events": 236_344}, ""),
        ("small", "dev", None, {}, LATER),
        ("large", "train", None, {}, ""),
        ("large", "dev", None, {}, LATER),
    )
)
