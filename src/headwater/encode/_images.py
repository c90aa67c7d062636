"""Images from bytes or files, decoded with Pillow to 8-bit RGB.

Grey, palette, YCbCr and CMYK become RGB; 16-bit grey keeps its upper 8 bits; what is transparent
lies on white; a picture is turned as its EXIF says; of an animation the first frame counts. Colour
profiles are not applied.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import DataError
from ..model import at_least
from ._encoder import Encoder

__all__ = ["ImageEncoder", "decoded"]

# Not all that Pillow knows: EPS, for one, would start another program.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")


@dataclass(kw_only=True, eq=False)
class ImageEncoder(Encoder):
    """An encoder of images: bytes, or paths of files."""

    things: ClassVar[str] = "images"

    batch_size: int = 16  # how many are computed at once; larger ones leave the processor's cache
    max_pixels: int = 50_000_000  # width x height that is still decoded; Pillow's limit stays above

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "max_pixels", self.max_pixels, 1)

    def read(self, thing: Any) -> bytes:
        if isinstance(thing, bytes | bytearray | memoryview):
            content = bytes(thing)
        elif isinstance(thing, str | Path):
            try:
                content = Path(thing).read_bytes()
            except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
                raise DataError(f"{getattr(error, 'strerror', None) or error}") from None
        else:
            raise DataError(f"a {type(thing).__name__}, neither bytes nor a path")
        if not content:
            raise DataError("empty, 0 bytes")
        return content

    def named(self, i: int, thing: Any) -> str:
        return f"number {i} ({thing})" if isinstance(thing, str | Path) else f"number {i}"


def decoded(content: bytes, max_pixels: int) -> Image.Image:
    """The image in ``content``, in mode RGB; `DataError` says why there is none."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width < 1 or height < 1:
                raise DataError(f"{width} x {height} pixels: nothing to see")
            if width * height > max_pixels:
                raise DataError(
                    f"{width} x {height} pixels, more than max_pixels={max_pixels:,}: make it "
                    "smaller, or raise the limit if you trust where it comes from"
                )
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"not an image, or of none of the formats {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"too many pixels: {error}") from None
    except Exception as error:  # its decoders raise whatever they trip over
        raise DataError(f"truncated or damaged ({type(error).__name__}: {error})") from None


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would cut off all above 255
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(
            f"pixels of 32 bits (mode {image.mode}) have no agreed range: save it with 8"
        )
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")
