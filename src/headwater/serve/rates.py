"""How often somebody asked: counts of fixed windows of time, in memory.

Those of the library look through all of them, in a thread or between requests, as often as somebody
asks. Here windows of one length are forgotten in the order in which they began: each costs the same
however many there are. For one thread, such as that of an event loop.
"""

from __future__ import annotations

import time as clocks
from collections import OrderedDict
from collections.abc import Callable

from ..extras import needs

with needs("the server", "serve"):
    from limits.storage import Storage

__all__ = ["Counts"]


class Counts(Storage):
    """What `limits` counts in, with windows that begin at the first request."""

    STORAGE_SCHEME = ["headwater"]  # noqa: RUF012  which the library wants as a list
    base_exceptions = ()

    def __init__(self, clock: Callable[[], float] = clocks.time):
        super().__init__()
        self._clock = clock
        self._windows: dict[int, OrderedDict[str, tuple[float, int]]] = {}  # length: key: end, n

    def __len__(self) -> int:
        return sum(map(len, self._windows.values()))

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._clock()
        windows = self._windows.setdefault(expiry, OrderedDict())
        while windows and windows[first := next(iter(windows))][0] <= now:
            del windows[first]
        end, n = windows.get(key, (now + expiry, 0))
        if end <= now:  # and behind one that is not over: the clock went back meanwhile
            del windows[key]
            end, n = now + expiry, 0
        windows[key] = end, n + amount
        return n + amount

    def _found(self, key: str) -> tuple[float, int]:
        now = self._clock()
        found = (windows[key] for windows in self._windows.values() if key in windows)
        return max((each for each in found if each[0] > now), default=(now, 0))

    def get(self, key: str) -> int:
        return self._found(key)[1]

    def get_expiry(self, key: str) -> float:
        return self._found(key)[0]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        number = len(self)
        self._windows.clear()
        return number

    def clear(self, key: str) -> None:
        for windows in self._windows.values():
            windows.pop(key, None)
