from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from textbook import agrees, lists, world

from headwater.errors import BadParameter, DataError, MissingColumn, UnknownName
from headwater.evidence import Evidence
from headwater.metrics.calibration import Calibration
from headwater.metrics.platform_distance import PlatformDistance
from headwater.metrics.representation import Representation
from headwater.rerank.radio import RADio
from headwater.types import Catalog, Histories, Impressions, Queries, Slate

ALPHA = 0.001
DISCOUNT = {
    "reciprocal": lambda r: 1 / r,
    "log": lambda r: 1 / np.log2(r + 1),
    "none": lambda r: r**0.0,
}


def kinds_of(data, item, by="genres"):
    """The shares of the kinds of an item, as a dictionary."""
    found = data.catalog.table[by][int(item)]
    found = [] if found is None else found if isinstance(found, str | list) else found.to_list()
    found = [found] if isinstance(found, str) else list(found)
    return {kind: found.count(kind) / len(found) for kind in set(found)}


def mixed(parts):
    """Of (kinds, weight) pairs a mix that adds up to one; None of nothing."""
    total = {}
    for kinds, weight in parts:
        for kind, share in kinds.items():
            total[kind] = total.get(kind, 0) + weight * share
    size = sum(total.values())
    return {kind: value / size for kind, value in total.items()} if size else None


def far(p, q, how="jensen_shannon"):
    names = sorted(set(p) | set(q))
    p, q = (np.array([each.get(name, 0) for name in names]) for each in (p, q))
    p, q = (1 - ALPHA) * p + ALPHA * q, (1 - ALPHA) * q + ALPHA * p
    return jensenshannon(p, q, base=2) if how == "jensen_shannon" else entropy(p, q, base=2)


def by_definition(context, kinds, *, trade, low, high, discount, how, before=()):
    """For `textbook.agrees`: ``context(row, items)`` gives the mix, ``kinds(row, item, items)``
    those of an item."""

    def gain_of(row, items, relevance):
        p = context(row, items)
        known = [mixed([(kinds(row, item, items), 1)]) for item in items]
        usual = 0
        if p and any(known):  # JS is not linear, so the mean is of the roots' squares
            each = [far(p, q, how) for q in known if q]
            usual = np.mean(each) if how == "kl" else np.sqrt(np.mean(np.square(each)))

        def gain(picked, i):
            if p is None:
                return (1 - trade) * relevance[i]
            parts = list(before(row)) if before else []
            parts += [
                (kinds(row, items[at], items), DISCOUNT[discount](rank))
                for rank, at in enumerate([*picked, i], 1)
            ]
            q = mixed(parts)
            d = far(p, q, how) if q else usual
            return (1 - trade) * relevance[i] - trade * (max(low - d, 0) + max(d - high, 0))

        return gain

    return gain_of


def history(data, row, discount, by="genres"):
    mine = data.log.items[data.log.start[row] : data.log.start[row + 1]][::-1]
    return mixed((kinds_of(data, i, by), DISCOUNT[discount](r)) for r, i in enumerate(mine, 1))


@pytest.mark.parametrize("how", ["jensen_shannon", "kl"])
@pytest.mark.parametrize("discount", ["reciprocal", "log", "none"])
@pytest.mark.parametrize(("trade", "low", "high"), [(0.0, 0, 0), (0.5, 0, 0), (0.9, 0.4, 0.6)])
def test_towards_the_history_is_the_definition(how, discount, trade, low, high):
    data = world()
    stage = RADio(
        by="genres", to="history", trade=trade, low=low, high=high, discount=discount,
        divergence=how, k=8,
    )  # fmt: skip
    agrees(
        stage,
        data,
        by_definition(
            lambda row, items: history(data, row, discount),  # noqa: ARG005
            lambda row, item, items: kinds_of(data, item),  # noqa: ARG005
            trade=trade,
            low=low,
            high=high,
            discount=discount,
            how=how,
        ),
    )


def of_pool(data, items):
    return mixed((kinds_of(data, i), 1) for i in items)


def of_platform(data):
    return mixed((kinds_of(data, i), 1) for i in data.log.items)


@pytest.mark.parametrize("to", ["pool", "platform", "mix"])
def test_towards_other_contexts_is_the_definition(to):
    data = world()
    given = {"g0": 3.0, "g2": 1.0} if to == "mix" else None
    contexts = {
        "pool": lambda row, items: of_pool(data, items),  # noqa: ARG005
        "platform": lambda row, items: of_platform(data),  # noqa: ARG005
        "mix": lambda row, items: {"g0": 0.75, "g2": 0.25},  # noqa: ARG005
    }
    agrees(
        RADio(by="genres", to=to, mix=given, trade=0.7, k=10),
        data,
        by_definition(
            contexts[to],
            lambda row, item, items: kinds_of(data, item),  # noqa: ARG005
            trade=0.7,
            low=0,
            high=0,
            discount="reciprocal",
            how="jensen_shannon",
        ),
    )


def numbered(data, seed=3):
    """With a column of numbers, some missing."""
    rng = np.random.default_rng(seed)
    values = [None if rng.random() < 0.1 else float(v) for v in rng.normal(0, 1, len(data.items))]
    table = data.catalog.table.with_columns(tone=pl.Series(values, dtype=pl.Float64))
    return replace(data, catalog=Catalog(table, data.catalog.vectors))


@pytest.mark.parametrize("to", ["pool", "history"])
@pytest.mark.parametrize("absolute", [False, True])
def test_numbers_are_in_bins_of_the_context(to, absolute):
    data = numbered(world())

    def value(item):
        found = data.catalog.table["tone"][int(item)]
        return None if found is None else abs(found) if absolute else found

    def beside(row, items):
        if to == "pool":
            return list(items), [1.0] * len(items)
        mine = data.log.items[data.log.start[row] : data.log.start[row + 1]][::-1]
        return mine, [1 / r for r in range(1, len(mine) + 1)]

    def binned(row, item, items):
        known = [value(i) for i in beside(row, items)[0] if value(i) is not None]
        if len(set(known)) < 2 or value(item) is None:
            return {}
        edges = np.linspace(min(known), max(known), 6)[1:-1]
        return {int(np.searchsorted(edges, value(item), side="right")): 1.0}

    def context(row, items):
        there, weights = beside(row, items)
        return mixed((binned(row, i, items), w) for i, w in zip(there, weights, strict=True))

    agrees(
        RADio(by="tone", to=to, absolute=absolute, trade=0.8, k=6),
        data,
        by_definition(
            context, binned, trade=0.8, low=0, high=0, discount="reciprocal",
            how="jensen_shannon",
        ),
    )  # fmt: skip


def test_only_some_items_count_and_take_places():
    data = world()
    table = data.catalog.table.with_columns(
        desk=pl.Series(["news" if i % 3 else "sports" for i in range(len(data.items))])
    )
    data = replace(data, catalog=Catalog(table))
    queries, slate = lists(data)
    stage = RADio(by="genres", to="pool", only=("desk", "news"), trade=1.0, k=6).fit(data)
    state = stage.state(queries, slate)
    got = stage(queries, slate)
    metric = Representation(by="genres", k=6, only=("desk", "news"))
    for row in range(5, 10):
        items = slate.items[row][slate.filled[row]]
        news = [i for i in items if i % 3]
        want = of_pool(data, news)
        assert far(want, want) == 0
        picked = got.items[row][:6]
        parts = [i for i in picked if i % 3]
        q = mixed((kinds_of(data, i), 1 / r) for r, i in enumerate(parts, 1))
        seen = Evidence(
            queries[[row]],
            got[[row]],
            Histories.empty(1, len(data.items)),
            data,
            offered=slate[[row]],
        )
        assert metric(seen)[0] == pytest.approx(far(want, q))
        assert state.counted[row].sum() == len(news)


def measured(data, queries, slate, metric, offered=None):
    seen = Evidence(
        queries, slate, Histories.empty(len(slate), len(data.items)), data, offered=offered
    )
    return float(np.nanmean(metric(seen)))


@pytest.mark.parametrize(
    ("to", "metric"),
    [("history", Calibration(by="genres", k=5)), ("pool", Representation(by="genres", k=5))],
)
def test_the_dial_moves_the_metric_both_ways(to, metric):
    data = world(users=60)
    queries, slate = lists(data, requests=60, width=30)
    queries, slate = queries[:50], slate[np.arange(50)]

    def at(trade, low, high):
        stage = RADio(by="genres", to=to, trade=trade, low=low, high=high, k=5).fit(data)
        return measured(data, queries, stage(queries, slate), metric, slate)

    nearer = [at(trade, 0, 0) for trade in (0.0, 0.3, 0.6, 1.0)]
    further = [at(trade, 0.99, 1) for trade in (0.0, 0.3, 0.6, 1.0)]
    assert nearer == sorted(nearer, reverse=True)
    assert further == sorted(further)
    assert nearer[-1] < 0.75 * nearer[0]
    assert further[-1] > 1.1 * further[0]
    mid = (nearer[0] + nearer[-1]) / 2
    assert at(1.0, mid, mid) == pytest.approx(mid, abs=0.08)


@pytest.mark.parametrize("trade", [0, 0.5, 1])
def test_what_must_not_be_shown_stays_last(trade):
    data = world()
    queries, slate = lists(data)
    scores = slate.scores.copy()
    scores[:, ::3] = np.where(slate.filled[:, ::3], -np.inf, scores[:, ::3])
    told = RADio(by="genres", trade=trade, k=50).fit(data)(queries, replace(slate, scores=scores))
    worth = np.isfinite(told.scores)
    assert worth.any()
    assert (worth[:, :-1] >= worth[:, 1:])[told.filled[:, 1:]].all()


def test_lists_near_the_platform_are_near_each_other():
    data = world(users=60)
    queries, slate = lists(data, requests=50, width=30)
    near = RADio(by="genres", to="platform", trade=1.0, k=5).fit(data)(queries, slate)
    metric = PlatformDistance(by="genres", k=5)
    assert measured(data, queries, near, metric) < 0.7 * measured(data, queries, slate, metric)


def test_the_platform_is_what_was_shown_last():
    data = world()
    stage = RADio(by="genres", to="platform").fit(data)
    np.testing.assert_array_equal(
        stage.platform_, np.bincount(data.log.items, minlength=len(data.items))
    )
    queries, slate = lists(data)
    shown = Impressions(queries, slate, np.zeros(slate.items.shape, np.float32))
    items = slate.items[slate.filled]
    want = np.bincount(items, minlength=len(data.items))
    np.testing.assert_array_equal(stage.update(shown).platform_, want)
    again = RADio(by="genres", to="platform").fit(replace(data, impressions=shown))
    np.testing.assert_array_equal(again.platform_, want)


def week(data, days, stage, *, k=5, seed=0):
    """Ten people come once a day, and are told what they were shown as declined; what each saw in
    all, as one mix a person, and the pool's."""
    rng = np.random.default_rng(seed)
    n = len(data.items)
    b = 10
    seen_items, seen_times = [[] for _ in range(b)], [[] for _ in range(b)]
    for day in range(days):
        items = np.array([rng.permutation(n)[:20] for _ in range(b)], np.int32)
        scores = np.sort(rng.random(items.shape).astype(np.float32))[:, ::-1].copy()
        rows = np.repeat(np.arange(b), [len(each) for each in seen_items])
        flat = np.array([i for each in seen_items for i in each], int)
        when = np.array([t for each in seen_times for t in each], int)
        declined = Histories.of(rows, flat, n_rows=b, n_items=n, times=when)
        now = np.full(b, 1_000_000 + 86_400 * day)
        asked = Queries(Histories.empty(b, n), np.arange(b, dtype=np.int32), now, declined=declined)
        got = stage(asked, Slate(items, scores))
        for row in range(b):
            seen_items[row] += got.items[row, :k].tolist()
            seen_times[row] += [int(now[row])] * k
    return seen_items


def test_a_window_steers_what_a_person_sees_over_days():
    data = world()
    wanted = {"g0": 0.08, "g1": 0.31, "g2": 0.31, "g3": 0.25, "g4": 0.05}
    far_of = {}
    for window in (None, 7.0):
        stage = RADio(
            by="genres", to="mix", mix=wanted, trade=0.7, k=5, window=window, discount="none"
        ).fit(data)
        saw = week(data, 7, stage)
        far_of[window] = np.mean(
            [far(wanted, mixed((kinds_of(data, i), 1) for i in each)) for each in saw]
        )
    assert far_of[7.0] < 0.75 * far_of[None]


def test_a_window_counts_what_was_shown_by_its_age():
    data = world()
    n = len(data.items)
    past = Histories.of(
        np.zeros(3, int), np.array([1, 2, 3]), n_rows=1, n_items=n,
        times=np.array([100_000, 100_000 + 86_400, 100_000 + 8 * 86_400]),
    )  # fmt: skip
    asked = Queries(past, np.zeros(1, np.int32), np.array([100_000 + 8 * 86_400]))
    stage = RADio(by="genres", k=2, window=7.5, half_life=7.0, discount="reciprocal").fit(data)
    bag = stage.shown(asked).toarray()[0]
    assert bag[1] == 0, "eight days ago"
    assert bag[2] == pytest.approx(0.75 * 0.5), "a week ago: half of the mean of 1 and 1/2"
    assert bag[3] == pytest.approx(0.75)
    with pytest.raises(DataError, match="no times"):
        stage.shown(replace(asked, history=replace(past, times=np.zeros(3, np.int64))))


def test_mistakes():
    data = world()
    with pytest.raises(BadParameter, match="to is one of"):
        RADio(to="others")
    with pytest.raises(BadParameter, match="go together"):
        RADio(to="mix")
    with pytest.raises(BadParameter, match="go together"):
        RADio(mix={"a": 1.0})
    with pytest.raises(BadParameter, match="at least 0"):
        RADio(to="mix", mix={"a": -1.0})
    with pytest.raises(BadParameter, match="numbers of at least 0"):
        RADio(to="mix", mix={"a": np.inf, "b": 1.0})
    with pytest.raises(BadParameter, match="high must be at least"):
        RADio(low=0.5, high=0.4)
    with pytest.raises(BadParameter, match="half_life needs a window"):
        RADio(half_life=1.0)
    with pytest.raises(BadParameter, match="divergence is one of"):
        RADio(divergence="js")
    with pytest.raises(MissingColumn, match="'category'"):
        RADio().fit(data)
    with pytest.raises(UnknownName, match="'g9'"):
        RADio(by="genres", to="mix", mix={"g9": 1.0}).fit(data)
    with pytest.raises(BadParameter, match="speaks of kinds"):
        RADio(by="tone", to="mix", mix={"g1": 1.0}).fit(numbered(data))
