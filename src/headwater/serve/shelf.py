"""The versions of a model on disk, and which of them answers.

    folder/versions/NAME/        a version: an artifact, with its data
    folder/versions/NAME.json    its report: from what it was made, and how it was found to be
    folder/current.json          {"current": NAME, "before": NAME or null, "since": when}

Whoever answers people looks at `current.json` and swaps. It is replaced whole, and only by one that
names a version that loads: a process killed at any moment leaves the old one or the new.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import time as clocks
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from .. import artifact
from ..atomic import atomic_path, locked, moved
from ..errors import BadArtifact, BadParameter, DataError, UnknownName
from ..facade import Fitted
from ..model import Model, Recommender

__all__ = ["Shelf", "usable"]

STAMP = "%Y%m%d-%H%M%S-%f"
NAME = re.compile(r"(\d{8}-\d{6}-\d{6})-[0-9a-f]{8}", re.ASCII)
log = logging.getLogger("headwater")


class _Pointer(NamedTuple):
    current: str | None = None
    before: str | None = None
    since: str | None = None


def usable(folder: str | Path, *, mapped: bool = False) -> Fitted:
    """The model of ``folder``, if it can answer people; `BadArtifact` says why it cannot. With
    ``mapped`` as in `artifact.load`."""
    found = artifact.load(folder, mapped=mapped)
    if found.data is None:
        raise BadArtifact(f"{folder} was saved without its data, and ids could not be told")
    if not (isinstance(found.model, Model) and isinstance(found.model, Recommender)):
        raise BadArtifact(f"{folder} holds {found.model!r}, which does not recommend")
    return Fitted(found.model, found.data)


class Shelf:
    """The model versions in ``folder``, which is made when the first is added.

    A name is the time when a version was added (UTC, to the microsecond) and the beginning of the
    checksum of what it learned, ``20260501-100000-000000-1a2b3c4d``. Each is later than all others
    that there are, also when the clock was set back.
    """

    def __init__(self, folder: str | Path, *, clock: Callable[[], float] = clocks.time):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise BadParameter(f"{self.folder} is a file; models are kept in a folder")
        self._versions = self.folder / "versions"
        self._pointer = self.folder / "current.json"
        self._clock = clock

    def __repr__(self) -> str:
        return f"Shelf({str(self.folder)!r})"

    # What there is

    def names(self) -> list[str]:
        """Of all versions, the oldest first."""
        if not self._versions.is_dir():
            return []
        found = (each.name for each in self._versions.iterdir() if NAME.fullmatch(each.name))
        return sorted(name for name in found if (self._versions / name / "model.json").is_file())

    def path(self, name: str) -> Path:
        """The folder of a version; `UnknownName` for everything that is not in `names`."""
        return self._versions / self._known(name)

    def report(self, name: str) -> dict[str, Any]:
        """What was said of a version when it was added."""
        file = self._versions / f"{self._known(name)}.json"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadArtifact(
                f"{file} cannot be read ({error}): the version is as it was"
            ) from None
        if not isinstance(found, dict):
            raise BadArtifact(f"{file} is damaged: a report is a mapping")
        return found

    @property
    def current(self) -> str | None:
        """The version that answers; None where none was published yet."""
        return self._pointed().current

    @property
    def before(self) -> str | None:
        """The one that did before it, to which `roll_back` goes."""
        return self._pointed().before

    @property
    def since(self) -> str | None:
        """When the current one was published, in ISO 8601."""
        return self._pointed().since

    # What changes it

    def add(self, fitted: Fitted, report: Mapping[str, Any]) -> str:
        """Keep a fitted model with its report, plain values for JSON; its name. Nobody gets it
        before `publish`."""
        if not isinstance(fitted, Fitted):
            raise BadParameter(f"only what `fit` gave can be kept, got {fitted!r}")
        try:
            text = json.dumps(dict(report), indent=2, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DataError(f"a report has to be plain values for JSON: {error}") from None
        with locked(self.folder / ".adding.lock"):
            self._sweep()
            made = self._versions / f".adding-{token_hex(4)}"
            try:
                artifact.save(fitted.model, made, fitted.data)
                name = self._next(made)
                with atomic_path(self._versions / f"{name}.json") as temp:
                    temp.write_text(text + "\n", encoding="utf-8")
                moved(made, self._versions / name)
            except BaseException:
                self._sweep()
                raise
        return name

    def publish(self, name: str) -> None:
        """From now on ``name`` answers. `BadArtifact` if it cannot be loaded, and nothing changes.

        Also mends a `current.json` that cannot be read.
        """
        usable(self.path(name))
        with locked(self.folder / ".lock"):
            self._known(name)  # it may have been removed meanwhile
            try:
                now = self._pointed()
            except BadArtifact as error:
                log.warning("%s: written anew", error)
                now = _Pointer()
            old = now.before if now.current == name else now.current
            self._point(name, old)
        log.info("model %s is published, in place of %s", name, old)

    def roll_back(self) -> str:
        """The one before answers again; its name. Once more brings the newer one back."""
        with locked(self.folder / ".lock"):
            now = self._pointed()
            before = now.before
            if before is None:
                have = ", ".join(self.names()) or "nothing"
                raise BadParameter(
                    f"there is no model before this one on {self.folder}; publish one of: {have}"
                )
            usable(self._versions / before)
            self._point(before, now.current)
        log.info("model %s is published again, in place of %s", before, now.current)
        return before

    def remove(self, name: str) -> None:
        """Take a version and its report off the shelf; `BadParameter` for the one that answers."""
        with locked(self.folder / ".adding.lock"), locked(self.folder / ".lock"):
            self._known(name)
            now = self._pointed()
            if now.current == name:
                raise BadParameter(f"{name} answers people: publish another one before")
            if now.before == name:
                self._point(now.current, None, now.since)
            gone = self._versions / f".gone-{token_hex(4)}"
            moved(self._versions / name, gone)
            (self._versions / f"{name}.json").unlink(missing_ok=True)
            shutil.rmtree(gone)

    def sweep(self) -> None:
        """Remove what processes that were killed have left; `add` does so, too."""
        with locked(self.folder / ".adding.lock"), locked(self.folder / ".lock"):
            self._sweep()
            for each in self.folder.glob(".tmp-*-current.json"):
                each.unlink()

    # How

    def _known(self, name: str) -> str:
        have = self.names()
        if name not in have:
            hint = f"They are in {self._versions}." if have else f"{self.folder} has none yet."
            raise UnknownName("version", name, have, hint)
        return name

    def _pointed(self) -> _Pointer:
        mend = f"Shelf({str(self.folder)!r}).publish(NAME) writes it anew"
        found, have = None, None
        for _ in range(5):  # what it named may be replaced, and removed, before we have looked
            try:
                found, again = json.loads(self._pointer.read_text(encoding="utf-8")), found
            except FileNotFoundError:
                return _Pointer()
            except (OSError, ValueError) as error:
                raise BadArtifact(f"{self._pointer} cannot be read ({error}): {mend}") from None
            if not isinstance(found, dict) or not {"current", "before", "since"} <= set(found):
                raise BadArtifact(f"{self._pointer} is damaged or foreign: {mend}")
            have = self.names()
            if found["current"] in have:
                # one that was taken away by hand is nothing to go back to
                before = found["before"] if found["before"] in have else None
                return _Pointer(found["current"], before, str(found["since"]))
            if found == again:
                break
        assert found is not None
        raise BadArtifact(
            f"{self._pointer} names {found['current']!r}, which is not on the shelf, with: "
            f"{', '.join(have or ()) or 'nothing'}; {mend}"
        )

    def _point(self, current: str | None, before: str | None, since: str | None = None) -> None:
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        told = {"current": current, "before": before, "since": since or now}
        with atomic_path(self._pointer) as temp:
            temp.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    def _next(self, made: Path) -> str:
        about = json.loads((made / "model.json").read_text(encoding="utf-8"))
        now = datetime.fromtimestamp(self._clock(), UTC)
        newest = max((name[:22] for name in self.names()), default=None)
        if newest is not None:
            last = datetime.strptime(newest, STAMP).replace(tzinfo=UTC)
            now = max(now, last + timedelta(microseconds=1))
        return f"{now.strftime(STAMP)}-{about['state'][:8]}"

    def _sweep(self) -> None:
        """With the lock of adding: whatever is not a whole version is of nobody alive."""
        if not self._versions.is_dir():
            return
        have = set(self.names())
        for each in self._versions.iterdir():
            name = each.name.removesuffix(".json")
            if each.name.startswith("."):
                shutil.rmtree(each) if each.is_dir() else each.unlink()
            elif each.suffix == ".json" and NAME.fullmatch(name) and name not in have:
                each.unlink()
