"""Vectors on disk by the content that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..kept import Kept, Kind, key_of
from ..types import Floats

__all__ = ["Cache", "key_of"]

VECTORS = Kind("vector", mark=0x68777663)  # "hwvc"


class Cache:
    """Vectors of ``dimensions`` numbers. Without a file it holds nothing, and keeps nothing."""

    def __init__(self, kept: Kept, dimensions: int):
        self.kept = kept
        self.dimensions = dimensions

    @classmethod
    @contextmanager
    def opened(cls, path: str | Path | None, dimensions: int) -> Iterator[Cache]:
        """The cache at ``path``, made if missing; `BadArtifact` if that is another file."""
        with Kept.opened(VECTORS, path) as kept:
            yield cls(kept, dimensions)

    def get(self, keys: Iterable[bytes]) -> dict[bytes, Floats]:
        """The vectors of those of ``keys`` that are known."""
        return {key: self._vector(blob) for key, blob in self.kept.get(keys).items()}

    def put(self, keys: Sequence[bytes], vectors: Floats) -> None:
        """Keep ``vectors`` (n, D), in one transaction."""
        self.kept.put((k, v.astype("<f4").tobytes()) for k, v in zip(keys, vectors, strict=True))

    def _vector(self, blob: bytes) -> Floats:
        if len(blob) != 4 * self.dimensions:
            raise self.kept.damaged(f"a vector is not of {self.dimensions} numbers")
        return np.frombuffer(blob, "<f4")
