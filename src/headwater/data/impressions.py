"""What was put before people, and what they did with it: any table of that to a `Dataset`."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ..errors import DataError
from ..types import PAD, Catalog, Dataset, Histories, Ids, Impressions, Queries, Slate
from ._columns import SHOWN, Column, guess
from ._ids import numbered, texts
from ._items import beside, catalogue
from ._tables import open_table, whole
from ._times import Clock

__all__ = ["read_impressions"]

CHANCES = ("propensity", "creative_propensity")
EACH = ("item", "click", "dwell", *CHANCES, "creative", "position")  # what differs in a request
YES_AND_NO = {"true": "1", "yes": "1", "false": "0", "no": "0"}
BOTH = {"user", "time"}  # what is one in a request
CREATIVE = "a creative is the number of a picture of its item, from 0"

log = logging.getLogger("headwater")


def read_impressions(
    source: Any,
    *,
    data: Dataset | None = None,
    request: Column = None,
    user: Column = None,
    item: str | None = None,
    time: Column = None,
    position: Column = None,
    click: str | None = None,
    dwell: Column = None,
    propensity: Column = None,
    creative: Column = None,
    creative_propensity: Column = None,
    history: Column = None,
    items: Any = None,
    users: Any = None,
    encoding: str = "utf-8",
    seed: int = 0,
) -> Dataset:
    """Read a table of what was shown, and return a `Dataset` whose ``impressions`` it is.

    ``source`` is whatever `read` takes. It has either a row for every slot, or a row for every
    request with lists of items and of clicks (as MIND has them). The other arguments name its
    columns, as for `read`: None guesses by name, False does without. Without a column for the
    ``request``, rows of one user and time are one, and without those every row is.

    ``click`` is a number, above 0 for a click; ``position`` orders the slots of a request, which
    otherwise are in the order of the rows; ``dwell`` is in seconds; ``propensity`` is the chance
    that the item was shown there. ``creative`` is which of the item's pictures was shown with it,
    from 0, nothing for none, and ``creative_propensity`` the chance of that. ``history`` is a list
    of the items that the user had chosen before, oldest first.

    With ``data`` its ids are used, and what somebody had done before a request is what its log says
    up to then; items that it does not know are left out. Without, users and items are those of the
    table, and the log is what was clicked, after the longest history of each user. ``items`` and
    ``users`` are tables of what is known of them, as for `read`.

    What was guessed and left out is in `Dataset.notes`. Raises `DataError` (`MissingColumn` for
    columns), also for a request with two users or times.

    >>> rows = [
    ...     {"request_id": 7, "user_id": "ann", "item_id": 1, "timestamp": 1e9, "click": 0},
    ...     {"request_id": 7, "user_id": "ann", "item_id": 2, "timestamp": 1e9, "click": 1},
    ...     {"request_id": 8, "user_id": "ann", "item_id": 1, "timestamp": 2e9, "click": 0},
    ... ]
    >>> seen = read_impressions(rows).impressions
    >>> seen.clicks
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    >>> seen.queries.history.lengths  # what had been clicked before
    array([0, 1])
    """
    table = open_table(source, encoding=encoding)
    frame, broken = whole(table)
    asked = {
        "request": request,
        "user": user,
        "item": item,
        "time": time,
        "position": position,
        "click": click,
        "dwell": dwell,
        "propensity": propensity,
        "creative": creative,
        "creative_propensity": creative_propensity,
        "history": history,
    }
    roles, guessed = guess(frame.columns, asked, table.name, SHOWN, ("item", "click"))
    alone = None if "creative" in roles else roles.pop("creative_propensity", None)
    if alone is not None and creative_propensity:
        raise DataError(
            f"creative_propensity={alone!r} is the chance of a picture, and no column of "
            f"{table.name} is read that says which it was: creative='its name'"
        )
    guessed = [role for role in guessed if role in roles]
    notes = [f"guessed: {', '.join(f'{r} is {roles[r]!r}' for r in guessed)}"] if guessed else []
    notes += [f"left out {len(broken):,} lines that are not rows"] if len(broken) else []
    if alone is not None:
        notes.append(f"left out column {alone!r}: no column says of which picture it is the chance")
    if len(frame) == 0:
        raise DataError(f"{table.name} has columns ({', '.join(table.columns)}) but no rows")
    frame = frame.select(**{role: pl.col(name) for role, name in roles.items()})
    nested = isinstance(frame["item"].dtype, pl.List)
    heads, slots = (_unfolded if nested else _grouped)(frame, table.name)
    as_text = {role: table.typed and _is_text(slots, heads, role) for role in ("user", "item")}
    heads, slots = _clean(heads, slots, table.name, notes)
    if data is None:
        data = _dataset(heads, slots, roles, items, users, encoding, seed, as_text)
    elif items is not None or users is not None:
        raise DataError("items and users describe a new Dataset; data is one already")
    shown = _impressions(heads, slots, data, notes)
    for note in notes:
        log.info(note)
    return replace(data, impressions=shown, notes=(*data.notes, *notes))


def _unfolded(frame: pl.DataFrame, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of a row a request: the requests, numbered ``at``, and a row for every slot of them."""
    frame = frame.with_row_index("at")
    lists = [each for each in EACH if each in frame.columns]
    flat = [each for each in lists if not isinstance(frame[each].dtype, pl.List)]
    if flat:
        raise DataError(
            f"{name} has lists of items in each row, but {', '.join(flat)} is no list of as many"
        )
    for each in lists[1:]:
        n, m = (pl.col(column).list.len().fill_null(0) for column in (each, "item"))
        off = frame.with_columns(n=n, m=m).filter(pl.col("n") != pl.col("m"))
        if len(off):
            raise DataError(
                f"row {off['at'][0] + 1} of {name} has {off['m'][0]} items and {off['n'][0]} "
                f"values of {each}"
            )
    slots = frame.select("at", *lists).filter(pl.col("item").list.len() > 0).explode(lists)
    return frame.drop(lists), slots


def _grouped(frame: pl.DataFrame, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of a row a slot: the same."""
    keys = ["request"] if "request" in frame.columns else ["user", "time"]
    if set(keys) <= set(frame.columns):
        # of a row that does not say whose it is nobody can tell what else was shown with it
        alone = pl.when(pl.any_horizontal(pl.col(keys).is_null())).then(pl.int_range(pl.len()))
        frame = frame.with_columns(at=pl.struct(*keys, alone.alias("alone")).rank("dense") - 1)
    else:
        frame = frame.with_row_index("at")
    own = [each for each in ("request", "user", "time", "history") if each in frame.columns]
    heads = frame.group_by("at", maintain_order=True).agg(
        *(pl.col(each).first() for each in own),
        *(pl.col(each).n_unique().alias(f"different {each}") for each in own if each in BOTH),
    )
    for each in BOTH & set(own):
        off = heads.filter(pl.col(f"different {each}") > 1)
        if len(off):
            called = off["request"][0] if "request" in own else off["at"][0]
            raise DataError(f"request {called!r} of {name} has more than one {each}")
    return heads.select("at", *own), frame.select("at", *(e for e in EACH if e in frame.columns))


def _clean(
    heads: pl.DataFrame, slots: pl.DataFrame, name: str, notes: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ids as text, times in seconds, numbers as numbers; what cannot be read is left out."""
    slots = slots.with_columns(item=texts(slots["item"]))
    numbers = [each for each in EACH if each in slots and each != "item"]
    for each in numbers:
        given = slots[each]
        if each == "click" and given.dtype == pl.String:
            lower = given.str.to_lowercase()
            given = lower.replace(list(YES_AND_NO), list(YES_AND_NO.values()))
        column = given.cast(pl.Float64, strict=False)
        odd = slots[each].filter(column.is_null() & slots[each].is_not_null())
        if len(odd) and each == "creative":
            raise DataError(f"{CREATIVE}; {name} has {odd[0]!r}. Read without: creative=False")
        if len(odd):
            raise DataError(f"column {each} of {name} is not all numbers: {odd[0]!r}")
        slots = slots.with_columns(column.fill_nan(None).alias(each))
    if "creative" in slots.columns:
        odd = slots.filter((pl.col("creative") < 0) | (pl.col("creative") % 1 != 0))["creative"]
        if len(odd):
            raise DataError(f"{CREATIVE}; {name} has {odd[0]!r}. Read without: creative=False")
    for each in (role for role in CHANCES if role in slots.columns):
        asked = slots.drop_nulls("creative") if each == "creative_propensity" else slots
        unknown = asked[each].null_count()
        if unknown:
            raise DataError(
                f"{unknown:,} of {len(asked):,} slots of {name} have no {each}; leave these "
                f"rows out, or read without: {each}=False"
            )
        off = asked.filter(~pl.col(each).is_between(0, 1, closed="right"))
        if len(off):
            raise DataError(
                f"a propensity is a chance, above 0 and at most 1; {name} has {off[each][0]!r}"
            )
    usable = slots.drop_nulls("item")
    if len(usable) < len(slots):
        notes.append(f"left out {len(slots) - len(usable):,} slots without an item")
    usable = _once(usable, notes)
    if not (usable["click"].fill_null(0) > 0).any():
        notes.append("nothing of what was shown was clicked")
    if "time" in heads.columns:
        heads = heads.with_columns(time=Clock().seconds(heads["time"]))
        timed = heads.drop_nulls("time")
        if len(timed) < len(heads):
            notes.append(f"left out {len(heads) - len(timed):,} requests without a time")
        heads = timed.sort("time", maintain_order=True)
    else:
        heads = heads.with_columns(time=pl.lit(0, pl.Int64))
    if "user" in heads.columns:
        heads = heads.with_columns(user=texts(heads["user"]))
    else:
        heads = heads.with_columns(user=pl.lit(None, pl.String))
    heads = heads.join(usable.select("at").unique(), on="at", how="semi", maintain_order="left")
    usable = usable.join(heads.select("at"), on="at", how="semi", maintain_order="left")
    if len(usable) == 0:
        raise DataError(f"no request of {name} can be used: {'; '.join(notes)}")
    return heads, usable


def _once(slots: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """An item in a request once: where it stood first, and clicked if it was so anywhere."""
    keys = ["at", "item"]
    ordered = slots.sort("position", maintain_order=True) if "position" in slots.columns else slots
    once = ordered.unique(keys, keep="first", maintain_order=True)
    if len(once) == len(slots):
        return slots
    notes.append(f"left out {len(slots) - len(once):,} slots that repeat an item of their request")
    clicked = slots.group_by(keys).agg(pl.col("click").max())
    return once.drop("click").join(clicked, on=keys, how="left", maintain_order="left")


def _dataset(
    heads: pl.DataFrame,
    slots: pl.DataFrame,
    roles: dict[str, str],
    items: Any,
    users: Any,
    encoding: str,
    seed: int,
    as_text: dict[str, bool],
) -> Dataset:
    """What the table knows by itself: its ids, and as the log what was clicked."""
    rng = np.random.default_rng(seed)
    past = _past(heads)
    user = numbered(heads["user"].drop_nulls(), rng, as_text=as_text["user"])
    item = numbered(pl.concat([slots["item"], past["item"]]), rng, as_text=as_text["item"])
    longest = past.join(heads.select("at", "user"), on="at")
    most = longest.group_by("user", "at").len().sort("len", "at").group_by("user").last()
    before = longest.join(most.select("user", "at"), on=["user", "at"], how="semi")
    clicked = slots.filter(pl.col("click") > 0).join(heads.select("at", "user", "time"), on="at")
    events = pl.concat(
        [
            before.select("user", "item", time=pl.lit(0, pl.Int64)),
            clicked.select("user", "item", "time"),
        ]
    ).drop_nulls("user")
    events = events.unique(["user", "item"], keep="first", maintain_order=True)
    log_ = Histories.of(
        user.encode(events["user"]),
        item.encode(events["item"]),
        n_rows=len(user),
        n_items=len(item),
        times=events["time"].to_numpy(),
    )
    table, people, notes = pl.DataFrame(), None, []
    if items is not None:
        listed = beside(items, item, "item", roles["item"], encoding)
        table = listed.frame
        notes += listed.notes
    if users is not None:
        listed = beside(users, user, "user", roles.get("user", "user_id"), encoding)
        people = listed.frame
        notes += listed.notes
    table, said = catalogue(table, len(item))
    return Dataset(
        users=user,
        items=item,
        log=log_,
        catalog=Catalog(table),
        people=people,
        notes=(*notes, *said),
    )


def _is_text(slots: pl.DataFrame, heads: pl.DataFrame, role: str) -> bool:
    frame = slots if role in slots.columns else heads
    return role in frame.columns and frame[role].dtype == pl.String


def _past(heads: pl.DataFrame) -> pl.DataFrame:
    """``at`` and ``item`` of what is in the column of histories, in order."""
    if "history" not in heads.columns:
        return pl.DataFrame(schema={"at": heads["at"].dtype, "item": pl.String})
    column = heads["history"]
    if not isinstance(column.dtype, pl.List):
        raise DataError(f"the history of a request is a list of items, not {column.dtype}")
    flat = heads.select("at", item="history").filter(pl.col("item").list.len() > 0).explode("item")
    return flat.with_columns(item=texts(flat["item"])).drop_nulls("item")


def _of_the_item(slots: pl.DataFrame, data: Dataset) -> None:
    """`DataError` for a creative that its item does not have, where the pictures are known."""
    stills = data.catalog.stills
    if stills is None or "creative" not in slots.columns:
        return
    have = np.diff(stills.start)[slots["item"]]
    off = slots.with_columns(have=have).filter(pl.col("creative") >= pl.col("have"))
    if len(off):
        first = off.row(0, named=True)
        raise DataError(
            f"item {data.items.values[first['item']]!r} was shown with creative "
            f"{first['creative']:.0f}, and has {first['have']} pictures, numbered from 0 "
            f"({len(off):,} of {len(slots):,} slots): are these the pictures that were shown? "
            "Read without: creative=False"
        )


def _impressions(
    heads: pl.DataFrame, slots: pl.DataFrame, data: Dataset, notes: list[str]
) -> Impressions:
    at = data.items.encode(slots["item"])
    if (at == PAD).any():
        strange = slots["item"].filter(pl.Series(at == PAD)).unique(maintain_order=True)
        notes.append(
            f"left out {(at == PAD).sum():,} slots of items that the data do not know, such as "
            f"{', '.join(strange.head(3))}"
        )
    slots = slots.with_columns(item=pl.Series(at)).filter(pl.col("item") != PAD)
    heads = heads.join(slots.select("at").unique(), on="at", how="semi", maintain_order="left")
    if len(heads) == 0:
        raise DataError("the data know none of the items that were shown")
    _of_the_item(slots, data)
    row = Ids(heads["at"]).encode(slots["at"])
    place = slots["position"].to_numpy() if "position" in slots.columns else np.zeros(len(row))
    order = np.lexsort([place, row])
    row = row[order]
    number = np.bincount(row, minlength=len(heads))
    slot = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    shape = (len(heads), int(number.max()))

    def wide(column: Any, empty: float, dtype: Any) -> Any:
        out = np.full(shape, empty, dtype)
        out[row, slot] = np.asarray(column)[order]
        return out

    user = data.users.encode(heads["user"])
    now = heads["time"].to_numpy()
    if "history" not in heads.columns and data.log.timed and not now.any():
        notes.append("nobody says when the requests were made: nothing is known to be before them")
    if "history" in heads.columns:
        past = _past(heads)
        chosen = data.items.encode(past["item"])
        mine = Ids(heads["at"]).encode(past["at"])[chosen != PAD]
        history = Histories.of(
            mine, chosen[chosen != PAD], n_rows=len(heads), n_items=len(data.items)
        )
    else:
        history = data.log.before(user, now)
    items = wide(slots["item"], PAD, np.int32)
    scores = np.where(items == PAD, -np.inf, -np.arange(shape[1])).astype(np.float32)

    def filled(role: str, empty: float, dtype: Any) -> Any:
        return wide(slots[role].fill_null(empty), empty, dtype) if role in slots.columns else None

    return Impressions(
        queries=Queries(history, user, now),
        slate=Slate(
            items,
            scores,
            creative=filled("creative", PAD, np.int32),
            propensity=filled("propensity", 0, np.float32),
            creative_propensity=filled("creative_propensity", 0, np.float32),
        ),
        clicks=wide((slots["click"].fill_null(0) > 0).cast(pl.Float32), 0, np.float32),
        dwell=filled("dwell", 0, np.float32),
        ids=heads["request"] if "request" in heads.columns else None,
    )
