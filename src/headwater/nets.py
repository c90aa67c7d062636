"""Blocks that three or more models use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding_bag

from .fields import Field
from .rows import Rows

__all__ = ["AdditiveAttention", "Bag", "FieldEncoder", "attend"]

HOURS, DAYS = 24, 7


class Bag(nn.Module):
    """A linear layer whose input is sparse: the sum of the vectors of what is in it.

    Counted by multiplications it is the share of the matrix that is not zero of `nn.Linear`.
    """

    def __init__(self, n_items: int, size: int):
        super().__init__()
        bound = n_items**-0.5  # where nn.Linear starts
        self.weight = nn.Parameter(torch.empty(n_items, size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(size).uniform_(-bound, bound))

    def forward(self, x: Rows, *, normalize: bool = False, drop: float = 0.0) -> Tensor:  # (B, D)
        """W'x + b; x first scaled to length one, then with a share ``drop`` of it left out."""
        weights = torch.ones(len(x.items), device=x.items.device)
        if normalize:
            weights = x.lengths.clamp(min=1).rsqrt()[x.rows]
        if drop:
            weights = dropout(weights, drop, self.training)
        found = embedding_bag(
            x.items, self.weight, x.start[:-1], mode="sum", per_sample_weights=weights
        )
        return found + self.bias


def attend(logits: Tensor, there: Tensor) -> Tensor:  # (..., L)
    """The softmax over those of the last axis that are ``there``; all 0 where none is."""
    least = torch.finfo(logits.dtype).min
    return logits.masked_fill(~there, least).softmax(-1) * there


class AdditiveAttention(nn.Module):
    """The mean of L vectors, by weights softmax( q' tanh(W x + b) ) of those that are there."""

    def __init__(self, size: int, hidden: int):
        super().__init__()
        self.project = nn.Linear(size, hidden)
        self.query = nn.Linear(hidden, 1, bias=False)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:  # (n, D)
        """``x`` (n, L, D), ``there`` (n, L); zeros where nothing is there."""
        weights = attend(self.query(self.project(x).tanh())[..., 0], there)
        mean: Tensor = (weights.to(x.dtype).unsqueeze(1) @ x).squeeze(1)
        return mean


class FieldEncoder(nn.Module):
    """Who asks, when, after what, and each candidate, as one row of numbers for each candidate.

    A category is a vector, kinds are the mean of theirs, and the history is the mean of the vectors
    of its items, also multiplied with the candidate's, and so is what they came for, the sum of the
    vectors of ``intents`` by their chances. What is known of users and items lies in the
    net's buffers, so that a saved net serves with what it was trained with.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        size: int,
        *,
        timed: bool,
        unknown: float = 0.0,
        intents: int = 0,
    ):
        super().__init__()
        self.fields, self.timed, self.unknown = list(fields), timed, unknown
        self.aim = nn.Linear(intents, size, bias=False) if intents else None
        self.register_buffer("usual", torch.zeros(intents) if intents else None)
        self.tables = nn.ModuleDict()
        for field in self.fields:
            if field.kind == "numbers":
                empty = torch.zeros(field.rows, field.size)
                self.register_buffer(f"{field.key}_numbers", empty)
                continue
            self.tables[field.key] = nn.Embedding(field.size, size)
            n = field.rows if field.kind == "category" else field.events
            self.register_buffer(f"{field.key}_codes", torch.zeros(n, dtype=torch.int64))
            if field.kind == "kinds":
                start = torch.zeros(field.rows + 1, dtype=torch.int64)
                self.register_buffer(f"{field.key}_start", start)
        if timed:
            self.tables["hour"], self.tables["day"] = (
                nn.Embedding(HOURS, size),
                nn.Embedding(DAYS, size),
            )
        for name in self.tables:
            nn.init.normal_(self.table(name).weight, std=0.05)
        numbers = sum(field.size for field in self.fields if field.kind == "numbers")
        # with the history and its product, and with what they came for and its product
        self.width = (len(self.tables) + 2 + 2 * (intents > 0)) * size + numbers

    def table(self, name: str) -> nn.Embedding:
        found = self.tables[name]
        assert isinstance(found, nn.Embedding)
        return found

    def fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Put what `fields_of` found into the buffers."""
        for name, array in arrays.items():
            getattr(self, name).copy_(torch.from_numpy(array))

    def forward(
        self,
        user: Tensor,
        items: Tensor,
        now: Tensor,
        past: Tensor,
        intents: Tensor | None = None,
    ) -> Tensor:
        """(B, K, width), for ``user`` (B,), ``items`` (B, K), ``now`` (B,) in seconds and ``past``
        (B, L), the items of the histories; -1 is nobody and nothing. ``intents`` (B, J) say what
        they came for; what is not known is taken to be as usual."""
        b, k = items.shape
        strangers = next(f.rows for f in self.fields if f.of == "user") - 1
        who = torch.where(user < 0, strangers, user)
        what = items.clamp(min=0)
        parts = []
        own = torch.empty(0)
        for field in self.fields:
            at = who if field.of == "user" else what
            found = self.look_up(field, at)
            own = found if field.own and field.of == "item" else own
            parts.append(found[:, None].expand(b, k, -1) if field.of == "user" else found)
        if self.timed:
            hour, day = now // 3600 % HOURS, (now // 86_400 + 4) % DAYS  # 1970 began on a Thursday
            for name, at in (("hour", hour), ("day", day)):
                parts.append(self.table(name)(at)[:, None].expand(b, k, -1))
        there = (past >= 0).unsqueeze(2)
        codes: Tensor = self.item_id_codes  # type: ignore[assignment]
        seen = self.table("item_id")(codes[past.clamp(min=0)]) * there
        history = seen.sum(1) / there.sum(1).clamp(min=1)
        wide = history[:, None].expand(b, k, -1)
        parts += [wide, wide * own]
        if self.aim is not None:
            usual: Tensor = self.usual  # type: ignore[assignment]
            given = usual.expand(b, -1) if intents is None else intents
            aim = self.aim(torch.where(given.isnan(), usual, given))
            wide = aim[:, None].expand(b, k, -1)
            parts += [wide, wide * own]
        return torch.cat(parts, 2)

    def item_vectors(self, items: Tensor) -> Tensor:  # (..., size)
        """One vector for each item, -1 for none: the sum of those of its number and its kinds."""
        what = items.clamp(min=0)
        mine = [f for f in self.fields if f.of == "item" and f.kind != "numbers"]
        total = torch.stack([self.look_up(field, what) for field in mine]).sum(0)
        out: Tensor = total * (items >= 0).unsqueeze(-1)
        return out

    def interest(self, past: Tensor) -> Tensor:  # (B, size)
        """The mean of the `item_vectors` of the histories ``past`` (B, L)."""
        number = (past >= 0).sum(1, keepdim=True).clamp(min=1)
        mean: Tensor = self.item_vectors(past).sum(1) / number
        return mean

    def look_up(self, field: Field, at: Tensor) -> Tensor:  # (..., size)
        """The field of the users or items ``at``."""
        if field.kind == "numbers":
            numbers: Tensor = getattr(self, f"{field.key}_numbers")[at]
            return numbers
        table, codes = self.table(field.key), getattr(self, f"{field.key}_codes")
        if field.kind == "category":
            code = codes[at]
            if self.training and self.unknown and field.own:
                hidden = torch.rand(code.shape, device=code.device) < self.unknown
                code = torch.where(hidden, 0, code)
            found: Tensor = table(code)
            return found
        start = getattr(self, f"{field.key}_start")
        flat = at.flatten()
        first, number = start[flat], start[flat + 1] - start[flat]
        begins = torch.cat([number.new_zeros(1), number.cumsum(0)])
        offset = torch.arange(int(begins[-1]), device=at.device)
        row = torch.arange(len(flat), device=at.device).repeat_interleave(number)
        mine = codes[first[row] + offset - begins[row]]
        mean = embedding_bag(mine, table.weight, begins[:-1], mode="mean")
        return mean.view(*at.shape, table.embedding_dim)
