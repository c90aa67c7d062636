"""What people are shown over days: lists steered one by one, and by what came before them.

Not a table of the thesis. In made-up worlds of news (`simulate.news`) `naml` orders the candidates
of each request, and `rerank.radio` picks ten towards a mix that is given: that of the categories in
all that was offered. Requests are answered in the order of time; what a person was shown before is
told as declined, as a server would.

naml        its own order
each list   radio, each list alone
window      radio with what was shown in the seven days before, at the same dials

All slots count alike. ``lists`` is the mean divergence of single lists from the mix, ``person``
that of all that a person with at least five requests was shown. The dial of each is the mildest of
`TRADES` that brings ``person`` to at most 0.7 of what it is without; at its strongest if none does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from ..data.split import Split
from ..divergence import divergence, feature, listed
from ..evaluation import measure
from ..registry import build, metric
from ..types import PAD, Histories, Slate
from . import Asked, Reproduction
from ._comparison import spread
from ._radio import MODELS, Ranked, learned, ordered, rows_of
from .radio_tradeoff import K

TITLE = "A norm kept list by list, and over a person's week (x 100)"
METHODS = ("made",)
SPLITS = 3
RESUMES = True

BY = "category"
FEW = 5  # requests of a person
TRADES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
PART = 0.7


def reproduce(asked: Asked) -> Reproduction:
    found: dict[str, list[dict[str, float]]] = {}
    for one in learned(asked, "radio-week", {"naml": MODELS["naml"]}):
        split = frequent(one.split)
        slate = ordered(one.model, split)
        kinds = one.data.catalog.kinds(BY)
        shares = feature(one.data.catalog, BY).shares
        assert shares is not None
        offered = np.bincount(slate.items[slate.filled], minlength=len(one.data.items))
        mix = np.asarray(offered @ shares, np.float64)
        mix /= mix.sum()
        given = {str(kind): float(share) for kind, share in zip(kinds, mix, strict=True)}
        plain = figures(split, slate, shares, mix)
        found.setdefault("naml", []).append({**plain, "trade": 0.0})
        for line, window in (("each list", None), ("window", 7.0)):
            for trade in TRADES:
                stage = build(
                    "rerank.radio",
                    by=BY,
                    to="mix",
                    mix=given,
                    k=K,
                    trade=trade,
                    window=window,
                    discount="none",
                ).fit(split.train)
                got = {**figures(split, week(split, slate, stage), shares, mix), "trade": trade}
                if got["person"] <= PART * plain["person"]:
                    break
            found.setdefault(line, []).append(got)
    rows = [summary(line, each, found["naml"]) for line, each in found.items()]
    return Reproduction(
        name="radio-week",
        title=TITLE,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=("low, high: 95 % interval of the mean of the losses of NDCG over the worlds",),
        about={"command": asked.command("radio-week"), "seeds": asked.seeds, "per_world": found},
    )


def frequent(split: Split) -> Split:
    """The tested requests of people who made at least `FEW` of them, in the order of time."""
    who = split.queries.user
    often = np.bincount(who, minlength=int(who.max(initial=0)) + 1)
    rows = np.flatnonzero(often[who] >= FEW)
    rows = rows[np.argsort(split.queries.now[rows], kind="stable")]
    return rows_of(split, rows)


def week(split: Split, slate: Slate, stage: Any) -> Slate:
    """The answers of ``stage``, round by round: all first requests of people, then all second."""
    queries, n = split.queries, split.truth.n_items
    order = np.argsort(queries.user, kind="stable")
    _, first, number = np.unique(queries.user[order], return_index=True, return_counts=True)
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - np.repeat(first, number)
    items = np.full_like(slate.items, PAD)
    scores = np.full_like(slate.scores, -np.inf)
    for at in range(int(turn.max(initial=0)) + 1):
        rows = np.flatnonzero(turn == at)
        before = np.flatnonzero(turn < at)
        flat, when = items[before, :K], np.repeat(queries.now[before], K)
        there = flat.ravel() != PAD
        shown = Histories.of(
            np.repeat(queries.user[before], K)[there],
            flat.ravel()[there],
            n_rows=int(queries.user.max()) + 1,
            n_items=n,
            times=when[there],
        )
        # what they were shown stands for all of the past, so that nothing counts twice
        told = replace(
            queries[rows], history=Histories.empty(len(rows), n), declined=shown[queries.user[rows]]
        )
        got = stage(told, slate[rows])
        items[rows], scores[rows] = got.items, got.scores
    return replace(slate, items=items, scores=scores)


def figures(split: Split, slate: Slate, shares: csr_array, mix: Any) -> dict[str, float]:
    ranked: Any = Ranked(slate)
    (ndcg,) = measure(ranked, split, [metric(f"NDCG@{K}")]).values()
    n = split.truth.n_items
    lists = csr_array(listed(slate, n, k=K, discount="none") @ shares).toarray()
    _, person = np.unique(split.queries.user, return_inverse=True)
    total = np.zeros((person.max() + 1, lists.shape[1]))
    np.add.at(total, person, lists)

    def far(mixes: Any) -> float:
        q = mixes / mixes.sum(1, keepdims=True)
        return float(np.nanmean(divergence(np.broadcast_to(mix, q.shape), q, "jensen_shannon")))

    return {"ndcg": float(np.nanmean(ndcg)), "lists": far(lists), "person": far(total)}


def summary(
    line: str, each: list[dict[str, float]], base: list[dict[str, float]]
) -> dict[str, Any]:
    lost = [100 * (1 - one["ndcg"] / other["ndcg"]) for one, other in zip(each, base, strict=True)]
    low, high = spread(lost)
    return {
        "method": line,
        **{n: round(100 * float(np.mean([o[n] for o in each])), 2) for n in ("person", "lists")},
        "NDCG@10": round(100 * float(np.mean([o["ndcg"] for o in each])), 2),
        "lost, %": round(float(np.mean(lost)), 2),
        "low": None if low is None else round(low, 2),
        "high": None if high is None else round(high, 2),
        "dial": "/".join(f"{o['trade']:g}" for o in each),
    }
