"""Splits: what may be learned from, what is asked then, and what those who asked went on to choose.

A protocol says what each event is for: to learn from (TRAIN), to be known when the question is
asked (PAST), to be held out (TRUTH), or nothing. `assemble` makes the `Split` of that, and there is
no `Split` in which something held out is also known.

    >>> from headwater.data.toy import blocks
    >>> split(blocks(), "temporal")
    Split(temporal: 1,152 events train, 111 requests, 288 held out)

Three rules hold for every protocol:

* the items stay, all N of them, so that an index means the same everywhere; the users of ``train``
  are those with at least one event there, so U can shrink. Whoever asks and is not among them is
  somebody new to the model, PAD in ``queries.user``: in a split by users, everybody who asks;
* a held-out event on an item that the same user already has in the history is no test, since what
  was seen is not recommended: it is left out and counted in ``dropped``;
* whoever has nothing held out does not ask.

Checked: proportions, order and absence of leaks on random data, tests/data/test_split.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints, overload

import numpy as np
from numpy.typing import NDArray

from ..atomic import atomic_path, holds_else, recover
from ..errors import BadArtifact, BadParameter, DataError, UnknownName
from ..types import Dataset
from ._parts import PAST, TRAIN, TRUTH, Protocol, Split, assemble, check, rows_with
from ._protocols import (
    ColdItems,
    LastN,
    LeaveOneOut,
    RandomPerUser,
    StrongGeneralization,
    Temporal,
    UserFolds,
)
from .fingerprint import fingerprint

__all__ = [
    "PAST",
    "PROTOCOLS",
    "TRAIN",
    "TRUTH",
    "ColdItems",
    "LastN",
    "LeaveOneOut",
    "Protocol",
    "RandomPerUser",
    "Split",
    "Splits",
    "StrongGeneralization",
    "Temporal",
    "UserFolds",
    "assemble",
    "check",
    "default_protocol",
    "describe",
    "load",
    "protocol",
    "save",
    "split",
    "splits",
]

FORMAT = 1


PROTOCOLS: dict[str, type[Protocol]] = {
    kind.name: kind
    for kind in (
        Temporal,
        RandomPerUser,
        StrongGeneralization,
        LeaveOneOut,
        LastN,
        UserFolds,
        ColdItems,
    )
}


def protocol(tree: str | Mapping[str, Any], *, seed: int | None = None) -> Protocol:
    """The protocol that ``tree`` names: its name, or a mapping with the key ``protocol``.

    ``seed`` comes on top where the protocol has one.

    >>> protocol({"protocol": "last-n", "n": 3})
    LastN(n=3)
    """
    asked: dict[str, Any] = {"protocol": tree} if isinstance(tree, str) else dict(tree)
    if "protocol" not in asked:
        raise BadParameter(f"no key 'protocol' in {asked!r}: one of {', '.join(PROTOCOLS)}")
    name = str(asked.pop("protocol"))
    kind = PROTOCOLS.get(name.lower().replace("-", "_"))
    if kind is None:
        raise UnknownName("split", name, PROTOCOLS)
    hints = get_type_hints(kind)
    have = [f.name for f in fields(kind)]
    for key, value in asked.items():
        if key not in have:
            raise UnknownName(f"parameter of {kind.__name__}", key, have)
        _typed(kind, key, hints[key], value)
    if seed is not None and "seed" in have:
        asked["seed"] = seed
    return kind(**asked)


def describe(protocol: Protocol) -> dict[str, Any]:
    """The tree that makes ``protocol`` again.

    >>> describe(LastN(n=3))
    {'protocol': 'last_n', 'n': 3}
    """
    return {"protocol": protocol.name, **asdict(protocol)}


def default_protocol(data: Dataset, *, seed: int = 0) -> Protocol:
    """`Temporal` where anybody knows when things happened, `RandomPerUser` else."""
    return Temporal() if data.log.timed else RandomPerUser(seed=seed)


def split(
    data: Dataset,
    by: str | Mapping[str, Any] | Protocol | None = None,
    *,
    seed: int | None = None,
) -> Split:
    """One split of ``data``, by a protocol, its name or its tree; by `default_protocol` if None."""
    return _chosen(data, by, seed)(data)


@dataclass(frozen=True)
class Splits(Sequence[Split]):
    """Several splits of one dataset. Each is made when it is asked for, so one is in memory."""

    data: Dataset
    protocols: tuple[Protocol, ...]

    def __len__(self) -> int:
        return len(self.protocols)

    @overload
    def __getitem__(self, i: int) -> Split: ...
    @overload
    def __getitem__(self, i: slice) -> Splits: ...
    def __getitem__(self, i: int | slice) -> Split | Splits:
        if isinstance(i, slice):
            return Splits(self.data, self.protocols[i])
        return self.protocols[i](self.data)

    def __iter__(self) -> Iterator[Split]:
        return (each(self.data) for each in self.protocols)


def splits(
    data: Dataset,
    by: str | Mapping[str, Any] | Protocol | None = None,
    n: int = 1,
    seed: int | None = None,
) -> Splits:
    """``n`` splits with the seeds seed, seed + 1, ...; for `UserFolds` the folds 0, 1, ... of one.

    `BadParameter` for several splits by a protocol that always makes the same.
    """
    if n < 1:
        raise BadParameter(f"splits: n must be at least 1, got {n}")
    first = _chosen(data, by, seed)
    return Splits(data, tuple(first.another(i) for i in range(n)))


def save(split: Split, folder: str | Path) -> Path:
    """Write ``split`` to ``folder``: what each event is for, and the fingerprint of the data."""
    from safetensors.numpy import save_file

    if split.source is None:
        raise DataError(
            "this split was made by hand; make it with `assemble` so that it can be saved"
        )
    if holds_else(folder, "split.json"):
        raise DataError(f"{folder} holds something else than a split: choose another name")
    about = {"format": FORMAT, "fingerprint": fingerprint(split.source), "split": _about(split)}
    with atomic_path(folder) as temp:
        temp.mkdir()
        save_file(_arrays(split), temp / "split.safetensors")
        text = json.dumps(about, indent=2, ensure_ascii=False)
        (temp / "split.json").write_text(text + "\n", encoding="utf-8")
    return Path(folder)


def load(folder: str | Path, data: Dataset) -> Split:
    """The split in ``folder``; `DataError` unless ``data`` is what it was made of."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = Path(folder)
    recover(folder)
    if not (folder / "split.json").is_file():
        raise BadArtifact(f"{folder} is not a saved split: it has no split.json")
    try:
        about = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        version, wanted = about["format"], about["fingerprint"]
        arrays = load_file(folder / "split.safetensors")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BadArtifact(f"{folder} is damaged or foreign ({_said(error)})") from None
    if version != FORMAT:
        raise BadArtifact(f"{folder} has format {version!r}; this Headwater reads {FORMAT}")
    got = fingerprint(data)
    if got != wanted:
        raise DataError(
            f"the split in {folder} was made of other data ({wanted[:12]}; these are {got[:12]}): "
            "read those with the same filters, or split again"
        )
    try:
        return _rebuilt(about["split"], arrays, data)
    except (LookupError, TypeError, ValueError) as error:
        raise BadArtifact(f"{folder} is damaged or foreign ({_said(error)})") from None


def _about(split: Split) -> dict[str, Any]:
    return {
        "name": split.name,
        "protocol": None if split.protocol is None else describe(split.protocol),
        "cut": split.cut,
        "requests": len(split),
        "dropped": dict(split.dropped),
        "notes": list(split.notes),
        "validation": None if split.inner is None else _about(split.inner),
    }


def _arrays(split: Split, prefix: str = "") -> dict[str, NDArray[Any]]:
    if split.roles is None:
        raise DataError("the validation split was made by hand; make it with `assemble`")
    arrays: dict[str, NDArray[Any]] = {
        f"{prefix}roles": split.roles,
        f"{prefix}now": split.queries.now,
    }
    if split.queries.pool is not None:
        arrays[f"{prefix}pool"] = split.queries.pool
    return arrays | ({} if split.inner is None else _arrays(split.inner, f"{prefix}validation/"))


def _rebuilt(
    about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], data: Dataset, prefix: str = ""
) -> Split:
    inner = about["validation"]
    roles = arrays[f"{prefix}roles"]
    now = np.zeros(len(data.log), np.int64)
    now[rows_with(data.log, roles, TRUTH)] = arrays[f"{prefix}now"]
    return assemble(
        data,
        roles,
        now=now,
        pool=arrays.get(f"{prefix}pool"),
        cut=about["cut"],
        protocol=None if about["protocol"] is None else protocol(about["protocol"]),
        name=about["name"],
        dropped=about["dropped"],
        notes=tuple(about["notes"]),
        inner=None if inner is None else _rebuilt(inner, arrays, data, f"{prefix}validation/"),
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _chosen(
    data: Dataset, by: str | Mapping[str, Any] | Protocol | None, seed: int | None
) -> Protocol:
    if by is None:
        return default_protocol(data, seed=seed or 0)
    if not isinstance(by, Protocol):
        return protocol(by, seed=seed)
    return by if seed is None else by.reseeded(seed)


def _typed(kind: type, name: str, hint: Any, value: Any) -> None:
    from pydantic import TypeAdapter, ValidationError

    wrong = isinstance(value, bool) and hint is not bool
    try:
        TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError:
        wrong = True
    if wrong:
        said = getattr(hint, "__name__", str(hint).replace("typing.", ""))
        raise BadParameter(f"{kind.__name__}: {name} must be {said}, got {value!r}")
