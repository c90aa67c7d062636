"""The short way: frames and ids in, frames and ids out. Everything here is three lines below.

data = hw.read("ratings.csv", items="movies.csv")
model = hw.fit("ease", data, l2=300)
hw.recommend(model, users=[1, 7], k=10)
hw.similar_items(model, items=[260])
hw.evaluate("ease", data)
hw.compare(["popularity", "ease"], data, splits=5)
hw.save(model, "films.hw");  model = hw.load("films.hw")
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from . import artifact
from .data.split import Protocol, Split
from .data.split import splits as make_splits
from .errors import BadArtifact, BadParameter, DataError, UnknownName
from .evaluation import DEFAULT, Comparison, EarlyStopping, Evaluation
from .evaluation import compare as compare_models
from .evaluation import evaluate as evaluate_model
from .evaluation import fit as fit_model
from .evidence import Metric
from .flow import read_flow
from .model import Model, Recommender, Scorer
from .registry import build, describe
from .registry import metric as make_metric
from .stills import Pictures, with_stills
from .trace import traced, why
from .types import PAD, Dataset, Guide, Histories, Ids, Queries, Slate

__all__ = [
    "Fitted",
    "compare",
    "evaluate",
    "fit",
    "load",
    "method",
    "recommend",
    "save",
    "similar_items",
    "splits_of",
    "thumbnails",
]

log = logging.getLogger("headwater")

Progress = Callable[[str, int, int], None]  # what is being done, how much of it is, of how much
Splitting = str | Mapping[str, Any] | Protocol | Split | Sequence[Split] | None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model and the data it was fitted on: together they answer people by their ids."""

    model: Any  # a Model that is a Recommender
    data: Dataset

    def __repr__(self) -> str:
        return f"Fitted({self.model!r} on {self.data!r})"


def method(
    name: str | Path | Mapping[str, Any] | Model, *, fallback: bool = False, **parameters: Any
) -> Any:
    """A method from its name or address, its tree, a flow file (``*.yaml``) or itself.

    ``parameters`` come on top; with ``fallback`` it is put inside a `Fallback` to popularity,
    unless it is one, so that nobody gets an empty list.
    """
    if isinstance(name, str | Path) and str(name).endswith((".yaml", ".yml")):
        made: Any = read_flow(name)
    elif isinstance(name, Path):
        raise BadParameter(f"a flow file ends in .yaml; got {name}")
    else:
        made = name.fresh() if isinstance(name, Model) else build(name)
    if parameters:
        made = build(describe(made), **parameters)
    if not (isinstance(made, Model) and isinstance(made, Recommender)):
        raise BadParameter(f"{made!r} does not recommend; `headwater methods` lists what does")
    if fallback and made.address not in ("retrieve.fallback", "retrieve.matrix.popularity"):
        return build({"model": "retrieve.fallback", "first": made, "then": "popularity"})
    return made


def fit(
    model: str | Path | Mapping[str, Any] | Model,
    data: Dataset,
    *,
    fallback: bool = True,
    early_stopping: EarlyStopping | str | None = None,
    split: Splitting = None,
    seed: int = 0,
    progress: Progress | None = None,
    **parameters: Any,
) -> Fitted:
    """Fit a method on ``data``.

    With ``early_stopping``, a rule or the name of a metric, what learns in epochs learns from the
    training part of a split of ``data`` by the protocol ``split``, and keeps the epoch that is best
    on the rest.

    >>> from headwater.data.toy import blocks
    >>> fit("popularity", blocks())
    Fitted(Popularity(days=None, half_life=None) on Dataset(120 users, 60 items, 1,440 events))
    """
    made = method(model, fallback=fallback, **parameters)
    is_dataset(data)
    rule = rule_of(early_stopping)
    if split is not None and rule is None:
        raise BadParameter("split is for early_stopping, which is not asked for: fit takes it all")
    part = splits_of(data, split, seed=seed)[0] if rule is not None else None
    fit_model(made, data, validation=part, early_stopping=rule, progress=progress)
    return Fitted(made, data)


def recommend(
    model: Fitted,
    users: Iterable[Any] | None = None,
    *,
    history: Sequence[Sequence[Any] | Mapping[Any, float]] | None = None,
    k: int = 10,
    filter_seen: bool = True,
    now: int | None = None,
    within: Iterable[Any] | None = None,
    guide: Mapping[str, Any] | None = None,
    strength: float | None = None,
    declined: Sequence[Sequence[Any]] | None = None,
    trace: bool = False,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """The k best items of each user: user_id, item_id, rank, score, title, path; and the picture,
    where the model chooses one.

    ``users`` are ids; a user nobody has seen gets the fallback, and ``path`` says so. ``history``
    is for people who are not in the data: for each a list of item ids, oldest first, or a mapping
    from item id to rating; their user_id is ``new 1``, ``new 2``. Neither means every user.
    ``within`` are the ids of the items that may be recommended. ``now`` is a unix time.

    ``guide`` and ``declined`` are for methods that can follow them, recfusion_guided: ``guide``
    leans every list to kinds in a column of the catalogue, ``{"genres": ["Horror"]}``, not at all
    at a ``strength`` of 0 and as far as it was learned at 1, the default; ``declined`` are, for
    each of those who ask, the ids of items that they are known not to have chosen, and do not get.

    With ``trace`` a last column ``why`` says for each item where a flow found it and which of its
    stages moved it; `headwater.trace` has the slates and times of each.

    >>> from headwater.data.toy import checkers
    >>> model = fit("ease", checkers(8)[0], l2=1)
    >>> recommend(model, users=[3], k=1).rows()
    [(3, 3, 1, 0.7..., 'item 3', 'retrieve.matrix.ease')]
    """
    data, k = model.data, length(k)
    if users is not None and history is not None:
        raise BadParameter("give users or history, not both")
    if history is not None:
        queries = data.newcomers(histories_of(data, history), now=now)
        names = pl.Series("user_id", [f"new {i + 1}" for i in range(len(history))])
    else:
        queries, names = known(data, users, now)
    if within is not None:
        at = encoded_items(data, within)
        pool = np.zeros(len(data.items), bool)
        pool[at] = True
        queries = replace(queries, pool=pool)
    if guide is None and strength is not None:
        raise BadParameter("strength says how far to follow guide, and there is no guide")
    if guide is not None or declined is not None:
        queries = steered(model, queries, guide, strength, declined)
    slates = []
    told: list[str] = []
    size = 4096
    for at_ in range(0, len(queries), size):
        part = queries[at_ : at_ + size]
        with traced() as steps:
            slates.append(model.model.recommend(part, k, filter_seen=filter_seen))
        for row in range(len(part)) if trace else ():
            told += why(steps, row, slates[-1].items[row][slates[-1].filled[row]].tolist())
        if progress is not None:
            progress("recommend", min(at_ + size, len(queries)), len(queries))
    if not slates:
        slates = [model.model.recommend(queries, k, filter_seen=filter_seen)]
    slate = Slate.stack(slates)
    without = ~slate.filled.any(1)
    if without.any():
        log.warning("%d of them get nothing: all that may be recommended was seen", without.sum())
    if queries.guide is not None and slate.path is not None:
        scorer = first_scorer(model.model)
        led = np.array([name == getattr(scorer, "address", "") for name in slate.paths])
        by_others = slate.filled.any(1) & ~(led[slate.path] & slate.filled).any(1)
        if by_others.any():
            log.warning("%d of them get the fallback, which follows no guide", by_others.sum())
    table = frame(model, slate, names)
    if not trace:
        return table
    said = pl.Series("why", told, dtype=pl.String)  # nothing of what no flow had a part in
    return table.with_columns(said).with_columns(
        why=pl.when(said != "").then(said).otherwise("path")
    )


def steered(
    model: Fitted,
    queries: Queries,
    guide: Mapping[str, Any] | None,
    strength: float | None,
    declined: Sequence[Sequence[Any]] | None,
) -> Queries:
    """``queries`` with what they lean to and what was declined; `BadParameter` if in vain."""
    scorer = first_scorer(model.model)
    if not getattr(scorer, "guides", False):
        raise BadParameter(
            f"{type(scorer).__name__} can follow neither guide nor declined; recfusion_guided can"
        )
    if guide is not None:
        if len(guide) != 1 or not all(several(kinds) for kinds in guide.values()):
            raise BadParameter(
                f"guide is one column and its kinds, {{'genres': ['Horror']}}; got {guide!r}"
            )
        ((column, kinds),) = guide.items()
        strength = 1.0 if strength is None else float(strength)
        if not np.isfinite(strength):
            raise BadParameter(f"strength must be a finite number, got {strength}")
        queries = replace(queries, guide=Guide(column, tuple(several(kinds)), strength))
    if declined is not None:
        if len(declined) != len(queries):
            raise BadParameter(f"declined has {len(declined)} lists for {len(queries)} requests")
        queries = replace(queries, declined=histories_of(model.data, declined))
    return queries


def thumbnails(
    model: Fitted,
    pictures: Pictures,
    users: Iterable[Any] | None = None,
    *,
    tastes: Sequence[Any] = (),
    k: int = 8,
    by: str = "genres",
    picker: str | Mapping[str, Any] = "match",
    seed: int = 0,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Which picture of each of their k best items people see, and why.

    ``users`` are ids; of the items with ``pictures`` (`headwater.stills`) each gets a list of the
    ``model``. Then come ``tastes``, kinds in the column ``by``: somebody who chose only items of
    that kind, those that are of the fewest other kinds and of these the most popular, shown the
    list of the first user. What a picture shows is judged by a head that has not learned from its
    item; `stills.with_stills` says how, and what ``cache`` is.

    Columns: who, item_id, rank, title, picture, kind (of the person's taste, that it shows most
    of), shows (how much of it), taste (what share of it that kind is) and why; a picture that was
    drawn to learn from is told to be that.
    """
    data = with_stills(model.data, pictures, by=by, seed=seed, cache=cache, progress=progress)
    chooser = build(picker).fit(data)
    if not getattr(chooser, "chooses_pictures", False):
        raise BadParameter(f"picker must choose pictures, as match and thompson do; got {picker!r}")
    queries, names = known(data, users, None)
    if not len(queries):
        raise BadParameter("say who sees the pictures: at least one user")
    pool = np.isin(np.arange(len(data.items)), pictures.items)
    slate = model.model.recommend(replace(queries, pool=pool), length(k))
    if tastes:
        likes = tasters(data, by, tastes)
        many = np.zeros(len(tastes), np.int64)
        slate = Slate.stack([slate, slate[many]])
        queries = replace(
            queries,
            history=Histories.stack([queries.history, likes.history]),
            user=np.concatenate([queries.user, likes.user]),
            now=np.concatenate([queries.now, likes.now]),
        )
        who = [*(f"user {name}" for name in names), *(f"who likes {kind}" for kind in tastes)]
    else:
        who = [f"user {name}" for name in names]
    slate = chooser(queries, slate)
    because = chooser.because(queries, slate)
    row, slot = np.nonzero(slate.filled)
    called = np.array([str(each) for each in data.catalog.kinds(by)], object)
    table = frame(Fitted(model.model, data), slate, pl.Series(who), asked="who")
    if "picture" not in table.columns or not len(table):
        raise DataError("no item of these lists has a picture: are all of them seen already?")
    assert slate.creative_propensity is not None
    chances = slate.creative_propensity[row, slot]
    cells = zip(row.tolist(), slot.tolist(), strict=True)
    why = [
        _shown_for(because, cell, called, chance, picture)
        for cell, chance, picture in zip(cells, chances, table["picture"], strict=True)
    ]
    found = because.kind[row, slot]
    named = [None if i == PAD else called[i] for i in found]
    return table.select("who", "item_id", "rank", "title", "picture").with_columns(
        kind=pl.Series(named, dtype=pl.String),
        shows=pl.Series(because.shows[row, slot]),
        taste=pl.Series(because.share[row, slot]),
        why=pl.Series(why, dtype=pl.String),
    )


def _shown_for(
    because: Any, cell: tuple[int, int], called: Any, chance: float, picture: str | None
) -> str:
    if picture is None:
        return "no picture that may be shown"
    if not because.led[cell]:
        return f"shown to learn from (chance {chance:.1%})"
    kind = because.kind[cell]
    if kind != PAD:
        shows, share = because.shows[cell], because.share[cell]
        return f"shows {called[kind]} ({shows:.0%}), {share:.0%} of the taste"
    if because.first[cell]:
        return "the default: nothing is known of the taste"
    return f"the likeliest (chance {chance:.0%}): nothing is known of the taste"


def tasters(data: Dataset, by: str, kinds: Sequence[Any], most: int = 10) -> Queries:
    """For each kind somebody who chose ``most`` items of it and nothing else: those of the fewest
    other kinds, and of these the most popular."""
    have = data.catalog.kinds(by)
    for kind in kinds:
        if kind not in have:
            raise UnknownName(f"kind in {by}", kind, have)
    has = data.catalog.multi_hot(by).tocsc()
    number = np.diff(has.tocsr().indptr)
    chosen = np.bincount(data.log.items, minlength=len(data.items))
    rows, items = [], []
    for row, kind in enumerate(kinds):
        column = have.index(kind)
        mine = has.indices[has.indptr[column] : has.indptr[column + 1]]
        best = mine[np.lexsort((-chosen[mine], number[mine]))][:most]
        rows += [row] * len(best)
        items += best.tolist()
    history = Histories.of(
        np.array(rows, np.int64),
        np.array(items, np.int64),
        n_rows=len(kinds),
        n_items=len(data.items),
    )
    return data.newcomers(history)


def similar_items(model: Fitted, items: Iterable[Any], *, k: int = 10) -> pl.DataFrame:
    """The k items most like each of ``items``: item_id, similar_id, rank, score, title.

    What is similar is the method's own: the cosine of two items' vectors where it has vectors,
    what people who chose just this one would get where it has none.
    """
    k = length(k)
    at = encoded_items(model.data, items)
    scorer = first_scorer(model.model)
    if scorer is None:
        raise BadParameter(f"{type(model.model).__name__} holds no method that scores items")
    n = len(model.data.items)
    from .model import top

    s = np.array(scorer.similarity(at, n), np.float32)
    nobody = model.data.newcomers(Histories.empty(1, n))
    plain = scorer.scores(nobody)
    if len(s) and np.ptp(plain) > 0 and (s == plain).all():
        raise BadParameter(
            f"{type(scorer).__name__} scores every item alike for everybody, whatever they chose: "
            "it knows nothing of which items are alike; itemknn, ease and wrmf do"
        )
    s[np.arange(len(at)), at] = -np.inf
    best = top(s, k)
    values = np.take_along_axis(s, best, 1)
    slate = Slate(np.where(np.isneginf(values), PAD, best).astype(np.int32), values)
    own = pl.Series("item_id", model.data.items.decode(at))
    table = frame(model, slate, own, asked="item_id", answered="similar_id")
    return table.drop("path")


def first_scorer(model: Model) -> Scorer | None:
    if isinstance(model, Scorer):
        return model
    return next((found for part in model.parts() if (found := first_scorer(part))), None)


def known(data: Dataset, users: Iterable[Any] | None, now: int | None) -> tuple[Queries, pl.Series]:
    """The requests of ``users``, those nobody has seen with an empty history, and their ids."""
    if users is None:
        return data.queries(now=now), data.users.values.alias("user_id")
    asked = pl.Series("user_id", several(users), strict=False)
    at = data.users.encode(asked)
    same = asked.cast(data.users.values.dtype, strict=False)
    asked = asked if same.null_count() else same
    new = at == PAD
    if new.any():
        names = ", ".join(str(each) for each in asked.filter(pl.Series(new)).head(5))
        log.warning("%d users are not in the data and get the fallback: %s", new.sum(), names)
    seen = data.queries(at[~new], now=now)
    place = np.full(len(at), len(seen.history))
    place[~new] = np.arange(len(seen.history))
    h = seen.history
    longer = replace(h, start=np.append(h.start, h.start[-1]))  # one empty row, for the new
    last = int(data.log.times.max(initial=0)) if now is None else now
    return Queries(longer[place], at, np.full(len(at), last, np.int64)), asked


def histories_of(
    data: Dataset, history: Sequence[Sequence[Any] | Mapping[Any, float]]
) -> Histories:
    """Rows of items as people give them; `UnknownName` for an item that nobody has seen."""
    rows, items, values = [], [], []
    for row, events in enumerate(history):
        if isinstance(events, str | bytes) or not isinstance(events, Iterable):
            raise BadParameter(f"history is a list of lists of item ids, got {history!r}")
        pairs = events if isinstance(events, Mapping) else dict.fromkeys(events, 1.0)
        rows += [row] * len(pairs)
        items += encoded_items(data, list(pairs)).tolist()
        values += [float(value) for value in pairs.values()]
    return Histories.of(
        np.array(rows, np.int64),
        np.array(items, np.int64),
        n_rows=len(history),
        n_items=len(data.items),
        values=np.array(values, np.float32),
    )


def encoded_items(data: Dataset, items: Iterable[Any]) -> np.ndarray:  # (n,) int32
    asked = several(items)
    if not asked:
        return np.zeros(0, np.int32)
    at = data.items.encode(pl.Series(asked, strict=False))
    if (at == PAD).any():
        missing = asked[int(np.argmax(at == PAD))]
        have = data.items.values.head(8).to_list()
        raise UnknownName("item", missing, have, f"And {max(len(data.items) - 8, 0):,} more.")
    return at


def frame(
    model: Fitted,
    slate: Slate,
    names: pl.Series,
    *,
    asked: str = "user_id",
    answered: str = "item_id",
) -> pl.DataFrame:
    """A slate as people read it: one row a filled slot, ids and titles for indices."""
    row, slot = np.nonzero(slate.filled)
    at = slate.items[row, slot]
    table = model.data.catalog.table
    titles = table["title"] if "title" in table.columns else model.data.items.values
    title = titles.cast(pl.String).gather(at)
    ids = model.data.items.decode(at)
    if slate.path is not None:
        paths = pl.Series(slate.paths, dtype=pl.String).gather(slate.path[row, slot])
    else:
        paths = pl.Series([model.model.address]).gather(np.zeros(len(row), np.int64))
    told = {
        asked: names.gather(row),
        answered: ids,
        "rank": slot + 1,
        "score": slate.scores[row, slot],
        "title": title.fill_null(ids.cast(pl.String)),
        "path": paths,
    }
    stills = model.data.catalog.stills
    if slate.creative is not None and stills is not None:
        number = stills.number(at, slate.creative[row, slot])
        told["picture"] = Ids(stills.names).decode(number)
    return pl.DataFrame(told)


def splits_of(data: Dataset, split: Splitting = None, *, splits: int = 1, seed: int = 0) -> Any:
    """The splits to measure on: by a protocol, its name or its tree, or ready made.

    None is the global temporal split where the events have times, and random per user elsewhere.
    """
    is_dataset(data)
    if isinstance(split, Split):
        return [split]
    if split is None or isinstance(split, str | Mapping | Protocol):
        return make_splits(data, split, n=splits, seed=seed)
    if not all(isinstance(each, Split) for each in split):
        raise BadParameter(f"split is the name of a protocol, a Split or several; got {split!r}")
    return split


def metrics_of(metrics: Sequence[str | Metric] | None, k: int | None) -> Sequence[str | Metric]:
    """The metrics asked for; ``k`` is the depth of those that name none."""
    if metrics is None:
        return DEFAULT if k is None else [f"{name.partition('@')[0]}@{k}" for name in DEFAULT]
    metrics = [metrics] if isinstance(metrics, str) else metrics
    return [make_metric(m, k=k) if isinstance(m, str) else m for m in metrics]


def evaluate(
    model: str | Path | Mapping[str, Any] | Model | Fitted,
    data: Dataset,
    *,
    split: Splitting = None,
    splits: int = 1,
    metrics: Sequence[str | Metric] | None = None,
    k: int | None = None,
    seed: int = 0,
    early_stopping: EarlyStopping | str | None = None,
    progress: Progress | None = None,
    **parameters: Any,
) -> Evaluation:
    """Fit a method on the training part of each split of ``data`` and measure it on the rest.

    What was fitted before is fitted again, since it may have seen what is held out.
    """
    chosen = model.model if isinstance(model, Fitted) else model
    parts = splits_of(data, split, splits=splits, seed=seed)
    made = method(chosen, **parameters)
    rule = rule_of(early_stopping)
    asked = metrics_of(metrics, k)
    return evaluate_model(made, parts, asked, early_stopping=rule, progress=progress)


def compare(
    models: Sequence[Any] | Mapping[str, Any],
    data: Dataset,
    *,
    split: Splitting = None,
    splits: int = 1,
    metrics: Sequence[str | Metric] | None = None,
    k: int | None = None,
    seed: int = 0,
    baseline: str | None = None,
    early_stopping: EarlyStopping | str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Several methods on the same splits, with paired tests; the names are theirs or the keys."""
    made = named_methods(models)
    parts = splits_of(data, split, splits=splits, seed=seed)
    asked = metrics_of(metrics, k)
    rule = rule_of(early_stopping)
    return compare_models(
        made, parts, asked, baseline=baseline, early_stopping=rule, progress=progress
    )


def rule_of(asked: EarlyStopping | str | None) -> EarlyStopping | None:
    return EarlyStopping(metric=asked) if isinstance(asked, str) else asked


def named_methods(models: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(models, Mapping):
        return {name: method(each) for name, each in models.items()}
    made: dict[str, Any] = {}
    for each in [models] if isinstance(models, str) else models:
        one = method(each)
        name = str(each) if isinstance(each, str | Path) else one.address.rsplit(".", 1)[-1]
        if name in made:
            raise BadParameter(f"two methods are called {name!r}: give a mapping of names")
        made[name] = one
    if not made:
        raise DataError("nothing to compare: give at least one method")
    return made


def is_dataset(data: Any) -> None:
    if not isinstance(data, Dataset):
        raise BadParameter(
            f"data must be a Dataset, got {type(data).__name__}: make one with hw.read(...)"
        )


def length(k: Any) -> int:
    try:
        whole = index(k)
    except TypeError:
        whole = 0
    if isinstance(k, bool) or whole < 1:
        raise BadParameter(f"k must be a whole number of at least 1, got {k!r}")
    return whole


def several(ids: Any) -> list[Any]:
    """A list of ids; one alone, a number or a text, is a list of one."""
    return list(ids) if isinstance(ids, Iterable) and not isinstance(ids, str | bytes) else [ids]


def save(model: Fitted, folder: str | Path, *, with_data: bool = True) -> Path:
    """Write ``model`` to ``folder``; without its data it cannot answer by ids elsewhere."""
    if not isinstance(model, Fitted):
        raise BadParameter(f"only what `fit` gave can be saved, got {model!r}")
    return artifact.save(model.model, folder, model.data, with_data=with_data)


def load(folder: str | Path, data: Dataset | None = None) -> Fitted:
    """What `save` wrote, in any process; ``data`` if it was saved without."""
    found = artifact.load(folder)
    if found.data is None and data is None:
        raise BadArtifact(f"{folder} was saved without its data: give it, load(folder, data)")
    if data is not None:
        from .data.fingerprint import fingerprint

        if fingerprint(data) != found.about["data"]["fingerprint"]:
            raise BadArtifact(f"{folder} was fitted on other data than {data!r}")
    use = data if data is not None else found.data
    assert use is not None
    return Fitted(found.model, use)
