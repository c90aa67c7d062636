"""What models have in common that learn a posterior: draws, what they say, and whether to trust it.

R-hat and the effective numbers of draws are of Vehtari, Gelman, Simpson, Carpenter, Buerkner,
"Rank-Normalization, Folding, and Localization", Bayesian Analysis 2021; leaving one out is by
Vehtari, Gelman, Gabry, "Practical Bayesian Model Evaluation Using Leave-One-Out Cross-Validation
and WAIC", Statistics and Computing 2017. ArviZ computes them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import expit

from ..errors import DataError
from ..glm import effective, with_one
from ..model import at_least, between, learned
from ..types import Dataset, Floats, Mask, Sessions
from ..visits import Observed, came_for, learnable, reached
from ._nuts import Chains, Sampler

__all__ = ["Diagnosis", "Drawn", "Estimate", "Loo", "left_out"]

log = logging.getLogger("headwater")

CELLS = 1 << 22  # most log-odds in memory at once, sessions x draws: 32 MiB
RHAT = 1.01
PARETO = 0.7


class Estimate(NamedTuple):
    """What the posterior says that a unit more of a column does to the log-odds."""

    name: str
    estimate: float  # its median
    low: float  # of 95 %
    high: float
    inner: tuple[float, float]  # of 50 %
    outer: tuple[float, float]  # of 99.8 %
    rhat: float
    bulk: float  # how many independent draws the middle of it is worth
    tail: float  # and its 5 % and 95 %


class Loo(NamedTuple):
    """How well sessions are foretold by a posterior that did not see them."""

    elpd: float  # sum of log p(y_s | all others)
    se: float
    p: float  # effective number of parameters
    doubtful: float  # share of sessions whose Pareto k > 0.7: not to be trusted if it is large


class Diagnosis(NamedTuple):
    """Whether a posterior may be trusted."""

    answers: int
    rhat: float  # the largest
    bulk: float  # the smallest effective number of draws
    tail: float
    divergences: int
    loo: Loo | None


@dataclass(kw_only=True, eq=False)
class Drawn(Observed):
    """One that learns by drawing from posteriors. A method gives `learn`, `chances`, `posteriors`,
    `those_of` and `log_odds`."""

    prior_scale: float = 2.5  # of the slopes, of columns on one scale
    n_chains: int = 4
    n_draws: int = 1000  # kept, of each chain
    n_warmup: int = 1000
    target_accept: float = 0.8  # larger: shorter steps, fewer divergences
    seed: int = 0

    intents_: str = learned()  # their names, as JSON
    draws_: np.ndarray = (
        learned()
    )  # (chains, draws, J, 1 + P) intercept first; columns on one scale
    divergences_: np.ndarray = learned()  # (chains, posteriors) how many

    def __post_init__(self) -> None:
        at_least(self, "prior_scale", self.prior_scale, 0, above=True)
        at_least(self, "n_chains", self.n_chains, 1)
        at_least(self, "n_draws", self.n_draws, 4)
        at_least(self, "n_warmup", self.n_warmup, 1)
        between(self, "target_accept", self.target_accept, 0.5, 1, below=True)

    @property
    def intents(self) -> tuple[str, ...]:
        return tuple(json.loads(self.intents_))

    def posterior(self, *, per: Literal["unit", "deviation"] = "unit") -> Floats:
        """The draws, (chains, draws, J, 1 + P), of the intercept and of the slopes of `columns`.

        A slope is for a ``unit`` more of its column, the intercept where all of them are 0; or for
        a ``deviation`` more, the intercept at their means, which are alike in size.
        """
        return self._in_units(self.draws_) if per == "unit" else self.draws_.astype(np.float64)

    def coefficients(self) -> dict[str, list[Estimate]]:
        """Of each intent, for a unit more of each column as it is."""
        draws = self.posterior()
        return {
            intent: _estimates(("intercept", *self.columns), draws[:, :, j])
            for j, intent in enumerate(self.intents)
        }

    def diagnostics(self, data: Dataset | None = None) -> dict[str, Diagnosis]:
        """Of each posterior, whether to trust it.

        With the ``data`` that it learned from also how well it foretells what it has not seen; None
        of an intent that no answer had.
        """
        answers = None
        if data is not None:
            sessions = learnable(data)
            answers = sessions[sessions.answered]
        found = {}
        for at, (name, n, draws) in enumerate(self.posteriors()):
            bulk, tail = _effective(draws)
            found[name] = Diagnosis(
                answers=n,
                rhat=float(np.nanmax(_rhats(draws))) if self.n_chains > 1 else float("nan"),
                bulk=float(bulk.min()),
                tail=float(tail.min()),
                divergences=int(self.divergences_[:, at].sum()),
                loo=None if answers is None else self._loo(name, n, answers, draws),
            )
        return found

    def posteriors(self) -> Iterator[tuple[str, int, Floats]]:
        """What each is called, how many answers it is of, and its draws (chains, draws, ...)."""
        raise NotImplementedError

    def those_of(self, name: str, answers: Sessions) -> Mask:  # (S,)
        """Which answers a posterior is of."""
        raise NotImplementedError

    def log_odds(self, name: str, sessions: Sessions) -> Floats:  # (S, chains, draws)
        """Of sessions, by each draw of a posterior."""
        raise NotImplementedError

    def sampler(self) -> Sampler:
        return Sampler(
            n_chains=self.n_chains,
            n_draws=self.n_draws,
            n_warmup=self.n_warmup,
            target_accept=self.target_accept,
            seed=self.seed,
        )

    def begin_with_intents(self, answers: Sessions) -> Floats:  # (S, 1 + P)
        """Learn the scales and the names of the intents; the columns with a one in front."""
        if not answers.intents.any():
            raise DataError(
                f"{type(self).__name__}: nobody said why they came, so intents cannot differ"
            )
        self.intents_ = json.dumps(answers.intent_names)
        return with_one(self.begin(answers))

    def looks_with_intents(self, sessions: Sessions) -> tuple[Floats, Floats]:
        """The columns (S, 1 + P) and the intents (S, J) of other sessions."""
        came = came_for(sessions, self.intents)
        return with_one(self.looks(sessions)), came

    def end(self, chains: list[Chains]) -> None:
        """Keep how often chains diverged, and warn of what cannot be trusted."""
        self.divergences_ = np.stack([each.diverging.sum(1) for each in chains], 1)
        for at, (name, _, draws) in enumerate(self.posteriors()):
            lost = int(self.divergences_[:, at].sum())
            if lost:
                log.warning(
                    "%s, %s: %d of %d draws diverged: their posterior is not to be trusted near "
                    "there; a larger target_accept (now %s) helps",
                    type(self).__name__,
                    name,
                    lost,
                    self.n_chains * self.n_draws,
                    self.target_accept,
                )
            rhats = _rhats(draws)
            if self.n_chains > 1 and (worst := float(np.nanmax(rhats))) > RHAT:
                log.warning(
                    "%s, %s: the chains do not agree yet, R-hat is up to %.3f (%.2f is enough): "
                    "more n_warmup and n_draws (now %d and %d) help",
                    type(self).__name__,
                    name,
                    worst,
                    RHAT,
                    self.n_warmup,
                    self.n_draws,
                )

    def _in_units(self, draws: Floats) -> Floats:
        """Intercept and slopes (..., 1 + P) for columns as they were."""
        slopes = draws[..., 1:].astype(np.float64) / self.deviation_
        return np.concatenate([draws[..., :1] - (slopes @ self.mean_)[..., None], slopes], -1)

    def _loo(self, name: str, n: int, answers: Sessions, draws: Floats) -> Loo | None:
        mine = answers[self.those_of(name, answers)]
        if len(mine) != n:
            raise DataError(
                f"{type(self).__name__}, {name}: it learned from {n:,} answers, and these data "
                f"have {len(mine):,}; leaving one out needs the data that it learned from"
            )
        weights = effective(mine.weights)
        mine, weights = mine[weights > 0], weights[weights > 0]
        if not len(mine):
            return None
        y = reached(mine.satisfaction, self.target)
        n_draws = self.n_chains * self.n_draws
        share = float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="mean").mean())
        found = []
        for rows in parts(len(mine), n_draws):
            sign = np.where(y[rows], -1.0, 1.0)[:, None, None]
            likelihood = -np.logaddexp(0, sign * self.log_odds(name, mine[rows]))
            found.append(left_out(likelihood, weights[rows], share / n_draws))
        elpd, k, p = np.concatenate(found, 1)
        total, se, many, _ = array_stats.loo_summary(elpd, p)
        return Loo(float(total), float(se), float(many), float((k > PARETO).mean()))


def left_out(likelihood: Floats, weights: Floats, share: float) -> Floats:
    """Of log likelihoods (S, chains, draws) each session's elpd, Pareto k and p, (3, S).

    An answer that stands for w sessions is left out with all of them. ``share`` is how much of an
    independent draw a draw is worth.
    """
    return np.stack(array_stats.loo(likelihood * weights[:, None, None], r_eff=share))


def mean_chance(x: Floats, draws: Floats) -> Floats:
    """The mean of sigmoid(x b), (S,), over draws of b: ``x`` (S, C), ``draws`` (D, C)."""
    out = np.empty(len(x))
    for rows in parts(len(x), len(draws)):
        out[rows] = expit(x[rows] @ draws.T).mean(1)
    return out


def parts(rows: int, width: int) -> Iterator[slice]:
    """Pieces of ``rows`` of so many numbers each, which fit into memory."""
    step = max(1, CELLS // width)
    for at in range(0, rows, step):
        yield slice(at, min(at + step, rows))


def _estimates(names: tuple[str, ...], draws: Floats) -> list[Estimate]:
    """Of draws (chains, draws, C)."""
    at = (0.5, 0.025, 0.975, 0.25, 0.75, 0.001, 0.999)
    middle, low, high, q25, q75, least, most = np.quantile(draws, at, axis=(0, 1))
    rhat = _rhats(draws)
    bulk, tail = _effective(draws)
    columns = zip(names, middle, low, high, q25, q75, least, most, rhat, bulk, tail, strict=True)
    return [
        Estimate(
            name, float(m), float(lo), float(hi), (float(a), float(b)), (float(c), float(d)),
            float(r), float(e), float(t),
        )
        for name, m, lo, hi, a, b, c, d, r, e, t in columns
    ]  # fmt: skip


def _rhats(draws: Floats) -> Floats:
    """Of draws (chains, draws, ...), one for each parameter; NaN where there is one chain."""
    return np.asarray(array_stats.rhat(draws, chain_axis=0, draw_axis=1, method="rank"))


def _effective(draws: Floats) -> tuple[Floats, Floats]:
    """Of draws (chains, draws, ...), what they are worth in the middle and in the tails."""
    axes = {"chain_axis": 0, "draw_axis": 1}
    bulk = array_stats.ess(draws, **axes, method="bulk")
    return bulk, array_stats.ess(draws, **axes, method="tail", prob=(0.05, 0.95))
