"""Made-up news as MIND's own files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..atomic import atomic_path
from ..errors import DataError
from ..types import Dataset, Impressions

__all__ = ["write"]

CHUNK = 20_000  # requests at once
TIME = "%m/%d/%Y %I:%M:%S %p"


def write(data: Dataset, people: pl.DataFrame, folder: str | Path) -> Path:
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} holds something already: choose another folder for the news")
    assert data.impressions is not None
    with atomic_path(folder) as temp:
        temp.mkdir(parents=True)
        _news(data, people, temp / "news.tsv")
        _behaviors(data, data.impressions, temp / "behaviors.tsv")
        people.write_parquet(temp / "people.parquet")
        table = data.catalog.table
        table.select(data.items.values.alias("item_id"), pl.all()).write_parquet(
            temp / "articles.parquet"
        )
    return folder


def _behaviors(data: Dataset, shown: Impressions, path: Path) -> None:
    with path.open("wb") as file:
        for at in range(0, len(shown), CHUNK):
            _lines(data, shown[at : at + CHUNK], at).write_csv(
                file, separator="\t", include_header=False, quote_style="never"
            )


def _lines(data: Dataset, some: Impressions, before: int) -> pl.DataFrame:
    rows = pl.DataFrame({"row": np.arange(len(some))})

    def joined(row: Any, words: pl.Series) -> pl.Series:
        found = pl.DataFrame({"row": row, "word": words})
        found = found.group_by("row", maintain_order=True).agg(pl.col("word").str.join(" "))
        lined = rows.join(found, on="row", how="left", maintain_order="left")
        return lined["word"].fill_null("")

    past = some.queries.history
    row, slot = np.nonzero(some.slate.filled)
    slots = pl.DataFrame(
        {
            "item": data.items.values.gather(some.slate.items[row, slot]),
            "click": some.clicks[row, slot].astype(np.int8),
        }
    ).select(pl.format("{}-{}", "item", "click"))
    ids = some.ids
    return pl.DataFrame(
        {
            "id": np.arange(before + 1, before + len(some) + 1) if ids is None else ids,
            "user": data.users.values.gather(some.queries.user),
            "time": pl.from_epoch(pl.Series(some.queries.now), "s").dt.strftime(TIME),
            "history": joined(past.rows, data.items.values.gather(past.items)),
            "shown": joined(row, slots.to_series()),
        }
    )


def _news(data: Dataset, people: pl.DataFrame, path: Path) -> None:
    known = {each["name"]: each for each in people.iter_rows(named=True)}
    table = data.catalog.table
    entities: dict[str, list[str]] = {"title": [], "abstract": []}
    for names, *both in table.select("people", "title", "abstract").iter_rows():
        mine = [known[name] for name in dict.fromkeys(names) if name in known]
        for column, text in zip(entities, both, strict=True):
            found = [each for one in mine if (each := _entity(one, text or ""))]
            found.sort(key=lambda each: each["OccurrenceOffsets"][0])
            entities[column].append(json.dumps(found))
    table.select(
        data.items.values.alias("id"),
        "category",
        "subcategory",
        "title",
        pl.col("abstract").fill_null(""),
        "url",
        *(pl.Series(f"{column}_entities", each) for column, each in entities.items()),
    ).write_csv(path, separator="\t", include_header=False, quote_style="never")


def _entity(person: Mapping[str, Any], text: str) -> dict[str, Any] | None:
    """A person as MIND writes them, where the text names them; nothing where it does not."""
    given, family = person["name"].split(" ")
    found = list(re.finditer(rf"\b(?:{given} )?{family}\b", text))
    if not found:
        return None
    return {
        "Label": person["name"],
        "Type": "P",
        "WikidataId": person["wikidata"],
        "Confidence": 1.0,
        "OccurrenceOffsets": [each.start() for each in found],
        "SurfaceForms": list(dict.fromkeys(each[0] for each in found)),
    }
