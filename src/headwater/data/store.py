"""A `Dataset` in a folder of its own: Parquet for what people read, safetensors for the events.

users.parquet       user_id, then what is known of the users
items.parquet       item_id, then the catalogue
events.safetensors  start, items, times, values, and the catalogue's vectors
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import BadArtifact
from ..types import Catalog, Dataset, Histories, Ids

__all__ = ["load_data", "save_data"]


def save_data(data: Dataset, folder: str | Path) -> None:
    """Write ``data``, all but its impressions, into the existing ``folder``."""
    folder = Path(folder)
    people = data.people if data.people is not None else pl.DataFrame()
    _with_ids(people, data.users, "user_id").write_parquet(folder / "users.parquet")
    _with_ids(data.catalog.table, data.items, "item_id").write_parquet(folder / "items.parquet")
    log = data.log
    arrays = {"start": log.start, "items": log.items, "times": log.times, "values": log.values}
    if log.kinds is not None:
        arrays["kinds"] = log.kinds
    arrays |= {f"vectors/{name}": v for name, v in data.catalog.vectors.items()}
    about = {"kinds": data.kinds, "notes": data.notes, "people": data.people is not None}
    save_file(
        {name: np.ascontiguousarray(a) for name, a in arrays.items()},
        folder / "events.safetensors",
        metadata={"about": json.dumps(about)},
    )


def load_data(folder: str | Path) -> Dataset:
    """The dataset that `save_data` wrote; `BadArtifact` if it is not whole."""
    folder = Path(folder)
    try:
        users = pl.read_parquet(folder / "users.parquet")
        items = pl.read_parquet(folder / "items.parquet")
        with safe_open(folder / "events.safetensors", framework="numpy") as file:
            about = json.loads((file.metadata() or {})["about"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        log = Histories(
            start=arrays["start"],
            items=arrays["items"],
            times=arrays["times"],
            values=arrays["values"],
            n_items=len(items),
            kinds=arrays.get("kinds"),
        )
    except (OSError, KeyError, ValueError, SafetensorError, pl.exceptions.PolarsError) as error:
        raise BadArtifact(f"the data in {folder} is not whole: {error}. Save it again.") from None
    vectors = {n.removeprefix("vectors/"): a for n, a in arrays.items() if n.startswith("vectors/")}
    return Dataset(
        users=Ids(users.to_series(0)),
        items=Ids(items.to_series(0)),
        log=log,
        catalog=Catalog(items[:, 1:], vectors),
        people=users[:, 1:] if about["people"] else None,
        kinds=tuple(about["kinds"]),
        notes=tuple(about["notes"]),
    )


def _with_ids(table: pl.DataFrame, ids: Ids, name: str) -> pl.DataFrame:
    """``table`` behind a column of ids, called otherwise if the table has one of that name."""
    while name in table.columns:
        name += "_"
    return ids.values.alias(name).to_frame().hstack(table)
