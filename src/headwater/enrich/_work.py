"""What is computed for many texts and names: what is kept of it, told of it, and asked of whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..kept import Kept, key_of
from ._annotator import Annotator
from ._linking import FACTS, Asked, Linker, Record

__all__ = ["Both", "Progress", "Work"]

CHUNK = 256  # articles that are computed, and kept, together
LINKED = 200  # names that are looked up together
Progress = Callable[[str, int, int], None]  # what is done, how much of it, out of how much


@dataclass(eq=False)
class Work:
    """Where results are kept and told."""

    cache: str | Path | None
    progress: Progress | None

    def tell(self, what: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(what, done, total)

    def annotated(self, method: Annotator, texts: Sequence[str]) -> list[Any]:
        """What ``method`` finds in each text; equal texts once, and none that is in the cache."""
        what = json.dumps(method.identity(), sort_keys=True)
        name = method.address.rsplit(".", 1)[-1]
        keys = [key_of(what, text.encode()) for text in texts]
        found: dict[bytes, Any] = {}
        with Kept.opened(FACTS, self.cache) as kept:
            for at in range(0, len(texts), CHUNK):
                part = {
                    key: text
                    for key, text in zip(keys[at : at + CHUNK], texts[at : at + CHUNK], strict=True)
                    if key not in found
                }
                have = kept.get(part)
                found |= {key: _read(kept, blob) for key, blob in have.items()}
                new = {key: text for key, text in part.items() if key not in have}
                made = dict(zip(new, method.annotate(list(new.values())), strict=True))
                kept.put([(key, json.dumps(value).encode()) for key, value in made.items()])
                found |= made
                self.tell(name, min(at + CHUNK, len(texts)), len(texts))
        return [found[key] for key in keys]

    def linked(self, linker: Linker, asked: Sequence[Asked]) -> dict[Asked, Record]:
        """What is known of each that anything is known of."""
        each = sorted(set(asked))
        found: dict[Asked, Record] = {}
        for at in range(0, len(each), LINKED):
            part = each[at : at + LINKED]
            records = linker.look_up_all(part)
            found |= {a: r for a, r in zip(part, records, strict=True) if r is not None}
            self.tell("linking", min(at + LINKED, len(each)), len(each))
        return found


@dataclass(frozen=True, eq=False)
class Both:
    """One who is asked first, and another where the first knows nothing."""

    first: Linker
    then: Linker

    def look_up(
        self, name: str, alternatives: Sequence[str] = (), label: str = "PERSON"
    ) -> Record | None:
        return self.look_up_all([Asked(name, tuple(alternatives), label)])[0]

    def look_up_all(self, asked: Sequence[Asked]) -> list[Record | None]:
        found = self.first.look_up_all(asked)
        rest = [i for i, record in enumerate(found) if record is None]
        for i, record in zip(rest, self.then.look_up_all([asked[i] for i in rest]), strict=True):
            found[i] = record
        return found

    def identity(self) -> dict[str, Any]:
        return {"first": self.first.identity(), "then": self.then.identity()}


def _read(kept: Kept, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise kept.damaged("a fact is no JSON") from None
