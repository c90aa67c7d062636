"""A batch of histories as tensors: sparse, on the device where the net is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

__all__ = ["Rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """What B people chose, as a sparse binary matrix on the device."""

    items: Tensor  # (events,) int64
    start: Tensor  # (B + 1,) int64
    n_items: int

    @classmethod
    def of(cls, x: csr_array, device: Any = "cpu") -> Rows:
        items = torch.from_numpy(x.indices.astype(np.int64))
        start = torch.from_numpy(x.indptr.astype(np.int64))
        return cls(items.to(device), start.to(device), x.shape[1])

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def lengths(self) -> Tensor:  # (B,)
        return self.start.diff()

    @property
    def rows(self) -> Tensor:  # (events,)
        where = torch.arange(len(self), device=self.items.device)
        return where.repeat_interleave(self.lengths, output_size=len(self.items))

    def dense(self) -> Tensor:  # (B, N) float32
        x = torch.zeros(len(self), self.n_items, device=self.items.device)
        x[self.rows, self.items] = 1
        return x
