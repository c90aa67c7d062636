"""The normative metrics against dictionaries and SciPy, one list and one pair after the other."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from small_worlds import small

from headwater.divergence import feature, past
from headwater.errors import BadParameter, DataError, MissingColumn, UnknownName
from headwater.metrics import _divergence
from headwater.metrics.activation import Activation
from headwater.metrics.alternative_voices import AlternativeVoices
from headwater.metrics.calibration import Calibration
from headwater.metrics.fragmentation import Fragmentation
from headwater.metrics.platform_distance import PlatformDistance
from headwater.metrics.representation import Representation
from headwater.registry import label, metric
from headwater.testing.metrics import evidence
from headwater.types import PAD, Catalog, Histories, Slate

POOLED = (Activation, Representation, AlternativeVoices)
ALL = (Calibration, *POOLED, Fragmentation, PlatformDistance)
DAY = 86_400


# --- the oracle ------------------------------------------------------------------------------


def worth(rank, discount):
    return {"reciprocal": 1 / rank, "log": math.log(2) / math.log(rank + 1), "none": 1.0}[discount]


def kinds_of(cell):
    if cell is None:
        return {}
    if not isinstance(cell, list):
        return {cell: 1.0}
    return {kind: cell.count(kind) / len(cell) for kind in cell}


def normal(mix):
    total = sum(mix.values())
    return {kind: share / total for kind, share in mix.items()} if total else {}


def far(p, q, how, alpha):
    if not p or not q:
        return math.nan
    have = sorted(p.keys() | q.keys())
    a = np.array([(1 - alpha) * p.get(c, 0) + alpha * q.get(c, 0) for c in have])
    b = np.array([(1 - alpha) * q.get(c, 0) + alpha * p.get(c, 0) for c in have])
    if how == "jensen_shannon":
        with np.errstate(invalid="ignore"):  # SciPy's is the root of what may be just below 0
            value = jensenshannon(a, b, base=2)
        return 0.0 if np.isnan(value) else value
    if how == "kl":
        return entropy(a, b, base=2)
    if how == "hellinger":
        return math.sqrt(max(1 - sum(math.sqrt(x * y) for x, y in zip(a, b, strict=True)), 0))
    return sum(max(x - y, 0) for x, y in zip(a, b, strict=True))


def inner_edges(asked, numbers):
    if isinstance(asked.edges, tuple):
        return list(asked.edges)
    if len(set(numbers)) < 2:
        return None
    if asked.edges == "quantile":
        return np.quantile(numbers, np.arange(1, asked.bins) / asked.bins)
    return np.linspace(min(numbers), max(numbers), asked.bins + 1)[1:-1]


def mixes(asked, seen, context, listed):
    """The mixes of two lists of (item, weight); numbers in bins of the context."""
    cells = seen.data.catalog.table[asked.by].to_list()
    if seen.data.catalog.table[asked.by].dtype.is_numeric():
        if isinstance(asked, Activation):
            cells = [None if cell is None else abs(cell) for cell in cells]
        once = isinstance(asked, Fragmentation | PlatformDistance)
        items = {i for i, _ in context} if once else [i for i, _ in context]
        edges = inner_edges(asked, [cells[i] for i in items if cells[i] is not None])
        if edges is None:
            return {}, {}

        def spread(cell):
            return {} if cell is None else {int(np.digitize(cell, edges)): 1.0}
    else:
        every = {kind for cell in cells for kind in kinds_of(cell)}

        def spread(cell):
            whole = getattr(asked, "both", False)
            return {} if whole and kinds_of(cell).keys() != every else kinds_of(cell)

    out = []
    for bag in (context, listed):
        mix = {}
        for item, weight in bag:
            for kind, share in spread(cells[item]).items():
                mix[kind] = mix.get(kind, 0) + weight * share
        out.append(normal(mix))
    return out


def counted(asked, seen, items):
    if asked.only is None:
        return list(items)
    column, value = asked.only
    cells = seen.data.catalog.table[column].to_list()
    return [i for i in items if value in kinds_of(cells[i])]


def weighed(asked, items):
    return [(item, worth(place + 1, asked.discount)) for place, item in enumerate(items)]


def full(bag):
    total = sum(weight for _, weight in bag)
    return [(item, weight / total) for item, weight in bag]


def lists(asked, seen):
    """What counts of each list, or of those that the person was shown within the window."""
    alone = [
        weighed(asked, counted(asked, seen, [i for i in row if i != PAD]))
        for row in seen.slate.items[:, : asked.k].tolist()
    ]
    if asked.window is None:
        return alone
    user, now = seen.queries.user, seen.queries.now
    out = []
    for a in range(len(seen)):
        bag = []
        for b in range(len(seen)):
            age = (now[a] - now[b]) / DAY
            if b == a or (user[b] == user[a] != PAD and 0 <= age < asked.window):
                fade = 1 if asked.half_life is None else 0.5 ** (age / asked.half_life)
                bag += [(item, weight * fade) for item, weight in full(alone[b])]
        out.append(bag)
    return out


def context(asked, seen, row):
    if isinstance(asked, Calibration):
        h = seen.queries.history
        read = h.items[h.start[row] : h.start[row + 1]].tolist()[::-1]
        return weighed(asked, counted(asked, seen, read))
    if seen.offered is not None:
        pool = [i for i in seen.offered.items[row].tolist() if i != PAD]
    elif seen.queries.pool is not None:
        pool = np.flatnonzero(seen.queries.pool).tolist()
    else:
        pool = range(seen.truth.n_items)
    return [(item, 1.0) for item in counted(asked, seen, pool)]


def expected(asked, seen):
    bags = lists(asked, seen)
    if isinstance(asked, Fragmentation):
        pairs = [(a, b) for a in range(len(seen)) for b in range(len(seen)) if a != b]
        values = between(asked, seen, bags, pairs)
        return [mean([v for (a, _), v in values.items() if a == row]) for row in range(len(seen))]
    if isinstance(asked, PlatformDistance):
        every = [pair for bag in bags for pair in full(bag)]
        around = [every] * len(bags)
    else:
        around = [context(asked, seen, row) for row in range(len(seen))]
    return [
        far(*mixes(asked, seen, p, q), asked.divergence, asked.alpha)
        for p, q in zip(around, bags, strict=True)
    ]


def between(asked, seen, bags, pairs):
    every = [(item, 1.0) for bag in bags for item, _ in bag]  # bins are those of all lists
    made = [mixes(asked, seen, every, bag)[1] for bag in bags]
    user = seen.queries.user
    out = {}
    for a, b in pairs:
        value = far(made[b], made[a], asked.divergence, asked.alpha)
        if asked.divergence == "kl":
            value = (value + far(made[a], made[b], "kl", asked.alpha)) / 2
        if not math.isnan(value) and (user[a] == PAD or user[a] != user[b]):
            out[a, b] = value
    return out


def mean(values):
    return sum(values) / len(values) if values else math.nan


# --- list by list ----------------------------------------------------------------------------


def lived(seen, seed=0):
    """With people who ask several times within ten days, some at the same second."""
    rng = np.random.default_rng(seed)
    b = len(seen)
    who = rng.integers(PAD, 4, b).astype(np.int32)
    now = 1_700_000_000 + rng.integers(0, 40, b) * (DAY // 4)
    return replace(seen, queries=replace(seen.queries, user=who, now=now))


WORLDS = [
    lived(evidence(20, requests=14, items=30, slots=25)),
    lived(evidence(21, requests=14, items=30, slots=12, pool=True), 1),
    lived(evidence(22, requests=14, items=30, offered=True), 2),
]
SETTINGS = [
    {},
    *({"discount": discount} for discount in ("log", "none")),
    *({"divergence": how} for how in ("kl", "hellinger", "total_variation")),
    *({"k": k} for k in (1, 2, 5, 20, None)),
    *({"k": k, "divergence": "kl", "discount": "none"} for k in (1, 2, 5, 20, None)),
    *({"alpha": alpha} for alpha in (0, 0.01, 0.3)),
    {"alpha": 0.2, "divergence": "kl"},
    {"alpha": 0, "divergence": "hellinger"},
    {"only": ("category", "c1")},
    {"only": ("genres", "g2"), "k": 3, "divergence": "kl"},
    {"window": 3},
    {"window": 0.3, "k": 4},
    {"window": 5, "half_life": 1.5, "divergence": "total_variation"},
    {"window": 5, "half_life": 0.5, "only": ("category", "c2")},
]
NUMBERS = [
    {},
    {"bins": 2},
    {"bins": 12, "k": None},
    {"edges": "quantile"},
    {"edges": "quantile", "bins": 3, "divergence": "kl"},
    {"edges": (0.1, 0.5, 40.0)},
    {"edges": (50.0,), "discount": "log"},
    {"only": ("category", "c1"), "divergence": "kl"},
    {"window": 4, "half_life": 2},
]


def named(how):
    return "-".join(f"{name}={value}" for name, value in how.items()) or "defaults"


def agree(asked, seen):
    got = asked(seen)
    want = np.array(expected(asked, seen))
    assert (~np.isnan(want)).any(), "a world in which nothing is defined shows nothing"
    # the oracle's roots lose half of the digits near 0
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=3e-8)


@pytest.mark.parametrize("how", SETTINGS, ids=named)
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_list_by_list(kind, how):
    for seen in WORLDS:
        agree(kind(**how), seen)


@pytest.mark.parametrize("how", NUMBERS, ids=named)
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_numbers_list_by_list(kind, how):
    for seen in WORLDS:
        agree(kind(by="sentiment" if kind is Activation else "complexity", **how), seen)


@pytest.mark.parametrize("kind", [Calibration, Representation, Fragmentation, PlatformDistance])
def test_any_column_will_do(kind):
    for by in ("genres", "topic"):
        agree(kind(by=by), WORLDS[0])


@pytest.mark.parametrize("how", [{}, {"only": ("category", "c1")}, {"k": None}], ids=named)
def test_only_items_with_both_voices(how):
    for seen in WORLDS:
        agree(AlternativeVoices(both=True, **how), seen)
        assert not np.array_equal(
            AlternativeVoices(both=True, **how)(seen), AlternativeVoices(**how)(seen), True
        )


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_in_parts(kind, monkeypatch):
    for seen in WORLDS:
        for how in ({}, {"window": 3}):
            whole = kind(**how)(seen)
            monkeypatch.setattr(_divergence, "ROWS", 4)
            np.testing.assert_allclose(kind(**how)(seen), whole, rtol=1e-12)
            monkeypatch.undo()


def test_history_counts_from_the_newest():
    seen = small([[0]], [[]], past=[[1, 1, 0]])  # the newest is 0
    seen = described(seen, category=["a", "b", *"c" * 8])
    a = 1 / (1 + 1 / 2 + 1 / 3)
    got = Calibration(divergence="total_variation", alpha=0)(seen)
    assert got == pytest.approx([1 - a])
    got = Calibration(divergence="total_variation", alpha=0, discount="none")(seen)
    assert got == pytest.approx([2 / 3])


def test_places_are_counted_among_what_counts():
    seen = described(small([[0, 1, 2]], [[]], past=[[1]]), category=["x", "a", "a", *"b" * 7])
    seen = described(seen, kind=["no", "yes", "yes", *["no"] * 7])
    seen = described(seen, story=[*"0123456789"])
    got = Calibration(by="story", only=("kind", "yes"), divergence="total_variation", alpha=0)(seen)
    assert got == pytest.approx([1 / 3])  # 2 of 3 for item 1, which is first without item 0


def described(seen, **columns):
    table = seen.data.catalog.table.with_columns(
        *(pl.Series(name, values, strict=False) for name, values in columns.items())
    )
    return replace(seen, data=replace(seen.data, catalog=Catalog(table)))


# --- bins ------------------------------------------------------------------------------------


def test_bins_are_those_of_scikit_learn():
    discretizers = pytest.importorskip("sklearn.preprocessing")
    compared = 0
    for seen in WORLDS:
        for asked in (Calibration(by="complexity", k=None), Activation(k=None)):
            got = asked(seen)
            cells = seen.data.catalog.table[asked.by].to_list()
            for row in range(len(seen)):
                bags = []
                for bag in (context(asked, seen, row), lists(asked, seen)[row]):
                    bags.append([(cells[i], w) for i, w in bag if cells[i] is not None])
                if isinstance(asked, Activation):
                    bags = [[(abs(x), w) for x, w in bag] for bag in bags]
                if len({x for x, _ in bags[0]}) < 2 or not bags[1]:
                    assert np.isnan(got[row])
                    continue
                cut = discretizers.KBinsDiscretizer(n_bins=5, encode="ordinal", strategy="uniform")
                cut.fit(np.array([[x] for x, _ in bags[0]]))
                made = []
                for bag in bags:
                    mix = {}
                    for x, w in bag:
                        at = int(cut.transform([[x]])[0, 0])
                        mix[at] = mix.get(at, 0) + w
                    made.append(normal(mix))
                assert got[row] == pytest.approx(far(*made, "jensen_shannon", 0.001), abs=3e-8)
                compared += 1
    assert compared > 30


@pytest.mark.parametrize("edges", ["width", "quantile"])
def test_what_is_an_edge_is_in_the_bin_above(edges):
    catalog = Catalog(pl.DataFrame({"x": [0.0, 1, 2, 3, 4, 5, -9, 99, None, float("nan")]}))
    made = feature(catalog, "x", edges=edges)
    context = csr_array(np.array([[1, 1, 1, 1, 1, 1, 0, 0, 0, 0]], float))
    _, got = made.mixes(context, csr_array(np.eye(10)))
    at = [np.flatnonzero(row).tolist() for row in got.toarray()]
    assert at == [[0], [1], [2], [3], [4], [4], [0], [4], [], []]


def test_quantiles_are_of_the_events_of_a_history():
    h = Histories.of(np.zeros(6, int), np.array([0, 0, 0, 0, 1, 2]), n_rows=1, n_items=3)
    catalog = Catalog(pl.DataFrame({"x": [1.0, 5.0, 9.0]}))
    made = feature(catalog, "x", edges="quantile", bins=2)
    p, q = made.mixes(past(h, discount="none"), csr_array(np.eye(3)[:1]))
    assert np.quantile([1, 1, 1, 1, 5, 9], 0.5) == 1  # so that 1 is in the bin above
    np.testing.assert_allclose(p.toarray(), [[0, 1]])
    np.testing.assert_allclose(q.toarray(), [[0, 1]])


# --- identities ------------------------------------------------------------------------------


@pytest.mark.parametrize("divergence", ["jensen_shannon", "kl", "hellinger", "total_variation"])
def test_a_list_like_its_history_is_at_no_distance(divergence):
    rng = np.random.default_rng(0)
    slates = [rng.permutation(30)[:9].tolist() for _ in range(20)]
    seen = small(slates, [[]] * 20, n_items=30, past=[each[::-1] for each in slates])
    seen = described(seen, category=[f"c{i % 7}" for i in range(30)], hard=rng.normal(size=30))
    for by in ("category", "hard"):
        assert (Calibration(by=by, divergence=divergence)(seen) < 1e-15).all()
    alike = described(small([[3, 1, 2]] * 4, [[]] * 4), story=[*"0123456789"])
    assert (Fragmentation(divergence=divergence)(alike) == 0).all()


@pytest.mark.parametrize("divergence", ["jensen_shannon", "kl", "hellinger", "total_variation"])
@pytest.mark.parametrize("kind", POOLED, ids=lambda kind: kind.__name__)
def test_a_list_of_the_whole_pool(kind, divergence):
    seen = evidence(3, requests=30, offered=True)
    rng = np.random.default_rng(0)
    turned = np.array([rng.permutation(row) for row in seen.offered.items.tolist()])
    seen = replace(seen, slate=slate(turned))
    without = kind(k=None, discount="none", divergence=divergence)(seen)
    assert (without < 1e-14).all()
    if kind is Activation:
        assert (without == 0).all()
    assert (kind(k=None, divergence=divergence)(seen) > 1e-6).all()  # for the order is another


def slate(items):
    """Of rows of items, with PAD anywhere."""
    rows = [[i for i in row if i != PAD] for row in items.tolist()]
    out = np.full(items.shape, PAD, np.int32)
    for at, row in enumerate(rows):
        out[at, : len(row)] = row
    return Slate(out, np.where(out == PAD, -np.inf, 0).astype(np.float32))


@pytest.mark.parametrize(
    ("divergence", "value"),
    [
        ("jensen_shannon", 0.99428),
        ("kl", 9.94441),
        ("hellinger", math.sqrt(1 - 2 * math.sqrt(0.001 * 0.999))),
        ("total_variation", 0.998),
    ],
)
def test_lists_that_have_nothing_in_common(divergence, value):
    seen = small([[0, 1], [2]], [[], []], past=[[2, 3], [3, 0]], n_items=4)
    kinds = ["a", "b", "c", "d"]
    seen = described(seen, category=kinds, story=kinds)
    own = slate(np.array([[3, 2], [0, 1]]))
    seen = replace(seen, offered=own)
    for kind in (Calibration, Representation, Fragmentation):
        got = kind(by="story", divergence=divergence)(seen)
        np.testing.assert_allclose(got, value, atol=5e-6)
        assert kind(by="story", divergence=divergence).bounds[1] == pytest.approx(value, abs=5e-6)


def test_kl_is_of_the_context_from_the_list():
    seen = described(small([[0, 1]], [[]], past=[[0]]), category=["a", "b", *"c" * 8])
    p, q = np.array([1, 0]), np.array([2 / 3, 1 / 3])
    p, q = 0.99 * p + 0.01 * q, 0.99 * q + 0.01 * p
    got = Calibration(divergence="kl", alpha=0.01)(seen)
    assert got == pytest.approx([(p * np.log2(p / q)).sum()])
    assert got != pytest.approx([(q * np.log2(q / p)).sum()], rel=0.1)


def test_what_is_far_from_the_platform():
    """Nine who are shown a, and one who is shown b."""
    seen = small([[0]] * 9 + [[1]], [[]] * 10, n_items=2)
    seen = described(seen, category=["a", "b"])
    got = PlatformDistance(divergence="total_variation", alpha=0)(seen)
    np.testing.assert_allclose(got, [0.1] * 9 + [0.9])


# --- fragmentation ---------------------------------------------------------------------------


@pytest.mark.parametrize("divergence", ["jensen_shannon", "kl"])
@pytest.mark.parametrize("pairs", [1, 3, 5])
def test_pairs_of_a_sample(divergence, pairs):
    for seen in WORLDS:
        asked = Fragmentation(pairs=pairs, divergence=divergence, seed=pairs)
        found = [
            (int(a), int(b), v)
            for one, other, value in asked.compared(seen)
            for a, b, v in zip(one, other, value, strict=True)
        ]
        ends = [(a, b) for a, b, _ in found]
        assert len(set(ends)) == len(ends), "no pair twice"
        assert all(a != b for a, b in ends)
        want = between(asked, seen, lists(asked, seen), ends)
        assert len(want) == len(ends), "none of one person, and none that is undefined"
        for a, b, value in found:
            assert value == pytest.approx(want[a, b], rel=1e-10, abs=3e-8)
        each = [mean([v for a, _, v in found if a == row]) for row in range(len(seen))]
        np.testing.assert_allclose(asked(seen), each, rtol=1e-12)


def test_each_is_as_often_compared_with_as_comparing():
    seen = crowd(np.arange(40) % 5)
    one, other = (
        np.concatenate([np.repeat(part[at], 1) for part in Fragmentation(pairs=7).compared(seen)])
        for at in (0, 1)
    )
    assert (np.bincount(one) == 7).all()
    assert (np.bincount(other) == 7).all()


def test_a_person_is_not_compared_with_themselves():
    seen = described(small([[0], [1], [2], [0]], [[]] * 4), story=[*"0123456789"])
    seen = replace(seen, queries=replace(seen.queries, user=np.array([5, 5, 6, 7], np.int32)))
    far_off = Fragmentation(alpha=0).bounds[1]
    np.testing.assert_allclose(Fragmentation(alpha=0)(seen), [far_off / 2, far_off, far_off, 2 / 3])
    nobody = replace(seen, queries=replace(seen.queries, user=np.full(4, PAD, np.int32)))
    assert Fragmentation(alpha=0)(nobody)[0] == pytest.approx(2 / 3)
    alone = replace(seen, queries=replace(seen.queries, user=np.full(4, 5, np.int32)))
    assert np.isnan(Fragmentation(alpha=0)(alone)).all()
    assert np.isnan(Fragmentation().interval(alone)).all()


TYPES = [[0, 1, 2], [0, 1, 3], [0, 4, 5], [6, 7, 8], [1, 0, 2], [9, 2, 0]]


def crowd(kinds):
    """Requests whose lists are one of a few."""
    seen = small([TYPES[each] for each in kinds % len(TYPES)], [[]] * len(kinds))
    return described(seen, story=[f"s{i}" for i in range(10)])


def distances(asked):
    mixes = [
        normal(dict(zip(row, (worth(r, asked.discount) for r in (1, 2, 3)), strict=True)))
        for row in TYPES
    ]
    return np.array([[far(p, q, asked.divergence, asked.alpha) for p in mixes] for q in mixes])


SHARES = np.array([0.4, 0.2, 0.1, 0.15, 0.1, 0.05])


def test_a_sample_is_right_on_average():
    asked = Fragmentation(pairs=2)
    kinds = np.random.default_rng(0).choice(6, 50, p=SHARES)
    seen = crowd(kinds)
    exact = Fragmentation(pairs=49)(seen)
    each = distances(asked)[np.ix_(kinds, kinds)]
    np.testing.assert_allclose(exact, each.sum(1) / 49, atol=1e-7)
    drawn = np.array([Fragmentation(pairs=2, seed=seed)(seen) for seed in range(300)])
    error = drawn.mean(1).std(ddof=1) / math.sqrt(300)
    assert abs(drawn.mean() - exact.mean()) < 3 * error
    off = (drawn.mean(0) - exact) / (drawn.std(0, ddof=1) / math.sqrt(300))
    assert abs(off).max() < 4  # of each of fifty requests
    assert (off**2).mean() < 2


def test_requests_in_order_are_sampled_as_well():
    """As when they come sorted by day: a sample is no less certain for it."""
    kinds = np.repeat(np.arange(6), 10)
    spread = []
    for order in (np.arange(60), np.random.default_rng(0).permutation(60)):
        seen = crowd(kinds[order])
        drawn = [Fragmentation(pairs=1, seed=seed)(seen).mean() for seed in range(100)]
        spread.append(np.std(drawn))
    assert spread[0] < 1.4 * spread[1]


def test_interval_covers_the_mean_over_all_people():
    """Requests drawn from a crowd of which the mean over all pairs is known."""
    rng = np.random.default_rng(1)
    truth = SHARES @ distances(Fragmentation()) @ SHARES
    covered, naive = [], []
    for draw in range(400):
        seen = crowd(rng.choice(6, 60, p=SHARES))
        asked = Fragmentation(pairs=5, seed=draw)
        middle, low, high = asked.interval(seen)
        value = asked(seen)
        assert middle == pytest.approx(value.mean(), rel=1e-12)
        covered.append(low <= truth <= high)
        naive.append(abs(value.mean() - truth) < 1.96 * value.std(ddof=1) / math.sqrt(60))
    assert 0.92 <= np.mean(covered) <= 0.985
    assert np.mean(naive) < 0.88  # as if the values were apart from each other


def test_interval_of_people_with_several_requests():
    """What 40 people get five times over tells no more of all people than once."""
    rng = np.random.default_rng(4)
    truth = SHARES @ distances(Fragmentation()) @ SHARES
    covered = []
    for draw in range(200):
        kinds = rng.choice(6, 40, p=SHARES)
        seen = crowd(np.repeat(kinds, 5))
        user = np.repeat(np.arange(40, dtype=np.int32), 5)
        seen = replace(seen, queries=replace(seen.queries, user=user))
        middle, low, high = Fragmentation(pairs=199, seed=draw).interval(seen)
        covered.append(low <= truth <= high)
        if draw == 0:
            once = Fragmentation(pairs=39).interval(crowd(kinds))
            assert (middle, low, high) == pytest.approx(once)
    assert 0.9 <= np.mean(covered) <= 0.99


def test_interval_of_all_pairs():
    """With all pairs compared it is four times the variance of the means of each, Hoeffding's."""
    kinds = np.random.default_rng(2).choice(6, 30, p=SHARES)
    asked = Fragmentation(pairs=29)
    each = distances(asked)[np.ix_(kinds, kinds)].sum(1) / 29
    middle, low, high = asked.interval(crowd(kinds), level=0.9)
    assert middle == pytest.approx(each.mean())
    assert high - low == pytest.approx(2 * 1.6448536 * 2 * each.std(ddof=1) / math.sqrt(30))
    assert low < middle < high


def test_interval_of_a_sample():
    """A request counts in all pairs that it is in, as the one or as the other."""
    seen = crowd(np.random.default_rng(3).choice(6, 30, p=SHARES))
    asked = Fragmentation(pairs=3)
    in_pairs = [[] for _ in range(30)]
    for one, other, value in asked.compared(seen):
        for a, b, v in zip(one, other, value, strict=True):
            in_pairs[a].append(v)
            in_pairs[b].append(v)
    assert {len(each) for each in in_pairs} == {6}
    means = [mean(each) for each in in_pairs]
    middle, low, high = asked.interval(seen)
    assert middle == pytest.approx(mean(means))
    wide = 1.959964 * 2 * np.std(means, ddof=1) / math.sqrt(30)
    assert low == pytest.approx(middle - wide)
    assert high == pytest.approx(min(middle + wide, asked.bounds[1]))


def test_a_seed_is_a_sample():
    seen = crowd(np.arange(50))
    same = [Fragmentation(pairs=2, seed=3)(seen) for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert not np.array_equal(same[0], Fragmentation(pairs=2, seed=4)(seen))


# --- undefined, and wrong --------------------------------------------------------------------


def test_undefined():
    columns = {"category": ["a", None, "b"], "hard": [1.0, None, 2.0]}
    none_read = described(small([[0], [0], [1], []], [[]] * 4, past=[[], [1], [0], [0]], n_items=3))
    seen = described(none_read, **columns)
    assert np.isnan(Calibration()(seen)).all()
    past_alike = described(small([[2]] * 3, [[]] * 3, past=[[0, 0], [0, 1], [0, 2]], n_items=3))
    got = Calibration(by="hard")(described(past_alike, **columns))
    assert np.isnan(got[:2]).all()  # one number makes no bins
    assert got[2] > 0
    got = Calibration(by="hard", edges=(1.5,))(described(past_alike, **columns))
    np.testing.assert_allclose(got[:2], 0.99428, atol=5e-6)  # fixed bins need none
    nobody = described(seen, parties=pl.Series([[], None, []], dtype=pl.List(pl.String)))
    assert np.isnan(Representation()(nobody)).all()
    alone = described(small([[0]], [[]], n_items=3), story=["x", "y", "z"])
    assert np.isnan(Fragmentation()(alone)).all()
    assert np.isnan(Fragmentation().interval(alone)).all()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"divergence": "js"}, "divergence is one of jensen_shannon, kl, .*; got 'js'"),
        ({"discount": "linear"}, "discount is one of reciprocal, log, none; got 'linear'"),
        ({"alpha": 0.5}, "alpha must be from 0 to below 0.5, got 0.5"),
        ({"alpha": -0.1}, "alpha must be from 0 to below 0.5"),
        ({"alpha": math.nan}, "alpha must be from 0 to below 0.5"),
        ({"alpha": 0, "divergence": "kl"}, "alpha must be above 0, got 0"),
        ({"bins": 1}, "bins must be at least 2, got 1"),
        ({"edges": ()}, r"edges is width, quantile, or .* rising order; got \(\)"),
        ({"edges": (2.0, 1.0)}, "edges is width, quantile, or"),
        ({"edges": (1.0, 1.0)}, "edges is width, quantile, or"),
        ({"edges": (math.nan,)}, "edges is width, quantile, or"),
        ({"edges": "equal"}, "edges is width, quantile, or .*; got 'equal'"),
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"window": 0}, "window must be above 0, got 0"),
        ({"window": 3, "half_life": -1}, "half_life must be above 0, got -1"),
        ({"half_life": 2}, "half_life needs a window, in days"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_bad_parameters(kind, how, said):
    with pytest.raises(BadParameter, match=f"^{kind.__name__}: {said}"):
        kind(**how)


def test_bad_parameters_of_fragmentation():
    with pytest.raises(BadParameter, match="Fragmentation: pairs must be at least 1, got 0"):
        Fragmentation(pairs=0)
    with pytest.raises(BadParameter, match="Fragmentation: seed must be at least 0, got -1"):
        Fragmentation(seed=-1)
    with pytest.raises(BadParameter, match="level must be from 0 to 1, got 95"):
        Fragmentation().interval(WORLDS[0], level=95)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_what_the_catalogue_has_not(kind):
    seen = WORLDS[0]
    said = "no value in the column 'category' 'c7'; did you mean 'c.'.* There are: c"
    with pytest.raises(UnknownName, match=said):
        kind(only=("category", "c7"))(seen)
    with pytest.raises(MissingColumn, match="no column 'kind' in the catalogue; it has: title"):
        kind(only=("kind", "c1"))(seen)
    with pytest.raises(MissingColumn, match="no column 'mood' in the catalogue"):
        kind(by="mood")(seen)


def test_activation_is_of_numbers():
    with pytest.raises(DataError, match=r"'category' is a column of String, and .*enrich"):
        Activation(by="category")(WORLDS[0])


def test_a_value_may_be_a_number():
    seen = described(WORLDS[0], year=[2000 + i % 3 for i in range(30)])
    marked = described(WORLDS[0], year=[str(2000 + i % 3) for i in range(30)])
    value = Calibration(only=("year", "2001"))(seen)
    np.testing.assert_array_equal(value, Calibration(only=("year", "2001"))(marked))
    assert not np.array_equal(value, Calibration()(seen), True)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_names(kind):
    name = kind.__name__
    for k in (1, 10, None):
        said = f"{name}@{'all' if k is None else k}"
        assert metric(said) == kind(k=k)
        assert label(kind(k=k)) == said
    assert metric(name, k=5) == kind(k=5)
    assert label(kind()) == f"{name}@10"
    asked = kind(k=None, divergence="kl", discount="none")
    assert label(asked) == f"{name}@all(divergence='kl', discount='none')"


def test_names_of_other_settings():
    asked = Calibration(k=5, by="complexity", edges="quantile")
    assert label(asked) == "Calibration@5(by='complexity', edges='quantile')"
    with pytest.raises(BadParameter, match="after @ comes a whole number"):
        metric("NDCG@all")
    with pytest.raises(BadParameter, match="after @ comes a whole number"):
        metric("Calibration@every")


def test_requests_of_their_own_pools_are_cut_as_the_rest():
    """What was offered goes along when some of the requests are looked at."""
    seen = WORLDS[2]
    whole = Representation()(seen)
    rows = np.array([3, 1, 8])
    some = replace(
        seen,
        queries=seen.queries[rows],
        slate=seen.slate[rows],
        offered=seen.offered[rows],
        truth=seen.truth[rows],
    )
    np.testing.assert_array_equal(Representation()(some), whole[rows])
    assert not np.array_equal(Representation()(replace(seen, offered=None)), whole, True)
