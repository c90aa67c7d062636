"""Published tables, made again: one file a table, the paper's figures and ours side by side.

A file of this folder has a ``TITLE``, the ``METHODS`` it knows (``DEFAULT`` those that are run if
none is named), how many ``SPLITS`` its committed result is made on, and a function ``reproduce``;
``RESUMES`` if it can go on from a checkpoint, and ``FILES`` if its methods may be files of the
user's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import polars as pl

from ..atomic import atomic_path
from ..errors import BadParameter, UnknownName

__all__ = ["Asked", "Reproduction", "listed", "reproduce", "write"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a table is to be made again."""

    methods: tuple[str, ...]
    splits: int
    seed: int = 0
    checkpoint: str | None = None  # a folder, for what learns in epochs
    progress: Progress | None = None

    @property
    def seeds(self) -> list[int]:
        """One for each split."""
        return [self.seed + i for i in range(self.splits)]

    def command(self, name: str, method: str | None = None) -> str:
        """What makes the table ``name``, or one ``method`` of it, again."""
        only = f" --methods {method}" if method else ""
        return f"headwater reproduce {name}{only} --splits {self.splits} --seed {self.seed}"

    def tell(self, what: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(what, done, total)


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A table made again."""

    name: str
    title: str
    table: pl.DataFrame
    notes: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)  # command, data, seeds, per-split figures
    picture: bytes | None = None  # a PNG

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "table": self.table.to_dicts(),
            "notes": list(self.notes),
            **self.about,
        }


def names() -> list[str]:
    files = [m.name for m in iter_modules(__path__) if not m.name.startswith("_")]
    return [name.replace("_", "-", 1).replace("_", ".") for name in files]


def listed() -> pl.DataFrame:
    """The tables there are."""
    found = {name: _module(name) for name in names()}
    rows = [
        {"table": n, "title": m.TITLE, "methods": m.METHODS, "splits": m.SPLITS}
        for n, m in found.items()
    ]
    return pl.DataFrame(rows)


def reproduce(
    name: str,
    *,
    methods: Sequence[str] | None = None,
    splits: int | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Make the table ``name`` again, on ``splits`` splits with the seeds seed, seed + 1, ...

    With ``splits`` None they are as many as its committed result was made on.
    ``checkpoint`` is a folder for what learns in epochs: interrupted, it goes on where it was.
    """
    if name not in names():
        raise UnknownName("table", name, names())
    module = _module(name)
    have = list(module.METHODS)
    files = getattr(module, "FILES", False)
    for method in methods or ():
        if method not in have and not (files and Path(method).is_file()):
            hint = "A file of labelled items is read, too." if files else ""
            raise UnknownName(f"method of {name}", method, have, hint)
    if splits is not None and splits < 1:
        raise BadParameter(f"splits must be at least 1, got {splits}")
    if checkpoint is not None and not getattr(module, "RESUMES", False):
        raise BadParameter(f"nothing of {name} goes on from a checkpoint: it needs none")
    asked = Asked(
        methods=tuple(methods or getattr(module, "DEFAULT", have)),
        splits=splits or module.SPLITS,
        seed=seed,
        checkpoint=None if checkpoint is None else str(checkpoint),
        progress=progress,
    )
    found: Reproduction = module.reproduce(asked)
    return found


def write(found: Reproduction, folder: str | Path) -> Path:
    """The result as JSON in ``folder``, and its picture beside it if it has one.

    What is there of the same table, on the same data and by methods that were not run this time,
    or of the same seeds on sources that were not, stays; each line says by which command and on
    which splits it was made.
    """
    path = Path(folder) / f"{found.name}.json"
    whole = found.as_dict()
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "lines" in whole and "lines" in old and old["data"] == whole["data"]:
        whole = _merged(old, whole, list(_module(found.name).LINES))
    elif isinstance(whole.get("data"), dict) and old.get("seeds") == whole.get("seeds"):
        whole = _beside(old, whole)
        if found.picture is not None:
            table = pl.DataFrame(whole["table"], infer_schema_length=None)
            found = replace(found, picture=_module(found.name).picture(table))
    with atomic_path(path) as temp:
        text = json.dumps(whole, indent=1, ensure_ascii=False, default=str)
        temp.write_text(text + "\n", encoding="utf-8")
    if found.picture is not None:
        with atomic_path(path.with_suffix(".png")) as temp:
            temp.write_bytes(found.picture)
    return path


def _merged(old: dict[str, Any], new: dict[str, Any], order: list[str]) -> dict[str, Any]:
    lines = {**old["lines"], **new["lines"]}
    rows = [row for row in old["table"] if row["method"] not in new["lines"]] + new["table"]
    rows = [row for row in rows if row["method"] in order]
    rows.sort(key=lambda row: order.index(row["method"]))
    notes = list(dict.fromkeys([*new["notes"], *_others(old["notes"], new["notes"])]))
    kept = {name: lines[name] for name in order if name in lines}
    return {**new, "table": rows, "notes": notes, "lines": kept}


def _beside(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """With what ``old`` has of sources that ``new`` has not."""
    stay = {name: each for name, each in old.get("data", {}).items() if name not in new["data"]}

    def kept(row: Any) -> bool:
        source = row["data"] if isinstance(row, dict) else row.partition(":")[0].partition(",")[0]
        return source in stay

    lists = {
        name: [*filter(kept, old.get(name, [])), *new[name]]
        for name, each in new.items()
        if isinstance(each, list) and name != "seeds"
    }
    return {**new, **lists, "data": {**stay, **new["data"]}}


def _others(old: list[str], new: list[str]) -> list[str]:
    """Notes of pairs that were not compared this time."""
    said = {note.partition(" on ")[0] for note in new}
    return [note for note in old if note.partition(" on ")[0] not in said]


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name.replace('-', '_').replace('.', '_')}")
