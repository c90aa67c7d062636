"""What every metric must do, as plain functions: each takes a metric and asserts.

from headwater.testing import metrics
for check in metrics.CHECKS:
    check(MyMetric(k=5))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..data.toy import world
from ..errors import DataError
from ..evidence import Evidence, Metric
from ..types import PAD, Catalog, Floats, Histories, Ints, Mask, Queries, Slate

__all__ = ["CHECKS", "check_one_by_one", "check_undefined", "evidence", "ranked", "worlds"]


def evidence(
    seed: int = 0,
    *,
    requests: int = 12,
    items: int = 25,
    slots: int = 8,
    users: int = 40,
    pool: bool = False,
    popularity_differs: bool = False,
    offered: bool = False,
) -> Evidence:
    """A world made up: repeats, ties, empty rows, short slates, hits, items without description.

    With ``popularity_differs`` no two items were chosen by equally many users; with ``offered``
    each request had candidates of its own.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(items) if popularity_differs else rng.integers(0, max(users // 4, 1), items)
    users = max(users, int(times.max(initial=0)))
    chosen = np.repeat(rng.permutation(items), times)
    by = [rng.permutation(users)[:n] for n in times]
    log = _histories(rng, np.concatenate([*by, np.zeros(0, int)]), chosen, users, items)

    past_of, past = _events(rng, requests, items, max(items // 3, 1))
    wanted_of, wanted = _events(rng, requests, items, max(items // 2, 1))
    truth = _histories(rng, wanted_of, wanted, requests, items)
    worthless = truth.rows == min(3, requests)
    truth = replace(truth, values=np.where(worthless, 0, truth.values).astype(np.float32))
    history = _histories(rng, past_of, past, requests, items)
    allowed = rng.random(items) < 0.6 if pool else np.ones(items, bool)
    nobody = np.full(requests, PAD, np.int32)
    asked = Queries(history, nobody, np.zeros(requests, np.int64))

    shown = np.full((requests, slots), PAD, np.int32)
    for row in range(requests):
        score = rng.random(items) + 0.5 * np.isin(np.arange(items), wanted[wanted_of == row])
        order = [i for i in np.argsort(-score) if allowed[i]][: rng.integers(0, slots + 1)]
        shown[row, : len(order)] = order
    scores = np.where(shown == PAD, -np.inf, -np.arange(slots)).astype(np.float32)

    news = np.random.default_rng([seed, items])
    among = [[*row[row != PAD], *news.permutation(items)[: items // 2]] for row in shown]

    most = max([len(set(each)) for each in among], default=0)
    own = np.full((requests, most), PAD, np.int32)
    for row, each in enumerate(among):
        own[row, : len(set(each))] = news.permutation(list(set(each)))

    seen = Evidence(
        queries=replace(asked, pool=allowed) if pool else asked,
        offered=Slate(own, np.zeros(own.shape, np.float32)) if offered else None,
        slate=Slate(shown, scores),
        truth=truth,
        data=replace(world(log), catalog=_catalog(rng, news, items)),
        predicted=rng.normal(3, 1, len(truth.items)),
    )
    return ranked(seen, rng.integers(0, 6, (requests, items)))


def ranked(seen: Evidence, scores: Floats | Ints) -> Evidence:
    """The evidence with the places that ``scores`` (B, N) give to what was chosen.

    With the chances that the scores stand for as logits. Candidates are the items of the pool that
    are not in the history.
    """
    b, n = scores.shape
    candidate = (
        np.ones((b, n), bool) if seen.queries.pool is None else np.tile(seen.queries.pool, (b, 1))
    )
    candidate[seen.queries.history.rows, seen.queries.history.items] = False
    ranks = np.full(len(seen.truth.items), np.nan)
    for event, (row, item) in enumerate(zip(seen.truth.rows, seen.truth.items, strict=True)):
        if candidate[row, item]:
            others = scores[row, candidate[row]]
            above, level = others > scores[row, item], others == scores[row, item]
            ranks[event] = above.sum() + (level.sum() + 1) / 2
    chances = csr_array(np.where(candidate, 1 / (1 + np.exp(-scores.astype(float))), 0))
    number = candidate.sum(1).astype(np.float64)
    return replace(seen, ranks=ranks, candidates=number, chances=chances)


def worlds() -> list[Evidence]:
    """Everyday worlds and odd ones: with a pool, without requests, slots or users, of one item."""
    return deepcopy(_worlds())  # one that a metric has spoiled must not reach the next check


@cache
def _worlds() -> list[Evidence]:
    return [
        *(evidence(seed, requests=20) for seed in range(3)),
        evidence(3, pool=True),
        evidence(4, slots=25, pool=True),
        evidence(5, requests=1),
        evidence(6, requests=0),
        evidence(7, slots=0),
        evidence(8, items=1, slots=1),
        evidence(9, users=0),
        evidence(10, offered=True),
    ]


def check_shape(metric: Metric) -> None:
    """One float a request, or one for all; never infinite here, where all there is is finite."""
    for seen in worlds():
        value = np.asarray(metric(seen))
        assert value.shape in ((), (len(seen),)), value.shape
        assert value.dtype.kind == "f", value.dtype
        assert not np.isinf(value).any()


def check_declares(metric: Any) -> None:
    """Says which way is better, and needs nothing that there is not; its settings are fixed."""
    assert getattr(metric, "best", "none") in ("high", "low", "none")
    have = {f.name for f in fields(Evidence)}
    assert set(getattr(metric, "needs", ())) <= have
    if is_dataclass(metric):
        assert metric == replace(metric)  # type: ignore[type-var]
        assert hash(metric) == hash(replace(metric))  # type: ignore[type-var]
        assert "best" in vars(type(metric)), "the class does not say which way is better"


def check_bounds(metric: Any) -> None:
    """All values are within ``metric.bounds``, if it has any."""
    low, high = getattr(metric, "bounds", (-np.inf, np.inf))
    for seen in worlds():
        value = np.asarray(metric(seen))
        known = value[~np.isnan(value)]
        assert (known >= low).all(), known.min()
        assert (known <= high).all(), known.max()


def check_appended_pad(metric: Metric) -> None:
    """Empty slots at the end of the slates change nothing."""
    for seen in worlds():
        items, scores = seen.slate.items, seen.slate.scores
        more = np.full((len(items), 3), PAD, np.int32)
        longer = Slate(
            np.hstack([items, more]),
            np.hstack([scores, np.full(more.shape, -np.inf, np.float32)]),
        )
        same(metric(replace(seen, slate=longer)), metric(seen))


def check_depth(metric: Any) -> None:
    """What stands below slot k changes nothing."""
    if hasattr(metric, "k"):
        for seen in worlds():
            same(metric(replace(seen, slate=seen.slate.top(metric.k))), metric(seen))


def check_order_of_requests(metric: Metric) -> None:
    """Requests in another order get the same values, in that order."""
    for seed, seen in enumerate(worlds()):
        order = np.random.default_rng(seed).permutation(len(seen))
        value = np.asarray(metric(seen))
        same(metric(take(seen, order)), value[order] if value.ndim else value)


def check_relabelling(metric: Metric) -> None:
    """With the items numbered otherwise, the same values (where no two are equally popular)."""
    for seed in range(4):
        seen = evidence(seed, pool=seed % 2 == 1, popularity_differs=True)
        new = np.random.default_rng(seed).permutation(seen.truth.n_items).astype(np.int32)
        same(metric(relabelled(seen, new)), metric(seen))


def check_inputs_unchanged(metric: Metric) -> None:
    for seen in worlds():
        before = [each.copy() for each in arrays(seen)]
        metric(seen)
        for then, now in zip(before, arrays(seen), strict=True):
            np.testing.assert_array_equal(now, then)


def check_needs(metric: Any) -> None:
    """Without a column that it needs, it says which; with just those, it has an answer."""
    optional = ("ranks", "candidates", "predicted", "chances")
    seen = evidence()
    needs = getattr(metric, "needs", ())
    enough: dict[str, Any] = {name: None for name in optional if name not in needs}
    same(metric(replace(seen, **enough)), metric(seen))
    for name in needs:
        lacking: dict[str, Any] = {name: None}
        said = ""
        try:
            metric(replace(seen, **lacking))
        except DataError as error:
            said = str(error)
        assert name in said, f"without {name}, which it needs, it says {said!r}"


CHECKS: tuple[Callable[[Any], None], ...] = (
    check_shape,
    check_declares,
    check_bounds,
    check_appended_pad,
    check_depth,
    check_order_of_requests,
    check_relabelling,
    check_inputs_unchanged,
    check_needs,
)
"""What holds for every metric. One that looks at each request by itself also passes
`check_one_by_one`; `check_undefined` is told where the metric has no answer."""


def check_one_by_one(metric: Metric) -> None:
    """A batch of requests gets what each of them gets alone."""
    for seen in worlds():
        value = np.asarray(metric(seen))
        if value.ndim:
            alone = [metric(take(seen, np.array([row]))) for row in range(len(seen))]
            same(np.concatenate([np.zeros(0), *alone]), value)


def check_undefined(metric: Metric, where: Callable[[Evidence], Mask | bool]) -> None:
    """NaN exactly ``where`` the metric is said to have no answer: (B,) bool, or one for all."""
    for seen in worlds():
        np.testing.assert_array_equal(np.isnan(metric(seen)), where(seen))


def same(one: Any, other: Any) -> None:
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def take(seen: Evidence, rows: Ints) -> Evidence:
    """The evidence of some of the requests."""
    start = seen.truth.start
    events = np.concatenate([np.arange(start[r], start[r + 1]) for r in rows] or [np.zeros(0, int)])

    def pick(column: Floats | None, at: Ints) -> Floats | None:
        return None if column is None else column[at]

    return replace(
        seen,
        queries=seen.queries[rows],
        slate=Slate(seen.slate.items[rows], seen.slate.scores[rows]),
        offered=None if seen.offered is None else seen.offered[rows],
        truth=seen.truth[rows],
        ranks=pick(seen.ranks, events),
        candidates=pick(seen.candidates, rows),
        predicted=pick(seen.predicted, events),
        chances=None if seen.chances is None else seen.chances[rows],
    )


def relabelled(seen: Evidence, new: NDArray[np.int32]) -> Evidence:
    """The same world, in which item i has the number ``new[i]``."""
    old = np.argsort(new)

    def histories(h: Histories) -> Histories:
        return replace(h, items=new[h.items])

    pool = seen.queries.pool
    catalog = seen.data.catalog

    def slate(old: Slate) -> Slate:
        items = np.where(old.filled, new[np.maximum(old.items, 0)], PAD)
        return replace(old, items=items.astype(np.int32))

    return replace(
        seen,
        queries=replace(
            seen.queries,
            history=histories(seen.queries.history),
            pool=None if pool is None else pool[old],
        ),
        slate=slate(seen.slate),
        offered=None if seen.offered is None else slate(seen.offered),
        truth=histories(seen.truth),
        data=replace(
            seen.data,
            log=histories(seen.data.log),
            catalog=Catalog(
                catalog.table[old], {name: v[old] for name, v in catalog.vectors.items()}
            ),
        ),
        chances=None if seen.chances is None else seen.chances[:, old],
    )


def arrays(thing: Any) -> Iterator[Any]:
    """Every array in a tree of dataclasses and mappings."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif is_dataclass(thing):
        for f in fields(thing):
            yield from arrays(getattr(thing, f.name))
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from arrays(value)


def _events(rng: Any, rows: int, items: int, most: int) -> tuple[Ints, Ints]:
    """(row, item) pairs with repeats; about one row in four has none."""
    lengths = rng.integers(0, most + 1, rows) * (rng.random(rows) < 0.8)
    return np.repeat(np.arange(rows), lengths), rng.integers(0, items, lengths.sum())


def _histories(rng: Any, rows: Ints, items: Ints, n_rows: int, n_items: int) -> Histories:
    """The events in any order, some of them twice, with values from 1 to 5."""
    at = rng.permutation(np.concatenate([np.arange(len(rows)), np.arange(len(rows) // 4)]))
    return Histories.of(
        rows[at],
        items[at],
        n_rows=n_rows,
        n_items=n_items,
        times=rng.integers(1, 1000, len(at)),
        values=rng.integers(1, 6, len(at)).astype(np.float32),
    )


def _catalog(rng: Any, news: Any, items: int) -> Catalog:
    """Topics and lists of genres, some missing or empty, and vectors, one of them zero; and what
    is known of news, likewise."""
    genres = [
        None if rng.random() < 0.1 else [f"g{j}" for j in rng.choice(5, rng.integers(0, 4), False)]
        for _ in range(items)
    ]
    topics = [None if rng.random() < 0.1 else f"t{rng.integers(4)}" for _ in range(items)]
    vectors = rng.normal(size=(items, 3)).astype(np.float32)
    vectors[:1] = 0
    table = pl.DataFrame(
        {"title": [f"item {i}" for i in range(items)], "topic": topics, "genres": genres},
        schema={"title": pl.String, "topic": pl.String, "genres": pl.List(pl.String)},
    )

    def some(made: Any) -> list[Any]:
        return [None if news.random() < 0.1 else made() for _ in range(items)]

    def mentions(names: Sequence[str]) -> list[str]:
        return [str(each) for each in news.choice(names, news.integers(0, 4))]

    table = table.with_columns(
        pl.Series("category", some(lambda: f"c{news.integers(4)}"), pl.String),
        pl.Series("story", some(lambda: f"s{news.integers(12)}"), pl.String),
        pl.Series("complexity", some(lambda: float(news.normal(50, 20))), pl.Float64),
        pl.Series("sentiment", some(lambda: float(news.uniform(-1, 1))), pl.Float64),
        pl.Series("parties", some(lambda: mentions(["a", "b", "c"])), pl.List(pl.String)),
        pl.Series("voices", some(lambda: mentions(["majority", "minority"])), pl.List(pl.String)),
    )
    return Catalog(table, {"text": vectors})
