"""RecFusionGuided: a diffusion that hides what was chosen, and can be steered when asked.

    forward    each entry of x is hidden; what is not hidden yet stays in view with chance a,
               a ~ U(least_kept, most_kept), one draw a row: the one-way process at a random time
    minimise   - sum_{i hidden, x_ui = 1} log softmax_{j hidden}( f(view_u, c_u) )_j
               averaged over users
    c          the mix of kinds (genres) among the hidden choices of u; left out for a share of rows
    asked      f(x, no c) + strength ( f(x, guide) - f(x, no c) ),   for each step of the way back

The reverse step is exact for this noise: what comes into view next is one of the hidden choices, so
the net has only to say which, and it needs no t, since what is in view tells how far along it is.

In ``blocks`` of the training batches a share of the whole catalogue is in view, with what of it was
*not* chosen: so the net also knows what to make of `Queries.declined`. With ``steps`` > 1
the answer is found by going back in so many steps, from the history to as much more of it as a
history with the share ``share_in_view`` in view lacks: "deterministic" brings every item into view
by its expected share, "ddpm" draws items, with the same draws for everybody, ``chains`` times.
Entries that are known stay as they are (inpainting): what was declined is never recommended. The
score is the log of the mean, over the steps, of an item's chance to be next.

On MovieLens-1M (papers/results/guidance.json) a genre fills the list at a strength of 1 already,
and weak strengths are the useful ones; more than one step makes the lists a little worse, not
better; and to know what was declined helps no more than to know what was chosen alone.

Source:  Headwater's own, of published parts: the absorbing process of Austin, Johnson, Ho, Tarlow,
         van den Berg, "Structured Denoising Diffusion Models in Discrete State-Spaces", NeurIPS
         2021. arXiv:2107.03006; guidance of Ho, Salimans, "Classifier-Free Diffusion Guidance",
         2022. arXiv:2207.12598; inpainting by clamping after Lugmayr et al., "RePaint", CVPR 2022.
         arXiv:2201.09865; the net of RecVAE (Shenbin et al., WSDM 2020), shallower.
Checked: the loss against numpy, at several shares in view; guidance, steps and what is declined
         against small worlds with a known answer, tests/retrieve/matrix/test_recfusion_guided.py;
         on MovieLens-1M beside the others of the thesis's table, papers/results/thesis-2.5.json
Differs: there is no paper to differ from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ...errors import BadParameter, UnknownName
from ...likelihoods import whole
from ...model import at_least, between, learned
from ...nets import Bag
from ...rows import Rows
from ...train import Train, ready, seeded, train
from ...types import Dataset, Floats, Ints, Queries
from ._autoencoder import Autoencoder

__all__ = ["RecFusionGuided"]

HIDDEN = -1e9  # the logit of what is in view: it cannot come into view again


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows, and the mix of kinds of each of their items."""

    x: Rows
    kinds: Tensor  # (N, C) float32, 1 for each kind of an item


@dataclass(kw_only=True, eq=False)
class RecFusionGuided(Autoencoder):
    guides: ClassVar[bool] = True

    hidden_size: int = 600
    depth: int = 1  # layers after the first
    least_kept: float = 0.5  # share in view while training, at least
    most_kept: float = 0.9  # and at most
    guide_by: str = "genres"  # the catalogue's column of kinds; unguided if there is none
    unguided: float = 0.5  # share of rows that learn without a guide
    blocks: float = 0.2  # share of batches with what was not chosen in view, too
    steps: int = 1  # on the way back, when asked
    sampler: Literal["deterministic", "ddpm"] = "deterministic"
    chains: int = 4  # ways back that are averaged, for "ddpm"
    share_in_view: float = 0.8  # of what a person will choose, how much the history is
    how: Train = Train(n_epochs=100, batch_size=500, learning_rate=1e-3)

    kinds_: str = learned()  # names of the kinds, as JSON

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, "steps", self.steps, 1)
        at_least(self, "chains", self.chains, 1)
        if not 0 <= self.least_kept <= self.most_kept < 1:
            raise BadParameter(
                "RecFusionGuided: 0 <= least_kept <= most_kept < 1 must hold, got "
                f"{self.least_kept} and {self.most_kept}"
            )
        for name in ("unguided", "blocks", "share_in_view"):
            between(self, name, getattr(self, name), 0, 1)
        at_least(self, "share_in_view", self.share_in_view, 0, above=True)

    def build(self) -> Net:
        return Net(self.n_items_, self.hidden_size, self.depth, len(json.loads(self.kinds_)))

    def epochs(self, data: Dataset) -> Iterator[float]:
        x = data.log.matrix()
        self.n_items_ = x.shape[1]
        kinds = np.zeros((self.n_items_, 0), np.float32)
        names: list[object] = []
        if self.guide_by in data.catalog.table.columns:
            kinds = data.catalog.multi_hot(self.guide_by).toarray()
            names = list(data.catalog.kinds(self.guide_by))
        self.kinds_ = json.dumps(names, default=str)
        with seeded([self.how.seed]):
            self.net_ = self.build()
        table = torch.from_numpy(kinds)

        def batch(rows: Ints, device: torch.device) -> Batch:
            return Batch(Rows.of(x[rows], device), table.to(device))

        yield from train(self, data, batch, self.hiding_loss)

    def hiding_loss(self, net: Net, batch: Batch, step: int) -> Tensor:  # noqa: ARG002
        x, device = batch.x, batch.x.items.device
        b = len(x)
        share = torch.rand(b, device=device) * (self.most_kept - self.least_kept)
        share = share + self.least_kept
        known = None
        if torch.rand(()) < self.blocks:
            known = (torch.rand(b, x.n_items, device=device) < share[:, None]).float()
            in_view = known[x.rows, x.items] > 0
        else:
            in_view = torch.rand(len(x.items), device=device) < share[x.rows]
        guide = None
        if batch.kinds.shape[1]:
            guide = mix(batch.kinds, x, ~in_view)
            guide = guide * (torch.rand(b, 1, device=device) >= self.unguided)
        return self.loss_of(net, x, in_view, guide, known)

    def loss_of(
        self, net: Net, x: Rows, in_view: Tensor, guide: Tensor | None, known: Tensor | None
    ) -> Tensor:
        """The loss for a given view: ``in_view`` (events,), ``guide`` (B, C), ``known`` (B, N)."""
        row, item = x.rows, x.items
        logits = whole(net(view(x, in_view), guide, known))
        if known is not None:
            logits = logits.masked_fill(known > 0, HIDDEN)
        else:
            there = torch.full((), HIDDEN, device=logits.device, dtype=logits.dtype)
            logits = logits.index_put((row[in_view], item[in_view]), there)
        hidden = ~in_view
        chosen = logits[row[hidden], item[hidden]].sum()
        number = torch.bincount(row[hidden], minlength=len(x))
        loss: Tensor = ((number * logits.logsumexp(1)).sum() - chosen) / len(x)
        return loss

    def answer(self, net: Net, x: Rows) -> Tensor:
        return self.back(net, x, None, 0.0, None)

    @torch.inference_mode()
    def scores(self, queries: Queries) -> Floats:
        device = ready(self.net_, self.how)
        x = Rows.of(queries.history.matrix(), device)
        guide, strength, known = None, 0.0, None
        if queries.guide is not None:
            strength = queries.guide.strength
            guide = torch.from_numpy(self.asked(queries)).to(device)
        if queries.declined is not None:
            known = torch.from_numpy(queries.declined.matrix().toarray()).to(device)
            known[x.rows, x.items] = 1
        scores: Floats = self.back(self.net_, x, guide, strength, known).float().cpu().numpy()
        if queries.declined is not None:
            scores[queries.declined.rows, queries.declined.items] = -np.inf
        return scores

    def asked(self, queries: Queries) -> Floats:  # (1, C)
        """The guide as a mix of kinds."""
        guide = queries.guide
        assert guide is not None
        have = json.loads(self.kinds_)
        if guide.column != self.guide_by or not have:
            what = f"was fitted to be guided by {self.guide_by!r}" if have else "has no kinds"
            raise BadParameter(f"RecFusionGuided {what}; got guide={guide.column!r}")
        place = {str(kind): at for at, kind in enumerate(have)}  # a command line knows text only
        kinds = {str(kind) for kind in guide.kinds}
        for kind in sorted(kinds - set(place)):
            raise UnknownName(f"kind in {self.guide_by!r}", kind, have)
        c = np.zeros((1, len(have)), np.float32)
        c[0, [place[kind] for kind in kinds]] = 1 / len(kinds)
        return c

    def back(
        self, net: Net, x: Rows, guide: Tensor | None, strength: float, known: Tensor | None
    ) -> Tensor:  # (B, N)
        """The log of the mean chance to be next, over the steps back from ``x``.

        What came into view on the way keeps the chance it had before.
        """
        start = x.dense()
        fixed = (start if known is None else torch.maximum(start, known)) > 0

        def chances(state: Tensor | Rows, closed: Tensor) -> Tensor:
            plain: Tensor = net(state, None, known)
            if guide is not None:
                led = net(state, guide.expand(len(x), -1), known)
                plain = plain + strength * (led - plain)
            return plain.masked_fill(closed, HIDDEN).log_softmax(1)

        first = chances(x, fixed)
        if self.steps == 1:
            return first
        lacking = x.lengths * (1 / self.share_in_view - 1)  # events to come into view
        total = torch.zeros_like(first)
        chains = self.chains if self.sampler == "ddpm" else 1
        draws = torch.Generator().manual_seed(self.how.seed)
        for _ in range(chains):
            state, now = start, first
            for step in range(self.steps):
                total += now.exp()
                if step + 1 == self.steps:
                    break
                closed = fixed | (state >= 1)
                if self.sampler == "deterministic":
                    p = now.exp().masked_fill(closed, 0)
                    p = p / p.sum(1, keepdim=True).clamp(min=1e-12)
                    state = (state + lacking[:, None] / self.steps * p).clamp(max=1)
                else:
                    noise = torch.rand(x.n_items, generator=draws).to(now.device)
                    gumbel = -(-noise.clamp(1e-9, 1 - 1e-7).log()).log()
                    value = (now + gumbel).masked_fill(closed, -torch.inf)
                    rank = value.argsort(1, descending=True).argsort(1)
                    come, were = ((lacking * n / self.steps).round() for n in (step + 1, step))
                    state = state + ((rank < (come - were)[:, None]) & ~closed)
                closed = fixed | (state >= 1)
                now = torch.where(closed, now, chances(state, closed))
        return (total / (chains * self.steps)).clamp(min=1e-30).log()


class Net(nn.Module):
    def __init__(self, n_items: int, hidden: int, depth: int, kinds: int):
        super().__init__()
        self.first = Bag(n_items, hidden)
        self.known = nn.Linear(n_items, hidden, bias=False)
        self.guide = nn.Linear(max(kinds, 1), hidden, bias=False)
        self.rest = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(depth))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden, eps=0.1) for _ in range(depth + 1))
        self.last = nn.Linear(hidden, n_items)

    def forward(
        self, view: Rows | Tensor, guide: Tensor | None, known: Tensor | None
    ) -> Tensor:  # (B, N)
        """Logits of what comes into view next; a ``view`` (B, N) may be of shares."""
        if isinstance(view, Rows):
            h = self.first(view, normalize=True)
        else:
            scale = view.square().sum(1, keepdim=True).clamp(min=1).rsqrt()
            h = (view * scale) @ self.first.weight + self.first.bias
        if known is not None:
            h = h + self.known(known) / known.shape[1] ** 0.5
        if guide is not None:
            h = h + self.guide(guide)
        h = self.norms[0](silu(h))
        before = h
        for layer, norm in zip(self.rest, self.norms[1:], strict=True):
            h = norm(silu(layer(h) + before))
            before = before + h
        logits: Tensor = self.last(h)
        return logits


def view(x: Rows, in_view: Tensor) -> Rows:
    number = torch.bincount(x.rows[in_view], minlength=len(x))
    start = torch.cat([torch.zeros(1, dtype=torch.int64, device=number.device), number.cumsum(0)])
    return replace(x, items=x.items[in_view], start=start)


def mix(kinds: Tensor, x: Rows, which: Tensor) -> Tensor:  # (B, C)
    """The share of each kind among the events ``which`` of each row; 0 where there is none."""
    total = torch.zeros(len(x), kinds.shape[1], device=kinds.device)
    total.index_add_(0, x.rows[which], kinds[x.items[which]])
    return total / total.sum(1, keepdim=True).clamp(min=1e-12)
