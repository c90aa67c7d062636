"""Pictures that are drawn: each shows one kind, by its colour and its shape, so that what a picture
shows is known."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import atomic_path
from ..errors import DataError
from ..images import pillow
from ..types import Dataset, Ints

__all__ = ["draw", "drawn", "plain"]

SIZE = 160
SHAPES = ("discs", "bars", "stripes", "triangles", "rings", "crosses")


def drawn(kind: int, of: int, seed: int, title: str = "") -> Any:
    """A picture of kind number ``kind`` out of ``of``: by hue and shape, no two alike."""
    pillow("drawn pictures")
    from PIL import Image, ImageDraw, ImageFont

    rng = np.random.default_rng([seed, kind])
    hue = (kind / of + 0.02 * rng.normal()) % 1

    def color(value: float) -> tuple[int, ...]:
        near = (hue + 0.03 * rng.normal()) % 1
        return tuple(int(255 * c) for c in colorsys.hsv_to_rgb(near, rng.uniform(0.5, 0.9), value))

    image = Image.new("RGB", (SIZE, SIZE), color(0.25))
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(6, 14)):
        x, y = rng.integers(0, SIZE, 2).tolist()
        r = int(rng.integers(8, 30))
        fill = color(rng.uniform(0.6, 1.0))
        _mark(pen, SHAPES[kind % len(SHAPES)], x, y, r, fill)
    if title:
        font = ImageFont.load_default(13)
        pen.rectangle((0, SIZE - 22, SIZE, SIZE), "black")
        pen.text((5, SIZE - 19), title[:24], "white", font)
    return image


def _mark(pen: Any, shape: str, x: int, y: int, r: int, fill: tuple[int, ...]) -> None:
    box = (x - r, y - r, x + r, y + r)
    if shape == "discs":
        pen.ellipse(box, fill)
    elif shape == "rings":
        pen.ellipse(box, outline=fill, width=6)
    elif shape == "bars":
        pen.rectangle((x - r // 4, 0, x + r // 4, SIZE), fill)
    elif shape == "stripes":
        pen.line((x - SIZE, y + SIZE, x + SIZE, y - SIZE), fill, width=max(4, r // 2))
    elif shape == "triangles":
        pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill)
    else:
        pen.line((x - r, y, x + r, y), fill, width=8)
        pen.line((x, y - r, x, y + r), fill, width=8)


def draw(
    data: Dataset,
    folder: str | Path,
    *,
    items: Ints | Sequence[int],
    by: str = "genres",
    seed: int = 0,
) -> Path:
    """A picture of each kind of each of ``items``, in ``folder``, as `stills.from_folder` reads
    them; an item with one kind gets two, and one without any a picture of a kind drawn by lot.

    `DataError` if there is something in ``folder`` already.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder} holds something already: choose another folder for the pictures")
    kinds = data.catalog.kinds(by)
    has = data.catalog.multi_hot(by)
    titles = data.catalog.table["title"] if "title" in data.catalog.table.columns else None
    rng = np.random.default_rng(seed)
    with atomic_path(folder) as temp:
        temp.mkdir(parents=True)
        for item in items:
            mine = has.indices[has.indptr[item] : has.indptr[item + 1]].tolist()
            mine = mine or [int(rng.integers(len(kinds)))]
            home = temp / str(data.items.values[int(item)])
            home.mkdir()
            for place, kind in enumerate(mine if len(mine) > 1 else mine * 2):
                title = "" if titles is None else str(titles[int(item)])
                picture = drawn(kind, len(kinds), int(rng.integers(1 << 31)), title)
                picture.save(home / f"{place}-{plain(kinds[kind])}.jpg", quality=90)
    return folder


def plain(kind: object) -> str:
    """A kind as part of the name of a file."""
    return "".join(c if c.isalnum() else "_" for c in str(kind)).lower()
