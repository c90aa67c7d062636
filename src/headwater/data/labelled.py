"""Items with labels and nobody who chose them, for classification into several classes at once.

A corpus is a `Dataset` with no users and no events, whose catalogue has a column of lists, the
labels, and a text or a picture of each item. `read_labelled` makes one of any table, `frequent`
leaves out labels that are rare, and `split_items` parts the items. Sources that have the like are
`chemical-exposure`, `movielens-plots` and `movie-posters`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from ..errors import BadParameter, DataError, MissingColumn
from ..types import Catalog, Dataset, Histories, Ids
from ._columns import NAMES, Column, guess
from ._ids import names, numbered, texts
from ._items import NO_GENRES, as_numbers, catalogue
from ._tables import open_table, whole

__all__ = ["frequent", "of_items", "read_labelled", "split_items"]

ROLES = {
    "item": (*NAMES["item"], "docid documentid imageid pmid imdbid", "id"),
    "text": ("text", "abstract plot overview description summary synopsis content body"),
    "image": ("image picture jpeg", "imagepath picturepath path file filename filepath"),
    "labels": ("labels label", "genres genre categories category tags topics classes class"),
}
BETWEEN = ("|", ";", ",", " ")  # what may stand between labels, the surest first

log = logging.getLogger("headwater")


def read_labelled(
    source: Any,
    *,
    item: str | None = None,
    text: Column = None,
    image: Column = None,
    labels: str | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
) -> Dataset:
    """Read a table of items with labels, one row an item, into a `Dataset` without events.

    ``source`` is whatever `read` takes. ``item``, ``text``, ``image`` and ``labels`` name its
    columns; None guesses by name, False (``text`` and ``image`` only) does without. There must be a
    text or a picture, unless both are False; without a column of ids the path of the picture is
    the id.

    ``labels`` holds lists, also as JSON, or text with ``separator`` between the labels: "|" in the
    IMDB posters, " " in arXiv; with separator="" each text is one label. ``image`` holds pictures
    as bytes, or paths, from the folder of the table (of a frame, from where you are); what lies
    there is read as it is, and is in memory.

    In the catalogue they are called ``text``, ``image`` and ``labels`` (lists of text, each label
    once, empty where there is none), beside a title and all other columns. Items are numbered in a
    random order, which their ids and the ``seed`` alone decide. Items with neither text nor picture
    are left out. What was guessed and left out is in `Dataset.notes`.

    `DataError` (`MissingColumn` for columns) if no item has a label, if an item comes twice, if a
    picture is not there, or for text without a separator.

    >>> films = [
    ...     {"id": 7, "plot": "A heist goes wrong.", "genre": "Crime|Drama"},
    ...     {"id": 9, "plot": "A wedding goes wrong.", "genre": "Comedy"},
    ... ]
    >>> data = read_labelled(films, separator="|")
    >>> data
    Dataset(0 users, 2 items, 0 events)
    >>> data.catalog.table.row(int(data.items.encode([7])[0]), named=True)
    {'text': 'A heist goes wrong.', 'labels': ['Crime', 'Drama'], 'title': None}
    """
    asked = {"item": item, "text": text, "image": image, "labels": labels}
    table = open_table(source, encoding=encoding, asked=[name for name in asked.values() if name])
    roles, guessed = guess(table.columns, asked, table.name, ROLES, ("labels",))
    frame, broken = whole(table)
    if len(frame) == 0:
        raise DataError(f"{table.name} has columns ({', '.join(table.columns)}) but no rows")
    notes = [table.note] if table.note else []
    notes += [f"guessed: {', '.join(f'{r} is {roles[r]!r}' for r in guessed)}"] if guessed else []
    notes += [f"left out {len(broken):,} lines that are not rows"] if len(broken) else []
    if "text" not in roles and "image" not in roles and (text is None or image is None):
        raise MissingColumn(
            "text or image",
            f"{table.name}; say which one it is, text='its name' or image='its name', or do "
            "without: text=False, image=False",
            table.columns,
        )
    key = frame[roles["item"]] if "item" in roles else _paths(frame, roles, table.name)
    home = Path(source).expanduser().parent if isinstance(source, str | PathLike) else Path()
    own = _own(frame, roles, table.name, separator, home)
    content = [name for name in own.columns if name != "labels"]
    rest = frame.drop(roles.values())
    if not table.typed:
        rest = rest.with_columns(as_numbers(each) for each in rest if each.dtype == pl.String)
    taken = {name: f"{name}_" for name in rest.columns if name in own.columns}
    notes += [f"column {name!r} is now {new!r}" for name, new in taken.items()]
    ids = texts(key)
    there = ids.is_not_null()
    if not there.all():
        notes.append(f"left out {(~there).sum():,} of {len(ids):,} rows without an id")
    items = own.hstack(rest.rename(taken)).filter(there)
    ids = ids.filter(there)
    if content:
        some = items.select(pl.any_horizontal(pl.col(content).is_not_null())).to_series()
        if not some.all():
            what = " and ".join(content)
            notes.append(f"left out {(~some).sum():,} of {len(some):,} items without {what}")
        items, ids = items.filter(some), ids.filter(some)
    without = int((items["labels"].list.len() == 0).sum())
    if without == len(items):
        raise DataError(
            f"no item of {table.name} has a label: column {roles['labels']!r} is empty wherever "
            f"there is an id{' and ' if content else ''}{' or '.join(content)}"
        )
    notes += [f"{without:,} of {len(items):,} items have no label"] if without else []
    as_text = table.typed and key.dtype == pl.String
    data = of_items(items, ids, as_text=as_text, name=table.name, seed=seed, notes=notes)
    for note in data.notes:
        log.info(note)
    return data


def of_items(
    items: pl.DataFrame,
    ids: pl.Series,
    *,
    as_text: bool = False,
    name: str = "the table",
    seed: int = 0,
    notes: Sequence[str] = (),
) -> Dataset:
    """What ``items``, a row an item, and their ``ids``, as text, make without users and events.

    The ids are whole numbers if all of them look it, unless they came ``as_text``. `DataError` if
    two of them are the same; ``name`` is for that message.
    """
    values, said = names(ids, as_text=as_text)
    known = numbered(ids, np.random.default_rng(seed), as_text=as_text)
    at = known.encode(values)
    notes = [*notes, f"item ids: {said}"] if said else notes
    if len(known) < len(ids):
        often = np.bincount(at)
        raise DataError(
            f"{(often > 1).sum():,} of {len(known):,} items of {name} come more than once, such as "
            f"{known.values[int(often.argmax())]!r} ({often.max():,} times); there must be a row "
            "for each item, with all of its labels in one list"
        )
    table, renamed = catalogue(items[np.argsort(at)], len(known))
    return Dataset(
        users=Ids(pl.Series([], dtype=pl.Int64)),
        items=known,
        log=Histories.empty(0, len(known)),
        catalog=Catalog(table),
        notes=(*notes, *renamed),
    )


def frequent(data: Dataset, column: str, least: int) -> Dataset:
    """The same data with only those kinds in ``column`` that ``least`` items have, or more.

    ``column`` is one of the catalogue that holds lists; items stay, with a shorter list or an empty
    one. `DataError` if no kind is left.

    >>> data = read_labelled({"id": [1, 2], "text": ["x", "y"], "labels": [["a", "b"], ["b"]]})
    >>> frequent(data, "labels", 2).catalog.kinds("labels")
    ('b',)
    """
    if least < 1:
        raise BadParameter(f"frequent: least must be at least 1, got {least}")
    every = data.catalog.column(column)
    if not isinstance(every.dtype, pl.List):
        raise DataError(f"column {column!r} of the catalogue holds {every.dtype}, not lists")
    items = every.list.unique().list.drop_nulls()
    counts = items.filter(items.list.len() > 0).explode().alias("kind").value_counts(name="items")
    common = counts.filter(pl.col("items") >= least)["kind"]
    if len(common) == 0:
        most = max(counts["items"], default=0)
        raise DataError(
            f"no kind in {column!r} has {least:,} items; the most common one has {most:,}: ask for "
            "less"
        )
    kept = every.to_frame().select(
        pl.col(column).list.eval(pl.element().filter(pl.element().is_in(common.implode())))
    )
    table = data.catalog.table.with_columns(kept[column].fill_null(pl.lit([], every.dtype)))
    note = f"{column}: kept the {len(common):,} of {len(counts):,} kinds with {least:,} items"
    return replace(
        data, catalog=replace(data.catalog, table=table), notes=(*data.notes, f"{note} or more")
    )


def split_items(
    data: Dataset, column: str, shares: Sequence[float] = (0.6, 0.2, 0.2), seed: int = 0
) -> tuple[NDArray[np.int64], ...]:
    """The numbers of the items that have anything in ``column``, in parts drawn at random.

    One array for each of the ``shares``, which add up to 1: usually to learn from, to tune on and
    to test on. Each is sorted, and no item is in two of them.

    >>> from headwater.data.toy import blocks
    >>> [len(part) for part in split_items(blocks(items=10), "genres")]
    [6, 2, 2]
    """
    if not len(shares) or min(shares) < 0 or not np.isclose(sum(shares), 1):
        raise BadParameter(f"shares are parts of a whole, adding up to 1; got {list(shares)}")
    some = np.flatnonzero(np.diff(data.catalog.multi_hot(column).indptr))
    if len(some) == 0:
        raise DataError(f"no item has anything in column {column!r} of the catalogue")
    drawn = np.random.default_rng(seed).permutation(some)
    ends = np.round(np.cumsum(shares) * len(drawn)).astype(np.int64)
    return tuple(np.sort(part) for part in np.split(drawn, ends[:-1]))


def _paths(frame: pl.DataFrame, roles: dict[str, str], where: str) -> pl.Series:
    if "image" in roles and frame[roles["image"]].dtype == pl.String:
        return frame[roles["image"]]
    raise MissingColumn("item", f"{where}; say which one it is, item='its name'", frame.columns)


def _own(
    frame: pl.DataFrame, roles: dict[str, str], where: str, separator: str | None, home: Path
) -> pl.DataFrame:
    """The columns text, image and labels, those that there are."""
    found = {"labels": _labels(frame[roles["labels"]], where, separator)}
    if "text" in roles:
        found["text"] = _text(frame[roles["text"]], where)
    if "image" in roles:  # last: of what is wrong elsewhere one hears before all are read
        found["image"] = _pictures(frame[roles["image"]], home, where)
    return pl.DataFrame({n: found[n] for n in ("text", "image", "labels") if n in found})


def _text(column: pl.Series, where: str) -> pl.Series:
    """Text without blanks around it; null where nothing is left."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise DataError(f"column {column.name!r} of {where} holds {column.dtype}, not text")
    text = column.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def _labels(column: pl.Series, where: str, separator: str | None) -> pl.Series:
    """Lists of text, each label of a row once, empty where there is none."""
    called = f"column {column.name!r} of {where}"
    inner = column.dtype.inner if isinstance(column.dtype, pl.List | pl.Array) else None
    if inner is not None and not inner.is_nested():
        if separator is not None:
            raise BadParameter(f"{called} holds lists already: leave separator={separator!r} out")
        lists = column.cast(pl.List(pl.String))
    elif column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise DataError(f"{called} holds {column.dtype}; labels are lists of text, or text")
    else:
        lists = _apart(_text(column, where), called, separator)
    each = pl.element().str.strip_chars()
    lists = lists.list.eval(each.filter(~each.is_in(["", NO_GENRES])))
    return lists.list.unique(maintain_order=True).fill_null(pl.lit([], pl.List(pl.String)))


def _apart(text: pl.Series, called: str, separator: str | None) -> pl.Series:
    """Text as lists: JSON, or with ``separator`` between the labels."""
    some = text.drop_nulls()
    if separator is None and some.str.starts_with("[").all():
        try:
            return text.str.json_decode(pl.List(pl.String))
        except PolarsError:
            bad = next(each for each in some if not _is_json(each))
            raise DataError(f"{called} is not lists in JSON: {bad[:80]!r}") from None
    if separator is None:
        joined = pl.DataFrame({each: some.str.contains(each, literal=True) for each in BETWEEN})
        likely = next((each for each in BETWEEN if joined[each].any()), "")
        shown = some.filter(joined[likely])[0] if likely else some[0]
        raise DataError(
            f"{called} holds text, such as {shown[:80]!r}: say what stands between labels, as "
            f"separator={likely or '|'!r}; or that each text is one label, separator=''"
        )
    if separator == "":
        return text.to_frame().select(pl.concat_list(text.name))[text.name]
    if not some.str.contains(separator, literal=True).any():
        raise DataError(
            f"{called} has {separator!r} in none of {len(some):,} rows, such as {some[0][:80]!r}; "
            "if each text is one label, say separator=''"
        )
    return text.str.split(separator)


def _is_json(text: str) -> bool:
    try:
        pl.Series([text]).str.json_decode(pl.List(pl.String))
    except PolarsError:
        return False
    return True


def _pictures(column: pl.Series, home: Path, where: str) -> pl.Series:
    """What is at each path, as it is; null where there is none."""
    if column.dtype == pl.Binary:
        return column
    paths = [None if each is None else home / each for each in _text(column, where)]
    named = [each for each in paths if each is not None]
    gone = [each for each in named if not each.is_file()]
    if gone:
        raise DataError(
            f"{len(gone):,} of {len(named):,} pictures in column {column.name!r} of {where} are "
            f"not there, such as {gone[0]}; a path starts at {home.resolve()}, and is of a file"
        )
    try:
        found = [None if each is None else each.read_bytes() for each in paths]
    except OSError as fault:
        raise DataError(f"a picture of {where} cannot be read: {fault}") from fault
    return pl.Series(found, dtype=pl.Binary)
