"""Images from bytes or files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..errors import DataError
from ..images import MOST
from ..model import at_least
from ._encoder import Encoder

__all__ = ["ImageEncoder"]


@dataclass(kw_only=True, eq=False)
class ImageEncoder(Encoder):
    """An encoder of images: bytes, or paths of files."""

    things: ClassVar[str] = "images"

    batch_size: int = 16  # how many are computed at once; larger ones leave the processor's cache
    max_pixels: int = MOST  # width x height that is still decoded; Pillow's limit stays above

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
