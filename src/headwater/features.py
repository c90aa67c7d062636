"""What items are made of, and what scores are worth, for what compares the items of a list."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from .errors import MissingColumn
from .types import Catalog, Dataset, Floats, Histories, Slate

__all__ = [
    "Scale",
    "described",
    "moments",
    "scaled",
    "shares",
    "standardised",
    "taste",
    "together",
    "unit_rows",
    "vectors",
]


Scale = Literal["minmax", "zscore", "as_is"]
TINY = 1e-12  # a deviation that is none


def described(catalog: Catalog, by: str) -> Any:  # (N, D), dense or csr
    """A vector of the catalogue; or 0 and 1 for each kind in a column of categories or lists."""
    if by in catalog.vectors:
        return catalog.vectors[by].astype(np.float64)
    if by not in catalog.table.columns:
        raise MissingColumn(by, "the catalogue", [*catalog.table.columns, *catalog.vectors])
    return catalog.multi_hot(by).astype(np.float64)


def unit_rows(x: Any) -> Any:
    """Each row at length one; rows of zeros stay."""
    if isinstance(x, csr_array):
        length = np.sqrt(x.multiply(x).sum(1))
        out = x.copy()
        out.data /= np.repeat(np.where(length > 0, length, 1), np.diff(x.indptr))
        return out
    length = np.linalg.norm(x, axis=1)
    return x / np.where(length > 0, length, 1)[:, None]


def vectors(data: Dataset, by: str | None, size: int) -> NDArray[np.float32]:  # (N, D)
    """Unit vectors of the items: `described`, or `together` if ``by`` is None."""
    if by is None:
        return together(data.log, size)
    x = unit_rows(described(data.catalog, by))
    dense = x.toarray() if isinstance(x, csr_array) else x
    return np.ascontiguousarray(dense, np.float32)


def together(log: Histories, size: int) -> NDArray[np.float32]:  # (N, D), D at most ``size``
    """Unit vectors whose products tell how far two items were chosen by the same people.

    The cosine of two columns of the matrix of who chose what, by its ``size`` largest singular
    values: an item that nobody chose is a row of zeros.
    """
    x = unit_rows(log.matrix().T.tocsr().astype(np.float64))  # (N, U)
    most = min(x.shape)
    if most == 0 or x.nnz == 0:
        return np.zeros((x.shape[0], 1), np.float32)
    if size < most - 1:
        u, s, _ = svds(x, k=size, v0=np.ones(most), solver="arpack")
    else:
        u, s, _ = np.linalg.svd(x.toarray(), full_matrices=False)
        u, s = u[:, :size], s[:size]
    return np.ascontiguousarray(unit_rows(u * s), np.float32)


def shares(catalog: Catalog, by: str) -> csr_array:  # (N, kinds)
    """The mix of kinds of each item: what it has in equal parts, adding up to one."""
    mixed = csr_array(described(catalog, by))
    number = np.diff(mixed.indptr)
    mixed.data /= np.repeat(number, number)
    return mixed


def taste(history: Histories, each: csr_array) -> NDArray[np.float64]:  # (B, kinds)
    """The mix of kinds in each history, ``each`` (N, kinds) being that of an item.

    Rows add up to one; of a history without any known kind, to zero.
    """
    mixed = (history.matrix() @ each).toarray()
    total = mixed.sum(1, keepdims=True)
    return np.asarray(mixed / np.where(total > 0, total, 1), np.float64)


def moments(x: Floats) -> tuple[Floats, Floats]:
    """The mean (D,) and the deviation (D,) of the columns of ``x`` (n, D), of what is not NaN; a
    deviation of 1 where a column does not vary."""
    known = ~np.isnan(x)
    n = np.maximum(known.sum(0), 1)
    mean = np.where(known, x, 0).sum(0, dtype=np.float64) / n
    off = np.where(known, x - mean, 0)
    spread = np.sqrt((off * off).sum(0) / n)
    return mean.astype(x.dtype), np.where(spread > TINY, spread, 1).astype(x.dtype)


def standardised(x: Floats, mean: Floats, deviation: Floats) -> Floats:  # (n, D)
    """(x - mean) / deviation; what is NaN is at the mean."""
    return np.nan_to_num((x - mean) / deviation, nan=0.0, posinf=np.inf, neginf=-np.inf)


def scaled(slate: Slate, how: Scale) -> Floats:  # (B, K) float64
    """The scores of the filled slots on a common scale, request by request; 0 where it is empty.

    A score of -inf has no part in the scale, and stays.
    """
    known = slate.filled & np.isfinite(slate.scores)
    s = np.where(known, slate.scores, 0).astype(np.float64)
    if how == "zscore":
        n = np.maximum(known.sum(1, keepdims=True), 1)
        s = np.where(known, s - s.sum(1, keepdims=True) / n, 0)
        spread = np.sqrt((s * s).sum(1, keepdims=True) / n)
        s = s / np.where(spread > 0, spread, 1)
    elif how == "minmax":
        low = np.where(known, s, np.inf).min(1, keepdims=True, initial=np.inf)
        s = np.where(known, s - np.where(np.isfinite(low), low, 0), 0)
        spread = s.max(1, keepdims=True, initial=0)
        s = s / np.where(spread > 0, spread, 1)
    return np.where(slate.filled & ~known, -np.inf, s)
