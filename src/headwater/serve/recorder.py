"""Answers and what they showed, written to the store behind the back of whoever asked.

Answers wait in memory, for a moment, to be written many at once. While the store is away they wait
longer, up to a limit; what is beyond that is lost, counted, and `Recorder.trouble` says so. A
process that is killed loses what waits: an answer is no acknowledgement. Events that clients send
are not written here but before they are acknowledged.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from ..errors import HeadwaterError

__all__ = ["Record", "Recorder"]

log = logging.getLogger("headwater")

AT_ONCE = 200  # records
AWHILE = 0.25  # seconds to wait for more, and
AGAIN = 1.0  # before what failed is tried again
MOST = 20_000  # records that wait


@dataclass(frozen=True)
class Record:
    """One answer to one person."""

    answers: Sequence[Mapping[str, Any]] = ()  # rows for `Store.served`
    impressions: Sequence[Mapping[str, Any]] = ()  # events for `Store.ingest`
    exposure: tuple[str, str, str] | None = field(default=None)  # experiment, user_id, arm


class Recorder:
    """``write`` is given a list of records, and raises `HeadwaterError` if it could not."""

    def __init__(self, write: Callable[[Sequence[Record]], None], most: int = MOST):
        self._write, self._most = write, most
        self._waiting: deque[Record] = deque()
        self._changed = Condition()
        self._closing = False
        self._busy = self._hurried = False
        self.lost = 0  # records
        self.trouble = ""
        self._thread = Thread(target=self._run, name="headwater-recorder", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, record: Record) -> None:
        with self._changed:
            if len(self._waiting) >= self._most:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append(record)
            self._changed.notify_all()

    def flush(self, timeout: float = 10) -> bool:
        """Wait until all is written; whether it was."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)
            self._hurried = False
            return done

    def close(self, timeout: float = 10) -> None:
        """Write what waits, for ``timeout`` seconds at most, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        if self._waiting:
            log.error("%d answers were not recorded: %s", len(self._waiting), self.trouble)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if self._closing and (not self._waiting or self.trouble):
                    return
                self._changed.wait_for(self._enough, AWHILE)
                some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                self._busy = True
            self._done(some)

    def _enough(self) -> bool:
        """Not to wait for more."""
        return self._closing or self._hurried or len(self._waiting) >= AT_ONCE

    def _done(self, some: list[Record]) -> None:
        try:
            self._write(some)
            failed = ""
        except HeadwaterError as error:
            failed = str(error)
        except Exception as error:  # what cannot be written at all must not stop the rest
            log.exception("%d answers cannot be recorded", len(some))
            failed, self.lost, some = "", self.lost + len(some), []
            self.trouble = f"{type(error).__name__}: {error}"
        with self._changed:
            if failed:
                if failed != self.trouble:
                    log.warning("answers wait to be recorded: %s", failed)
                self._waiting.extendleft(reversed(some))
                while len(self._waiting) > self._most:
                    self._waiting.popleft()
                    self.lost += 1
            self.trouble = failed
            self._busy = False
            self._changed.notify_all()
            if failed and not self._closing:
                self._changed.wait(AGAIN)
