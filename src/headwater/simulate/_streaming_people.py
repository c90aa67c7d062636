"""People of a made-up platform: what they are like, and what they remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..data.sessions import INTENTS
from ..types import Floats
from .sessions import SHARES

__all__ = ["CONSENT", "NAMES", "Person", "crowd"]

NAMES = tuple(name for group in INTENTS.values() for name in group)
CONSENT = {"full": 0.85, "essential": 0.10, "none": 0.05}
CONCENTRATION = 0.25  # of tastes over genres: less is narrower
BROAD = 0.1  # share of a taste that goes to all genres alike


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody, and what they remember; a visit gives somebody who remembers more."""

    number: int
    user_id: str
    tastes: Floats  # (G,) shares, adding up to 1
    intents: Floats  # (J,) how often they come for each, adding up to 1
    patience: float  # mean 0, deviation 1
    activity: float  # log-odds to come on a day, of a mood of 0
    leniency: float  # log-odds to be satisfied
    consent: str
    seen: Mapping[int, float] = field(default_factory=dict)  # times looked at and not clicked
    played: tuple[int, ...] = ()  # newest last
    saved: tuple[int, ...] = ()
    mood: float = 0.0  # from -1 to 1: how the last visits were


def crowd(n: int, popular: Floats, activity: float, seed: int) -> list[Person]:
    """``n`` people with tastes for genres that ``popular`` (G,) gives the shares of."""
    rng = np.random.default_rng([seed, 11])
    g = len(popular)
    drawn = rng.standard_gamma(CONCENTRATION * g * popular, (n, g)) + 1e-12
    tastes = (1 - BROAD) * drawn / drawn.sum(1, keepdims=True) + BROAD / g
    share = np.array([SHARES[name] for name in NAMES])
    why = rng.standard_gamma(6 * share / share.sum(), (n, len(NAMES))) + 1e-12
    why /= why.sum(1, keepdims=True)
    patience, active, lenient = rng.normal(size=(3, n))
    consent = rng.choice(list(CONSENT), n, p=list(CONSENT.values()))
    wide = max(4, len(str(n)))
    return [
        Person(
            number=u,
            user_id=f"p{u + 1:0{wide}d}",
            tastes=tastes[u],
            intents=why[u],
            patience=float(patience[u]),
            activity=activity + 0.5 * float(active[u]),
            leniency=0.4 * float(lenient[u]),
            consent=str(consent[u]),
        )
        for u in range(n)
    ]
