"""What is known of people and organisations, from any table with a column of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ..errors import DataError
from ._tables import open_table, whole
from .sources import data_folder

__all__ = ["FIELDS", "HOUSE", "read_people"]

HOUSE = "us_house_116"  # members of the 116th US House of Representatives, in the data folder
FIELDS = {  # what a column is, by what it may be called
    "name": ("name", "label", "person"),
    "alternatives": ("alternatives", "alternative", "aliases", "also_known_as"),
    "wikidata": ("wikidata", "wikidata_id", "qid"),
    "label": ("type", "entity_label"),
    "given_name": ("given_name", "givenname", "first_name"),
    "family_name": ("family_name", "familyname", "last_name", "surname"),
    "occupations": ("occupations", "occupation"),
    "party": ("party", "parties"),
    "positions": ("positions", "position"),
    "gender": ("gender", "sex"),
    "ethnicity": ("ethnicity",),
    "birthplace": ("birthplace", "place_of_birth"),
    "citizenship": ("citizenship", "citizen", "nationality"),
    "instance": ("instance",),
    "industry": ("industry",),
    "country": ("country",),
}
KINDS = {  # of `label`, by what it may say
    "PERSON": ("person", "per", "people", "human", "p"),
    "ORG": ("org", "organisation", "organization", "o"),
}
ONE = ("name", "wikidata", "label", "given_name", "family_name", "gender", "birthplace")


def read_people(source: Any, *, encoding: str = "utf-8") -> list[dict[str, Any]]:
    """A row a person as plain values, by the names in `FIELDS`; rows without a name are left out.

    ``source`` is any table (csv, tsv, jsonl, parquet, arrow, a frame), or ``us_house_116`` of the
    data set politicians. In text several values stand between ``|``. `DataError` for a table
    without names, rows that cannot be read, and a type that is neither person nor organisation.

    >>> read_people(pl.DataFrame({"name": ["Ann Lee"], "party": ["Green|Left"], "age": [9]}))
    [{'name': 'Ann Lee', 'party': ['Green', 'Left']}]
    """
    said = str(source) if isinstance(source, str | Path) else "the table of people"
    if isinstance(source, str) and source == HOUSE:
        source = data_folder() / "politicians" / f"{HOUSE}.parquet"
        if not source.exists():
            raise DataError(
                f"{HOUSE} is not in {data_folder()}: it is politicians/{HOUSE}.parquet there; give "
                "a table of people of your own, or name the folder above it in HEADWATER_DATA"
            )
    frame, broken = whole(open_table(source, encoding=encoding))
    if len(broken):
        first = broken.row(0, named=True)
        raise DataError(f"{said}: {len(broken)} rows cannot be read, such as {first}")
    columns = {name.lower(): name for name in reversed(frame.columns)}
    found = {
        field: columns[alias]
        for field, names in FIELDS.items()
        for alias in reversed(names)
        if alias in columns
    }
    if "name" not in found:
        raise DataError(
            f"{said} has no column of names: one of {', '.join(FIELDS['name'])}; it has "
            f"{', '.join(frame.columns)}"
        )
    bad = [
        f"{column!r} is {frame.schema[column]}"
        for column in found.values()
        if frame.schema[column] not in (pl.String, pl.List(pl.String), pl.Null)
    ]
    if bad:
        raise DataError(f"{said}: columns of people are text or lists of text; {', '.join(bad)}")
    kinds = {alias: kind for kind, aliases in KINDS.items() for alias in aliases}
    people = []
    for row in frame.select(
        **{field: pl.col(column) for field, column in found.items()}
    ).to_dicts():
        values = {field: _values(field, value) for field, value in row.items()}
        if label := values.get("label"):
            if label.lower() not in kinds:
                raise DataError(
                    f"{said}: {found['label']!r} of {values['name']!r} is {label!r}; it says "
                    f"{' or '.join(KINDS)}, or is left out where all are persons"
                )
            values["label"] = kinds[label.lower()]
        if values["name"]:
            people.append({field: value for field, value in values.items() if value})
    if not people:
        raise DataError(f"{said} has {frame.height} rows, and nobody with a name is in them")
    return people


def _values(field: str, value: Any) -> Any:
    listed = value.split("|") if isinstance(value, str) else value or []
    listed = [each.strip() for each in listed if each and each.strip()]
    if field in ONE:
        return listed[0] if listed else None
    return listed
