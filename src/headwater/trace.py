"""How a list came about: what each part of a flow made of it, how long that took, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

from .types import PAD, Slate

__all__ = ["Step", "note", "traced", "why"]


@dataclass(frozen=True, eq=False)
class Step:
    """What one part of a flow made."""

    name: str  # its address
    reason: str  # why it moves items, after "moved up": "by its features", "for variety"
    seconds: float
    slate: Slate  # (B, K) as it left it
    failed: str = ""  # why its work was not used


_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)


@contextmanager
def traced() -> Iterator[list[Step]]:
    """The steps of every flow that recommends inside, in the order in which they end."""
    steps: list[Step] = []
    before = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(before)


def note(step: Step) -> None:
    """Add a step, if anybody asked."""
    steps = _steps.get()
    if steps is not None:
        steps.append(step)


def why(steps: Sequence[Step], row: int, items: Sequence[int]) -> list[str]:
    """For each of ``items`` on the list of request ``row``, why it is where it is.

    Where it was found, and each stage that moved it, with the places before and after.
    """
    places = [_places(step.slate.items[row]) for step in steps]
    told = []
    for item in items:
        said: list[str] = []
        at = None
        for step, place in zip(steps, places, strict=True):
            short = step.name.rsplit(".", 1)[-1]
            now = place.get(item)
            if step.failed or now is None:
                continue
            if at is None:
                said.append(f"{_finder(step, row, now)} found it, place {now}")
            elif now != at:
                way = "up" if now < at else "down"
                said.append(f"moved {way} {step.reason}, {at} to {now} ({short})")
            at = now
        told.append("; ".join(said))
    return told


def _finder(step: Step, row: int, place: int) -> str:
    """Which recommender it was, where that is made of several."""
    slate = step.slate
    name = step.name if slate.path is None else slate.paths[slate.path[row, place - 1]]
    return name.rsplit(".", 1)[-1]


def _places(items: np.ndarray) -> dict[int, int]:
    found = dict(zip(items.tolist(), range(1, len(items) + 1), strict=True))
    found.pop(PAD, None)
    return found
