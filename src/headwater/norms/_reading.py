"""From tables to what norms look at: what was recommended, to whom, out of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import polars as pl

from ..data._columns import NAMES, SHOWN, Column, guess
from ..data._ids import texts
from ..data._items import beside, catalogue
from ..data._tables import open_table, whole
from ..data._times import Clock
from ..data.frame import read
from ..data.impressions import read_impressions
from ..errors import BadParameter, DataError, MissingColumn
from ..evaluation import ordered
from ..evidence import Evidence
from ..model import chunk
from ..types import PAD, Catalog, Dataset, Histories, Ids, Impressions, Slate
from ._measure import DAY

__all__ = ["Shown", "recent", "shown"]

MOST = 1 << 27  # candidates of all requests together, 1 GiB
NOT_READ = ("dwell", "propensity", "creative", "creative_propensity")
CLICKED = "nothing of what was shown was clicked"


class Ordering(Protocol):
    """A fitted model with its data, as `facade.load` gives it."""

    @property
    def model(self) -> Any: ...

    @property
    def data(self) -> Dataset: ...


@dataclass(frozen=True, eq=False)
class Shown:
    """What `shown` has read."""

    seen: Evidence
    columns: Mapping[str, pl.Series]  # of the requests, for segments
    notes: tuple[str, ...]


def shown(
    recommendations: Any,
    *,
    items: Any = None,
    log: Any = None,
    users: Any = None,
    recommended: str | None = None,
    model: Ordering | None = None,
    pool: str | float = "catalogue",
    published: str = "published",
    segments: Sequence[str] = (),
    request: Column = None,
    user: Column = None,
    item: str | None = None,
    time: Column = None,
    position: Column = None,
    click: Column = None,
    history: Column = None,
    encoding: str = "utf-8",
) -> Shown:
    """Read a table of recommendations, a row an item or a row a list, as `read_impressions` does.

    ``items`` is the catalogue: what could be shown, and the columns that norms speak of; ``users``
    what is known of people. What somebody had read before a request is, in this order, what ``log``
    says, a table of events; the column ``history``; what they had clicked in the same table.

    The lists were chosen from the whole catalogue, or with ``pool`` a number, from what was
    published in as many days before the request, by the column ``published`` of the catalogue. With
    ``recommended`` the table has all candidates of each request, and that column says which of them
    were recommended (above 0): the lists were chosen from these. With a ``model``, a saved one with
    its data, the table has candidates, too, and the lists are the model's order of them; ids,
    catalogue and people are then those of its data, to which ``items`` and ``users`` add.

    ``segments`` are columns of the table, one value for a request, to be kept; those that it does
    not have are not looked for.

    Raises `DataError`, `MissingColumn` for columns.
    """
    table = open_table(recommendations, encoding=encoding)
    frame, broken = whole(table)
    asked: dict[str, Column] = {
        "request": request,
        "user": user,
        "item": item,
        "time": time,
        "position": position,
        "click": click,
        "history": history,
    }
    asked |= dict.fromkeys(NOT_READ, False)
    if recommended is not None and model is not None:
        raise BadParameter("recommended says what lists were, and a model makes them: give one")
    if recommended is not None and recommended not in frame.columns:
        raise MissingColumn(recommended, table.name, frame.columns)
    names = {role: SHOWN[role] for role in SHOWN}
    open_ = [name for name in frame.columns if name != recommended]
    roles, guessed = guess(open_, asked, table.name, names, ("item",))
    notes = [f"guessed: {', '.join(f'{r} is {roles[r]!r}' for r in guessed)}"] if guessed else []
    notes += [f"left out {len(broken):,} lines that are not rows"] if len(broken) else []
    frame, roles = _by_request(frame, roles, table.name)
    clicks = roles.get("click")

    def impressions(of: str | None) -> Dataset:
        told = frame if of is not None else frame.with_columns(clicked=_none(frame[roles["item"]]))
        columns = {role: roles.get(role, False) for role in SHOWN if role not in ("item", "click")}
        return read_impressions(
            replace(open_table(told), name=table.name, typed=table.typed),
            item=roles["item"],
            click=of or "clicked",
            data=None if model is None else model.data,
            users=users if model is None else None,
            encoding=encoding,
            **columns,  # type: ignore[arg-type]
        )

    data = impressions(recommended or clicks)
    notes += [note for note in data.notes if clicks or note != CLICKED]
    made = data.impressions
    assert made is not None
    offered, slate = None, made.slate
    if recommended is not None:
        offered, slate = made.slate, _chosen(made)
        made = impressions(clicks).impressions
        assert made is not None
    if model is not None:
        offered, slate = made.slate, _by_model(model.model, made)
        if users is not None:
            known = beside(users, data.users, "user", roles.get("user", "user_id"), encoding)
            data = replace(data, people=known.frame)
            notes += known.notes
    ids, catalog, said = _catalogue(items, data.items, roles["item"], encoding)
    notes += said
    if model is not None:
        catalog = _beside_those(data.catalog.table, catalog)
    past = replace(made.queries.history, n_items=len(ids))
    if log is not None:
        ids, past, said = _read_before(log, ids, data, made, encoding)
        notes += said
        catalog = _longer(catalog, len(ids))
    elif "history" not in roles:
        notes.append(
            "what people had read is what they had clicked before in the same table"
            if clicks and made.queries.now.any()
            else "nobody says what people had read before: give a log, or a column of histories"
        )
    seen = Evidence(
        queries=replace(made.queries, history=replace(past, n_items=len(ids))),
        slate=slate,
        truth=replace(made.chosen, n_items=len(ids)),
        data=replace(
            data,
            items=ids,
            log=replace(data.log, n_items=len(ids)),
            catalog=Catalog(catalog),
            impressions=None,
        ),
        offered=offered,
    )
    if not isinstance(pool, str):
        if recommended is not None:
            raise BadParameter("recommended says what lists were chosen from: leave pool out")
        seen, said = recent(seen, pool, published)
        notes += said
    elif pool != "catalogue":
        raise BadParameter(f"pool is 'catalogue' or a number of days; got {pool!r}")
    return Shown(seen, _of_requests(frame, roles, made, segments, table.name), tuple(notes))


def recent(seen: Evidence, days: float, published: str = "published") -> tuple[Evidence, list[str]]:
    """The evidence with, as what each list was chosen from, what came out in the ``days`` before
    its request; and what there is to say of that."""
    if not days > 0:
        raise BadParameter(f"a pool is of a number of days above 0; got {days!r}")
    now = seen.queries.now
    if not now.any():
        raise DataError("nobody knows when the requests were made, nor what was out then")
    column = seen.data.catalog.column(published)
    when = Clock().seconds(column)
    known = np.flatnonzero(when.is_not_null().to_numpy())
    if not len(known):
        raise DataError(f"the column {published!r} of the catalogue has no time")
    times = when.drop_nulls().to_numpy()
    order = np.argsort(times, kind="stable")
    first = np.searchsorted(times[order], now - days * DAY, side="right")
    number = np.searchsorted(times[order], now, side="right") - first
    width = int(number.max(initial=0))
    if len(now) * width > MOST:
        raise DataError(
            f"{len(now):,} requests with up to {width:,} candidates are more than fit into memory: "
            "a pool of fewer days, or fewer requests"
        )
    there = np.arange(width) < number[:, None]
    at = np.where(there, first[:, None] + np.arange(width), 0)
    items = np.where(there, known[order][at] if width else 0, PAD).astype(np.int32)
    scores = np.where(there, 0, -np.inf).astype(np.float32)
    notes = []
    unknown = len(when) - len(known)
    if unknown:
        notes.append(f"{unknown:,} of {len(when):,} items have no {published}: in no pool")
    age = np.full(len(when) + 1, np.inf)
    age[known] = times
    place = np.where(seen.slate.filled, seen.slate.items, len(when))
    out = age[place]
    off = seen.slate.filled & ~((out <= now[:, None]) & (out > now[:, None] - days * DAY))
    if off.any():
        notes.append(
            f"{off.sum():,} of {seen.slate.filled.sum():,} items of lists are not of the {days:g} "
            "days before their request, and were not in the pool"
        )
    return replace(seen, offered=Slate(items, scores)), notes


def _by_request(
    frame: pl.DataFrame, roles: dict[str, str], name: str
) -> tuple[pl.DataFrame, dict[str, str]]:
    """With a column of requests, which are one for each user and time where there was none."""
    if "request" in roles:
        return frame, roles
    nested = isinstance(frame[roles["item"]].dtype, pl.List)
    keys = [roles[key] for key in ("user", "time") if key in roles]
    if not nested and len(keys) < 2:
        raise DataError(
            f"nobody can tell which rows of {name} are one list: it needs a column of requests, or "
            "of users and times, or lists of items"
        )
    if nested:
        made = pl.int_range(pl.len())
    else:
        alone = pl.when(pl.any_horizontal(pl.col(keys).is_null())).then(pl.int_range(pl.len()))
        made = pl.struct(*keys, alone.alias("alone")).rank("dense")
    return frame.with_columns(made.alias("its request")), {**roles, "request": "its request"}


def _none(items: pl.Series) -> pl.Series:
    """No click, for every item."""
    if not isinstance(items.dtype, pl.List):
        return pl.Series(np.zeros(len(items)))
    lengths = items.list.len().fill_null(0).to_list()
    return pl.Series([[0] * n for n in lengths], dtype=pl.List(pl.Int64))


def _chosen(marked: Impressions) -> Slate:
    """Of the slots those that are marked, in their order."""
    marks = marked.clicks > 0
    order = np.argsort(~marks, axis=1, kind="stable")
    order = np.where(np.take_along_axis(marks, order, 1), order, PAD)
    return marked.slate.take(order[:, : max(1, int(marks.sum(1).max(initial=0)))])


def _by_model(model: Any, made: Impressions) -> Slate:
    """The candidates in the model's order."""
    size = chunk(made.queries.history.n_items)
    parts = [
        ordered(model, made.queries[at : at + size], made.slate[at : at + size])
        for at in range(0, len(made), size)
    ]
    return Slate.stack(parts)


def _beside_those(have: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """The columns of both; of one that both have, what is newer, where it knows something."""
    have = _longer(have, len(more))
    both = [name for name in more.columns if name in have.columns]
    newer = more.with_columns(
        pl.when(more[name].is_not_null()).then(more[name]).otherwise(have[name]).alias(name)
        if more[name].dtype == have[name].dtype
        else more[name]
        for name in both
        if name != "title" or more["title"].null_count() < len(more)
    )
    kept = [name for name in have.columns if name not in newer.columns]
    return pl.concat([newer, have.select(kept)], how="horizontal")


def _extended(ids: Ids, more: pl.Series) -> Ids:
    """With those of ``more``, text, that are not there; as text if these are no numbers."""
    if ids.values.dtype != pl.String and more.cast(ids.values.dtype, strict=False).null_count():
        ids = Ids(ids.values.cast(pl.String))
    return ids.extend(more.cast(ids.values.dtype))


def _catalogue(
    items: Any, ids: Ids, column: str, encoding: str
) -> tuple[Ids, pl.DataFrame, list[str]]:
    """The items of the table and those that were shown, and what is known of them."""
    if items is None:
        table, said = catalogue(pl.DataFrame(), len(ids))
        return ids, table, ["no table of items: nothing is known of them"]
    table_ = open_table(items, encoding=encoding)
    if column in table_.columns:
        key = column
    else:
        names = {"item": (*NAMES["item"], "id")}
        where = f"the item table {table_.name}"
        key = guess(table_.columns, {}, where, names, ("item",))[0]["item"]
    keys = texts(whole(table_)[0][key]).drop_nulls().unique(maintain_order=True)
    every = _extended(ids, keys)
    listed = beside(table_, every, "item", key, encoding)
    strange = int((Ids(keys).encode(texts(ids.values)) == PAD).sum())
    table, said = catalogue(listed.frame, len(every))
    if strange:
        said.append(f"{table_.name} knows nothing of {strange:,} of the items that were shown")
    return every, table, said


def _longer(table: pl.DataFrame, n: int) -> pl.DataFrame:
    if len(table) == n:
        return table
    none = table.clear(n - len(table))
    return pl.concat([table, none])


def _read_before(
    log: Any, ids: Ids, data: Dataset, made: Impressions, encoding: str
) -> tuple[Ids, Histories, list[str]]:
    """What a log says of each request, up to its second."""
    now = made.queries.now
    events = log if isinstance(log, Dataset) else read(log, duplicates="keep", encoding=encoding)
    if not (now.any() and events.log.timed):
        who = "the log does not" if now.any() else "the recommendations do not"
        raise DataError(
            f"{who} say when: nobody can tell what had been read before a request. Give times, or "
            "a column of histories"
        )
    ids = _extended(ids, texts(events.items.values))
    known = events.users.encode(data.users.decode(made.queries.user))
    past = events.log.before(known, now)
    items = ids.encode(texts(events.items.values))[past.items].astype(np.int32)
    without = int((known == PAD).sum())
    notes = [f"{without:,} of {len(now):,} requests are of people whom the log does not know"]
    return ids, replace(past, items=items, n_items=len(ids)), notes if without else []


def _of_requests(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    made: Impressions,
    segments: Sequence[str],
    name: str,
) -> dict[str, pl.Series]:
    mine = [each for each in segments if each in frame.columns and each not in roles.values()]
    if not mine:
        return {}
    assert made.ids is not None
    key = roles["request"]
    once = (
        frame.drop_nulls(key)
        .group_by(key, maintain_order=True)
        .agg(
            *(pl.col(each).first() for each in mine),
            *(pl.col(each).n_unique().alias(f"different {each}") for each in mine),
        )
    )
    for each in mine:
        off = once.filter(pl.col(f"different {each}") > 1)
        if len(off):
            raise DataError(
                f"request {off[key][0]!r} of {name} has more than one {each}: segments are of "
                "requests"
            )
    asked = pl.DataFrame({key: made.ids})
    found = asked.join(once, on=key, how="left", maintain_order="left")
    return {each: found[each] for each in mine}
