"""What of each candidate is new, beside what was picked last: lengths after Gram and Schmidt."""

from __future__ import annotations

import numpy as np

from ..types import Floats, Ints
from ._greedy import alike

EPS = 1e-10  # a squared length below this is none
NOTHING_NEW = -1e9  # whatever has something new comes before what has nothing


class Residual:
    """Squared distances (B, K) of the vectors ``x`` (B, K, D) from the span of what was picked.

    With a ``window`` only the last ``window`` - 1 picks count. ``exact``: the span of just these,
    by turning the basis so that the oldest pick can be taken out of it (Cholesky downdate by Givens
    rotations). Otherwise the oldest direction is given back, and those that were made orthogonal to
    it stay as they are.
    """

    def __init__(self, x: Floats, window: int | None = None, *, exact: bool = True):
        self.x, self.window, self.exact = x, window, exact
        self.left = np.einsum("bkd,bkd->bk", x, x)  # (B, K)
        self.norms = np.ones(len(x))  # (B,) product of what was left of the picks when they came
        self.row = np.arange(len(x))
        self.picked: list[Ints] = []
        self.lengths: list[Floats] = []  # (B,) each
        self._room = np.empty((len(x), 16 if window is None else max(window, 1), x.shape[1]))

    @property
    def along(self) -> Floats:  # (B, picks, K) along an orthonormal basis of the picks
        return self._room[:, : len(self.picked)]

    @property
    def lengths_left(self) -> Floats:  # (B, K)
        return np.sqrt(np.where(self.left > EPS, self.left, 0))

    def pick(self, last: Ints) -> None:
        if self.window is not None and len(self.picked) >= self.window - 1:
            if not self.picked:
                return
            self.forget()
        m, row = len(self.picked), self.row
        if m == self._room.shape[1]:
            self._room = np.concatenate([self._room, np.empty_like(self._room)], axis=1)
        length = np.sqrt(self.left[row, last])
        new = alike(self.x, row, last)
        if m and len(new) == 1:
            new -= self._room[0, :m, last[0]] @ self._room[0, :m]
        elif m:
            new -= (self.along[row, :, last][:, None] @ self.along)[:, 0]
        new /= np.where(length > EPS**0.5, length, np.inf)[:, None]
        self._room[:, m] = new
        self.picked.append(last)
        self.lengths.append(length)
        self.norms = self.norms * length
        self.left -= new * new
        np.maximum(self.left, 0, out=self.left)

    def forget(self) -> None:
        """Take the oldest pick out."""
        along, m = self.along, len(self.picked)
        self.picked.pop(0)
        self.lengths.pop(0)
        self.norms = np.prod(self.lengths, axis=0) if self.lengths else np.ones(len(self.x))
        if not self.exact:
            self.left += along[:, 0] ** 2
            along[:, : m - 1] = along[:, 1:].copy()
            return
        for j, slot in enumerate(self.picked):
            one, two = along[:, j], along[:, j + 1]
            a, b = one[self.row, slot], two[self.row, slot]
            length = np.hypot(a, b)
            flat = length <= EPS**0.5  # a pick that added nothing has no direction
            c = np.where(flat, 0, a / np.where(flat, 1, length))[:, None]
            s = np.where(flat, 1, b / np.where(flat, 1, length))[:, None]
            along[:, j], along[:, j + 1] = c * one + s * two, c * two - s * one
        self.left += along[:, m - 1] ** 2
