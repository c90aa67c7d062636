"""Runs that can go on: arrays and plain values in a folder, found again by what made them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from .atomic import atomic_path
from .errors import BadArtifact
from .mapped import arrays_in

__all__ = ["Kept"]


class Kept:
    """One file of ``folder``, named after ``what`` it belongs to; written whole or not at all."""

    def __init__(self, folder: str | Path, what: str):
        self.path = Path(folder) / f"{hashlib.sha256(what.encode()).hexdigest()[:20]}.safetensors"

    def write(self, arrays: dict[str, np.ndarray], plain: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        with atomic_path(self.path) as temp:
            save_file(whole, temp, metadata={"plain": json.dumps(plain)})

    def read(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """What was written last; None if nothing was."""
        if not self.path.exists():
            return None
        try:
            arrays, said = arrays_in(self.path, mapped=False)
            return arrays, json.loads(said["plain"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise BadArtifact(
                f"{self.path} is damaged ({error}): delete it to start the run again"
            ) from None
