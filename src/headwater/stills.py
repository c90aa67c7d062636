"""The pictures of the items, of files or of the catalogue, and how much of each kind each shows.

What a picture shows is what a head on a frozen encoder says of it. The head learns from the kinds
of the items: each picture is taken to show all that its item is. So that it says more of a picture
than whose it is, pictures are judged by heads that have learned from other items alone.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .errors import DataError, MissingColumn
from .images import decoded
from .model import at_least
from .registry import build
from .types import PAD, Catalog, Dataset, Floats, Histories, Ids, Ints, Mask, Stills

__all__ = [
    "Pictures",
    "crops",
    "from_catalogue",
    "from_folder",
    "popular",
    "tastes_of",
    "with_stills",
]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif", ".tif", ".tiff")
SPOILER = "spoiler"  # in the name of a file, or of a folder that it is in
VIEWS = {  # of a picture: left, upper, right and lower edge, as shares
    "whole": (0.0, 0.0, 1.0, 1.0),
    "upper": (0.0, 0.0, 1.0, 0.6),
    "middle": (0.1, 0.2, 0.9, 0.8),
    "lower": (0.0, 0.4, 1.0, 1.0),
}

JUDGE = {"hidden_sizes": (32,), "dropout": 0.5}  # narrow: there are few pictures of a kind
HOW = {"batch_size": 256, "learning_rate": 1e-3, "weight_decay": 0.01}
EPOCHS, STEPS = 30, 600  # at least

log = logging.getLogger("headwater")


@dataclass(frozen=True, eq=False)
class Pictures:
    """S pictures, those of an item one after the other, its default first."""

    items: Ints  # (S,) ascending
    names: tuple[str, ...]
    contents: tuple[Any, ...]  # bytes, or paths
    spoils: Mask  # (S,)

    def __len__(self) -> int:
        return len(self.items)

    def bytes_of(self, number: int) -> bytes:
        content = self.contents[number]
        return content if isinstance(content, bytes) else Path(content).read_bytes()


def from_folder(folder: str | Path, data: Dataset) -> Pictures:
    """The pictures in ``folder``: ``ID.jpg``, ``ID-anything.jpg`` or ``ID/anything.jpg``.

    An item's pictures are in the order of their names, "default" first. With "spoiler" in its name,
    or in that of a folder inside ``folder``, a picture gives something away. Files of no item of
    ``data`` are left out, with a warning.
    `DataError` if none is left.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of pictures")
    files = sorted(
        (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()),
        key=lambda path: ("default" not in path.stem.lower(), str(path)),
    )
    if not files:
        raise DataError(f"{folder} holds no picture: looked for {', '.join(SUFFIXES)}")
    tried = [_names(path.relative_to(folder)) for path in files]
    at = np.full(len(files), PAD)
    for choice in range(max(map(len, tried))):
        asked = [names[min(choice, len(names) - 1)] for names in tried]
        at = np.where(at == PAD, data.items.encode(asked), at)
    known = np.flatnonzero(at != PAD)
    if not len(known):
        raise DataError(
            f"none of {len(files):,} pictures in {folder} is called after an item, such as "
            f"{data.items.values[0]!r}: {files[0].name!r} is not. Name them ID.jpg, ID-2.jpg, or "
            "ID/2.jpg"
        )
    if len(known) < len(files):
        gone = files[int(np.flatnonzero(at == PAD)[0])]
        log.warning(
            "%d of %d pictures in %s are of no item of the data, such as %s",
            len(files) - len(known),
            len(files),
            folder,
            gone.relative_to(folder),
        )
    order = known[np.argsort(at[known], kind="stable")]
    return Pictures(
        items=at[order],
        names=tuple(str(files[i].relative_to(folder)) for i in order),
        contents=tuple(files[i] for i in order),
        spoils=np.array([SPOILER in str(files[i].relative_to(folder)).lower() for i in order]),
    )


def _names(path: Path) -> list[str]:
    """What the item may be called that a file is of."""
    if len(path.parts) > 1:
        return [path.parts[0]]
    return [path.stem, path.stem.rsplit("-", 1)[0], path.stem.split("-", 1)[0]]


def from_catalogue(data: Dataset, column: str) -> Pictures:
    """Of each item's one picture, bytes in a ``column`` of the catalogue, its `crops`."""
    table = data.catalog.table
    if column not in table.columns:
        raise MissingColumn(column, "the catalogue", table.columns)
    items, names, contents = [], [], []
    for item, content in enumerate(table[column].to_list()):
        if content is None:
            continue
        for view, part in crops(content).items():
            items.append(item)
            names.append(f"{data.items.values[item]} {view}")
            contents.append(part)
    if not items:
        raise DataError(f"no item has a picture in column {column!r} of the catalogue")
    return Pictures(np.array(items), tuple(names), tuple(contents), np.zeros(len(items), bool))


def crops(content: bytes) -> dict[str, bytes]:
    """Parts of one picture, each as a JPEG, where there are no others to choose among."""
    image = decoded(content)
    found = {}
    for view, edges in VIEWS.items():
        left, upper, right, lower = (
            round(e * side) for e, side in zip(edges, image.size * 2, strict=True)
        )
        box = left, upper, max(right, left + 1), max(lower, upper + 1)
        out = io.BytesIO()
        image.crop(box).save(out, "JPEG", quality=90)
        found[view] = out.getvalue()
    return found


def with_stills(
    data: Dataset,
    pictures: Pictures,
    *,
    by: str = "genres",
    encoder: Any = None,
    folds: int = 5,
    seed: int = 0,
    cache: str | Path | None = None,
    progress: Any = None,
) -> Dataset:
    """``data`` whose catalogue has ``pictures``, and how much each shows of the kinds in ``by``.

    ``encoder`` is one of `encode` for images, efficientnet_lite if None; ``cache`` keeps its
    vectors. Items are dealt to ``folds``, and pictures are judged by a head that learned from the
    other folds.
    """
    at_least(pictures, "folds", folds, 2)
    x = (encoder or build("encode.efficientnet_lite")).encode(
        pictures.contents, cache=cache, progress=progress
    )
    kinds = data.catalog.kinds(by)
    mine = data.catalog.column(by).gather(pictures.items)
    scores = _judged(x, mine, pictures.items, kinds, folds, seed)
    start = np.searchsorted(pictures.items, np.arange(len(data.items) + 1)).astype(np.int64)
    stills = Stills(
        start=start,
        scores=scores,
        kinds=kinds,
        names=pl.Series(pictures.names, dtype=pl.String),
        spoils=pictures.spoils,
        by=by,
    )
    return replace(data, catalog=replace(data.catalog, stills=stills))


def _judged(
    x: Floats, kinds_of: pl.Series, items: Ints, kinds: Sequence[Any], folds: int, seed: int
) -> Any:  # (S, C) float32
    """What heads say of the pictures ``x`` (S, D) that have learned from those of other items."""
    n = len(x)
    world = Dataset(
        users=Ids(pl.Series([], dtype=pl.Int64)),
        items=Ids(pl.Series(range(n), dtype=pl.Int64)),
        log=Histories.empty(0, n),
        catalog=Catalog(kinds_of.alias("kinds").to_frame(), {"seen": x}),
    )
    labelled = np.diff(world.catalog.multi_hot("kinds").indptr) > 0
    each, of = np.unique(items, return_inverse=True)
    if len(np.unique(items[labelled])) < folds:
        raise DataError(
            f"{len(np.unique(items[labelled]))} items with pictures have any kind: to judge a "
            f"picture by what others show it takes {folds} or more"
        )
    fold = np.random.default_rng(seed).permutation(len(each))[of] % folds
    scores = np.zeros((n, len(kinds)), np.float32)
    for i in range(folds):
        learn = np.flatnonzero((fold != i) & labelled)
        epochs = max(EPOCHS, math.ceil(STEPS / math.ceil(len(learn) / HOW["batch_size"])))
        how = {**HOW, "n_epochs": epochs, "seed": seed}
        head = build("classify.head", by="seen", kinds="kinds", **JUDGE, how=how)
        head.fit(world, learn)
        columns = [kinds.index(kind) for kind in head.classes]
        at = np.flatnonzero(fold == i)
        scores[at[:, None], columns] = head.chances(x[at])
    return scores


def popular(data: Dataset, n: int) -> Ints:
    """The ``n`` items that most people chose."""
    chosen = np.bincount(data.log.items, minlength=len(data.items))
    return np.argsort(-chosen, kind="stable")[:n]


def tastes_of(data: Dataset, by: str, asked: str | None) -> tuple[Any, ...]:
    """Kinds as people write them, ``Comedy,Horror``; or so many of those that most items have."""
    if asked is None:
        return ()
    kinds = data.catalog.kinds(by)
    if asked.isdigit():
        often = np.bincount(data.catalog.multi_hot(by).indices, minlength=len(kinds))
        return tuple(kinds[i] for i in np.argsort(-often, kind="stable")[: int(asked)])
    return tuple(each.strip() for each in asked.split(","))
