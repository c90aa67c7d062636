"""LambdaMART: regression trees, each fitted to how NDCG changes if candidates change places.

    for each pair i clicked, j not:   lambda_ij = - |delta NDCG_ij| / (1 + exp(s_i - s_j))
    a tree is fitted to the sums of the lambdas, s grows by learning_rate times it, and so on

What the trees look at, for each candidate: the place and score that it came with, how many chose
it, its cosines with the mean of the history and with its latest item (`features.together`), and the
columns of the catalogue and of people (`fields`): numbers, a code for a category, 0 or 1 for each
of a few kinds and the mean code of many; and how likely they came for each intent, where requests
say so.

A request counts what its best click is worth, 1 where clicks are 0 and 1. What was clicked in the
requests that it learns from is taken out of the log for their features.

Source:  Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82, 2010; the
         trees and lambdas are XGBoost's (Chen, Guestrin, KDD 2016), rank:ndcg.
Checked: the answer against the saved trees walked by hand, and each feature against its definition,
         tests/rank/test_lambdamart.py
Differs: in what XGBoost does otherwise than the report: Newton steps, pairs drawn per request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import xgboost

from ..errors import DataError
from ..features import together, unit_rows
from ..fields import fields_of
from ..model import Ranker, at_least, between, learned
from ..trees import booster, kept
from ..types import PAD, Dataset, Floats, Histories, Queries, Slate

__all__ = ["LambdaMART"]

FEW = 65  # kinds, with the unknown, that have a column each
OWN = ("place", "score", "popularity", "history cosine", "latest cosine")


@dataclass(kw_only=True, eq=False)
class LambdaMART(Ranker):
    learns_from_impressions: ClassVar[bool] = True

    n_trees: int = 200
    max_depth: int = 6
    learning_rate: float = 0.1
    subsample: float = 0.8  # share of the candidates that a tree is fitted to
    l2: float = 1.0  # penalty on the value of a leaf
    size: int = 32  # of the items' vectors
    seed: int = 0
    threads: int = 1

    columns_: str = learned()  # names of the features, as JSON
    intents_: int = learned()  # how many of them
    people_: np.ndarray = learned()  # (U + 1, columns) float32, the last is a stranger
    items_: np.ndarray = learned()  # (N, columns) float32
    popularity_: np.ndarray = learned()  # (N,) float32
    vectors_: np.ndarray = learned()  # (N, D) float32
    trees_: np.ndarray = learned()  # (bytes,) uint8, XGBoost's own JSON

    def __post_init__(self) -> None:
        for name in ("n_trees", "max_depth", "size", "threads"):
            at_least(self, name, getattr(self, name), 1)
        at_least(self, "learning_rate", self.learning_rate, 0, above=True)
        at_least(self, "subsample", self.subsample, 0, above=True)
        between(self, "subsample", self.subsample, 0, 1)
        at_least(self, "l2", self.l2, 0)

    def fit(self, data: Dataset) -> Self:
        shown = data.impressions
        if shown is None:
            raise DataError(
                "LambdaMART learns from impressions, and the data have none: read_impressions "
                "reads them, and a flow makes them of what its retriever finds"
            )
        fields, arrays = fields_of(data)
        sides: dict[str, list[Floats]] = {"user": [], "item": []}
        names: dict[str, list[str]] = {"user": [], "item": []}
        for field in fields:
            if field.own:
                continue
            sides[field.of].append(_columns(field, arrays))
            wide = sides[field.of][-1].shape[1]
            names[field.of] += [f"{field.of} {field.name} {i}".strip() for i in range(wide)]
        nothing = {"user": len(data.users) + 1, "item": len(data.items)}
        tables = {of: np.hstack([np.zeros((n, 0)), *sides[of]]) for of, n in nothing.items()}
        self.people_ = tables["user"].astype(np.float32)
        self.items_ = tables["item"].astype(np.float32)
        why = shown.queries.intents
        self.intents_ = 0 if why is None else why.shape[1]
        intents = [f"intent {j}" for j in range(self.intents_)]
        self.columns_ = json.dumps([*OWN, *names["item"], *names["user"], *intents])
        clicks = shown.chosen
        people = shown.queries.user[clicks.rows]
        self._look_at(
            data.log.without(people, clicks.items)
        )  # or the features would know what is to be learned
        x = self.features(shown.queries, shown.slate)
        self._look_at(data.log)
        row = np.nonzero(shown.slate.filled)[0]
        best = np.where(shown.slate.filled, shown.clicks, 0).max(1, initial=0)[np.unique(row)]
        matrix = xgboost.DMatrix(x, label=shown.clicks[shown.slate.filled], qid=row)
        matrix.set_weight(np.where(best > 0, best, 1))  # NDCG does not see what all have in common
        trees = xgboost.train(
            {
                "objective": "rank:ndcg",
                "ndcg_exp_gain": False,  # of 0 and 1 the same, and clicks may be worth less
                "max_depth": self.max_depth,
                "eta": self.learning_rate,
                "subsample": self.subsample,
                "lambda": self.l2,
                "seed": self.seed,
                "nthread": self.threads,
                "tree_method": "hist",
            },
            matrix,
            num_boost_round=self.n_trees,
        )
        self.trees_ = kept(trees)
        return self

    def _look_at(self, log: Histories) -> None:
        chosen = np.bincount(log.matrix().indices, minlength=log.n_items)
        self.popularity_ = np.log1p(chosen).astype(np.float32)
        self.vectors_ = together(log, self.size)

    def features(self, queries: Queries, slate: Slate) -> Floats:  # (filled slots, columns)
        """A row for every filled slot, request by request."""
        row, slot = np.nonzero(slate.filled)
        item = slate.items[row, slot]
        history = queries.history
        mean = unit_rows(np.asarray(history.matrix() @ self.vectors_, np.float64))
        latest = history.padded(1)[:, 0]
        last = np.where(latest[:, None] == PAD, 0, self.vectors_[np.maximum(latest, 0)])
        own = np.stack(
            [
                slot.astype(np.float64),
                slate.scores[row, slot],
                self.popularity_[item],
                (mean[row] * self.vectors_[item]).sum(1),
                (last[row] * self.vectors_[item]).sum(1),
            ],
            axis=1,
        )
        who = np.where(queries.user == PAD, len(self.people_) - 1, queries.user)
        known = [own, self.items_[item], self.people_[who[row]]]
        if self.intents_:
            unknown = np.full((len(queries), self.intents_), np.nan)  # trees know what to do
            why = unknown if queries.intents is None else queries.intents
            if why.shape[1] != self.intents_:
                raise DataError(
                    f"LambdaMART learned from {self.intents_} intents; these requests have "
                    f"{why.shape[1]}"
                )
            known.append(why[row])
        return np.hstack(known).astype(np.float32)

    def logits(self, queries: Queries, slate: Slate) -> Floats:  # (B, K)
        trees = booster(self.trees_, self.threads)
        out = np.zeros(slate.items.shape, np.float32)
        if slate.filled.any():
            x = xgboost.DMatrix(self.features(queries, slate))
            out[slate.filled] = trees.predict(x, output_margin=True)
        return out


def _columns(field: Any, arrays: dict[str, np.ndarray]) -> Floats:  # (rows, 1 or size)
    if field.kind == "numbers":
        return arrays[f"{field.key}_numbers"].astype(np.float64)
    codes = arrays[f"{field.key}_codes"].astype(np.float64)
    if field.kind == "category":
        return codes[:, None]
    start = arrays[f"{field.key}_start"]
    number = np.diff(start)
    if field.size <= FEW:
        hot = np.zeros((field.rows, field.size))
        hot[np.repeat(np.arange(field.rows), number), arrays[f"{field.key}_codes"]] = 1
        return hot[:, 1:]
    total = np.append(0, np.cumsum(codes))
    mean: Floats = (total[start[1:]] - total[start[:-1]]) / np.maximum(number, 1)
    return mean[:, None]
