"""How well models of satisfaction tell of people whom they have not learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from ..errors import BadParameter, DataError
from ..metrics._chances import in_bins
from ..types import Dataset, Floats, Ints, Mask
from ..visits import Satisfaction, dealt, learnable, people, reached
from ._calibration import binned
from ._statistics import LEVEL, holm

__all__ = ["Folds", "cross_validated"]

CUTS = np.arange(1, 100) / 100  # thresholds that are tried
TINY = 1e-8  # added to denominators, so that 0 / 0 is 0
CERTAIN = 1e-15  # a chance is not nearer to 0 and 1 than this, or its log loss may be infinite
BINS = 10
LOWER = {"log_loss", "brier", "calibration_error"}  # is better


@dataclass(frozen=True, eq=False)
class Folds:
    """What models said of sessions whose people they had not seen. S answered sessions."""

    target: str
    y: Mask  # (S,) what was true
    fold: Ints  # (S,)
    person: Ints  # (S,) whose session it was
    weights: Floats  # (S,) what an answer counts
    chances: dict[str, Floats]  # model -> (S,)
    cuts: dict[str, Floats]  # model -> (folds,) what is above is said to be true

    def each(self) -> pl.DataFrame:
        """A row for each model and fold, a column for each metric.

        accuracy, precision, recall and f1 are of what is above the threshold of the fold, with 1e-8
        added to each denominator; auc, log_loss, brier and calibration_error, of ten bins, are of
        the chances. Every answer counts by its weight. auc is null for a fold of one class.
        """
        rows = []
        for model, chances in self.chances.items():
            for i, cut in enumerate(self.cuts[model]):
                mine = self.fold == i
                p, y, w = chances[mine], self.y[mine], self.weights[mine]
                found = {"threshold": float(cut), **_said(p > cut, y, w), **_scored(p, y, w)}
                n = {"sessions": int(mine.sum())}
                rows.append({"model": model, "fold": i, **n, **found})
        return pl.DataFrame(rows, infer_schema_length=None)

    def table(self) -> pl.DataFrame:
        """A row for each model and metric: the mean over folds and the sample deviation."""
        long = self._long()
        return long.group_by("model", "metric", maintain_order=True).agg(
            pl.col("value").mean().alias("mean"),
            pl.col("value").std().alias("sd"),
            pl.col("value").count().alias("folds"),
        )

    def tests(self) -> pl.DataFrame:
        """A row for each pair of models and metric: the mean difference over folds, a minus b, its
        95 % interval, and a two-sided p, also corrected by Holm for all rows.

        Folds share what they learn from, so that their spread is too small for Student's t: its
        variance is multiplied by 1 + n_test / n_train * folds, those with a value, after Nadeau and
        Bengio, "Inference for the Generalization Error", Machine Learning 2003.
        """
        long = self._long().filter(pl.col("metric") != "threshold")
        wide = long.pivot("model", index=["metric", "fold"], values="value")
        tested = np.bincount(self.fold)
        shared = float((tested / (len(self.fold) - tested)).mean())  # n_test / n_train
        rows = []
        for a, b in combinations(self.chances, 2):
            for (metric,), part in wide.group_by("metric", maintain_order=True):
                d = (part[a] - part[b]).drop_nulls().to_numpy()
                n = len(d)
                if n < 2:
                    continue
                error = float(np.sqrt((1 / n + shared) * d.var(ddof=1)))
                wide_by = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * error
                mean = float(d.mean())
                p = float(2 * stdtr(n - 1, -abs(mean) / error)) if error else float(not mean)
                rows.append(
                    {
                        "model_a": a,
                        "model_b": b,
                        "metric": metric,
                        "difference": mean,
                        "low": mean - wide_by,
                        "high": mean + wide_by,
                        "p": p,
                        "better": "lower" if metric in LOWER else "higher",
                    }
                )
        table = pl.DataFrame(rows)
        return table.with_columns(p_holm=holm(table["p"].to_numpy())) if rows else table

    def calibration(self, *, bins: int = BINS) -> dict[str, pl.DataFrame]:
        """What each model said and how often it was true, as `evaluation.calibration` has it; each
        answer counts once, whatever its weight."""
        return {name: binned(p, self.y, bins) for name, p in self.chances.items()}

    def _long(self) -> pl.DataFrame:
        each = self.each()
        return each.unpivot(
            index=["model", "fold"],
            on=[name for name in each.columns if name not in ("model", "fold", "sessions")],
            variable_name="metric",
        )


def cross_validated(
    models: Mapping[str, Satisfaction],
    data: Dataset,
    *,
    folds: int = 10,
    inner: int = 5,
    seed: int = 0,
    fold: Ints | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Folds:
    """Let ``models``, all with one target, judge answered sessions by folds of people.

    No person is on both sides of a fold. The threshold of a fold is that of 0.01 to 0.99 with the
    highest mean F1 over ``inner`` folds of the people it learns from, of equals the lowest; then it
    learns from all of these. What a model searches for, it searches for once a fold. ``fold`` (S,)
    gives the folds of the answered sessions, from 0, in place of those dealt by ``seed``.

    Raises `DataError` without enough people, `BadParameter` for models with other targets.
    """
    for name, n in {"folds": folds, "inner": inner}.items():
        if n < 2:
            raise BadParameter(f"cross_validated: {name} must be at least 2; got {n!r}")
    targets = {model.target for model in models.values()}
    if len(targets) != 1:
        raise BadParameter(
            f"models of one target can be compared; these have {sorted(targets) or 'none'}"
        )
    sessions = learnable(data)
    answers = sessions[sessions.answered]
    (target,) = targets
    y = reached(answers.satisfaction, target)
    if fold is None:
        fold = dealt(answers, y, folds, seed)
    elif len(fold) != len(answers) or set(np.unique(fold)) != set(range(folds)):
        raise BadParameter(
            f"fold must give one of 0 to {folds - 1}, each at least once, to each of "
            f"{len(answers):,} answered sessions"
        )
    chances = {name: np.full(len(y), np.nan) for name in models}
    cuts: dict[str, Floats] = {name: np.zeros(folds) for name in models}
    for i in range(folds):
        out = fold == i
        if not answers.weights[out].any():
            raise DataError(f"the answers of fold {i} all have a weight of 0")
        if not y[~out].any() or y[~out].all():
            raise DataError(
                f"fold {i} would learn from {int((~out).sum()):,} answers of one kind: fewer folds"
            )
        learn, truth = answers[~out], y[~out]
        within = dealt(learn, truth, inner, seed + 1)
        for name, model in models.items():
            settled = model.settled(learn, truth)
            said = np.empty(len(truth))
            for j in range(inner):
                part = settled.fresh()
                part.learn(learn[within != j], truth[within != j])
                said[within == j] = part.chances(learn[within == j])
            cuts[name][i] = _best_cut(said, truth, learn.weights, within)
            whole = settled.fresh()
            whole.learn(learn, truth)
            chances[name][out] = whole.chances(answers[out])
            if progress is not None:
                progress(name, i)
    return Folds(
        target=target,
        y=y,
        fold=np.asarray(fold),
        person=people(answers),
        weights=answers.weights,
        chances=chances,
        cuts=cuts,
    )


def _best_cut(p: Floats, y: Mask, weights: Floats, within: Ints) -> float:
    """The lowest of `CUTS` with the highest mean F1 over the folds ``within``."""
    worth = np.zeros(len(CUTS))
    for j in np.unique(within):
        mine = within == j
        said = p[mine, None] > CUTS  # (n, cuts)
        true, w = y[mine], weights[mine].astype(np.float64)
        worth += _f1(*_counts(said, true[:, None], w[:, None]))
    return float(CUTS[int(worth.argmax())])


def _counts(said: Mask, y: Mask, weights: Floats) -> tuple[Any, Any, Any]:
    """True positives, what was said, and what is true."""
    return (
        (weights * (said & y)).sum(0),
        (weights * said).sum(0),
        (weights * (y & np.ones_like(said))).sum(0),
    )


def _f1(hit: Any, said: Any, true: Any) -> Any:
    precision, recall = hit / (said + TINY), hit / (true + TINY)
    return 2 * precision * recall / (precision + recall + TINY)


def _said(said: Mask, y: Mask, weights: Floats) -> dict[str, float]:
    w = weights.astype(np.float64)
    hit, above, true = _counts(said, y, w)
    return {
        "accuracy": float((w * (said == y)).sum() / (w.sum() + TINY)),
        "precision": float(hit / (above + TINY)),
        "recall": float(hit / (true + TINY)),
        "f1": float(_f1(hit, above, true)),
    }


def _scored(p: Floats, y: Mask, weights: Floats) -> dict[str, float | None]:
    w = weights.astype(np.float64)
    sure = p.clip(CERTAIN, 1 - CERTAIN)
    loss = -np.log(np.where(y, sure, 1 - sure))
    n, said, done = in_bins(p, y, BINS, w)
    return {
        "auc": _auc(p, y, w),
        "log_loss": float(np.average(loss, weights=w)),
        "brier": float(np.average((p - y) ** 2, weights=w)),
        "calibration_error": float(abs(said - done).sum() / n.sum()),
    }


def _auc(p: Floats, y: Mask, weights: Floats) -> float | None:
    """The share of pairs, one true and one not, in which the true one has the higher chance, ties
    counting half, a pair the product of its weights."""
    true, false = float(weights[y].sum()), float(weights[~y].sum())
    if not true or not false:
        return None
    each, at = np.unique(p, return_inverse=True)
    below = np.bincount(at, weights=weights * ~y, minlength=len(each))
    lower = np.cumsum(below) - below / 2
    return float((weights * y) @ lower[at] / (true * false))
