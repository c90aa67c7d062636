"""Events to sessions: where one ends and what was done in it; in parts, where they are too many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..types import Ints
from ._vocabulary import Vocabulary

__all__ = ["Found", "Parts", "cut"]

PARTS = 64  # that a log too large for memory is cut into, by user


class Parts:
    """Events in memory, or, when they are too many, on disk in parts, by user."""

    def __init__(self, at_once: int, scratch: str | Path | None):
        self.at_once, self.scratch = at_once, scratch
        self.held: list[pl.DataFrame] = []
        self.rows = 0
        self.sizes = np.zeros(PARTS, np.int64)  # of what is on disk
        self.folder: Path | None = None
        self.files = 0

    def __enter__(self) -> Self:
        if self.scratch is not None:
            Path(self.scratch).mkdir(parents=True, exist_ok=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="headwater-", dir=self.scratch)
        return self

    def __exit__(self, *_: object) -> None:
        self.temporary.cleanup()

    def add(self, events: pl.DataFrame) -> None:
        self.held.append(events)
        self.rows += len(events)
        if self.rows > self.at_once:
            self._put_aside()

    def _put_aside(self) -> None:
        self.folder = Path(self.temporary.name)
        events = pl.concat(self.held)
        self.held, self.rows = [], 0
        events = events.with_columns(part=pl.col("user").hash() % PARTS)
        for (part,), some in events.partition_by("part", as_dict=True, include_key=False).items():
            self.sizes[int(part)] += len(some)
            some.write_ipc(self.folder / f"{int(part):03}-{self.files:06}.arrow")
        self.files += 1

    def each(self) -> Iterator[pl.DataFrame]:
        """All events, each user's in one frame; in a frame no more than asked for, if it can be."""
        if self.folder is None:
            events, self.held = pl.concat(self.held), []
            yield events
            return
        if self.held:
            self._put_aside()
        together = np.cumsum(self.sizes)
        first = 0
        while first < PARTS:
            most = self.at_once + (together[first - 1] if first else 0)
            after = max(first + 1, int(np.searchsorted(together, most, side="right")))
            paths = [
                path
                for part in range(first, after)
                for path in sorted(self.folder.glob(f"{part:03}-*.arrow"))
            ]
            if paths:
                yield pl.concat([pl.read_ipc(path) for path in paths])
            first = after


class Found(NamedTuple):
    """The sessions of some users, and what was left out on the way."""

    frame: pl.DataFrame  # user, session, start, end
    behaviours: NDArray[np.float32]  # (S, F)
    repeats: int
    far: int
    late: int  # events that came after a later one of their session
    unnamed: int  # events without a session, where there is a column of sessions


def cut(
    events: pl.DataFrame,
    gap: float,
    words: Vocabulary,
    bulk: tuple[int, int],
    derived: bool,
) -> Found:
    """The sessions of all ``events`` of some users, in any order."""
    near = events.filter(pl.col("time").is_between(*bulk))
    far = len(events) - len(near)
    own = ["session"] if "session" in events.columns else []
    order = ["user", *own, "time", "same"]
    events = near.with_row_index("at").sort([*order, "at"])
    repeats = pl.all_horizontal(pl.col(each).eq_missing(pl.col(each).shift()) for each in order)
    once = events.filter(~repeats.fill_null(False) | (pl.int_range(pl.len()) == 0))
    other = pl.col("user") != pl.col("user").shift()
    still = pl.col("time").diff() > gap
    if own:
        other |= pl.col("session").ne_missing(pl.col("session").shift())
        new = other | (pl.col("session").is_null() & still)
    else:
        new = other | still
    # within a second the order is no one's
    before = (pl.col("at").cast(pl.Int64).diff() < 0) & (pl.col("time").diff() > 0)
    marks = once.select(
        new=new.fill_null(True) | (pl.int_range(pl.len()) == 0), late=before & ~other
    )
    first = np.flatnonzero(marks["new"].to_numpy())
    session = np.cumsum(marks["new"].to_numpy()) - 1
    when = once["time"].to_numpy()
    start, end = when[first], when[np.append(first[1:], len(when)) - 1]
    frame = (
        once[first].select("user", *own).with_columns(start=pl.Series(start), end=pl.Series(end))
    )
    if not own:
        frame = frame.with_columns(session=pl.lit(None, pl.String))
    kinds = list(words.kinds)
    kind = once["kind"].to_numpy().astype(np.int64)
    each = np.bincount(session * len(kinds) + kind, minlength=len(first) * len(kinds))
    each = each.reshape(len(first), len(kinds))
    counted = {
        of for signal in words.behaviours.values() if signal.how == "count" for of in signal.of
    }
    signals = words.signals(derived=derived)
    behaviours = np.empty((len(first), len(signals)), np.float32)
    for column, (how, of) in enumerate(signals.values()):
        at = [kinds.index(name) for name in of]
        total = each[:, at].sum(1)
        if how == "length":
            behaviours[:, column] = end - start
        elif how == "count":
            behaviours[:, column] = total
        elif how == "per_minute":
            behaviours[:, column] = total / np.maximum(end - start, 60) * 60
        elif how == "share":
            of_all = each[:, [i for i, name in enumerate(kinds) if name in counted]].sum(1)
            behaviours[:, column] = total / np.maximum(of_all, 1)
        else:
            behaviours[:, column] = _first(np.isin(kind, at), session, when, start)
    return Found(
        frame.select("user", "session", "start", "end"),
        behaviours,
        repeats=len(events) - len(once),
        far=far,
        late=int(marks["late"].sum()),
        unnamed=once["session"].null_count() if own else 0,
    )


def _first(these: NDArray[np.bool_], session: Ints, when: Ints, start: Ints) -> Any:
    """Seconds from the start of each session to the first of these events, (S,); NaN if none."""
    rows = np.flatnonzero(these)
    of = session[rows]
    begins = np.ones(len(rows), bool)
    begins[1:] = of[1:] != of[:-1]
    rows, of = rows[begins], of[begins]
    out = np.full(len(start), np.nan, np.float32)
    out[of] = when[rows] - start[of]
    return out
