"""What tuning is worth: Mult-VAE and RecFusion as given, and as a search leaves them.

Data, split and metrics are those of thesis-2.5. Every method learns for at most 100 epochs, of them
the best by NDCG@100 on the validation users is kept, as given and tuned alike.

Search    `headwater.tune`, 20 trials by NDCG@100 on the validation users of the first split; what
          after ten epochs is below the median of the trials before is given up. The parameters
          found there are used on every split. People on whom the search was judged are among the
          tested people of the other splits, so trust the first split most: `per_split`.
Thesis    its search was handed the metric to minimise, so what it called best was its worst trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..data.split import StrongGeneralization
from ..data.split import split as make_split
from ..evaluation import EarlyStopping
from ..registry import build, describe, metric
from ..tune import Search, Tuned, tune
from . import Asked, Reproduction
from ._comparison import ACCURACY, Line, ahead, compare, films

__all__ = ["METHODS", "TITLE", "reproduce"]

TITLE = "Mult-VAE and RecFusion on MovieLens-1M, as given and tuned (x 100)"
KEEP = EarlyStopping(metric="NDCG@100", patience=10)
TRIALS = 20
EPOCHS = 100

SPACES: dict[str, Mapping[str, str]] = {
    "multvae": {
        "embedding_size": "50..400",
        "dropout": "0.2..0.8",
        "beta_cap": "0..1",
        "anneal_steps": "1000..200000 log",
        "how.learning_rate": "0.0003..0.003 log",
        "how.batch_size": "100..1000 log",
    },
    "recfusion": {
        "hidden_size": "100..600 log",
        "depth": "0..4",
        "noise_steps": "1..8",
        "last_beta": "0.01..0.9 log",
        "how.learning_rate": "0.0001..0.003 log",
        "how.batch_size": "100..1000 log",
        "how.weight_decay": "0..0.0001",
    },
}
METHODS = tuple(SPACES)
SPLITS = 3
RESUMES = True
# what a line of "tuned" is made of is known after the search
LINES = {
    name: Line(tree={"model": method, "how": {"n_epochs": EPOCHS}}, keep=KEEP)
    for method in METHODS
    for name in (method, f"{method} tuned")
}


def reproduce(asked: Asked) -> Reproduction:
    data = films()
    first = make_split(data, StrongGeneralization(seed=asked.seed), seed=asked.seed)
    lines = dict(LINES)
    found: dict[str, Tuned] = {}
    for method in asked.methods:
        found[method] = tune(
            build(LINES[method].tree, **{"how.seed": asked.seed}),
            first,
            metric("NDCG@100"),
            space={name: Search.parse(where) for name, where in SPACES[method].items()},
            trials=TRIALS,
            seed=asked.seed,
            early_stopping=KEEP,
            study=None if asked.checkpoint is None else Path(asked.checkpoint) / f"{method}.study",
            progress=asked.progress,
        )
        lines[f"{method} tuned"] = replace(LINES[method], tree=describe(found[method].model))
    made = compare(
        "tuning",
        TITLE,
        lines,
        ACCURACY,
        data,
        "movielens-1m",
        asked,
    )
    for method, best in found.items():
        made.about["lines"][f"{method} tuned"] |= {
            "parameters": best.parameters,
            "searched": SPACES[method],
            "validation": best.validation,
            "search_seconds": best.seconds,
            "trials": best.trials.to_dicts(),
        }
    pairs = [(f"{method} tuned", method) for method in METHODS]
    pairs.append(("recfusion tuned", "multvae tuned"))
    said = [note for better, worse in pairs for note in ahead(made, better, worse)]
    return replace(made, notes=(*made.notes, *said))
