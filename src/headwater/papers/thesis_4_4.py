"""Table 4.4 of the thesis: satisfaction predicted from behaviour, with and without intent.

Its sessions are private. Here the same models judge three others, by ten folds of people: its
public simulated data, in which nothing has to do with anything; sessions whose effects were planted
(`simulate.sessions`, intents' intercepts with a deviation of 0.3); and dialogues with assistants,
`user-satisfaction`. A split is another draw of the first two, and other folds of the third.

The thesis's rows for "overall" are those of a classifier that says yes to everybody, which is why
"everybody" is a row: where a model's F1 is no higher it has learned nothing that its threshold
shows. Log loss, AUC and Brier are of the chances, before any threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from ..evaluation import Folds, cross_validated
from ..registry import build
from ..visits import Target, reached
from . import Asked, Reproduction
from ._comparison import spread
from ._surveys import data_of

TITLE = "Thesis, Table 4.4: satisfaction with and without intent, by ten folds of people"
METHODS = ("trivial", "realistic", "user-satisfaction")
SPLITS = 5

FOLDS = 10
LEAST = 10  # of either kind a fold, or its AUC and F1 hang on one or two answers
TARGETS: tuple[Target, ...] = ("overall", "satisfied", "unsatisfied")
SCORES = ("accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier")
MODELS: Mapping[str, Mapping[str, Any]] = {
    "logistic": {"model": "satisfaction.logistic"},
    "logistic, intents": {"model": "satisfaction.logistic", "intents": True},
    "per intent": {"model": "satisfaction.per_intent"},
    "multilevel": {"model": "satisfaction.multilevel"},
    "boosted": {"model": "satisfaction.boosted", "trials": 10},
    "boosted, intents": {"model": "satisfaction.boosted", "trials": 10, "intents": True},
}
PAIRS = (("logistic", "logistic, intents"), ("logistic", "multilevel"), ("logistic", "boosted"))
EVERYBODY = "everybody"


def reproduce(asked: Asked) -> Reproduction:
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    about: dict[str, Any] = {}
    total = len(asked.methods) * len(TARGETS) * asked.splits
    done = 0
    for name in asked.methods:
        described: dict[str, Any] = {"command": asked.command("thesis-4.4", name), "per_seed": {}}
        for target in TARGETS:
            found: list[Folds] = []
            for seed in asked.seeds:
                asked.tell(f"{name}, {target}", done, total)
                done += 1
                data = data_of(name, seed)
                assert data.sessions is not None
                answers = data.sessions[data.sessions.answered]
                described |= {"sessions": len(answers), "folds": FOLDS}
                y = reached(answers.satisfaction, target)
                few = min(int(y.sum()), int((~y).sum()))
                if few < LEAST * FOLDS:
                    said = f"{name}: left out {target!r}, which {int(y.sum())} of {len(y):,} are"
                    notes += [] if said in notes else [said]
                    continue
                models = {n: build(tree, target=target) for n, tree in MODELS.items()}
                found.append(cross_validated(models, data, folds=FOLDS, seed=seed))
            if found:
                rows += lines(name, target, found)
                notes += differences(name, target, found)
                described["per_seed"][target] = per_seed(found)
        about[name] = described
    asked.tell("thesis-4.4", total, total)
    return Reproduction(
        name="thesis-4.4",
        title=TITLE,
        table=pl.DataFrame(rows, infer_schema_length=None),
        notes=tuple(notes),
        about={"seeds": asked.seeds, "data": about},
    )


def lines(name: str, target: str, found: list[Folds]) -> Iterator[dict[str, Any]]:
    """For each model the mean over folds and splits, and the deviation over the folds of a split,
    as the thesis has them."""
    each = pl.concat([part.each().with_columns(split=i) for i, part in enumerate(found)])
    yield {
        "data": name,
        "target": target,
        "model": EVERYBODY,
        **_said(pl.concat([everybody(part).with_columns(split=i) for i, part in enumerate(found)])),
    }
    for model in MODELS:
        mine = each.filter(model=model)
        yield {"data": name, "target": target, "model": model, **_said(mine)}


def everybody(part: Folds) -> pl.DataFrame:
    """What saying yes to everybody is worth, by the rate of the other folds."""
    rate = np.array([part.y[part.fold != i].mean() for i in range(int(part.fold.max()) + 1)])
    folds = Folds(
        target=part.target,
        y=part.y,
        fold=part.fold,
        person=part.person,
        weights=part.weights,
        chances={EVERYBODY: rate[part.fold]},
        cuts={EVERYBODY: np.zeros(len(rate))},
    )
    return folds.each()


def _said(each: pl.DataFrame) -> dict[str, str]:
    out = {}
    for score in SCORES:
        by_split = each.group_by("split").agg(pl.col(score).mean(), sd=pl.col(score).std())
        mean, deviation = (np.mean(by_split[column].to_numpy()) for column in (score, "sd"))
        out[score] = f"{mean:.3f} ± {deviation:.3f}"
    return out


def per_seed(found: list[Folds]) -> dict[str, dict[str, list[float]]]:
    out: dict[str, dict[str, list[float]]] = {}
    for part in found:
        for row in part.table().iter_rows(named=True):
            out.setdefault(row["model"], {}).setdefault(row["metric"], []).append(
                round(row["mean"], 4)
            )
    return out


def differences(name: str, target: str, found: list[Folds]) -> Iterator[str]:
    """What a model gains in log loss: over the splits where they are other draws, and over the
    folds where there is one set of sessions."""
    for plain, other in PAIRS:
        rows = [
            part.tests().filter(model_a=plain, model_b=other, metric="log_loss").row(0, named=True)
            for part in found
        ]
        gains = [row["difference"] for row in rows]
        if name == "user-satisfaction" or len(gains) < 2:
            low, high, over = rows[0]["low"], rows[0]["high"], "the folds of the first split"
            gains = gains[:1]
        else:
            ends = spread(gains)
            assert ends[0] is not None
            assert ends[1] is not None
            low, high, over = *ends, f"{len(gains)} splits"
        yield (
            f"{name}, {target}: log loss of {other} is lower than that of {plain} by "
            f"{float(np.mean(gains)):+.4f} ({low:+.4f} to {high:+.4f}, over {over})"
        )
