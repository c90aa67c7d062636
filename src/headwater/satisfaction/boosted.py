"""Boosted: trees, each fitted to what those before it still get wrong.

    minimise  sum_s log loss(y_s, sum_t f_t(x_s)) + sum_t l2 / 2 |values of the leaves of f_t|^2

x are the behaviours and, with ``intents``, whether they had come for each intent. With ``trials``
the depth (3 to 10), the least weight of a leaf (1 to 10), and the shares of rows and columns (0.5
to 1) are searched for on a fifth of the people, which also says how many trees; then all learn.

Source:  Benedict, Odijk, de Rijke, "Intent-Satisfaction Modeling: From Music to Video Streaming",
         ACM TORS 2023, for the search; Chen, Guestrin, "XGBoost", KDD 2016, whose trees these are.
Checked: the chances against the saved trees walked by hand, the search against a plant,
         tests/satisfaction/test_boosted.py
Differs: the released code does not search: 20 rounds at a depth of 6, learning rate 0.3, which are
         the defaults here; it gives the whole answer, "new / genre", as one number. The paper does
         not say how it searched; here by Optuna's sampler.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import xgboost

from ..errors import MissingExtra
from ..model import at_least, between, learned
from ..trees import booster, kept
from ..types import Floats, Mask, Sessions
from ..visits import Observed, came_for, dealt

__all__ = ["Boosted"]

MOST = 500  # trees, and
CHOSEN = ("max_depth", "min_child_weight", "subsample", "colsample", "n_trees")
PATIENCE = 20  # rounds without a better one, where people are held out


@dataclass(kw_only=True, eq=False)
class Boosted(Observed):
    intents: bool = False  # look at why they came too
    n_trees: int = 20
    max_depth: int = 6
    learning_rate: float = 0.3
    min_child_weight: float = 1.0
    subsample: float = 1.0  # share of the rows of a tree
    colsample: float = 1.0  # share of the columns of a tree
    l2: float = 1.0
    trials: int = 0  # of the search; 0 is none
    seed: int = 0
    threads: int = 1

    intents_: str = learned()  # their names, as JSON; none without ``intents``
    chosen_: str = learned()  # what the search found, as JSON
    trees_: np.ndarray = learned()  # (bytes,) uint8, XGBoost's own JSON

    def __post_init__(self) -> None:
        for name in ("n_trees", "max_depth", "threads"):
            at_least(self, name, getattr(self, name), 1)
        for name in ("learning_rate", "subsample", "colsample"):
            at_least(self, name, getattr(self, name), 0, above=True)
        for name in ("subsample", "colsample"):
            between(self, name, getattr(self, name), 0, 1)
        for name in ("min_child_weight", "l2", "trials"):
            at_least(self, name, getattr(self, name), 0)

    def learn(self, answers: Sessions, y: Mask) -> None:
        self.intents_ = json.dumps(answers.intent_names if self.intents else ())
        x = self._with_intents(self.begin(answers), answers)
        mine = self.settled(answers, y) if self.trials else self
        self.chosen_ = json.dumps({name: getattr(mine, name) for name in CHOSEN})
        matrix = xgboost.DMatrix(x, label=y, weight=answers.weights)
        self.trees_ = kept(xgboost.train(mine.settings, matrix, num_boost_round=mine.n_trees))

    def chances(self, sessions: Sessions) -> Floats:  # (S,)
        x = self._with_intents(self.looks(sessions), sessions)
        if not len(x):
            return np.zeros(0)
        found = booster(self.trees_, self.threads).predict(xgboost.DMatrix(x))
        return np.asarray(found, np.float64)

    def _with_intents(self, x: Floats, sessions: Sessions) -> Floats:
        return (
            np.column_stack([x, came_for(sessions, tuple(json.loads(self.intents_)))])
            if self.intents
            else x
        )

    @property
    def settings(self) -> dict[str, Any]:
        """As XGBoost calls them."""
        return {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample,
            "eta": self.learning_rate,
            "lambda": self.l2,
            "seed": self.seed,
            "nthread": self.threads,
            "tree_method": "hist",
        }

    def settled(self, answers: Sessions, y: Mask) -> Self:
        """With the settings, and the number of trees, of the lowest log loss of people held out."""
        if not self.trials:
            return self.fresh()
        try:
            import optuna
        except ModuleNotFoundError:
            raise MissingExtra("a search by satisfaction.boosted", "optuna", "tune") from None
        own = self.fresh()
        own.intents_ = json.dumps(answers.intent_names if self.intents else ())
        x = own._with_intents(own.begin(answers), answers)
        out = dealt(answers, y, 5, self.seed) == 0
        learn, held = (
            xgboost.DMatrix(x[rows], label=y[rows], weight=answers.weights[rows])
            for rows in (~out, out)
        )

        def tried(trial: Any) -> dict[str, Any]:
            return {
                "max_depth": trial.suggest_int("max_depth", 3, 10),
                "min_child_weight": trial.suggest_float("min_child_weight", 1, 10),
                "subsample": trial.suggest_float("subsample", 0.5, 1),
                "colsample": trial.suggest_float("colsample", 0.5, 1),
                "trials": 0,
            }

        def loss(trial: Any) -> float:
            found = xgboost.train(
                replace(self, **tried(trial)).settings,
                learn,
                num_boost_round=MOST,
                evals=[(held, "held")],
                early_stopping_rounds=PATIENCE,
                verbose_eval=False,
            )
            trial.set_user_attr("n_trees", found.best_iteration + 1)
            return float(found.best_score)

        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=self.seed))
            study.optimize(loss, n_trials=self.trials)
        finally:
            optuna.logging.set_verbosity(before)
        best = tried(optuna.trial.FixedTrial(study.best_params))
        n_trees = int(study.best_trial.user_attrs["n_trees"])
        return replace(self.fresh(), **best, n_trees=n_trees)
