"""Images, decoded with Pillow to 8-bit RGB.

Grey, palette, YCbCr and CMYK become RGB; 16-bit grey keeps its upper 8 bits; what is transparent
lies on white; a picture is turned as its EXIF says; of an animation the first frame counts. Colour
profiles are not applied.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from .errors import DataError, MissingExtra

__all__ = ["MOST", "decoded", "pillow"]

MOST = 50_000_000  # pixels of a picture that is decoded; Pillow's own limit stays above
# Not all that Pillow knows: EPS, for one, would start another program.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")


def pillow(who: str) -> None:
    """`MissingExtra` says what ``who`` lacks, if Pillow is not installed."""
    try:
        import PIL  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra(who, "pillow", "image") from None


def decoded(content: bytes, max_pixels: int = MOST) -> Any:  # a PIL image
    """The image in ``content``, in mode RGB; `DataError` says why there is none."""
    pillow("decoding images")
    from PIL import Image, ImageOps, UnidentifiedImageError

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


def _rgb(image: Any) -> Any:
    from PIL import Image

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
