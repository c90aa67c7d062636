"""What a policy would earn, from the log of another one that says how likely each choice was.

    w_i = pi(a_i | x_i) / p_i,    m_i = sum_a pi(a | x_i) q(x_i, a),    e_i = r_i - q(x_i, a_i)

    dm     mean m_i                                 right if q is
    ips    mean w_i r_i                             right if p is
    snips  sum w_i r_i / sum w_i                    nearly so; never beyond the rewards
    dr     mean (m_i + w_i e_i)                     right if p or q is
    sndr   mean m_i  +  sum w_i e_i / sum w_i       nearly so; p need be right up to a factor only

r is the reward, p the chance that the log gave the action a it took, q a model of the reward. All
are  mean m  +  sum(w e) / sum(d)  with parts left out and d either 1 or w, so one influence

    psi_i = m_i - mean m  +  (w_i e_i - rho d_i) / mean d,    rho = sum(w e) / sum(d)

serves all: its sums within a group are independent, and give the variance. The bootstrap draws
groups and divides again.

Source:  ips: Horvitz, Thompson, "A Generalization of Sampling Without Replacement from a Finite
         Universe", JASA 47(260), 1952. snips and its variance: Swaminathan, Joachims, "The
         Self-Normalized Estimator for Counterfactual Learning", NeurIPS 2015. dm, dr: Dudik,
         Langford, Li, "Doubly Robust Policy Evaluation and Learning", ICML 2011. arXiv:1103.4601.
         sndr: Thomas, Brunskill, "Data-Efficient Off-Policy Policy Evaluation for Reinforcement
         Learning", ICML 2016. arXiv:1604.00923. Clipping: Ionides, "Truncated Importance Sampling",
         JCGS 17(2), 2008. Sums within groups: Liang, Zeger, "Longitudinal Data Analysis Using
         Generalized Linear Models", Biometrika 73(1), 1986. Effective size: Kong, Liu, Wong,
         "Sequential Imputations and Bayesian Missing Data Problems", JASA 89(425), 1994. The same
         estimators on real logs: Saito, Aihara, Matsutani, Narita, "Open Bandit Dataset and
         Pipeline", NeurIPS 2021 Datasets and Benchmarks. arXiv:2008.07146
Checked: row by row, against the Open Bandit Pipeline (obp), against all outcomes of a small world,
         and by how often the interval has the truth in it, tests/test_off_policy.py
Differs: Student's t with as many degrees of freedom as groups, less one, where theirs are normal.
         obp draws the terms of snips again and keeps the divisor; here it is drawn too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadParameter, DataError, UnknownName
from ..types import PAD, Floats, Impressions, Ints
from ._statistics import LEVEL, interval, resampled

__all__ = ["Decisions", "Value", "cross_fitted", "decisions", "off_policy"]

ESTIMATORS = ("dm", "ips", "snips", "dr", "sndr")
MODELLED = ("dm", "dr", "sndr")  # those that need q
NORMALISED = ("snips", "sndr")  # those that divide by the sum of the weights
TOLERANCE = 1e-4  # of the sum of a row of chances, which may come as float32

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Decisions:
    """A log of n choices: what was done, how likely that was, and what came of it.

    ``groups`` are what is independent: a person, or a request; None is every row. An action means
    the same in all rows of a cell, and in all rows where there are no ``cells``. `DataError` for
    what is not finite, a chance that is not above 0 and at most 1, or columns of different lengths.
    """

    rewards: Floats  # (n,)
    propensity: Floats  # (n,) the chance that the log's policy gave the action
    actions: Ints  # (n,) from 0
    groups: Ints | None = None  # (n,)
    cells: Ints | None = None  # (n,)

    def __post_init__(self) -> None:
        n = np.size(self.rewards)
        if not n:
            raise DataError("a log of decisions needs at least one row; it has none")
        _numbers("rewards", self.rewards, (n,))
        p = _numbers("propensity", self.propensity, (n,))
        if len(off := np.flatnonzero((p <= 0) | (p > 1))):
            raise DataError(
                f"a propensity is a chance, above 0 and at most 1; {len(off):,} of {n:,} are not, "
                f"the first is {p[off[0]]:g} in row {off[0]}"
            )
        actions = _whole("actions", self.actions, n)
        if (least := actions.min()) < 0:
            raise DataError(f"actions are numbered from 0; there is {least}")
        for name in ("groups", "cells"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), n)

    def __len__(self) -> int:
        return len(self.rewards)


@dataclass(frozen=True)
class Value:
    """The mean reward of a decision, were the policy asked, and what that rests on.

    ``low`` to ``high`` is the 95 % interval; NaN for fewer than two groups, and for a bootstrap of
    which some draw has no weight. ``effective``, ``largest`` and ``weight`` speak of the weights as
    they were used. ``weight + cut`` is 1 but for chance: far from it, the propensities are wrong,
    or too few to tell.
    """

    name: str
    mean: float
    low: float
    high: float
    n: int
    groups: int
    effective: float  # as many rows of equal weight say as much: (sum w)^2 / sum w^2
    largest: float  # weight
    weight: float  # the mean
    cut: float  # what clipping took from the mean weight
    unsupported: float  # mean chance of what the log never did (in that cell)


def decisions(
    impressions: Impressions, what: Literal["items", "creative"] = "items"
) -> Decisions:  # n filled slots
    """Every slot that was shown as a decision of its own, and its click as the reward.

    ``what`` was chosen: the item, with the chance in ``slate.propensity``, or the ``creative`` of
    the item, whose cell is the item, with that in ``slate.creative_propensity``; a slot without a
    creative is no decision. Rows are in the order of `numpy.nonzero` of the slate, and groups are
    the numbers of the requests. To draw people rather than requests:
    ``replace(log, groups=impressions.queries.user[log.groups])``.

    What happens in a slot is taken to depend on that slot alone. `DataError` without a propensity,
    or without creatives where they are asked for.
    """
    if what not in ("items", "creative"):
        raise UnknownName("kind of decision", what, ("items", "creative"))
    slate = impressions.slate
    if what == "creative" and slate.creative is None:
        raise DataError("these impressions have no creative; for the items: decisions(impressions)")
    name = "propensity" if what == "items" else "creative_propensity"
    chance: Any = getattr(slate, name)
    if chance is None:
        raise DataError(
            f"these impressions have no {name}, the chance that what was shown was shown; "
            "without it nobody knows what another policy would have earned. Log it, and read it "
            f"with read_impressions(..., {name}=COLUMN)"
        )
    chosen: Any = getattr(slate, what)
    at = np.nonzero(slate.filled & (chosen != PAD))
    return Decisions(
        rewards=impressions.clicks[at].astype(np.float64),
        propensity=chance[at].astype(np.float64),
        actions=chosen[at],
        groups=at[0],
        cells=slate.items[at] if what == "creative" else None,
    )


def off_policy(
    log: Decisions,
    policy: Floats,
    estimator: str,
    *,
    q: Floats | None = None,
    most: float | None = None,
    resamples: int | None = None,
    seed: int = 0,
) -> Value:
    """What ``policy`` would earn per decision, from the ``log`` of another one.

    ``policy`` (n, A) has the chance of each action in each row, 0 for those that a row does not
    have. ``q`` (n, A) is the reward that somebody expects of each; `cross_fitted` makes one. It
    must not have seen the row it speaks of. Estimators:

    - "dm", the direct method: what q expects of the policy, and nothing else;
    - "ips", inverse propensity scores (Horvitz and Thompson, 1952): rewards, each weighted by how
      much likelier the policy is to do what was done;
    - "snips", self-normalised (Swaminathan and Joachims, 2015): the same over the sum of weights;
    - "dr", doubly robust (Dudik, Langford and Li, 2011): dm, and ips of what q misses;
    - "sndr": dm, and snips of what q misses.

    Weights above ``most`` are taken to be ``most``. That lowers the variance, and for rewards from
    0 to R it makes ips too low, by R ``cut`` at most, but for chance; what dr and sndr lose is that
    much of what q misses, of either sign.

    The interval is the asymptotic one, or with ``resamples`` the percentile bootstrap's; both hold
    groups together. They know nothing of bias: not of clipping, of ``unsupported``, of wrong
    propensities, or of an error of q, so dm's is too narrow whenever q was learned.

    `DataError` for a policy or q of another shape, not finite, or with rows that do not sum to 1,
    for an action it has no column for, and where it never takes what the log took (dm aside).
    `BadParameter` for the rest.

    >>> log = Decisions(
    ...     rewards=np.array([1.0, 0.0, 1.0, 0.0]),
    ...     propensity=np.array([0.5, 0.5, 0.25, 0.75]),
    ...     actions=np.array([0, 1, 0, 1]),
    ... )
    >>> always_0 = np.array([[1.0, 0.0]] * 4)
    >>> off_policy(log, always_0, "ips").mean, off_policy(log, always_0, "snips").mean
    (1.5, 1.0)
    """
    if estimator not in ESTIMATORS:
        raise UnknownName("estimator", estimator, ESTIMATORS)
    if most is not None and not most > 0:
        raise BadParameter(f"most is the largest weight, above 0; got {most!r}")
    if resamples is not None and resamples < 1:
        raise BadParameter(f"resamples must be at least 1, or None; got {resamples!r}")
    n = len(log)
    pi = _chances(policy, n)
    _within(log, pi.shape[1], "the policy")
    row, actions = np.arange(n), np.asarray(log.actions)
    raw = pi[row, actions] / np.asarray(log.propensity, np.float64)
    w = raw if most is None else np.minimum(raw, most)
    if estimator != "dm" and not w.any():
        raise DataError(
            f"the policy has chance 0 of all that was done in {n:,} rows: the log says nothing of "
            "it, and a model can only guess (estimator='dm', with q)"
        )

    direct = np.zeros(n)
    missed = np.asarray(log.rewards, np.float64)
    if estimator in MODELLED:
        if q is None:
            raise BadParameter(
                f"{estimator} needs q, the reward expected of each action: q={pi.shape}, by a "
                "model, or by cross_fitted(log, n_actions)"
            )
        expected = _numbers("q", q, pi.shape)
        direct = (pi * expected).sum(1)
        missed = missed - expected[row, actions]
    corrected = np.zeros(n) if estimator == "dm" else w * missed
    divisor = w if estimator in NORMALISED else np.ones(n)
    sums = _summed(np.stack([np.ones(n), direct, corrected, divisor], 1), log.groups)
    low, high = _asymptotic(sums) if resamples is None else _bootstrap(sums, resamples, seed)
    return Value(
        name=estimator,
        mean=float(_combined(sums.mean(0))),
        low=low,
        high=high,
        n=n,
        groups=len(sums),
        effective=float(w.sum() ** 2 / (w**2).sum()) if w.any() else 0.0,
        largest=float(w.max()),
        weight=float(w.mean()),
        cut=float((raw - w).mean()),
        unsupported=_unsupported(log, pi),
    )


def _combined(sums: Numbers) -> Any:  # (..., 4) -> (...)
    """The estimate, from rows, model, correction and divisor, summed or averaged."""
    rows, direct, corrected, divisor = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw without weight is undefined
        return direct / rows + corrected / divisor


def _asymptotic(sums: Numbers) -> tuple[float, float]:  # (groups, 4)
    rows, direct, corrected, divisor = sums.T
    n, d = rows.mean(), divisor.mean()
    psi = (direct - direct.mean() / n * rows) / n + (corrected - corrected.mean() / d * divisor) / d
    return interval(_combined(sums.mean(0)) + psi, normal=False)


def _bootstrap(sums: Numbers, resamples: int, seed: int) -> tuple[float, float]:  # (groups, 4)
    if len(sums) < 2:
        return np.nan, np.nan
    found = _combined(resampled(sums, resamples, np.random.default_rng(seed)))  # (resamples,)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _summed(rows: Numbers, groups: Ints | None) -> Numbers:  # (n, columns) -> (groups, columns)
    if groups is None:
        return rows
    _, of = np.unique(groups, return_inverse=True)
    return np.stack([np.bincount(of, weights=column) for column in rows.T], 1)


def _unsupported(log: Decisions, pi: Numbers) -> float:
    cell, n_cells = _numbered(log.cells, len(log))
    done = np.zeros((n_cells, pi.shape[1]), np.bool_)
    done[cell, log.actions] = True
    return float(np.where(done[cell], 0, pi).sum(1).mean())


def cross_fitted(
    log: Decisions, n_actions: int, *, folds: int = 5, prior: float = 10.0, seed: int = 0
) -> Numbers:  # (n, n_actions)
    """The reward of each action, by its mean in the folds that a row is not in: a q for dr.

    Groups are dealt to ``folds``, so that no row is predicted from itself or its group. A mean
    counts ``prior`` rows more than there are: of an action, with the mean of all; in a cell, with
    what the means of action and cell add up to, within the rewards that were seen.

    It believes the log: an action taken only where rewards are high looks good, unless the cells
    say where. dr corrects that, dm does not.

    Source:  folds: Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey, Robins,
             "Double/Debiased Machine Learning for Treatment and Structural Parameters",
             Econometrics Journal 21(1), 2018.

    >>> log = Decisions(
    ...     rewards=np.array([1.0, 0.0]), propensity=np.ones(2), actions=np.zeros(2, int)
    ... )
    >>> cross_fitted(log, 1, folds=2)  # each from the other
    array([[0.],
           [1.]])
    """
    if not prior > 0:
        raise BadParameter(f"prior is a number of rows, above 0; got {prior!r}")
    if folds < 2:
        raise BadParameter(f"folds must be at least 2, or a row predicts itself; got {folds!r}")
    _within(log, n_actions, "n_actions")
    n = len(log)
    group, n_groups = _numbered(np.arange(n) if log.groups is None else log.groups, n)
    if n_groups < folds:
        raise BadParameter(f"{folds} folds of {n_groups} groups: some fold would be empty")
    fold = np.random.default_rng(seed).permutation(n_groups)[group] % folds
    cell, n_cells = _numbered(log.cells, n)
    rewards, shape = np.asarray(log.rewards, np.float64), (n_cells, n_actions)
    pair = np.ravel_multi_index((cell, np.asarray(log.actions)), shape)

    def shrunken(total: NDArray[Any], count: NDArray[Any], to: Any) -> Numbers:
        return np.asarray((total + prior * to) / (count + prior))

    q = np.empty((n, n_actions))
    for each in range(folds):
        rest = fold != each
        r = rewards[rest]
        count = np.bincount(pair[rest], minlength=n_cells * n_actions).reshape(shape)
        total = np.bincount(pair[rest], r, minlength=n_cells * n_actions).reshape(shape)
        mean = r.mean()
        table = shrunken(total.sum(0), count.sum(0), mean)[None]  # (1, A)
        if log.cells is not None:
            cells = shrunken(total.sum(1), count.sum(1), mean)[:, None]  # (cells, 1)
            both = np.clip(table + cells - mean, r.min(), r.max())
            table = shrunken(total, count, both)
        q[~rest] = table[cell[~rest]]
    return q


def _numbered(column: Ints | None, n: int) -> tuple[NDArray[np.intp], int]:
    """The values of a column as 0, 1, ... and how many there are; all one where there is none."""
    if column is None:
        return np.zeros(n, np.intp), 1
    values, of = np.unique(column, return_inverse=True)
    return of, len(values)


def _within(log: Decisions, n_actions: int, name: str) -> None:
    if (last := int(np.max(log.actions))) >= n_actions:
        raise DataError(f"the log has action {last}, and {name} speaks of {n_actions}, from 0")


def _chances(policy: Floats, n: int) -> Numbers:  # (n, A)
    wide = np.shape(policy)[-1] if np.ndim(policy) == 2 else "A"
    pi = _numbers("the policy", policy, (n, wide))
    if (pi < 0).any():
        raise DataError(f"a policy has chances; there is {pi.min():g}")
    total = pi.sum(1)
    if len(off := np.flatnonzero(np.abs(total - 1) > TOLERANCE)):
        raise DataError(
            f"the policy's chances of a row sum to 1; {len(off):,} of {n:,} rows do not, the first "
            f"is row {off[0]} with {total[off[0]]:g}"
        )
    return pi


def _numbers(name: str, given: Any, shape: tuple[int | str, ...]) -> Numbers:
    found = _shaped(name, given, shape, "numbers", "fiub").astype(np.float64)
    if off := int((~np.isfinite(found)).sum()):
        raise DataError(f"{name}: {off:,} of {found.size:,} are NaN or infinite")
    return found


def _whole(name: str, given: Any, n: int) -> NDArray[Any]:
    return _shaped(name, given, (n,), "integers", "iu")


def _shaped(
    name: str, given: Any, shape: tuple[int | str, ...], what: str, kinds: str
) -> NDArray[Any]:
    found = np.asarray(given)
    if found.shape != shape:
        raise DataError(f"{name} must be {_written(shape)}, got {_written(found.shape)}")
    if found.dtype.kind not in kinds:
        raise DataError(f"{name} must be {what}, got {found.dtype}")
    return found


def _written(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
