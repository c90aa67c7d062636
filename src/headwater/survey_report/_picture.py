"""What the pictures share: a picture with its sentence, colours, and who is too few to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DataError
from ..types import Floats, Ints, Sessions
from ..visits import LEVELS
from ..wording import plural

__all__ = [
    "BLUE",
    "FEWEST",
    "GREEN",
    "GREY",
    "KIND",
    "ORANGE",
    "PALETTE",
    "SATISFIED",
    "SKY",
    "VERMILION",
    "Picture",
    "Rows",
    "answers_of",
    "apart",
    "colours_of",
    "factor",
    "grouped",
    "merged",
    "plain",
]

# Okabe and Ito's colours, which the colour-blind can tell apart
GREY, ORANGE, SKY, GREEN = "#999999", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY, GREY, YELLOW)
FEWEST = 5  # answers that a part of a picture stands for, so that it tells nothing of one person
SATISFIED = LEVELS - 1
KIND = {  # what a target says that somebody is
    "overall": "satisfied (4 or 5)",
    "satisfied": "very satisfied (5)",
    "unsatisfied": "very dissatisfied (1)",
}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Picture:
    """One or more charts, and what they say."""

    title: str
    charts: tuple[Any, ...]  # of Altair, each as wide as where it is put
    says: str  # a plain sentence
    note: str  # how to read it, and what is not in it
    width: int = 320  # of a chart that stands alone, in pixels
    colours: Mapping[str, str] = field(default_factory=dict)  # where charts have no legend
    columns: int = 1


def answers_of(sessions: Sessions) -> Sessions:
    """Those with an answer; `DataError` where they are too few to be shown at all."""
    answers = sessions[sessions.answered]
    if len(answers) < FEWEST:
        raise DataError(
            f"{plural(len(answers), 'answer')} in {plural(len(sessions), 'session')}: a report "
            f"takes at least {FEWEST}, so that it tells nothing of one person"
        )
    return answers


def grouped(sessions: Sessions, groups: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The intents of each group, groups and intents in the order they are named in."""
    missing = [name for name in sessions.intent_names if name not in groups]
    if missing:
        raise DataError(
            f"no group is given for {', '.join(missing)}; there is one for "
            f"{', '.join(groups) or 'none'}"
        )
    order = dict.fromkeys(groups[name] for name in groups if name in sessions.intent_names)
    return {
        group: tuple(name for name in sessions.intent_names if groups[name] == group)
        for group in order
    }


def colours_of(names: Sequence[str]) -> dict[str, str]:
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)}


def merged(counts: Ints, fewest: int = FEWEST) -> list[tuple[int, int]]:
    """Neighbours of ``counts`` (n,), or (series, n), put together until each is 0 or at least
    ``fewest`` in every series: first and last of each. The whole may still be too few.

    >>> merged(np.array([2, 4, 9, 0, 3]))
    [(0, 1), (2, 4)]
    """
    counts = np.atleast_2d(counts)
    parts: list[tuple[int, int]] = []
    first = 0
    for last in range(counts.shape[1]):
        if _enough(counts[:, first : last + 1], fewest):
            parts.append((first, last))
            first = last + 1
    while first < counts.shape[1] and parts:  # what is left over is too few: with those before it
        first = parts.pop()[0]
        if _enough(counts[:, first:], fewest):
            break
    if first < counts.shape[1]:
        parts.append((first, counts.shape[1] - 1))
    return parts


def _enough(counts: Ints, fewest: int) -> bool:
    total = counts.sum(1)
    return bool(((total == 0) | (total >= fewest)).all())


def apart(a: Floats, b: Floats, tests: int) -> tuple[float, float, float]:
    """Mean of ``a`` minus mean of ``b``, and its 95 % interval after Welch, as wide as it takes
    for ``tests`` of them together; infinite where there is nothing to tell it from."""
    from scipy import special

    difference = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return difference, -np.inf, np.inf
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if va + vb == 0:
        return difference, difference, difference
    df = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    wide = float(special.stdtrit(df, 1 - 0.025 / tests) * np.sqrt(va + vb))
    return difference, difference - wide, difference + wide


def plain(name: str) -> str:
    """A name as people say it.

    >>> plain("num_searches"), plain("live_tv")
    ('searches', 'live TV')
    """
    words = name.removeprefix("num_").split("_")
    return " ".join("TV" if word == "tv" else word for word in words)


def factor(log_odds: float) -> str:
    """What it multiplies odds by; said to be 1 only if it hardly differs from it.

    >>> factor(-0.33), factor(-0.004), factor(0.0)
    ('0.72', '0.996', '1')
    """
    times = float(np.exp(np.clip(log_odds, -50, 50)))
    said = [f"{times:.{digits}g}" for digits in (2, 3, 4)]
    return next((each for each in said if float(each) != 1), "1")
