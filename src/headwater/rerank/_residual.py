"""What of each candidate is new, beside what was picked last: lengths after Gram and Schmidt."""

from __future__ import annotations

import numpy as np

from ..types import Floats, Ints

EPS = 1e-10  # a squared length below this is none


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
        self.along = np.zeros((*x.shape[:2], 0))  # (B, K, picks) along an orthonormal basis
        self.norms = np.zeros((len(x), 0))  # (B, picks) what was left of each when it was picked
        self.picked: list[Ints] = []
        self.row = np.arange(len(x))

    def pick(self, last: Ints) -> None:
        if self.window is not None and len(self.picked) >= self.window - 1:
            if not self.picked:
                return
            self.forget()
        left = self.left[self.row, last]
        new = (self.x @ self.x[self.row, last][:, :, None])[:, :, 0]
        new -= (self.along @ self.along[self.row, last][:, :, None])[:, :, 0]
        norm = np.sqrt(left)
        new = np.where(left[:, None] > EPS, new / np.where(left > EPS, norm, 1)[:, None], 0)
        self.along = np.concatenate([self.along, new[:, :, None]], 2)
        self.norms = np.concatenate([self.norms, norm[:, None]], 1)
        self.picked.append(last)
        self.left = (self.left - new * new).clip(0)

    def forget(self) -> None:
        """Take the oldest pick out."""
        self.picked.pop(0)
        self.norms = self.norms[:, 1:]
        gone = 0
        if self.exact:
            gone = -1
            for j, slot in enumerate(self.picked):
                a, b = (self.along[self.row, slot, at] for at in (j, j + 1))
                length = np.hypot(a, b)
                flat = length <= EPS
                c = np.where(flat, 1, a / np.where(flat, 1, length))[:, None]
                s = np.where(flat, 0, b / np.where(flat, 1, length))[:, None]
                one, two = self.along[:, :, j], self.along[:, :, j + 1]
                self.along[:, :, j], self.along[:, :, j + 1] = c * one + s * two, c * two - s * one
        lost = self.along[:, :, gone]
        self.left = self.left + lost * lost
        self.along = self.along[:, :, :-1] if self.exact else self.along[:, :, 1:]
