"""Download a source: terms accepted first, what broke off goes on, what is wrong is not kept.

A file grows as ``NAME.part`` beside its place and moves there when it is whole and its checksums
are right. Archives are kept and unpacked into ``files``. ``source.json`` says what came from where,
when, and what was accepted; it is written last.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..atomic import atomic_path
from ..errors import DataError
from ._download import Progress, Way, download, opener
from ._unpack import is_archive, unpack
from .sources import Remote, Source, data_folder, source

__all__ = ["Fetched", "Got", "Progress", "fetch"]


@dataclass(frozen=True, kw_only=True)
class Got:
    """A file that is here. ``verified`` is false where nobody publishes a checksum."""

    file: str
    url: str
    bytes: int
    sha256: str
    published: tuple[str, ...]
    verified: bool


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A source that is here: ``folder`` holds it, and `sources.tables` finds it there."""

    name: str
    folder: Path
    files: tuple[Got, ...]
    new: bool  # false if all of it was here before

    @property
    def unverified(self) -> tuple[str, ...]:
        """The files that could not be checked: no checksum is published; ours is recorded."""
        return tuple(got.file for got in self.files if not got.verified)


def fetch(
    name: str | Source,
    *,
    accept: bool = False,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    timeout: float = 30.0,
    retries: int = 5,
    pause: float = 1.0,
    trust_checksum: bool = False,
) -> Fetched:
    """Download a source into the folder of its name in ``folder`` (the data folder if None).

    What is here and whole is not asked for again, so files put there by hand count. ``retries``
    are tries in a row that bring nothing, ``pause`` seconds (doubling) apart; ``timeout`` is for
    each answer. Whatever stops it, the same call goes on where it stopped.

    ``trust_checksum`` takes a file with a published SHA-256 even from a server whose certificate
    cannot be verified (GroupLens' has lapsed before): the checksum proves the file.

    `DataError` if the terms are not accepted (they are in the message), if there is no network, no
    such file, no room, or a wrong checksum.
    """
    asked = name if isinstance(name, Source) else source(name)
    place = (data_folder() if folder is None else Path(folder).expanduser()) / asked.name
    if (here := _here(asked, place)) is not None:
        return here
    if not accept:
        raise DataError(_terms(asked))
    got = []
    try:
        place.mkdir(parents=True, exist_ok=True)
        for remote in asked.files:
            proven = trust_checksum and any(each.startswith("sha256:") for each in remote.checksums)
            way = Way(
                opener=opener(verify=not proven),
                timeout=timeout,
                retries=retries,
                pause=pause,
                progress=progress,
            )
            got.append(_get(remote, place, way))
        _record(asked, place, got)
    except OSError as fault:
        raise DataError(
            f"cannot write in {place}: {fault}. Make room, or set HEADWATER_DATA to another "
            "folder; what is whole there is not asked for again"
        ) from fault
    return Fetched(name=asked.name, folder=place, files=tuple(got), new=True)


def _terms(asked: Source) -> str:
    size = sum(remote.size or 0 for remote in asked.files) / 1e6
    large = f" ({size:,.1f} MB)" if size else ""
    return (
        f"{asked.title}{large} comes with terms:\n\n  {asked.terms}\n"
        f"  In full: {asked.terms_url}\n  Cite: {asked.citation}\n\n"
        f"If you accept them: headwater data fetch {asked.name} --accept, or "
        f"fetch({asked.name!r}, accept=True)"
    )


def _here(asked: Source, place: Path) -> Fetched | None:
    """What is recorded, if it is of the same addresses and still as it was."""
    got = _recorded(place)
    if [each.url for each in got] != [remote.url for remote in asked.files]:
        return None
    packed = any(is_archive(place / each.file) for each in got)
    try:
        whole = all(_digest(place / each.file, "sha256") == each.sha256 for each in got)
    except OSError:
        return None
    if not whole or (packed and not (place / "files").is_dir()):
        return None
    return Fetched(name=asked.name, folder=place, files=tuple(got), new=False)


def _recorded(place: Path) -> list[Got]:
    try:
        files = json.loads((place / "source.json").read_text(encoding="utf-8"))["files"]
        return [Got(**{**each, "published": tuple(each["published"])}) for each in files]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _record(asked: Source, place: Path, got: list[Got]) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    about = {
        "name": asked.name,
        "title": asked.title,
        "files": [asdict(each) for each in got],
        "fetched": now,
        "terms": asked.terms,
        "terms_url": asked.terms_url,
        "terms_accepted": now,
        "citation": asked.citation,
    }
    with atomic_path(place / "source.json") as temp:
        temp.write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _get(remote: Remote, place: Path, way: Way) -> Got:
    """One file, from here or from there, checked and unpacked."""
    target = place / remote.name
    here = target.exists()
    if here:
        before = [f"sha256:{got.sha256}" for got in _recorded(place) if got.file == remote.name]
        if wrong := _wrong((*remote.checksums, *before), target):
            raise DataError(
                f"{target} is not the published file: its {wrong}. Remove it to download it"
            )
    else:
        part = target.with_name(f"{target.name}.part")
        download(remote, part, way)
        if wrong := _wrong(remote.checksums, part):
            part.unlink()
            raise DataError(
                f"{remote.url} did not arrive as published: its {wrong}. Nothing of it was kept. "
                "Run the same again; if it stays so, the publisher has changed the file"
            )
        os.replace(part, target)
    if is_archive(target):
        try:
            unpack(target, place / "files")
        except DataError:
            if not here:
                target.unlink()
            raise
    return Got(
        file=target.name,
        url=remote.url,
        bytes=target.stat().st_size,
        sha256=_digest(target, "sha256"),
        published=remote.checksums,
        verified=bool(remote.checksums),
    )


def _wrong(checksums: tuple[str, ...], path: Path) -> str:
    for checksum in checksums:
        kind, _, want = checksum.partition(":")
        if (have := _digest(path, kind)) != want:
            return f"{kind} is {have}, not {want}"
    return ""


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(kind, usedforsecurity=False)
        ).hexdigest()
