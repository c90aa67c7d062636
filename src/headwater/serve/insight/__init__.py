"""What the pages of the studio say of a running platform, from its store: plain values, no HTML.

    quality.py        how good the model was found to be, and how it does
    satisfaction.py   what people answered, and what goes with that
    norms.py          what was shown, against what the platform asks of itself
    experiments.py    what each experiment has shown; to start one, and to stop it
    data.py           what the store holds, whether it is fit for use, and why nothing happens

Of people, those count who agreed to "full" and have not taken it back; so nothing is learned from
the others here either. What takes long is kept for a minute, and says when it was computed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ._read import stamp

if TYPE_CHECKING:
    from ..service import Service
else:
    Service = Any  # it may want to import this

__all__ = ["SECONDS", "kept"]

SECONDS = 60.0
_ALL: WeakKeyDictionary[Any, _Kept] = WeakKeyDictionary()
_MAKING = RLock()


class _Kept:
    """What was computed for one platform."""

    def __init__(self) -> None:
        self.stamp: tuple[Any, ...] = ()
        self.found: dict[tuple[Any, ...], tuple[float, dict[str, Any]]] = {}
        self.lock = RLock()  # one at a time: others had better wait than compute the same


def kept(
    service: Service,
    page: str,
    arguments: tuple[Any, ...],
    make: Callable[[], dict[str, Any]],
    *,
    seconds: float = SECONDS,
    now: Callable[[], float] = monotonic,
) -> dict[str, Any]:
    """What ``make`` gives, or gave for the same ``page`` and ``arguments`` less than ``seconds``
    ago; with ``computed``, when that was.

    Nothing outlives an erasure or a change of consent, whichever server was told of it.
    """
    with _MAKING:
        mine = _ALL.setdefault(service, _Kept())
    with mine.lock:
        as_of, at = stamp(service.store), now()
        if as_of != mine.stamp:
            mine.stamp, mine.found = as_of, {}
        mine.found = {key: each for key, each in mine.found.items() if at - each[0] < seconds}
        key = (page, *arguments)
        if key not in mine.found:
            when = datetime.fromtimestamp(service.clock(), UTC).isoformat(timespec="seconds")
            mine.found[key] = at, {**make(), "page": page, "computed": when}
        return mine.found[key][1]
