"""What news recommenders learn from: a click, what had been read before, and what was not clicked.

Out of impressions each click is a sample, with up to K of what the same request showed and was not
clicked. Where data have none, each event of the log is one, with what came before it and K of what
the person never chose. The others are drawn anew in every epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError
from ...types import PAD, Dataset, Histories, Impressions, Ints

__all__ = ["Sample", "samples"]

Batch = Callable[[Ints, torch.device], "Sample"]


@dataclass(frozen=True, eq=False)
class Sample:
    """B people, on the device; -1 is nobody, and nothing."""

    user: Tensor  # (B,) int64
    past: Tensor  # (B, L) int64: what they read, newest last, what is not filled in front
    items: Tensor  # (B, 1 + K) int64: the click, then what was not clicked

    @classmethod
    def of(cls, user: Ints, past: Ints, items: Any, device: Any) -> Sample:
        given = (np.asarray(user, np.int64), np.asarray(past, np.int64), items)
        return cls(*(torch.as_tensor(each).to(device) for each in given))

    def __len__(self) -> int:
        return len(self.user)


def samples(data: Dataset, length: int, negatives: int) -> tuple[Batch, Ints]:
    """How to make a `Sample` of some rows, and the rows; histories are cut to the latest
    ``length``. What is drawn comes from torch's global randomness."""
    if data.impressions is not None:
        return _shown(data.impressions, length, negatives)
    return _chosen(data.log, length, negatives)


def _shown(shown: Impressions, length: int, negatives: int) -> tuple[Batch, Ints]:
    there = shown.slate.filled
    free = there & (shown.clicks <= 0)
    row, slot = np.nonzero(there & (shown.clicks > 0) & free.any(1, keepdims=True))
    if not len(row):
        raise DataError(
            f"none of the {len(shown):,} requests has a click beside something that was shown and "
            "not clicked: there is nothing to learn from. Without impressions "
            "(dataclasses.replace(data, impressions=None)) it is learned from the log"
        )

    def batch(rows: Ints, device: torch.device) -> Sample:
        at = row[rows]
        offered = torch.from_numpy(shown.slate.items[at].astype(np.int64))
        key = torch.rand(offered.shape).masked_fill(~torch.from_numpy(free[at]), -1)
        best, where = key.topk(min(negatives, key.shape[1]), 1)
        others = offered.gather(1, where).masked_fill(best < 0, PAD)
        clicked = offered.gather(1, torch.from_numpy(slot[rows])[:, None])
        past = shown.queries.history[at].padded(length)
        return Sample.of(shown.queries.user[at], past, torch.cat([clicked, others], 1), device)

    return batch, np.arange(len(row))


def _chosen(log: Histories, length: int, negatives: int) -> tuple[Batch, Ints]:
    owner, n = log.rows, log.n_items
    mine = np.unique(owner * n + log.items)  # whose, and what: each once, in order
    user, item = np.divmod(mine, max(n, 1))
    number = np.bincount(user, minlength=len(log))
    first = np.cumsum(number) - number
    # of one person's items the j-th has c_j - j others below it
    below = user * (n + 1) + item - (np.arange(len(mine)) - first[user])

    def batch(rows: Ints, device: torch.device) -> Sample:
        who = owner[rows]
        at = rows[:, None] - length + np.arange(length)
        before = at >= log.start[who][:, None]
        past = np.where(before, log.items[np.maximum(at, 0)], PAD)
        left = n - number[who]
        draw = torch.rand((len(rows), negatives), dtype=torch.float64).numpy()
        place = (draw * left[:, None]).astype(np.int64)  # among what is not theirs
        skipped = np.searchsorted(below, who[:, None] * (n + 1) + place, side="right")
        others = np.where(left[:, None] > 0, place + skipped - first[who][:, None], PAD)
        items = np.concatenate([log.items[rows].astype(np.int64)[:, None], others], 1)
        return Sample.of(who, past, items, device)

    return batch, np.arange(len(owner))
