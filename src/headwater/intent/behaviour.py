"""Behaviour: why they came, from what they did; any number of reasons.

    h_0 = x,   h_l = relu(W_l h_{l-1} + b_l),   q = sigmoid(W h + b)

x are the behaviours, on one scale; answers count by their weights. What is minimised is the
``loss``, any of `losses`; which intents are said is up to the ``threshold``.

Source:  the intents and behaviours of Benedict, Odijk, de Rijke, "Intent-Satisfaction Modeling",
         ACM TORS 2023; multilabel losses of the same authors' "sigmoidF1", TMLR 2022.
Checked: the net against the formula in numpy, and without hidden layers against scikit-learn's
         LogisticRegression, tests/intent/test_behaviour.py
Differs: the first source asks people for their intents and does not predict them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ..errors import DataError
from ..heads import Labels
from ..model import learned
from ..train import Train
from ..types import Dataset, Floats, Mask, Sessions
from ..visits import Intent, columns, learnable, matched

__all__ = ["Behaviour"]


@dataclass(kw_only=True, eq=False)
class Behaviour(Labels, Intent):
    censored: ClassVar[bool] = True

    log: bool = True  # look at log(1 + x)
    how: Train = Train(n_epochs=60, batch_size=256, learning_rate=3e-3)

    names_: str = learned()  # of the columns, as JSON

    def epochs(self, data: Dataset) -> Iterator[float]:
        """Learn from the sessions of ``data`` that say why they were made."""
        sessions = learnable(data)
        rows = np.flatnonzero(sessions.intents.any(1))
        if not len(rows):
            raise DataError("Behaviour: no session says why it was made")
        names, x = columns(sessions, log=self.log)
        self.names_ = json.dumps(names)
        truth = sessions.intents.astype(np.float32)
        weights = sessions.weights if np.ptp(sessions.weights[rows]) else None
        x, why = x.astype(np.float32), sessions.intent_names
        yield from self.learning(data, x, truth, why, rows, weights)

    def tune(self, sessions: Sessions) -> Self:
        """Tune the threshold on ``sessions`` that say why they were made, and that it should not
        have learned from."""
        known = sessions[sessions.intents.any(1)]
        self.threshold.tune(self.chances(known), known.intents)
        return self

    @property
    def intents(self) -> tuple[str, ...]:
        return tuple(self.classes)

    def chances(self, sessions: Sessions) -> Floats:  # (S, J)
        x = matched(self, sessions, tuple(json.loads(self.names_)), log=self.log)
        return self.told(x.astype(np.float32)).astype(np.float64)

    def says(self, sessions: Sessions) -> Mask:  # (S, J)
        """Which intents, by the threshold."""
        return self.threshold(self.chances(sessions))
