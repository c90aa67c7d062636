"""Marginal: satisfaction of people who were not asked why they came.

    p(good | x) = sum over sets of intents J   q(J | x) p(good | x, J)
    q(J | x) = prod_{j in J} q_j(x) prod_{j not in J} (1 - q_j(x))

q_j is what an intent model says of intent j, p what a satisfaction model says of a session with
these intents. Where a session says why it was made, that is what counts.

Source:  Mehrotra, Lalmas, Kenney, Lim-Meng, Hashemian, "Jointly Leveraging Intent and Interaction
         Signals to Predict User Satisfaction with Slate Recommendations", WWW 2019, for
         satisfaction given intent; the sum is the law of total probability, with intents
         independent given x.
Checked: against the sum over every set written out, and draws against the sum,
         tests/satisfaction/test_marginal.py
Differs: the source knows one intent of a session.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..model import at_least
from ..types import Floats, Mask, Sessions
from ..visits import Around, Intent, alone, came_for

__all__ = ["Marginal"]

EVERY = 8  # intents of which all sets are gone through, 256


@dataclass(kw_only=True, eq=False)
class Marginal(Around):
    intent: Intent
    n_draws: int = 256  # sets of intents, where there are more than 8 of them
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, "n_draws", self.n_draws, 1)

    def learn(self, answers: Sessions, y: Mask) -> None:
        self.intent.fit(alone(answers))
        self.base.learn(answers, y)

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        came_for(sessions, self.intent.intents)
        said = sessions.intents.any(1)
        out = np.array(self.base.chances(sessions)) if said.any() else np.empty(len(sessions))
        if said.all():
            return out
        silent = sessions[~said]
        q = self.intent.chances(silent).clip(0, 1)  # (S, J)
        out[~said] = self._summed(silent, q)
        return out

    def _summed(self, silent: Sessions, q: Floats) -> Floats:
        j = q.shape[1]
        total = np.zeros(len(silent))
        if j <= EVERY:
            for number in range(1 << j):
                came = (number >> np.arange(j)) & 1 == 1
                chance = np.where(came, q, 1 - q).prod(1)
                total += chance * self._given(silent, np.broadcast_to(came, q.shape))
            return total
        rng = np.random.default_rng(self.seed)
        for _ in range(self.n_draws):
            total += self._given(silent, rng.random(q.shape) < q)
        return total / self.n_draws

    def _given(self, sessions: Sessions, came: Mask) -> Floats:
        return self.base.chances(replace(sessions, intents=came))
