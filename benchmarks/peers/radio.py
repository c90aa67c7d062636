"""Not a library: the normative metrics the way the public code of RADio goes about them.

One impression after the other: articles are looked up by `.loc` in a table of pandas, mixes are
dictionaries filled in a loop over rows, bins are scikit-learn's, fitted for each impression, and a
divergence goes through the kinds that either dictionary has. Each metric gives Kullback-Leibler and
the root of Jensen-Shannon, each with and without weights of ranks.

``released`` is with its numbers too: harmonic sums by a series, shares of bins rounded to three
digits where ranks do not count, and Kullback-Leibler between two lists in one direction only.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import entropy
from sklearn.preprocessing import KBinsDiscretizer

__all__ = ["FOUR", "Radio"]

ALPHA = 0.001
FOUR = tuple(
    (divergence, discount)
    for discount in ("reciprocal", "none")
    for divergence in ("kl", "jensen_shannon")
)
Mix = dict[Any, float]
Four = dict[tuple[str, str], float]
Two = tuple[float, float]


class Radio:
    def __init__(self, articles: pd.DataFrame, *, released: bool):
        self.articles, self.released = articles, released
        self.voices: dict[Any, tuple[int, int]] = {}

    def look_up(self, items: Sequence[Any]) -> pd.DataFrame:
        return self.articles.loc[items]

    def by_category(self, history: pd.DataFrame, shown: pd.DataFrame) -> Four:
        return self._four(
            lambda ranked: (self._categories(history, ranked), self._categories(shown, ranked))
        )

    def by_complexity(self, history: pd.DataFrame, shown: pd.DataFrame) -> Four:
        read = history["complexity"].to_numpy().reshape(-1, 1)
        listed = shown["complexity"].to_numpy().reshape(-1, 1)
        cut = _fitted(read)
        return self._four(
            lambda ranked: (self._bins(cut, read, ranked), self._bins(cut, listed, ranked))
        )

    def activation(self, pool: pd.DataFrame, shown: pd.DataFrame) -> Four:
        there = pool["sentiment"].apply(abs).to_numpy().reshape(-1, 1)
        listed = shown["sentiment"].apply(abs).to_numpy().reshape(-1, 1)
        cut = _fitted(there)
        around = self._bins(cut, there, False)
        return self._four(lambda ranked: (around, self._bins(cut, listed, ranked)))

    def representation(self, pool: pd.DataFrame, shown: pd.DataFrame) -> Four | None:
        pool, shown = pool[pool["category"] == "news"], shown[shown["category"] == "news"]
        if pool.empty or shown.empty:
            return None
        around = self._parties(pool, False)
        if not around or not self._parties(shown, True):
            return None
        return self._four(lambda ranked: (around, self._parties(shown, ranked)))

    def alternative_voices(self, pool: pd.DataFrame, shown: pd.DataFrame) -> Four | None:
        pool, shown = pool[pool["category"] == "news"], shown[shown["category"] == "news"]
        if pool.empty or shown.empty:
            return None
        around = self._voices(pool, False)
        if not around or not self._voices(shown, True):
            return None
        return self._four(lambda ranked: (around, self._voices(shown, ranked)))

    def fragmentation(self, shown: pd.DataFrame, others: Iterable[pd.DataFrame]) -> Four:
        one = shown["story"].tolist()
        found: list[Four] = []
        for other in others:
            two = other["story"].tolist()
            found.append(
                self._four(
                    lambda ranked, two=two: (  # type: ignore[misc]
                        self._stories(one, ranked),
                        self._stories(two, ranked),
                    ),
                    both=not self.released,
                )
            )
        return {each: float(np.mean([four[each] for four in found])) for each in FOUR}

    def _four(self, mixes: Any, *, both: bool = False) -> Four:
        out = {}
        for discount in ("reciprocal", "none"):
            p, q = mixes(discount == "reciprocal")
            kl, js = _apart(p, q)
            if both:
                kl = (kl + _apart(q, p)[0]) / 2
            out |= {("kl", discount): kl, ("jensen_shannon", discount): js}
        return out

    def _total(self, n: int) -> float:
        """Sum of 1 / rank."""
        if not self.released:
            return sum(1 / rank for rank in range(1, n + 1))
        return (
            float(np.euler_gamma) + math.log(n) + 1 / (2 * n) - 1 / (12 * n**2) + 1 / (120 * n**4)
        )

    def _categories(self, frame: pd.DataFrame, ranked: bool) -> Mix:
        mix: Mix = {}
        total = self._total(len(frame)) if ranked else len(frame)
        for rank, (_, article) in enumerate(frame.iterrows(), 1):
            mix[article["category"]] = mix.get(article["category"], 0.0) + (
                1 / rank / total if ranked else 1 / total
            )
        return mix

    def _stories(self, stories: list[Any], ranked: bool) -> Mix:
        mix: Mix = {}
        total = self._total(len(stories)) if ranked else len(stories)
        for rank, story in enumerate(stories, 1):
            mix[story] = mix.get(story, 0.0) + (1 / rank / total if ranked else 1 / total)
        return mix

    def _bins(self, cut: KBinsDiscretizer, numbers: Any, ranked: bool) -> Mix:
        at = cut.transform(numbers)[:, 0]
        mix: Mix = {}
        if not ranked:
            for kind in range(cut.n_bins):
                share = float((at == kind).sum() / len(at))
                mix[kind] = round(share, 3) if self.released else share
            return mix
        total = self._total(len(at))
        for kind in range(cut.n_bins):
            for place, each in enumerate(at):
                if each == kind:
                    mix[kind] = mix.get(kind, 0.0) + 1 / (place + 1) / total
        return mix

    def _parties(self, frame: pd.DataFrame, ranked: bool) -> Mix:
        mix: Mix = {}
        for rank, mentions in enumerate(frame["parties"].to_numpy(), 1):
            counts: dict[str, int] = {}
            for party in mentions:
                counts[party] = counts.get(party, 0) + 1
            for party, number in counts.items():
                share = number / len(mentions)
                mix[party] = mix.get(party, 0.0) + (share / rank if ranked else share)
        return _normal(mix)

    def _voices(self, frame: pd.DataFrame, ranked: bool) -> Mix:
        mix: Mix = {"majority": 0.0, "minority": 0.0}
        for rank, (item, article) in enumerate(frame.iterrows(), 1):
            if item not in self.voices:
                said = article["voices"]
                self.voices[item] = said.count("majority"), said.count("minority")
            majority, minority = self.voices[item]
            if majority > 0 and minority > 0:
                weight = 1 / rank if ranked else 1
                mix["majority"] += majority / (majority + minority) * weight
                mix["minority"] += minority / (majority + minority) * weight
        return _normal(mix)


def _fitted(numbers: Any) -> KBinsDiscretizer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of one number alone
        cut = KBinsDiscretizer(n_bins=5, encode="ordinal", strategy="uniform")
        return cut.fit(numbers)


def _normal(mix: Mix) -> Mix:
    total = sum(mix.values())
    return {kind: share / total for kind, share in mix.items()} if total > 0 else {}


def _apart(p: Mix, q: Mix) -> Two:
    """Kullback-Leibler of p from q, and the root of Jensen-Shannon, base 2."""
    ps, qs = [], []
    for kind in sorted(p.keys() | q.keys()):
        one, two = p.get(kind, 0.0), q.get(kind, 0.0)
        ps.append((1 - ALPHA) * one + ALPHA * two)
        qs.append((1 - ALPHA) * two + ALPHA * one)
    a, b = np.array(ps) / sum(ps), np.array(qs) / sum(qs)
    m = (a + b) / 2
    js = (entropy(a, m, base=2) + entropy(b, m, base=2)) / 2
    return float(entropy(ps, qs, base=2)), math.sqrt(abs(js))
