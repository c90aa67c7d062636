"""A model that is asked what it would have shown, and whose answers nobody sees.

It is asked behind the back of who asked, one request at a time; while it is busy with one, the next
ones pass it by. What is kept is counts: how often it was asked, how much of the lists is the same,
how long it took and how often it failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .answers import Strip

if TYPE_CHECKING:
    from .reply import Reply

__all__ = ["Compared", "Shadow"]

log = logging.getLogger("headwater")


@dataclass
class Compared:
    """A shadow beside what answers."""

    model: str = ""
    asked: int = 0
    failed: int = 0
    passed: int = 0  # requests that came while it was busy
    overlap: float = 0.0  # mean share of the first list that is in the shadow's
    seconds: float = 0.0  # mean, of the shadow
    live_seconds: float = 0.0  # mean, of what answered the same requests


class Shadow:
    def __init__(self) -> None:
        self._waiting: Queue[tuple[Callable[[], tuple[Strip, ...]], Reply]] = Queue(1)
        self._stop = Event()
        self._lock = Lock()
        self._thread: Thread | None = None
        self.compared = Compared()

    def ask(self, made: Callable[[], tuple[Strip, ...]], reply: Reply) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="headwater-shadow", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait((made, reply))
        except Full:
            with self._lock:
                self.compared.passed += 1

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def as_dict(self) -> dict[str, Any]:
        with self._lock:
            return dict(vars(self.compared))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                made, reply = self._waiting.get(timeout=0.2)
            except Empty:
                continue
            began = perf_counter()
            try:
                strips = made()
                self._compare(strips, reply, perf_counter() - began)
            except Exception:  # it must not disturb what answers
                log.exception("the shadow failed")
                with self._lock:
                    self.compared.failed += 1

    def _compare(self, strips: tuple[Strip, ...], reply: Reply, seconds: float) -> None:
        mine = {each.item_id for each in strips[0].answer.items}
        theirs = [each.item_id for each in reply.strips[0].answer.items]
        share = sum(each in mine for each in theirs) / max(len(theirs), 1)
        with self._lock:
            c = self.compared
            c.asked += 1
            c.model = strips[0].answer.model
            for name, value in (
                ("overlap", share),
                ("seconds", seconds),
                ("live_seconds", reply.seconds),
            ):
                setattr(c, name, getattr(c, name) + (value - getattr(c, name)) / c.asked)
