"""A contact sheet: the same titles for several people, with the pictures that they would see."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from .atomic import atomic_path
from .errors import BadParameter
from .images import decoded, pillow
from .stills import Pictures

__all__ = ["Cell", "as_html", "as_png", "check", "sheet_of", "write"]

WIDTH, HEIGHT, GAP, LABEL, CAPTION = 160, 200, 12, 170, 52


@dataclass(frozen=True)
class Cell:
    title: str
    picture: bytes | None  # as it is in its file; None where nothing may be shown
    why: str


Rows = Sequence[tuple[str, Sequence[Cell]]]  # a person, and what they see


def check(path: Path) -> None:
    if path.suffix not in (".html", ".png"):
        raise BadParameter(f"a contact sheet ends in .html or .png; got {path}")


def sheet_of(table: pl.DataFrame, pictures: Pictures) -> Rows:
    """The rows of what `facade.thumbnails` found."""
    number = {name: i for i, name in enumerate(pictures.names)}
    rows = []
    for (who,), part in table.group_by(["who"], maintain_order=True):
        cells = [
            Cell(
                title=row["title"],
                picture=None
                if row["picture"] is None
                else pictures.bytes_of(number[row["picture"]]),
                why=row["why"],
            )
            for row in part.iter_rows(named=True)
        ]
        rows.append((str(who), cells))
    return rows


def write(rows: Rows, path: str | Path, title: str) -> Path:
    """The sheet as a page (.html) or a picture (.png)."""
    path = Path(path)
    check(path)
    content = as_png(rows) if path.suffix == ".png" else as_html(rows, title).encode()
    with atomic_path(path) as temp:
        temp.write_bytes(content)
    return path


def as_png(rows: Rows) -> bytes:
    pillow("a contact sheet")
    from PIL import Image, ImageDraw, ImageFont

    wide = max((len(cells) for _, cells in rows), default=0)
    size = LABEL + wide * (WIDTH + GAP) + GAP, GAP + len(rows) * (HEIGHT + CAPTION + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(14), ImageFont.load_default(11)
    for i, (label, cells) in enumerate(rows):
        top = GAP + i * (HEIGHT + CAPTION + GAP)
        draw.multiline_text(
            (GAP, top + 4), _wrapped(draw, label, bold, LABEL - 2 * GAP, 6), "black", bold
        )
        for j, cell in enumerate(cells):
            left = LABEL + j * (WIDTH + GAP)
            draw.rectangle((left, top, left + WIDTH - 1, top + HEIGHT - 1), "#eee")
            if cell.picture is not None:
                image = _fitted(cell.picture)
                at = left + (WIDTH - image.width) // 2, top + (HEIGHT - image.height) // 2
                sheet.paste(image, at)
            said = _wrapped(draw, cell.title, plain, WIDTH, 1)
            draw.text((left, top + HEIGHT + 4), said, "black", plain)
            why = _wrapped(draw, cell.why, plain, WIDTH, 2)
            draw.multiline_text((left, top + HEIGHT + 19), why, "#555", plain)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def _fitted(content: bytes) -> Any:
    image = decoded(content)
    share = min(WIDTH / image.width, HEIGHT / image.height)
    return image.resize((max(1, int(image.width * share)), max(1, int(image.height * share))))


def _wrapped(draw: Any, text: str, font: Any, width: int, lines: int) -> str:
    """``text`` in at most ``lines`` of ``width`` pixels; what is left over becomes dots."""
    found = [""]
    for word in text.split():
        longer = f"{found[-1]} {word}".strip()
        if draw.textlength(longer, font) <= width or not found[-1]:
            found[-1] = longer
        else:
            found.append(word)
    cut = len(found) > lines
    found = found[:lines]
    while draw.textlength(found[-1] + "..." * cut, font) > width and len(found[-1]) > 1:
        found[-1], cut = found[-1][:-1], True
    return "\n".join(found) + "..." * cut


def as_html(rows: Rows, title: str) -> str:
    """A page of its own: pictures are in it, nothing is asked for elsewhere."""
    body = []
    for label, cells in rows:
        strip = "".join(
            f"<figure>{_image(cell)}<figcaption><b>{html.escape(cell.title)}</b>"
            f"<br>{html.escape(cell.why)}</figcaption></figure>"
            for cell in cells
        )
        body.append(f"<section><h2>{html.escape(label)}</h2><div>{strip}</div></section>")
    return PAGE.format(title=html.escape(title), body="\n".join(body))


def _image(cell: Cell) -> str:
    if cell.picture is None:
        return '<div class="none" role="img" aria-label="no picture may be shown"></div>'
    return (
        f'<img src="data:image/{_kind(cell.picture)};base64,'
        f'{base64.b64encode(cell.picture).decode()}" alt="{html.escape(cell.title)}">'
    )


def _kind(content: bytes) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return str(image.format).lower()


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222; background: #fff; }}
h1 {{ font-size: 1.3rem; }}
h2 {{ font-size: 1rem; margin: 1.2rem 0 .4rem; }}
section div {{ display: flex; gap: 12px; overflow-x: auto; }}
figure {{ margin: 0; width: 160px; flex: none; }}
img, .none {{ width: 160px; height: 200px; object-fit: contain; background: #eee; }}
figcaption {{ font-size: .8rem; color: #444; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""
