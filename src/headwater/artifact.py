"""A fitted model in a folder: what it is (model.json) and what it learned (state.safetensors).

`model.json` holds the tree that `registry.build` takes, the format's version, and the fingerprint
of the data; `data/` beside it, unless left out, holds the ids, the catalogue and the events, so
that another process can answer people by their ids. Never a pickle, never an import path; written
whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from .atomic import atomic_path, holds_else, recover
from .data.fingerprint import fingerprint
from .data.store import load_data, save_data
from .errors import BadArtifact, HeadwaterError, NotFitted
from .mapped import arrays_in
from .model import Model
from .registry import build, describe
from .state import pack, unpack
from .threshold._base import Threshold
from .types import Dataset

__all__ = ["FORMAT", "Artifact", "load", "save"]

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Artifact:
    """What `load` finds in a folder."""

    model: Model
    data: Dataset | None  # None where the model was saved without its data
    about: dict[str, Any]  # model.json


def save(model: Model, folder: str | Path, data: Dataset, *, with_data: bool = True) -> Path:
    """Write the fitted ``model`` to ``folder``, in place of what is there; the path it is at.

    The old content stays until the new is whole. `NotFitted` if there is nothing to save.
    """
    if not model.fitted:
        raise NotFitted(_unlearned(model))
    folder = Path(folder)
    check_free(folder)
    arrays, plain = pack(model)
    digest = _digest(arrays)
    about: dict[str, Any] = {
        "format": FORMAT,
        "headwater": _version(),
        "model": describe(model),
        "learned": plain,
        "state": digest,
        "data": {
            "fingerprint": fingerprint(data),
            "users": len(data.users),
            "items": len(data.items),
            "events": len(data.log.items),
            "included": with_data,
        },
    }
    with atomic_path(folder) as temp:
        temp.mkdir()
        save_file(arrays, temp / "state.safetensors", metadata={"digest": digest})
        if with_data:
            (temp / "data").mkdir()
            save_data(data, temp / "data")
            files = sorted((temp / "data").iterdir())
            about["data"]["files"] = {file.name: _sum(file) for file in files}
        text = json.dumps(about, indent=2, ensure_ascii=False)
        (temp / "model.json").write_text(text + "\n", encoding="utf-8")
    return folder


def _unlearned(model: Model) -> str:
    """What to do before ``model`` can be saved."""
    left = list(_left(model, model))
    owner, rule = left[0]
    if not all(isinstance(part, Threshold) for _, part in left):
        return f"{type(model).__name__} has learned nothing yet: call fit(data) first"
    takes = ", ".join(signature(owner.tune).parameters)
    name, head = type(rule).__name__, type(owner).__name__
    if owner is rule:
        return f"{name} is not tuned: call tune({takes}) first"
    return (
        f"{name}, the threshold of {head}, is not tuned: call tune({takes}) first, with what "
        f"{head} has not learned from"
    )


def _left(model: Model, owner: Model) -> Iterator[tuple[Model, Model]]:
    """What has something of its own to learn, behind the model that it is part of."""
    if any(f.metadata.get("learned") and f.name not in vars(model) for f in fields(model)):
        yield owner, model
    for part in model.parts():
        yield from _left(part, model)


def check_free(folder: Path) -> None:
    """Raise `BadArtifact` unless a model can be written to ``folder``, or over what is there."""
    if folder.exists() and not folder.is_dir():
        raise BadArtifact(f"{folder} is a file; a model is saved as a folder: choose another name")
    if holds_else(folder, "model.json"):
        raise BadArtifact(f"{folder} holds something else than a model: choose another name")


def load(folder: str | Path, *, mapped: bool = False) -> Artifact:
    """The model in ``folder``, ready to answer; `BadArtifact` says what is wrong with it.

    ``mapped`` leaves its arrays in their files, read-only, for servers: processes with the same
    model have them in memory once. Nets are copied all the same.
    """
    folder = Path(folder)
    recover(folder)
    if not folder.exists():
        raise BadArtifact(f"no folder {folder}; `headwater fit ... --save {folder}` makes one")
    if not (folder / "model.json").is_file():
        raise BadArtifact(f"{folder} is not a saved model: it has no model.json")
    try:
        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        version = about["format"]
    except (UnicodeDecodeError, ValueError, TypeError, KeyError) as error:
        said = f"{type(error).__name__}: {error}"
        raise BadArtifact(f"{folder}/model.json is damaged or foreign ({said})") from None
    if version != FORMAT:
        raise BadArtifact(
            f"{folder} has format {version!r}; this Headwater reads {FORMAT}: "
            "fit and save the model again, or install the version that wrote it"
        )
    try:
        arrays, meta = arrays_in(folder / "state.safetensors", mapped=mapped)
        if meta.get("digest") != about["state"]:
            raise BadArtifact(f"{folder}: state.safetensors belongs to another model.json")
        if _digest(arrays) != about["state"]:
            raise BadArtifact(f"{folder}: state.safetensors is damaged: its checksum is another")
        model = build(about["model"])
        unpack(model, arrays, about["learned"])
        for name, digest in about["data"].get("files", {}).items():  # older models have none
            if _sum(folder / "data" / name) != digest:  # reading it might end the whole process
                raise BadArtifact(f"{folder}: data/{name} is damaged: its checksum is another")
        data = load_data(folder / "data", mapped=mapped) if about["data"]["included"] else None
        if data is not None and fingerprint(data) != about["data"]["fingerprint"]:
            raise BadArtifact(f"{folder}: data/ is not the data that the model was fitted on")
    except BadArtifact:
        raise
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, HeadwaterError) as error:
        said = f"{type(error).__name__}: {error}"
        raise BadArtifact(f"{folder} is damaged or foreign ({said})") from None
    return Artifact(model, data, about)


def _sum(file: Path) -> str:
    with file.open("rb") as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()


def _digest(arrays: dict[str, np.ndarray]) -> str:
    sha = hashlib.sha256()
    for name in sorted(arrays):
        sha.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        sha.update(arrays[name].reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def _version() -> str:
    from importlib.metadata import version

    return version("headwater")
