"""What the tables of chapter 3 share: texts and pictures with labels, one head, many losses.

chemical-exposure   3,661 abstracts, 37 classes: the names in the paths of a taxonomy, as the code
                    of the thesis takes them (it counts 38), 6.0 an abstract
chemical-taxonomy   3,626 of these abstracts, by 31 of the 32 classes of the taxonomy, 2.3 an
                    abstract: those that have any that is not rare
movielens-plots     plots of films with 18 genres, in the place of arXiv, which is not here
movie-posters       1,250 posters with their genres, in the place of 37,632
a file              any table that `headwater.read_labelled` reads, with `--methods FILE`: Pascal
                    VOC, MS-COCO or arXiv, for those who have them

Encoders are frozen: MiniLM for texts, EfficientNet-Lite0 for pictures. The head is linear, its
columns made alike, and the optimiser (Adam) and its settings are the same for all losses. Classes
that fewer than 10 items have are left out, and then items without a class. 60 / 20 / 20 % of the
items, shuffled, are learned from, tuned on and tested on; five seeds, each with a split of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..checkpoint import Kept
from ..data import sources
from ..data.fingerprint import fingerprint
from ..data.labelled import frequent, read_labelled, split_items
from ..errors import DataError
from ..evaluation import multilabel
from ..registry import build
from ..train import identity
from ..types import Dataset, Floats, Ints, Mask
from . import Asked

CORPORA = {  # the source, and its column of labels
    "chemical-exposure": ("chemical-exposure", "parts"),
    "chemical-taxonomy": ("chemical-exposure", "labels"),
    "movielens-plots": ("movielens-plots", "genres"),
    "movie-posters": ("movie-posters", "genres"),
}
SEEN = "seen"  # the vectors' name in the catalogue
RARE = 10
HOW = {"n_epochs": 60, "batch_size": 256, "learning_rate": 3e-3}
METRICS = ("f1_micro", "f1_macro", "f1_weighted", "average_precision", "average_precision_weighted")
RESAMPLES = 2000
TUNED = {"sigmoid_f1": "probabilities", "sigmoid_f1 logits": "logits"}
LOSSES: dict[str, dict[str, Any]] = {
    "bce": {"model": "bce"},
    "bce x 5": {"model": "bce", "positive_weight": 5.0},
    "focal": {"model": "focal"},
    "asymmetric": {"model": "asymmetric"},
    "asymmetric, thesis": {"model": "asymmetric", "gamma_positive": 1.0},
    "poly": {"model": "poly"},
    "pairwise": {"model": "pairwise"},
    "listwise": {"model": "listwise"},
    "approx_ndcg": {"model": "approx_ndcg"},
    "lambda_loss": {"model": "lambda_loss"},
    "recall_at_k": {"model": "recall_at_k", "k": 3},
    "unbounded_f1": {"model": "unbounded_f1"},
    "jaccard": {"model": "smooth_metric", "metric": "jaccard"},
    "mcc": {"model": "smooth_metric", "metric": "mcc"},
    "sigmoid_f1, released": {"model": "sigmoid_f1", "input": "probabilities", "beta": 1.0},
    "sigmoid_f1, pooled": {"model": "sigmoid_f1", "average": "micro"},
    **{name: {"model": "sigmoid_f1", "input": given} for name, given in TUNED.items()},
}
BETAS = {"probabilities": (1.0, 5.0, 10.0, 20.0, 30.0), "logits": (0.5, 1.0, 2.0, 5.0)}
ETAS = {"probabilities": (-0.75, -0.5, -0.25, 0.0, 1.0), "logits": (-1.0, 0.0, 1.0, 2.0)}


@dataclass(frozen=True, eq=False)
class Corpus:
    name: str
    data: Dataset  # its catalogue has the vectors
    kinds: str  # the column of labels
    truth: Mask  # (N, C)
    content: str  # a digest of what is seen of the items, and of their labels
    checkpoint: str | None = None  # where what heads say is kept

    @property
    def vectors(self) -> Floats:
        return self.data.catalog.vectors[SEEN]

    def parts(self, seed: int) -> tuple[Ints, ...]:
        """Items to learn from, to tune on and to test on."""
        return split_items(self.data, self.kinds, seed=seed)


@dataclass(frozen=True, eq=False)
class Tried:
    """A head that learned by one loss."""

    tune: Ints
    test: Ints
    on_tune: Floats  # chances
    on_test: Floats
    loss: Mapping[str, Any]  # as it was after tuning


def corpora(asked: Asked) -> Iterator[Corpus]:
    for name in asked.methods:
        data, kinds = loaded(name)
        data = frequent(data, kinds, RARE)
        table = data.catalog.table
        cache = None if asked.checkpoint is None else Path(asked.checkpoint) / "vectors.sqlite"
        seen = next((column for column in ("jpeg", "image", "text") if column in table), None)
        if seen is None:
            raise DataError(f"{name} has neither pictures nor text: {table.columns}")
        what = "encode.minilm" if seen == "text" else "encode.efficientnet_lite"
        contents = table[seen].to_list()
        x = build(what).encode(contents, cache=cache, progress=asked.progress)
        catalog = replace(data.catalog, vectors={SEEN: x})
        truth = data.catalog.multi_hot(kinds).toarray() > 0
        digest = digest_of(contents, data.catalog.kinds(kinds), truth)
        yield Corpus(name, replace(data, catalog=catalog), kinds, truth, digest, asked.checkpoint)


def digest_of(contents: Sequence[str | bytes], kinds: Sequence[Any], truth: Mask) -> str:
    """SHA-256, in hex, over the texts or pictures in their order and who has which label."""
    each = [c.encode() if isinstance(c, str) else c for c in contents]
    rows = [sorted(str(kinds[i]) for i in np.flatnonzero(row).tolist()) for row in truth]
    found = sha256(json.dumps(rows).encode())
    for content in each:
        found.update(sha256(content).digest())
    return found.hexdigest()


def loaded(name: str) -> tuple[Dataset, str]:
    if name in CORPORA:
        source, kinds = CORPORA[name]
        return sources.load(source), kinds
    return read_labelled(name), "labels"


def tried(corpus: Corpus, loss: Mapping[str, Any], seed: int) -> Tried:
    learn, tune, test = corpus.parts(seed)
    head = build(
        "classify.head", by=SEEN, kinds=corpus.kinds, loss=dict(loss), how={**HOW, "seed": seed}
    )
    kept = None
    if corpus.checkpoint is not None:
        kept = Kept(corpus.checkpoint, f"{identity(head, corpus.data, learn)} said")
    found = None if kept is None else kept.read()
    if found is None:
        head.fit(corpus.data, learn)
        said = {
            "tune": head.chances(corpus.vectors[tune]),
            "test": head.chances(corpus.vectors[test]),
        }
        if kept is not None:
            kept.write(said, {})
    else:
        said = found[0]
    return Tried(tune, test, said["tune"], said["test"], loss)


def by_loss(
    corpus: Corpus,
    seed: int,
    asked: Asked,
    at: tuple[int, int],  # seeds that are done, and of how many
    lines: Sequence[str] | None = None,  # all of `LOSSES`
) -> Iterator[tuple[str, Tried]]:
    """Every loss of ``lines``, those of `TUNED` at the beta and eta with the highest mean of micro,
    macro and weighted F1 on the tuning part, at a threshold of 0.5."""
    for name in lines or LOSSES:
        loss = LOSSES[name]
        asked.tell(f"{corpus.name}, seed {seed}: {name}", *at)
        if name not in TUNED:
            yield name, tried(corpus, loss, seed)
            continue
        each = [found for _, _, found in grid(corpus, TUNED[name], seed)]
        yield name, max(each, key=lambda found: worth(corpus.truth[found.tune], found.on_tune))


def grid(corpus: Corpus, given: str, seed: int) -> Iterator[tuple[float, float, Tried]]:
    for beta in BETAS[given]:
        for eta in ETAS[given]:
            loss = {"model": "sigmoid_f1", "input": given, "beta": beta, "eta": eta}
            yield beta, eta, tried(corpus, loss, seed)


def worth(y: Mask, chances: Floats, at: float = 0.5) -> float:
    found = multilabel(y, chances > at)
    return float(np.mean([found[f"f1_{each}"] for each in ("micro", "macro", "weighted")]))


@dataclass(frozen=True, eq=False)
class Answer:
    """What was said of the tested items of one seed."""

    items: Ints  # (n,)
    y: Mask  # (n, C)
    said: Mask
    scores: Floats

    @cached_property
    def figures(self) -> dict[str, float]:
        return multilabel(self.y, self.said, self.scores)


def summary(answers: Sequence[Answer], metric: str) -> dict[str, float]:
    """Median and quartiles over the seeds, x 100."""
    values = [100 * each.figures[metric] for each in answers]
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return {"median": round(middle, 2), "q25": round(low, 2), "q75": round(high, 2)}


def beside(
    one: Sequence[Answer], other: Sequence[Answer], n_items: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """How much higher each F1 of ``one`` is, x 100, mean over the seeds, and the 95 % interval of
    the bootstrap: items are drawn again, the same for all seeds and both."""
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n_items, np.full(n_items, 1 / n_items), RESAMPLES)
    found = {}
    for metric, score in SCORES.items():
        gaps = np.zeros(RESAMPLES + 1)
        for a, b in zip(one, other, strict=True):
            times = np.concatenate([np.ones((1, len(a.items))), draws[:, a.items]])
            gaps += (score(*counts(a, times)) - score(*counts(b, times))) / len(one)
        low, high = np.quantile(gaps[1:], (0.025, 0.975))
        found[metric] = (100 * float(gaps[0]), 100 * float(low), 100 * float(high))
    return found


Counts = NDArray[np.float64]  # (draws, C)


def counts(answer: Answer, times: Counts) -> tuple[Counts, Counts, Counts]:
    """Said and true, said, and true, of each class, in each draw of the items."""
    both, said, true = answer.said & answer.y, answer.said, answer.y
    return times @ both, times @ said, times @ true


def micro(both: Counts, said: Counts, true: Counts) -> Floats:
    under = (said + true).sum(1)
    found: Floats = 2 * both.sum(1) / np.where(under > 0, under, 1)
    return found


def macro(both: Counts, said: Counts, true: Counts) -> Floats:
    under = said + true
    found: Floats = (2 * both / np.where(under > 0, under, 1)).mean(1)
    return found


def weighted(both: Counts, said: Counts, true: Counts) -> Floats:
    under = said + true
    each = 2 * both / np.where(under > 0, under, 1)
    found: Floats = (each * true).sum(1) / np.maximum(true.sum(1), 1)
    return found


SCORES = {"f1_micro": micro, "f1_macro": macro, "f1_weighted": weighted}


def rows(
    source: str, runs: Mapping[str, Sequence[Answer]], base: str, n_items: int, seed: int
) -> Iterator[dict[str, Any]]:
    """One for each line and metric: over the seeds, and beside ``base``."""
    for line, answers in runs.items():
        gaps = {} if line == base else beside(answers, runs[base], n_items, seed)
        for metric in METRICS:
            gap = gaps.get(metric, (None, None, None))
            names = (f"beside {base}", "low", "high")
            yield {
                "data": source,
                "loss": line,
                "metric": metric,
                **summary(answers, metric),
                **{n: None if v is None else round(v, 2) for n, v in zip(names, gap, strict=True)},
            }


def about(corpus: Corpus, asked: Asked, name: str) -> dict[str, Any]:
    """What a table is of. ``fingerprint`` is of the ids alone, there being no events; results from
    before ``content`` have only that."""
    return {
        "command": asked.command(name, corpus.name),
        "items": len(corpus.truth),
        "classes": corpus.truth.shape[1],
        "labels of an item": round(float(corpus.truth.sum(1).mean()), 2),
        "parts": [len(part) for part in corpus.parts(asked.seed)],
        "fingerprint": fingerprint(corpus.data),
        "content": corpus.content,
    }


def table(found: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(found, infer_schema_length=None)
