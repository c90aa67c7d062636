"""Put the requests of a split to a recommender, chunk by chunk, and give metrics what they need."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack
from scipy.special import expit

from ..data.split import Split
from ..errors import BadParameter, DataError
from ..evidence import Evidence, Metric
from ..model import Recommender, Scorer, Stage, at_least, best, chunk, top
from ..registry import label
from ..registry import metric as metric_called
from ..types import PAD, Floats, Histories, Mask, Queries, Slate

__all__ = [
    "Progress",
    "Sampled",
    "called",
    "collect",
    "judge",
    "measure",
    "ordered",
    "values_of",
]

# what is done (and, after a tab, how it goes), how much of it, out of how much
Progress = Callable[[str, int, int], None]

log = logging.getLogger("headwater")

COLUMNS = ("ranks", "candidates", "predicted", "chances")  # what a metric may name in ``needs``
DEPTH = 10  # slots of a slate if no metric says


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """Rank what was chosen among ``negatives`` random candidates that were not, instead of all.

    Only to repeat a protocol that does so: the values are larger, and can put methods in another
    order, than those of the full ranking. The draw is the same for every model.

    Source:  Krichene, Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020.
    """

    negatives: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, "negatives", self.negatives, 1)
        at_least(self, "seed", self.seed, 0)

    def among(self, free: Mask, truth: Histories, rng: np.random.Generator) -> Mask:  # (B, N)
        """Of the candidates ``free``, what was chosen and those drawn; all if there are fewer."""
        chance = rng.random(free.shape)
        chance[~free] = 2
        chance[truth.rows, truth.items] = 2
        kept = np.zeros_like(free)
        drawn = np.argpartition(chance, min(self.negatives, free.shape[1]) - 1, axis=1)
        drawn = drawn[:, : self.negatives]
        np.put_along_axis(kept, drawn, np.take_along_axis(chance, drawn, 1) < 2, 1)
        kept[truth.rows, truth.items] = free[truth.rows, truth.items]
        return kept


def measure(
    model: Recommender,
    split: Split,
    metrics: Sequence[Metric | str],
    *,
    sampled: Sampled | None = None,
    filter_seen: bool = True,
    progress: Progress | None = None,
) -> dict[str, Floats]:
    """What each metric says of a fitted ``model``: by its label (B,), or () for one number for all.

    The slates are as long as the deepest metric; without ``filter_seen`` what was fed in is ranked
    too, and counts as a miss. `DataError` where a metric needs what the model
    cannot give.
    """
    asked = called(metrics)
    seen, _ = collect(
        model,
        split,
        list(asked.values()),
        sampled=sampled,
        filter_seen=filter_seen,
        progress=progress,
    )
    return values_of(asked, seen, sampled)


def judge(
    model: Recommender, split: Split, metric: Metric | str, *, filter_seen: bool = True
) -> float:
    """`measure` by one metric, as one number: the mean over the requests it is defined for."""
    (values,) = measure(model, split, [metric], filter_seen=filter_seen).values()
    known = np.atleast_1d(values)
    known = known[~np.isnan(known)]
    if not len(known):
        raise BadParameter(f"{metric} is not defined for any request of {split!r}")
    return float(known.mean())


def called(metrics: Sequence[Metric | str]) -> dict[str, Metric]:
    """The metrics by their labels."""
    made = [metric_called(each) if isinstance(each, str) else each for each in metrics]
    named = {label(each): each for each in made}
    if not made or len(named) < len(made):
        raise BadParameter(
            f"metrics must be at least one, and each only once; got {[label(m) for m in made]}"
        )
    return named


def values_of(
    metrics: Mapping[str, Metric], seen: Evidence, sampled: Sampled | None
) -> dict[str, Floats]:
    values: dict[str, Floats] = {}
    for name, metric in metrics.items():
        found = np.asarray(metric(seen), np.float64)
        if found.shape not in ((), (len(seen),)):
            raise DataError(
                f"{name} gave shape {found.shape}; a metric gives one number for each of the "
                f"{len(seen)} requests, or one for them all"
            )
        values[name if sampled is None else f"{name} (sampled {sampled.negatives})"] = found
    return values


def collect(
    model: Recommender,
    split: Split,
    metrics: Sequence[Metric],
    *,
    sampled: Sampled | None = None,
    filter_seen: bool = True,
    progress: Progress | None = None,
    what: str = "recommend",
) -> tuple[Evidence, float]:
    """The evidence for ``metrics``, and the seconds that the model itself took for it.

    One pass: every item is scored once for the slates, ranks and predictions together. Of what is
    not a `Scorer` the slates are its own answers and the ranks come from a slate of all N items.
    Where the split has candidates, these are ranked and nothing else: by a stage, or by a scorer.
    """
    needs = {name for metric in metrics for name in getattr(metric, "needs", ())}
    if needs - set(COLUMNS):
        raise BadParameter(f"a metric can need {', '.join(COLUMNS)}; got {sorted(needs)}")
    if "predicted" in needs:
        _can_predict(model, split, metrics)
    if "chances" in needs:
        _can_say_chances(model, split, metrics, sampled)
    n = split.truth.n_items
    depths = [m.k for m in metrics if hasattr(m, "k")]
    k = max(n, 1) if None in depths else min(max(depths, default=DEPTH), max(n, 1))
    look = bool(needs) or sampled is not None
    rng = np.random.default_rng(sampled.seed if sampled else 0)
    slates: list[Slate] = []
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    seconds, done = 0.0, 0
    for part in list(split.queries.chunks(chunk(n))) or [split.queries]:
        shown = None if split.candidates is None else split.candidates[done : done + len(part)]
        started = perf_counter()
        if not look:
            if shown is None:
                slates.append(model.recommend(part, k, filter_seen=filter_seen))
            else:
                slates.append(ordered(model, part, shown).top(k))
            seconds += perf_counter() - started
        else:
            if shown is None:
                scores, slate = _scored(model, part, k, filter_seen)
            else:
                whole = ordered(model, part, shown)
                if "chances" in needs:
                    columns["chances"].append(_chances(whole, n))
                scores, slate = _by_place(whole, n), whole.top(k)
            seconds += perf_counter() - started
            truth = split.truth[done : done + len(part)]
            free = _candidates(part, filter_seen) if shown is None else ~np.isneginf(scores)
            if sampled is not None:
                free = sampled.among(free, truth, rng)
                scores = np.where(free, scores, -np.inf)
                slate = best(scores, k)
            slates.append(slate)
            chosen = truth.rows, truth.items
            columns["predicted"].append(np.where(free[chosen], scores[chosen], np.nan))
            columns["candidates"].append(free.sum(1))
            if "ranks" in needs:
                columns["ranks"].append(_ranks(scores, free, truth))
        done += len(part)
        if progress is not None:
            progress(what, done, len(split.queries))
    found: dict[str, Any] = {
        name: np.concatenate(columns[name]).astype(np.float64) for name in needs - {"chances"}
    }
    if "chances" in needs:
        every: Any = columns["chances"]
        found["chances"] = vstack(every, format="csr")
    slate = Slate.stack(slates)
    _no_repeats(model, slate)
    _warn_of_ties(model, slate)
    found["offered"] = split.candidates
    return Evidence(split.queries, slate, split.truth, split.train, **found), seconds


def _warn_of_ties(model: Recommender, slate: Slate) -> None:
    """A list whose scores are all equal is in the order of the item numbers, so by chance."""
    listed = slate.filled.sum(1)
    last = np.take_along_axis(slate.scores, np.maximum(listed - 1, 0)[:, None], 1)[:, 0]
    tied = (listed > 1) & (slate.scores[:, :1].min(1, initial=np.inf) == last)
    if tied.sum() * 10 >= len(slate) > 0:
        log.warning(
            "%s scores all that it lists alike in %d of %d requests: their order is chance",
            type(model).__name__,
            tied.sum(),
            len(slate),
        )


def _can_predict(model: Recommender, split: Split, metrics: Sequence[Metric]) -> None:
    who = [label(metric) for metric in metrics if "predicted" in getattr(metric, "needs", ())]
    name = type(model).__name__
    if not isinstance(model, Scorer):
        raise DataError(
            f"{', '.join(who)} compares scores with given values, and {name} gives lists, not "
            "scores: measure the scoring model alone"
        )
    if not model.predicts_values:
        raise DataError(
            f"{', '.join(who)} compares scores with given values, and the scores of {name} are on "
            "a scale of their own; mf predicts values"
        )
    if len(split.train.log.values) > 1 and np.ptp(split.train.log.values) == 0:
        raise DataError(
            f"{', '.join(who)} needs ratings that differ, and every value is "
            f"{split.train.log.values[0]:g}: read the data with its ratings, and without like"
        )


def _can_say_chances(
    model: Recommender, split: Split, metrics: Sequence[Metric], sampled: Sampled | None
) -> None:
    who = [label(metric) for metric in metrics if "chances" in getattr(metric, "needs", ())]
    if sampled is not None:
        raise BadParameter(f"{', '.join(who)} looks at all candidates: measure it without sampled")
    if split.candidates is None:
        raise DataError(
            f"{', '.join(who)} looks at how likely each candidate is, and this split has none of "
            "its own: make one of requests, with data.requests.split_requests"
        )
    if not getattr(model, "says_chances", False):
        raise DataError(
            f"{', '.join(who)} looks at how likely each candidate is, and what "
            f"{type(model).__name__} says is no chance; rankers with the loss bce say one"
        )


def _chances(whole: Slate, n: int) -> csr_array:  # (B, N)
    """The chances that the logits of ``whole`` stand for."""
    row, slot = np.nonzero(whole.filled)
    chance = expit(whole.scores[row, slot].astype(np.float64))
    return csr_array((chance, (row, whole.items[row, slot])), shape=(len(whole), n))


def _no_repeats(model: Recommender, slate: Slate) -> None:
    """An item listed twice would be found twice, and recall go above 1."""
    ordered = np.sort(slate.items, axis=1)
    twice = ordered[:, 1:][(ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != PAD)]
    if len(twice):
        raise DataError(f"{type(model).__name__} recommends item {twice[0]} twice to one request")


def _scored(model: Recommender, part: Queries, k: int, filter_seen: bool) -> tuple[Floats, Slate]:
    """Scores (B, N), -inf for what is no candidate, and the slate."""
    if isinstance(model, Scorer):
        scores = model.masked(part, filter_seen)
        if type(model).recommend is Scorer.recommend:
            return scores, best(scores, k)
        return scores, model.recommend(part, k, filter_seen=filter_seen)
    n = part.history.n_items
    full = model.recommend(part, n, filter_seen=filter_seen)
    # a stage may answer otherwise for k than for N
    return _by_place(full, n), model.recommend(part, k, filter_seen=filter_seen)


def _by_place(slate: Slate, n: int) -> Floats:  # (B, N)
    """A score for each item that is listed, the higher the earlier; -inf for the others."""
    scores = np.full((len(slate), n), -np.inf)
    row, slot = np.nonzero(slate.filled)
    scores[row, slate.items[row, slot]] = n - slot
    return scores


def ordered(model: Any, part: Queries, shown: Slate) -> Slate:
    """The candidates in the order that a stage gives them, or that a scorer's scores do.

    `DataError` for what is neither.
    """
    if isinstance(model, Scorer):
        scores = model.score(part, shown.items).astype(np.float32)
        return replace(shown, scores=scores).take(top(scores, scores.shape[1]))
    if not isinstance(model, Stage):
        raise DataError(
            f"{type(model).__name__} recommends out of the whole catalogue, and this split has "
            "candidates of its own to be ranked: measure a ranker, a re-ranker or a scorer"
        )
    return model(part, shown)


def _candidates(part: Queries, filter_seen: bool) -> Mask:  # (B, N)
    """What could be recommended: in the pool, and not in the history if ``filter_seen``."""
    free = np.ones((len(part), part.history.n_items), bool)
    if part.pool is not None:
        free[:, ~part.pool] = False
    if filter_seen:
        free[part.history.rows, part.history.items] = False
    return free


def _ranks(scores: Floats, free: Mask, truth: Histories) -> Floats:  # (truth events,)
    """The place of each chosen item among its row's candidates; equals share their mean place.

    Candidates of -inf are equals at the end. NaN for what is not a candidate.
    """
    n = scores.shape[1]
    rows, target = truth.rows, scores[truth.rows, truth.items]
    ordered = np.sort(scores, axis=1)
    above, reach = np.zeros(len(target)), np.zeros(len(target))
    for row in np.flatnonzero(truth.lengths):
        mine = slice(truth.start[row], truth.start[row + 1])
        above[mine] = n - np.searchsorted(ordered[row], target[mine], "right")
        reach[mine] = n - np.searchsorted(ordered[row], target[mine], "left")
    others = (~free).sum(1)[rows]  # they are at -inf too, without being candidates
    reach -= np.where(np.isneginf(target), others, 0)
    return np.where(free[rows, truth.items], (above + reach + 1) / 2, np.nan)
