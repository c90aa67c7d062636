"""A `Dataset` in a folder of its own: Parquet for what people read, safetensors for the events.

users.parquet       user_id, then what is known of the users
items.parquet       item_id, then the catalogue
events.safetensors  start, items, times, values, the catalogue's vectors, and what was shown
requests.parquet    request_id, if there are impressions that have ids
stills.parquet      the names of the pictures, if there are any
sessions.parquet    session_id, if there are any
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ..errors import BadArtifact
from ..mapped import arrays_in
from ..types import (
    EVENTS,
    SLOTS,
    VISITS,
    Catalog,
    Dataset,
    Guide,
    Histories,
    Ids,
    Impressions,
    Queries,
    Sessions,
    Slate,
    Stills,
)
from ._notes import Note

__all__ = ["load_data", "save_data"]


STILLS = ("start", "scores", "spoils")
NAMES = ("names", "censored", "intent_names")  # of `Sessions`
DAMAGED = (OSError, KeyError, TypeError, ValueError, SafetensorError, pl.exceptions.PolarsError)


def save_data(data: Dataset, folder: str | Path) -> None:
    """Write ``data`` into the existing ``folder``."""
    folder = Path(folder)
    people = data.people if data.people is not None else pl.DataFrame()
    _with_ids(people, data.users, "user_id").write_parquet(folder / "users.parquet")
    _with_ids(data.catalog.table, data.items, "item_id").write_parquet(folder / "items.parquet")
    arrays = _events(data.log)
    arrays |= {f"vectors/{name}": v for name, v in data.catalog.vectors.items()}
    about: dict[str, Any] = {
        "kinds": data.kinds,
        "notes": data.notes,
        "counts": [getattr(note, "counts", None) for note in data.notes],
        "people": data.people is not None,
    }
    stills = data.catalog.stills
    if stills is not None:
        arrays |= {f"stills/{name}": getattr(stills, name) for name in STILLS}
        about |= {"shows": stills.kinds, "shows_by": stills.by}
        stills.names.alias("still").to_frame().write_parquet(folder / "stills.parquet")
    visits = data.sessions
    if visits is not None:
        arrays |= {f"visits/{name}": getattr(visits, name) for name in VISITS}
        about["visits"] = {name: getattr(visits, name) for name in NAMES}
        visits.ids.alias("session_id").to_frame().write_parquet(folder / "sessions.parquet")
    shown = data.impressions
    if shown is not None:
        arrays |= {f"shown/{name}": array for name, array in _shown(shown).items()}
        about |= {"paths": shown.slate.paths, "named": shown.ids is not None}
        if shown.queries.guide is not None:
            about["guide"] = asdict(shown.queries.guide)
        if shown.ids is not None:
            shown.ids.alias("request_id").to_frame().write_parquet(folder / "requests.parquet")
    save_file(
        {name: np.ascontiguousarray(a) for name, a in arrays.items()},
        folder / "events.safetensors",
        metadata={"about": json.dumps(about)},
    )


def load_data(folder: str | Path, *, mapped: bool = False) -> Dataset:
    """The dataset that `save_data` wrote; `BadArtifact` if it is not whole. ``mapped`` leaves its
    events in their file, read-only."""
    folder = Path(folder)
    try:
        users = pl.read_parquet(folder / "users.parquet")
        items = pl.read_parquet(folder / "items.parquet")
        arrays, said = arrays_in(folder / "events.safetensors", mapped=mapped)
        about = json.loads(said["about"])
        log = _log(arrays, len(items))
        ids = pl.read_parquet(folder / "requests.parquet") if about.get("named") else None
        shown = _within(arrays, "shown/")
        impressions = _impressions(shown, about, ids, len(items)) if shown else None
        stills = _stills(arrays, about, folder)
        sessions = _sessions(arrays, about, folder)
        notes = _notes(about)
    except DAMAGED as error:
        raise BadArtifact(f"the data in {folder} is not whole: {error}. Save it again.") from None
    return Dataset(
        users=Ids(users.to_series(0)),
        items=Ids(items.to_series(0)),
        log=log,
        catalog=Catalog(items[:, 1:], _within(arrays, "vectors/"), stills),
        people=users[:, 1:] if about["people"] else None,
        kinds=tuple(about["kinds"]),
        impressions=impressions,
        sessions=sessions,
        notes=notes,
    )


Arrays = dict[str, Any]


def _notes(about: Mapping[str, Any]) -> tuple[str, ...]:
    said = about["notes"]
    counts = about.get("counts", [None] * len(said))  # older data has none
    return tuple(
        note if count is None else Note(note, count)
        for note, count in zip(said, counts, strict=True)
    )


def _stills(arrays: Arrays, about: Mapping[str, Any], folder: Path) -> Stills | None:
    if "shows_by" not in about:
        return None
    names = pl.read_parquet(folder / "stills.parquet").to_series()
    return Stills(
        **_within(arrays, "stills/"), kinds=tuple(about["shows"]), names=names, by=about["shows_by"]
    )


def _sessions(arrays: Arrays, about: Mapping[str, Any], folder: Path) -> Sessions | None:
    if "visits" not in about:
        return None
    ids = pl.read_parquet(folder / "sessions.parquet").to_series()
    said: dict[str, Any] = {name: tuple(about["visits"][name]) for name in NAMES}
    return Sessions(ids=ids, **_within(arrays, "visits/"), **said)


def _events(log: Histories) -> Arrays:
    return {name: a for name in ("start", *EVENTS) if (a := getattr(log, name)) is not None}


def _log(arrays: Mapping[str, Any], n_items: int) -> Histories:
    have = {name: arrays[name] for name in ("start", *EVENTS) if name in arrays}
    return Histories(**have, n_items=n_items)


def _shown(shown: Impressions) -> Arrays:
    asked, slate = shown.queries, shown.slate
    found: Arrays = {
        **{f"past/{name}": array for name, array in _events(asked.history).items()},
        **{f"slate/{name}": getattr(slate, name) for name in SLOTS},
        **{f"asked/{name}": getattr(asked, name) for name in ("user", "now", "pool", "intents")},
        **{f"did/{name}": getattr(shown, name) for name in ("clicks", "dwell")},
    }
    if asked.declined is not None:
        found |= {f"declined/{name}": array for name, array in _events(asked.declined).items()}
    return {name: array for name, array in found.items() if array is not None}


def _impressions(
    arrays: Arrays, about: Mapping[str, Any], ids: pl.DataFrame | None, n_items: int
) -> Impressions:
    guide, declined = about.get("guide"), _within(arrays, "declined/")
    return Impressions(
        queries=Queries(
            history=_log(_within(arrays, "past/"), n_items),
            guide=Guide(**guide | {"kinds": tuple(guide["kinds"])}) if guide else None,
            declined=_log(declined, n_items) if declined else None,
            **_within(arrays, "asked/"),
        ),
        slate=Slate(**_within(arrays, "slate/"), paths=tuple(about["paths"])),
        ids=None if ids is None else ids.to_series(),
        **_within(arrays, "did/"),
    )


def _within(arrays: Arrays, prefix: str) -> Arrays:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _with_ids(table: pl.DataFrame, ids: Ids, name: str) -> pl.DataFrame:
    """``table`` behind a column of ids, called otherwise if the table has one of that name."""
    while name in table.columns:
        name += "_"
    return ids.values.alias(name).to_frame().hstack(table)
