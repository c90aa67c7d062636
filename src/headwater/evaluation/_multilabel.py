"""How good a classifier is that may say any number of classes of each example."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import BadParameter, MissingExtra
from ..types import Floats, Mask

__all__ = ["multilabel"]

AVERAGES = ("micro", "macro", "weighted", "samples")


def multilabel(y: Mask, said: Mask, scores: Floats | None = None) -> dict[str, float]:
    """Metrics by scikit-learn's names: what is true, what is said (n, C) bool, and how likely each
    class is (n, C), for those that need it.

    f1, precision and recall each with the averages micro (one table of all classes), macro (the
    mean over classes), weighted (the same, weighted by how many examples have the class) and
    samples (the mean over examples); 0 where nothing is true or said. What the sigmoidF1 paper and
    thesis call macro is micro here, and the other way round; their tables have scikit-learn's.

    hamming_loss is the share of wrong cells, subset_accuracy that of examples without a wrong one.
    average_precision is the mean over the classes that some example has, of scores and never of
    what is said: the mean of the precision at each example that has the class; interpolated, of the
    highest precision from there on. average_precision_weighted weighs classes as above.

    >>> y = np.array([[1, 0], [1, 1]]) > 0
    >>> found = multilabel(y, y, y * 0.9)
    >>> found["f1_micro"], found["average_precision"]
    (1.0, 1.0)
    """
    try:
        from sklearn import metrics
    except ModuleNotFoundError:
        raise MissingExtra("multilabel metrics", "scikit-learn", "labels") from None
    y, said = np.asarray(y) > 0, np.asarray(said) > 0
    shapes = {each.shape for each in (y, said)} | (
        set() if scores is None else {np.asarray(scores).shape}
    )
    if len(shapes) > 1 or y.ndim != 2 or not y.size or y.shape[1] < 2:
        raise BadParameter(
            "what is true, said and scored must have one shape (n, C), with at least two classes; "
            f"got {sorted(shapes)}"
        )
    found: dict[str, float] = {}
    for name in ("precision", "recall", "f1"):
        score: Any = getattr(metrics, f"{name}_score")
        for average in AVERAGES:
            found[f"{name}_{average}"] = float(score(y, said, average=average, zero_division=0))
    found["hamming_loss"] = float(metrics.hamming_loss(y, said))
    found["subset_accuracy"] = float((y == said).all(1).mean())
    if scores is not None:
        has = y.any(0)
        plain = np.array([_precisions(y[:, c], scores[:, c]) for c in np.flatnonzero(has)])
        support = y.sum(0)[has]
        if not len(plain):
            plain = np.full((1, 2), np.nan)
            support = np.ones(1)
        found["average_precision"] = float(plain[:, 0].mean())
        found["average_precision_weighted"] = float(np.average(plain[:, 0], weights=support))
        found["average_precision_interpolated"] = float(plain[:, 1].mean())
    return found


def _precisions(y: Mask, scores: Floats) -> tuple[float, float]:
    """Average precision of one class (n,), plain and interpolated."""
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    s, true = np.asarray(scores)[order], y[order]
    last = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)  # equals have one place, the last
    hits = np.cumsum(true)[last]
    precision = hits / (last + 1)
    gained = np.diff(hits, prepend=0) / hits[-1]
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(precision @ gained), float(highest @ gained)
