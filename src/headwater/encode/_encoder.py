"""What encoders share: each content is computed once, in batches, and kept on disk if asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import DataError, NotFitted
from ..model import Model, at_least
from ..types import Dataset, Floats
from ._cache import Cache, key_of

__all__ = ["Encoder", "Progress", "TextEncoder"]

Progress = Callable[[str, int, int], None]  # what is done, how much of it, out of how much

NAMED = 5  # how many of the things that cannot be encoded an error names


@dataclass(kw_only=True, eq=False)
class Encoder(Model):
    """Things in, vectors out; a method gives ``dimensions``, ``identity``, `read` and `vectors`."""

    edition: ClassVar[int] = 1  # one more each time that the file gives other vectors
    things: ClassVar[str] = "things"  # what they are called in an error
    teach: ClassVar[str] = "fit(data)"  # what makes it learn

    batch_size: int = 32  # how many are computed at once

    def __post_init__(self) -> None:
        at_least(self, "batch_size", self.batch_size, 1)

    @property
    def dimensions(self) -> int:
        """D."""
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        """Plain values: all that the vectors depend on, besides the contents and ``edition``."""
        raise NotImplementedError

    def read(self, thing: Any) -> bytes:
        """The content, by which vectors are kept; `DataError` says why there is none."""
        raise NotImplementedError

    def ready(self, content: bytes) -> Any:
        """What a batch is made of; `DataError` says why it cannot be."""
        raise NotImplementedError

    def vectors(self, batch: Sequence[Any]) -> Floats:  # (n, D) float32
        """Of what `ready` gave for n contents."""
        raise NotImplementedError

    def fit(self, data: Dataset) -> Self:  # noqa: ARG002
        """Nothing: it has learned before."""
        return self

    def encode(
        self,
        things: Iterable[Any],
        *,
        cache: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Floats:
        """One row for each of ``things``, (n, D) float32; equal contents are computed once.

        ``cache`` is a file, made if missing, that keeps vectors by content: what is in it is not
        computed again, each batch is added as soon as it is computed, and several encoders and
        processes may share it. ``progress`` is told (what, done, total). `DataError` names all that
        cannot be encoded.
        """
        if not self.fitted:
            raise NotFitted(
                f"{type(self).__name__} has learned nothing yet: call {self.teach} first"
            )
        listed = self.listed(things)
        what = json.dumps([self.address, self.edition, self.identity()], sort_keys=True)
        out = np.zeros((len(listed), self.dimensions), np.float32)
        with Cache.opened(cache, self.dimensions) as kept:
            for i, first in self._fill(out, listed, what, kept, progress).items():
                out[i] = out[first]
        return out

    def _fill(
        self,
        out: Floats,
        listed: Sequence[Any],
        what: str,
        kept: Cache,
        progress: Progress | None,
    ) -> dict[int, int]:
        """Fill the row of the first thing of each content; for the others, which row that is."""
        same: dict[int, int] = {}
        rows: dict[bytes, int] = {}
        waiting: list[tuple[int, bytes, Any]] = []
        order = self.order(listed)
        for at in range(0, len(order), self.batch_size):
            fresh: dict[bytes, bytes] = {}
            left = order[at:]
            for i in order[at : at + self.batch_size]:
                content = self._tried(listed, left, i, self.read, listed[i])
                key = key_of(what, content)
                if key in rows:
                    same[i] = rows[key]
                else:
                    rows[key], fresh[key] = i, content
            for key, vector in kept.get(fresh).items():
                out[rows[key]] = vector
                del fresh[key]
            for key, content in fresh.items():
                i = rows[key]
                waiting.append((i, key, self._tried(listed, left, i, self.ready, content)))
            last = at + self.batch_size >= len(order)
            while len(waiting) >= self.batch_size or (last and waiting):
                batch, waiting = waiting[: self.batch_size], waiting[self.batch_size :]
                places, keys, made = zip(*batch, strict=True)
                found = self._checked(made)
                kept.put(keys, found)
                out[list(places)] = found
            if progress is not None:
                done = min(at + self.batch_size, len(order)) - len(waiting)
                progress(self.address, done, len(order))
        return same

    def faults(self, things: Iterable[Any]) -> dict[int, str]:
        """What is wrong with each that cannot be encoded, by its place in ``things``."""
        found = {}
        for i, thing in enumerate(things):
            try:
                self.ready(self.read(thing))
            except DataError as error:
                found[i] = str(error)
        return found

    def listed(self, things: Iterable[Any]) -> list[Any]:
        if isinstance(things, str | bytes | bytearray | memoryview | Path | Mapping):
            raise DataError(
                f"{type(self).__name__}.encode takes a sequence of {self.things}, and got a single "
                f"{type(things).__name__}: put it into a list"
            )
        return list(things)

    def order(self, listed: Sequence[Any]) -> Sequence[int]:
        """In which order to compute; any gives the same vectors."""
        return range(len(listed))

    def named(self, i: int, thing: Any) -> str:  # noqa: ARG002
        """The thing, in an error."""
        return f"number {i}"

    def refusal(self, listed: Sequence[Any], faults: Mapping[int, str]) -> DataError:
        """One error for all ``faults``."""
        shown = [f"{self.named(i, listed[i])}: {why}" for i, why in list(faults.items())[:NAMED]]
        more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        return DataError(
            f"{len(faults)} of {len(listed)} {self.things} cannot be encoded: "
            f"{'; '.join(shown)}{more}. {type(self).__name__}.faults gives all of them by number"
        )

    def _tried(
        self,
        listed: Sequence[Any],
        left: Sequence[int],  # the first of the batch and all that come after
        i: int,
        made: Callable[[Any], Any],
        of: Any,
    ) -> Any:
        try:
            return made(of)
        except DataError as error:
            faults = self.faults(listed[j] for j in left)
            rest = {left[j]: why for j, why in faults.items()}
            raise self.refusal(listed, dict(sorted(rest.items())) or {i: str(error)}) from None

    def _checked(self, batch: Sequence[Any]) -> Floats:
        found = self.vectors(batch)
        expected = (len(batch), self.dimensions)
        if found.shape != expected or found.dtype != np.float32 or not np.isfinite(found).all():
            raise DataError(
                f"{type(self).__name__}.vectors gave {found.dtype} of shape {found.shape}; it must "
                f"be {expected} float32, finite"
            )
        return found


@dataclass(kw_only=True, eq=False)
class TextEncoder(Encoder):
    """An encoder of str. An empty text has a vector as any other."""

    things: ClassVar[str] = "texts"

    def read(self, thing: Any) -> bytes:
        if not isinstance(thing, str):
            raise DataError(f"a {type(thing).__name__}, not text")
        try:
            return thing.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"not Unicode: {error.reason} at character {error.start}") from None

    def ready(self, content: bytes) -> str:
        return content.decode()

    def listed(self, things: Iterable[Any]) -> list[Any]:
        found = super().listed(things)
        faults = self.faults(found)
        if faults:
            raise self.refusal(found, faults)
        return found

    def order(self, listed: Sequence[Any]) -> Sequence[int]:
        """Those of about one length together: the others of a batch are filled up to the longest.

        The longest first, so that memory runs out at once or not at all.
        """
        return sorted(range(len(listed)), key=lambda i: -len(listed[i]))
