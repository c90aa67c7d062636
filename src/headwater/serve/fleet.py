"""The models that answer: the shelf's current one, those of experiments, and a shadow.

Nobody waits while a model is read: it is read beside the one that answers, and requests that have
begun end with the model that they began with. One that cannot be read, or fails at once, changes
nothing, and `Fleet.trouble` says what is wrong with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Lock

from ..errors import BadArtifact, HeadwaterError
from ..waiting import patient
from .answers import Person
from .home import home
from .live import Live
from .newcomers import Changes
from .shelf import Shelf

__all__ = ["Fleet"]

WARM = 12  # items of a strip of the first page, which nobody sees

log = logging.getLogger("headwater")


class Fleet:
    """The versions on ``shelf`` that are in use, read once each."""

    def __init__(self, shelf: Shelf, *, by: str = "genres", explore: float = 0.1):
        self.shelf, self.by, self.explore = shelf, by, explore
        self._lives: dict[str, Live] = {}  # replaced whole, never changed
        self._current: str | None = None
        self._changes = Changes()
        self._writing = Lock()
        self.trouble = ""

    @property
    def current(self) -> str | None:
        """The version that answers who is in no experiment."""
        return self._current

    def live(self, name: str | None = None) -> Live:
        """The version ``name``, or the current one; `BadArtifact` while there is none."""
        lives = self._lives
        found = lives.get(self._current or "") if name is None else lives.get(name)
        if found is None:
            asked = "no model answers yet" if name is None else f"version {name!r} is not in use"
            raise BadArtifact(
                f"{asked}: {self.trouble or f'nothing was published in {self.shelf.folder}'}"
            )
        return found

    def has(self, name: str) -> bool:
        return name in self._lives

    def refresh(self, also: Iterable[str] = ()) -> bool:
        """Read what the shelf has published, and the versions ``also``, if they are not in use yet;
        whether another one answers now. Versions that nobody needs any more are let go."""
        with self._writing:
            wanted, trouble = self._published()
            lives = dict(self._lives)
            for name in {*also, *([wanted] if wanted else [])} - set(lives):
                try:
                    lives[name] = self._read(name)
                except (HeadwaterError, OSError) as error:
                    trouble = f"version {name} cannot be used: {error}"
                except Exception as error:  # of the model, and what answers goes on
                    log.exception("version %s failed at once", name)
                    trouble = f"version {name} cannot be used: {type(error).__name__}: {error}"
            self._told(trouble)
            before = self._current
            if wanted in lives:
                self._current = wanted
            keep = {*also, self._current, before}
            self._lives = {name: each for name, each in lives.items() if name in keep}
            if self._current != before:
                log.info("model %s answers, in place of %s", self._current, before)
            return self._current != before

    def amend(self, changes: Changes) -> None:
        """From now on the catalogue is as ``changes`` say."""
        with self._writing:
            self._changes = changes
            self._lives = {name: each.amended(changes) for name, each in self._lives.items()}

    def _read(self, name: str) -> Live:
        """A version that has made its first pages: else people would wait for these."""
        found = Live.of(self.shelf.path(name), by=self.by, explore=self.explore)
        found = found.amended(self._changes)
        with patient():
            for user_id in (None, *list(found.version.users)[:1]):
                home(found, Person(user_id), WARM)
        return found

    def _published(self) -> tuple[str | None, str]:
        """The name of a version, and what is wrong."""
        try:
            return self.shelf.current, ""
        except (HeadwaterError, OSError) as error:  # what answers goes on
            return self._current, str(error)

    def _told(self, what: str) -> None:
        if what and what != self.trouble:
            log.warning("%s", what)
        self.trouble = what
