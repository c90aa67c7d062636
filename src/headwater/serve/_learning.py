"""From the events of a store to what `Dataset.log` and `Dataset.impressions` are read from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from ..types import Dataset

__all__ = ["slots_of", "without_kind"]


def without_kind(data: Dataset, kind: str) -> Dataset:
    """Without the events of one kind, whose users and items stay."""
    if kind not in data.kinds or data.log.kinds is None:
        return data
    gone = data.kinds.index(kind)
    log = data.log.where(data.log.kinds != gone)
    assert log.kinds is not None
    log = replace(log, kinds=(log.kinds - (log.kinds > gone)).astype(np.int8))
    return replace(data, log=log, kinds=tuple(each for each in data.kinds if each != kind))


def slots_of(shown: pl.DataFrame, done: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """A row for every slot, with what was done with it; a request is of one user and one time."""
    notes = []
    mine = shown.filter(pl.col("user_id") == pl.col("user_id").first().over("request_id"))
    if len(mine) < len(shown):
        notes.append(f"left out {len(shown) - len(mine):,} slots of requests that others had made")
    keys = ["request_id", "user_id", "item_id"]
    did = (
        done.filter(pl.col("request_id").is_not_null() & pl.col("kind").is_in(["click", "play"]))
        .group_by(keys)
        .agg(click=pl.lit(1), dwell=pl.col("seconds").sum())
    )
    slots = mine.join(did, on=keys, how="left", maintain_order="left").with_columns(
        pl.col("click").fill_null(0),
        pl.from_epoch(pl.col("time").min().over("request_id"), "us").alias("time"),
    )
    return slots, notes
