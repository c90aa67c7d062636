"""Work that somebody waits for, but not for long: what is late goes on, and nobody waits for it.

Threads are kept for a while and used again: a net takes half as long again in a new one. They are
not those of `concurrent.futures`, at whose end a process waits for whatever hangs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TypeVar

__all__ = ["MOST", "Late", "in_time", "patient"]

MOST = 4  # late calls of one owner that go on, at which the next is not begun
IDLE = 10.0  # seconds that a thread waits for more to do

T = TypeVar("T")
Work = Callable[[], None]

_idle: list[SimpleQueue[Work]] = []  # where threads wait that have nothing to do
_late: Counter[int] = Counter()  # calls that are late and go on, by the id of their owner
_counting = Lock()
_patient: ContextVar[bool] = ContextVar("patient", default=False)


class Late(Exception):
    """What was not there in time; the message goes on after the name of its owner."""


def in_time(owner: object, work: Callable[[], T], seconds: float) -> T:
    """What ``work`` returns or raises, if it takes no more than ``seconds``; else `Late`. Inside
    `patient` it may take as long as it does.

    `Late` at once while `MOST` calls of the same ``owner`` are late and go on: whatever hangs takes
    that many threads, and one for each that waits just then, but not one for every call.
    """
    if _patient.get():
        return work()
    behind = _late[id(owner)]
    if behind >= MOST:
        raise Late(f"is still at work for {behind} requests, each for longer than {seconds} s")
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(error)

    _begin(run)
    if wait([answer], seconds).done:
        return answer.result()
    _count(owner, 1)
    answer.add_done_callback(lambda _: _count(owner, -1))  # at once if it is there by now
    raise Late(f"took longer than {seconds} s")


@contextmanager
def patient() -> Iterator[None]:
    """Nobody waits for what is done inside: it may compile, or read what it needs."""
    before = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(before)


def _count(owner: object, more: int) -> None:
    with _counting:
        _late[id(owner)] += more
        if not _late[id(owner)]:
            del _late[id(owner)]  # the id may be another's from now on


def _begin(work: Work) -> None:
    try:
        inbox = _idle.pop()
    except IndexError:
        inbox = SimpleQueue()
        Thread(target=_go_on, args=(inbox,), name="headwater-stage", daemon=True).start()
    inbox.put(work)


def _go_on(inbox: SimpleQueue[Work]) -> None:
    while True:
        try:
            work = inbox.get(timeout=IDLE)
        except Empty:
            try:
                _idle.remove(inbox)
            except ValueError:
                continue  # it was just taken: work is about to come
            return
        work()
        del work  # it has a batch of requests
        _idle.append(inbox)


def _forked() -> None:
    """The threads are the other process's."""
    global _counting
    _counting = Lock()
    _idle.clear()
    _late.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
