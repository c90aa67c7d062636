"""The folder in which work is kept step by step, so that a second call goes on from there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...atomic import atomic_path
from ...data.store import load_data, save_data
from ...errors import BadParameter
from ...types import Dataset

__all__ = ["Work"]

MARK = "plan.json"  # the first file that is whole, and the first to go
BROKEN_OFF = (".tmp-", ".old-")  # what writers that were killed leave


class Work:
    """A folder of its own. What cannot be read in it counts as not done yet."""

    def __init__(self, folder: Path):
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise BadParameter(f"{folder} is a file; the work is kept in a folder")
        have = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        mine = {MARK, "data", "candidate", "evaluation.json", "final.json"}
        odd = [name for name in have if name not in mine and not name.startswith(BROKEN_OFF)]
        if odd:
            raise BadParameter(
                f"{folder} holds something else than a retraining ({odd[0]}), and is emptied at "
                "its end: choose another folder"
            )

    def read(self, step: str) -> dict[str, Any] | None:
        try:
            found = json.loads((self.folder / f"{step}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write(self, step: str, found: Mapping[str, Any]) -> None:
        with atomic_path(self.folder / f"{step}.json") as temp:
            temp.write_text(json.dumps(found, allow_nan=False, indent=2) + "\n", encoding="utf-8")

    def keep(self, data: Dataset) -> None:
        with atomic_path(self.folder / "data") as temp:
            temp.mkdir()
            save_data(data, temp)

    def data(self) -> Dataset:
        return load_data(self.folder / "data")

    def clear(self) -> None:
        (self.folder / MARK).unlink(missing_ok=True)  # what is left counts for nothing now
        if self.folder.exists():
            shutil.rmtree(self.folder)
