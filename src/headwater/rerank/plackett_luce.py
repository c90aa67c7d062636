"""Plackett-Luce: lists by chance, each next item as likely as the score says of what is left.

    P( i is next ) = exp(s_i / temperature) / sum over what is left of  exp(s_j / temperature)

drawn all at once as the order of  s_i / temperature - log(-log u_i),  u_i uniform. s is the score
on a common scale.

`Slate.propensity` has of each of the first ``k`` slots the chance of what is in it, given what
stands above; their product is the chance of that order of k. What follows keeps its order, with the
chance 1. The draw follows from the seed, the person, their history, the time and the item: the same
request has the same list.

Source:  Plackett, "The Analysis of Permutations", Applied Statistics 1975; Luce, Individual Choice
         Behavior, 1959; drawn by Gumbel noise after Yellott, Journal of Mathematical Psychology
         1977.
Checked: chances against all orders written out, and against how often each comes,
         tests/rerank/test_plackett_luce.py
Differs: in nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..draws import dice
from ..features import Scale, scaled
from ..model import Model, at_least
from ..types import PAD, Queries, Slate

__all__ = ["PlackettLuce"]

LEAST = -1e300  # the score of what has none: below all others, and still a number
TINY = np.finfo(np.float64).tiny


@dataclass(kw_only=True, eq=False)
class PlackettLuce(Model):
    """Learns nothing. Of candidates that score -inf none is drawn before one that does not."""

    reason: ClassVar[str] = "by chance, to learn from it"

    temperature: float = 0.1  # towards 0 the order of the scores, above it more and more any
    k: int = 20  # slots that are drawn
    scale: Scale = "minmax"  # scores, in each request: to [0, 1], to mean 0 and deviation 1, or not
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, "temperature", self.temperature, 0, above=True)
        at_least(self, "k", self.k, 1)
        at_least(self, "seed", self.seed, 0)

    def fit(self, data: object) -> PlackettLuce:  # noqa: ARG002
        """Nothing."""
        return self

    def __call__(self, queries: Queries, slate: Slate) -> Slate:
        b, width = slate.items.shape
        if not slate.items.size:
            return replace(slate, propensity=np.zeros((b, width), np.float32))
        s = scaled(slate, self.scale) / self.temperature
        drawn = slate.filled & np.isfinite(s)
        noise = -np.log(-np.log(dice(self.seed, queries, slate.items).clip(TINY, 1 - 1e-16)))
        number = np.arange(width)
        key = np.where(drawn, s + noise, np.where(slate.filled, LEAST, -np.inf))
        picked = np.argsort(-key, axis=1, kind="stable")[:, : self.k]
        place = np.where(slate.filled, number + width, 2 * width)
        np.put_along_axis(place, picked, np.arange(picked.shape[1])[None], 1)
        place = np.where(slate.filled, place, 2 * width)
        order = np.argsort(place, axis=1, kind="stable")
        order = np.where(np.take_along_axis(slate.filled, order, 1), order, PAD)

        left = np.take_along_axis(np.where(drawn, s, LEAST), np.maximum(order, 0), 1)
        left = np.where(order == PAD, LEAST, left)
        rest = np.logaddexp.accumulate(left[:, ::-1], axis=1)[:, ::-1]
        chance = np.where(left > LEAST, np.exp(left - rest), 1)
        chance[:, self.k :] = 1
        chance = np.where(order == PAD, 0, chance)
        return replace(slate.take(order), propensity=chance.astype(np.float32))
