"""Table 3.3 of the thesis: losses by F1 and average precision, at a threshold that nobody tuned.

Data, encoders and head: see `_multilabel`. All classes with a chance above 0.5 are said.
sigmoid_f1 is tuned: beta and eta from a grid, by the mean of micro, macro and weighted F1 on the
tuning part; "released" is what the released PyTorch code does unless it is told otherwise, "pooled"
sums over classes too. The others have the settings of their papers.

The thesis's figures are of other data (weighted F1 of sigmoidF1: 81.8 MS-COCO, 88.2 Pascal VOC,
20.6 arXiv, 14.8 posters) and are no measure for these. Its columns are named as scikit-learn names
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import Asked, Reproduction
from ._multilabel import CORPORA, SCORES, Answer, about, by_loss, corpora, rows, table

__all__ = ["FILES", "METHODS", "TITLE", "reproduce"]

TITLE = "Thesis, Table 3.3: losses of multilabel classification, threshold 0.5 (x 100)"
METHODS = tuple(CORPORA)
SPLITS = 5
RESUMES = True
FILES = True

BASE = "bce"
TUNED = "sigmoid_f1"


def reproduce(asked: Asked) -> Reproduction:
    found: list[dict[str, Any]] = []
    settings: list[dict[str, Any]] = []
    described: dict[str, Any] = {}
    said: list[str] = []
    for i, corpus in enumerate(corpora(asked)):
        runs: dict[str, list[Answer]] = {}
        for j, seed in enumerate(asked.seeds):
            at = i * asked.splits + j, len(asked.methods) * asked.splits
            for line, tried in by_loss(corpus, seed, asked, at):
                y = corpus.truth[tried.test]
                answer = Answer(tried.test, y, tried.on_test > 0.5, tried.on_test)
                runs.setdefault(line, []).append(answer)
                if line.startswith(TUNED):
                    settings.append({"data": corpus.name, "line": line, "seed": seed, **tried.loss})
        mine = list(rows(corpus.name, runs, BASE, len(corpus.truth), asked.seed))
        found += mine
        said += notes(corpus.name, mine)
        described[corpus.name] = {
            **about(corpus, asked, "thesis-3.3"),
            "per_seed": per_seed(runs),
        }
    asked.tell("thesis-3.3", 1, 1)
    return Reproduction(
        name="thesis-3.3",
        title=TITLE,
        table=table(found),
        notes=tuple(said),
        about={"seeds": asked.seeds, "data": described, "settings": settings},
    )


def per_seed(runs: Mapping[str, Sequence[Answer]]) -> dict[str, dict[str, list[float]]]:
    out: dict[str, dict[str, list[float]]] = {}
    for line, answers in runs.items():
        each = [answer.figures for answer in answers]
        out[line] = {name: [round(100 * one[name], 2) for one in each] for name in each[0]}
    return out


def notes(source: str, found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for line in (TUNED, f"{TUNED} logits"):
        mine = [row for row in found if row["loss"] == line and row["metric"] in SCORES]
        above = all(row["low"] > 0 for row in mine)
        figures = ", ".join(
            f"{row['metric']} {row[f'beside {BASE}']:+.2f} ({row['low']:.2f} to {row['high']:.2f})"
            for row in mine
        )
        verdict = "above" if above else "not above"
        yield f"{source}: {line} is {verdict} {BASE} by all three F1: {figures}"
    for metric in ("average_precision", "average_precision_weighted"):
        ranked = sorted(
            (row for row in found if row["metric"] == metric), key=lambda row: -row["median"]
        )
        first = "; ".join(f"{row['loss']} {row['median']:.1f}" for row in ranked[:4])
        yield f"{source}: {metric}, most first: {first}"
