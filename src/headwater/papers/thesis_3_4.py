"""Table 3.4 of the thesis: the same losses, each with thresholds tuned for it.

Data, encoders, heads and seeds are those of thesis-3.3. The rules of `threshold` are tuned on the
tuning part by what the head says of it: one threshold by averaging, as in the thesis, one by the
search for the highest weighted F1, one for each class, and as many classes as an item seems to
have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..registry import build
from . import Asked, Reproduction
from ._multilabel import CORPORA, SCORES, Answer, about, by_loss, corpora, rows, table

__all__ = ["FILES", "METHODS", "TITLE", "reproduce"]

TITLE = "Thesis, Table 3.4: losses of multilabel classification, tuned thresholds (x 100)"
METHODS = tuple(CORPORA)
SPLITS = 5
RESUMES = True
FILES = True

BASE = "bce"
RULES: dict[str, dict[str, Any]] = {
    "averaging": {"model": "threshold.averaging"},
    "search": {"model": "threshold.search", "average": "weighted"},
    "per_class": {"model": "threshold.per_class"},
    "top_n": {"model": "threshold.top_n"},
}


def reproduce(asked: Asked) -> Reproduction:
    found: list[dict[str, Any]] = []
    described: dict[str, Any] = {}
    said: list[str] = []
    for i, corpus in enumerate(corpora(asked)):
        runs: dict[str, dict[str, list[Answer]]] = {name: {} for name in RULES}
        for j, seed in enumerate(asked.seeds):
            at = i * asked.splits + j, len(asked.methods) * asked.splits
            for line, tried in by_loss(corpus, seed, asked, at):
                y = corpus.truth[tried.test]
                for name, tree in RULES.items():
                    rule = build(tree).tune(tried.on_tune, corpus.truth[tried.tune])
                    answer = Answer(tried.test, y, rule(tried.on_test), tried.on_test)
                    runs[name].setdefault(line, []).append(answer)
        for name, lines in runs.items():
            mine = [
                {**row, "threshold": name}
                for row in rows(corpus.name, lines, BASE, len(corpus.truth), asked.seed)
                if row["metric"] in SCORES
            ]
            found += mine
            said += notes(corpus.name, name, mine)
        described[corpus.name] = about(corpus, asked, "thesis-3.4")
    asked.tell("thesis-3.4", 1, 1)
    return Reproduction(
        name="thesis-3.4",
        title=TITLE,
        table=table(found),
        notes=tuple(said),
        about={"seeds": asked.seeds, "data": described},
    )


def notes(source: str, rule: str, found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for line in ("sigmoid_f1", "sigmoid_f1 logits"):
        mine = [row for row in found if row["loss"] == line]
        figures = ", ".join(
            f"{row['metric']} {row[f'beside {BASE}']:+.2f} ({row['low']:.2f} to {row['high']:.2f})"
            for row in mine
        )
        yield f"{source}, threshold {rule}: {line} beside {BASE}: {figures}"
    for metric in SCORES:
        ranked = sorted(
            (row for row in found if row["metric"] == metric), key=lambda row: -row["median"]
        )
        first = "; ".join(f"{row['loss']} {row['median']:.1f}" for row in ranked[:3])
        yield f"{source}, threshold {rule}: {metric}, most first: {first}"
