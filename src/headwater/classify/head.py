"""A head on a frozen encoder: vectors of items to their classes, any number of each.

    h_0 = x,   h_l = relu(W_l h_{l-1} + b_l),   p = sigmoid(W h + b)

x is a vector of the catalogue, of a picture or a text, that an encoder made once and for all; each
column less its mean, over its deviation, of the items that it learned from. What is minimised is
the ``loss``, any of `losses`; which classes are said is up to the ``threshold``.

Source:  Benedict, Koops, Odijk, de Rijke, "sigmoidF1: A Smooth F1 Score Surrogate Loss for
         Multilabel Classification", TMLR 2022, arXiv:2108.10566: its setting.
Checked: the net against the formula in numpy, and without hidden layers against scikit-learn's
         LogisticRegression, tests/classify/test_head.py
Differs: the source's head for pictures has a sigmoid below the loss, which puts another on top;
         here losses have the logits. Columns are made alike, since encoders differ in scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..errors import DataError, UnknownName
from ..heads import Labels
from ..types import Dataset, Floats, Ints, Mask

__all__ = ["Head"]


@dataclass(kw_only=True, eq=False)
class Head(Labels):
    by: str  # name of the catalogue's vectors
    kinds: str = "genres"  # the catalogue's column of classes

    def epochs(self, data: Dataset, items: Ints | None = None) -> Iterator[float]:
        """Learn from ``items`` (n,), all that have a class if None."""
        x, y = self.vectors(data), data.catalog.multi_hot(self.kinds)
        rows = np.flatnonzero(np.diff(y.indptr)) if items is None else np.asarray(items, np.int64)
        if not len(rows) or not y.shape[1]:
            raise DataError(f"{type(self).__name__}: no item has anything in {self.kinds!r}")
        yield from self.learning(data, x, y.toarray(), data.catalog.kinds(self.kinds), rows)

    def fit(self, data: Dataset, items: Ints | None = None) -> Self:
        """Learn from ``items`` (n,) of the catalogue, all that have a class if None."""
        for _ in self.epochs(data, items):
            pass
        return self

    def tune(self, data: Dataset, items: Ints) -> Self:
        """Tune the threshold on ``items`` (n,), which should be none that it learned from."""
        y = data.catalog.multi_hot(self.kinds)[items].toarray()
        self.threshold.tune(self.chances(self.vectors(data)[items]), y)
        return self

    def vectors(self, data: Dataset) -> Floats:  # (N, D)
        have = data.catalog.vectors
        if self.by not in have:
            raise UnknownName("vectors", self.by, have, "Catalog.vectors holds them, by name.")
        return have[self.by]

    def chances(self, x: Floats) -> Floats:  # (n, C)
        """How likely the classes are, by vectors (n, D) of the encoder that it learned from."""
        return self.told(x)

    def says(self, x: Floats) -> Mask:  # (n, C)
        """Which classes, by the threshold."""
        return self.threshold(self.chances(x))
