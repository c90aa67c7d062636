"""CDM: a student learns what a greedy re-ranker would pick, from the candidates around each item.

    q_i = W1' e_i,   w_ij = q_i' W2' e_j / sqrt(d),   j not i
    positive context   draw k candidates from softmax(w_i) without putting back:  a+ in {0, 1}^N
                       C+_i = sum_j softmax(w~_i + log a+_i)_j  W3' e_j,  w~ = log softmax(w_i) + g
    negative context   the same from softmax(-w_i)
    C_i = FFN( [u * C+_i, u * C-_i] ),   y_i = sigmoid(q_i' C_i)
    minimise   loss of the ranker  +  beta_kd BCE(y_i, picked by the teacher)
               + beta_nce softplus( (q_i' C-_i - q_i' C+_i) / t ),   all three at length one
    when asked:   order by  f_i + gamma y_i,   f_i = sigmoid(logit of the ranker),  and g = 0

e_i is the ranker's vector of an item and u the mean of those of the history; g are Gumbel numbers.
The draw is relaxed (k softmaxes at the temperature tau, each without what the ones before took) and
straight-through: k candidates going forward, the relaxed ones going backward. tau falls from
``first_tau`` to ``last_tau`` by the same factor at each step. The teacher re-ranks by e, u and f,
without a gradient, at length one, f on the teacher's own scale; its first ``picks`` are what the
student is to find.

With ``apart`` the student's part of the loss leaves the ranker's weights alone, and the student
learns from what the ranker knows so far.

With ``context`` "each" every candidate attends to every other, which costs N^2 for a request. With
"shared", Headwater's own, the contexts are drawn once for a request, from u in place of e_i, and a
request costs N.

Source:  Li, Si, Tang, et al., "Contextual Distillation Model for Diversified Recommendation",
         KDD 2024. arXiv:2406.09021
Checked: both contexts, the three parts of the loss and the relaxed draw, for given weights and
         noise, against the formulas in numpy, tests/rerank/test_cdm.py
Differs: where the paper leaves it open, or the formula goes against its purpose. The negative
         context is drawn and weighed by softmax(-w), not by the reverse of it. The relaxed draw is
         in the context, so that there is a gradient through it; ``soft=False`` leaves it out. An
         item is not in its own context. q and C have length one in the third part. No noise when
         asked. t, tau, k, picks and the betas are ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, normalize, softplus

from ..errors import BadParameter
from ..features import scaled
from ..model import Ranker, Stage, at_least, learned
from ..train import Train, ready, seeded, train
from ..types import PAD, Dataset, Floats, Queries, Slate
from ._greedy import ByVectors
from .interest_mmr import InterestMMR

__all__ = ["CDM"]

NEVER = -1e9  # the logit of what cannot be drawn
TINY = 1e-12


@dataclass(kw_only=True, eq=False)
class CDM(Ranker):
    learns_from_impressions: ClassVar[bool] = True
    reason: ClassVar[str] = "for relevance and variety"

    ranker: Ranker  # with a net: dcn, ipw, logistic; CDM's `how` stands in for its own
    # compares vectors: mmr, dpp, ssd, gsp; None is interest_mmr. Its `k` is ``picks`` here, and its
    # vectors are the ranker's if its `by` is None
    teacher: Stage | None = None
    gamma: float = 0.2  # what the student's opinion is worth beside the ranker's
    beta_kd: float = 0.1
    beta_nce: float = 0.01
    picks: int = 10  # of the teacher
    k: int = 10  # candidates in a context
    context: Literal["each", "shared"] = "each"
    soft: bool = True  # a gradient through the draw
    apart: bool = False  # the student's part of the loss does not move the ranker's vectors
    contrast: bool = True  # whether there are two contexts; False: all candidates, by attention
    temperature: float = 0.1  # t of the third part
    first_tau: float = 1.0
    last_tau: float = 0.1
    how: Train = Train(n_epochs=20, batch_size=64, learning_rate=1e-3)

    net_: Any = learned()

    def __post_init__(self) -> None:
        if not all(hasattr(self.ranker, name) for name in ("begin", "scored", "requests")):
            raise BadParameter(f"CDM: ranker must have a net of its own; {self.ranker!r} has none")
        if self.teacher is not None and not isinstance(self.teacher, ByVectors):
            raise BadParameter(
                f"CDM: teacher must compare vectors, as mmr, dpp, ssd and gsp do; got "
                f"{self.teacher!r}"
            )
        for name in ("gamma", "beta_kd", "beta_nce"):
            at_least(self, name, getattr(self, name), 0)
        for name in ("picks", "k"):
            at_least(self, name, getattr(self, name), 1)
        for name in ("temperature", "first_tau", "last_tau"):
            at_least(self, name, getattr(self, name), 0, above=True)

    def build(self) -> nn.ModuleDict:
        ranker: Any = self.ranker
        student = Student(ranker.embedding_size)
        return nn.ModuleDict({"ranker": ranker.build(), "student": student})

    def epochs(self, data: Dataset) -> Iterator[float]:
        ranker: Any = self.ranker
        batch, rows = ranker.begin(data, self.how.seed)
        if self.teacher is not None:
            cast("Any", self.teacher).fit(data)
        with seeded([self.how.seed]):
            net = self.build()
        net["ranker"].load_state_dict(ranker.net_.state_dict())
        ranker.net_, self.net_ = net["ranker"], net
        steps = self.how.n_epochs * math.ceil(len(rows) / self.how.batch_size)

        def loss(net: Any, asked: Any, step: int) -> Tensor:
            share = min(step / max(steps - 1, 1), 1)
            tau = self.first_tau * (self.last_tau / self.first_tau) ** share
            return self.loss(net, asked, step, tau)

        yield from train(self, data, batch, loss, rows=rows)

    def loss(self, net: Any, asked: Any, step: int, tau: float) -> Tensor:
        ranker: Any = self.ranker
        total = ranker.step(net["ranker"], asked, step)
        there = asked.items >= 0
        with torch.no_grad():  # the teacher is shown what the ranker knows, nothing hidden
            learning = net["ranker"].training
            f = ranker.scored(net["ranker"].eval(), asked).sigmoid()
            picked = self.taught(*self.described(net, asked), f, asked)
            net["ranker"].train(learning)
        e, u = self.described(net, asked)
        if self.apart:
            e, u = e.detach(), u.detach()
        made = self.contexts(net["student"], e, u, there, tau=tau)
        y = made.chance()
        total = total + self.beta_kd * binary_cross_entropy(y[there], picked[there])
        if self.contrast and self.beta_nce:
            total = total + self.beta_nce * made.contrast(self.temperature)[there].mean()
        return total  # type: ignore[no-any-return]

    def described(self, net: Any, asked: Any) -> tuple[Tensor, Tensor]:
        """The vectors of the candidates (B, N, d), and of who asks (B, d)."""
        fields = net["ranker"]["fields"]
        return fields.item_vectors(asked.items), fields.interest(asked.past)

    def taught(self, e: Tensor, u: Tensor, f: Tensor, asked: Any) -> Tensor:  # (B, N)
        """1 for what the teacher picks first."""
        teacher: Any = self.teacher if self.teacher is not None else InterestMMR()
        filled = asked.items.cpu().numpy() >= 0
        if teacher.by is None:
            x, interest = (each.detach().double().cpu().numpy() for each in (e, u))
        else:
            known, past = teacher.vectors_, asked.past.cpu().numpy()
            x = known[asked.items.cpu().numpy()].astype(np.float64)
            total = (known[past] * (past >= 0)[:, :, None]).sum(1, dtype=np.float64)
            interest = total / np.maximum((past >= 0).sum(1), 1)[:, None]
        x = x / np.maximum(np.linalg.norm(x, axis=2, keepdims=True), TINY)
        came = Slate(np.where(filled, 0, PAD).astype(np.int32), f.float().cpu().numpy())
        relevance = scaled(came, teacher.scale)
        order = teacher.picks(x, relevance, interest, filled, self.picks)[:, : self.picks]
        out = np.zeros(filled.shape, np.float32)
        np.put_along_axis(out, np.maximum(order, 0), 1, axis=1)
        return torch.from_numpy(out * filled).to(f.device)

    def contexts(
        self, student: Student, e: Tensor, u: Tensor, there: Tensor, *, tau: float | None
    ) -> Contexts:
        """``tau`` is None when asked: no noise, and the k likeliest."""
        q = student.query(e)  # (B, N, d)
        keys, values = student.key(e), student.value(e)
        b, n, d = e.shape
        if self.context == "shared":
            w = (student.query(u)[:, None] @ keys.transpose(1, 2)) / d**0.5  # (B, 1, N)
            free = there[:, None].clone()
        else:
            w = (q @ keys.transpose(1, 2)) / d**0.5  # (B, N, N)
            free = there[:, None] & ~torch.eye(n, dtype=torch.bool, device=e.device)
        if not self.contrast:
            pos = (w.masked_fill(~free, NEVER).softmax(2) * free) @ values
            neg = pos
        else:
            pos, neg = (self.drawn(sign * w, free, tau) @ values for sign in (1.0, -1.0))
        mixed = student.mix(torch.cat([u[:, None] * pos, u[:, None] * neg], 2))
        wide = (t.expand(b, n, d) for t in (pos, neg, mixed))
        return Contexts(q, *wide)

    def drawn(self, w: Tensor, free: Tensor, tau: float | None) -> Tensor:  # (B, N or 1, N)
        """The weights of a context: of k that are drawn, going forward."""
        log_p = w.masked_fill(~free, NEVER).log_softmax(2)
        noisy = log_p
        if tau is not None:
            uniform = torch.rand_like(log_p).clamp(1e-9, 1 - 1e-7)
            noisy = log_p - (-uniform.log()).log()
        noisy = noisy.masked_fill(~free, NEVER)
        k = min(self.k, w.shape[2])
        chosen = torch.zeros_like(noisy).scatter(2, noisy.topk(k, 2).indices, 1.0) * free
        a = chosen
        if self.soft and tau is not None:
            relaxed = relaxed_top(noisy, k, tau) * free
            a = chosen + relaxed - relaxed.detach()
        weights: Tensor = a * (noisy - noisy.amax(2, keepdim=True)).exp()
        return weights / weights.sum(2, keepdim=True).clamp(min=TINY)

    def cells(self, width: int) -> int:
        each = 8 * width**2 if self.context == "each" else 0
        return self.ranker.cells(width) + each

    @torch.inference_mode()
    def logits(self, queries: Queries, slate: Slate) -> Floats:  # (B, K)
        f, y = self.opinions(queries, slate)
        return f + self.gamma * y

    @torch.inference_mode()
    def picked(self, queries: Queries, slate: Slate) -> Floats:  # (B, K)
        """1 for what the teacher would pick first, which the student is to find."""
        ranker: Any = self.ranker
        asked = ranker.requests(queries, slate, ready(self.net_, self.how))
        f = ranker.scored(self.net_["ranker"], asked).sigmoid()
        found: Floats = self.taught(*self.described(self.net_, asked), f, asked).cpu().numpy()
        return found

    @torch.inference_mode()
    def opinions(self, queries: Queries, slate: Slate) -> tuple[Floats, Floats]:
        """What the ranker and what the student think of each candidate, both from 0 to 1."""
        ranker: Any = self.ranker
        asked = ranker.requests(queries, slate, ready(self.net_, self.how))
        f = ranker.scored(self.net_["ranker"], asked).sigmoid()
        e, u = self.described(self.net_, asked)
        y = self.contexts(self.net_["student"], e, u, asked.items >= 0, tau=None).chance()
        return f.float().cpu().numpy(), y.float().cpu().numpy()


class Student(nn.Module):
    def __init__(self, d: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(d, d, bias=False) for _ in range(3))
        self.mix = nn.Sequential(nn.Linear(2 * d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d))


@dataclass(frozen=True, eq=False)
class Contexts:
    """For each candidate, all (B, N, d)."""

    q: Tensor
    positive: Tensor
    negative: Tensor
    mixed: Tensor

    def chance(self) -> Tensor:  # (B, N)
        """That the teacher would pick it."""
        return (self.q * self.mixed).sum(2).sigmoid()

    def contrast(self, t: float) -> Tensor:  # (B, N)
        q, pos, neg = (normalize(each, dim=2) for each in (self.q, self.positive, self.negative))
        return softplus(((q * neg).sum(2) - (q * pos).sum(2)) / t)


def relaxed_top(noisy: Tensor, k: int, tau: float) -> Tensor:
    """k softmaxes, each without what the ones before took; adds up to k."""
    total = torch.zeros_like(noisy)
    left = noisy
    for _ in range(k):
        part = (left / tau).softmax(-1)
        total = total + part
        left = left + (1 - part).clamp(min=TINY).log()
    return total
