"""Every metric of the registry against every check; a new file is covered at once."""

import numpy as np
import pytest

from headwater.registry import addresses, build, label, metric
from headwater.testing import metrics as checks
from headwater.types import PAD

METRICS = addresses("metrics.")


def nothing_chosen(seen):
    return seen.truth.lengths == 0


def nothing_shown(seen):
    return ~seen.slate.filled.any(1)


def fewer_than_two_with_genres(seen):
    has = [bool(each) for each in seen.data.catalog.table["genres"].to_list()]
    return [sum(has[i] for i in row if i != -1) < 2 for row in seen.slate.items.tolist()]


def all_or_no_candidates_chosen(seen):
    n = seen.truth.n_items
    candidate = np.ones((len(seen), n), bool)
    if seen.queries.pool is not None:
        candidate &= seen.queries.pool
    candidate[seen.queries.history.rows, seen.queries.history.items] = False
    chosen = np.zeros((len(seen), n), bool)
    chosen[seen.truth.rows, seen.truth.items] = True
    return ~(candidate & chosen).any(1) | ~(candidate & ~chosen).any(1)


def nothing_chosen_of_a_kind(seen):
    has = [bool(each) for each in seen.data.catalog.table["genres"].to_list()]
    rows = np.split(seen.truth.items, seen.truth.start[1:-1])
    return [not any(has[i] for i in row) for row in rows][: len(seen)]


def nothing_chosen_or_no_kind_before(seen):
    has = [bool(each) for each in seen.data.catalog.table["genres"].to_list()]
    rows = np.split(seen.queries.history.items, seen.queries.history.start[1:-1])
    before = np.array([any(has[i] for i in row) for row in rows], bool)[: len(seen)]
    return nothing_chosen(seen) | ~before


def no_kinds(seen):
    return not len(seen) or not any(seen.data.catalog.table["genres"].to_list())


def nothing_of_worth(seen):
    return ~(np.maximum(seen.chosen.toarray(), 0).sum(1) > 0)


def no_events(seen):
    return len(seen.truth.items) == 0


def no_slot_filled(seen):
    return not seen.slate.filled.any()


def no_item_linked_twice(seen):
    genres = [set(each or []) for each in seen.data.catalog.table["genres"].to_list()]
    out = []
    for row in seen.slate.items.tolist():
        listed = [item for item in row if item != PAD]
        links = [
            sum(bool(genres[i] & genres[j]) for b, j in enumerate(listed) if b != a)
            for a, i in enumerate(listed)
        ]
        out.append(max(links, default=0) < 2)
    return np.array(out, bool)


def no_candidate(seen):
    return np.diff(seen.chances.indptr) == 0


def items(seen):
    return seen.truth.n_items if seen.queries.pool is None else seen.queries.pool.sum()


def unlike(column, context, absolute=False):
    """Where a list, or its context, says nothing of the column; numbers must differ there."""

    def undefined(seen):
        table = seen.data.catalog.table[column].to_list()

        def said(items):
            found = [table[i] for i in items if i != PAD and table[i] not in (None, [])]
            return [abs(each) for each in found] if absolute else found

        numbers = seen.data.catalog.table[column].dtype.is_numeric()
        out = []
        for row, listed in enumerate(seen.slate.items.tolist()):
            one, other = said(listed), said(context(seen, row))
            out.append(not one or not other or (numbers and len(set(other)) < 2))
        return np.array(out, bool)

    return undefined


def its_history(seen, row):
    past = seen.queries.history
    return past.items[past.start[row] : past.start[row + 1]].tolist()


def its_pool(seen, row):
    if seen.offered is not None:
        return seen.offered.items[row].tolist()
    pool = seen.queries.pool
    return range(seen.truth.n_items) if pool is None else np.flatnonzero(pool).tolist()


def no_story_here_or_elsewhere(seen):
    none = unlike("story", lambda seen, row: seen.slate.items[row].tolist())(seen)
    others = (~none).sum() - ~none
    return none | (others == 0)


# Where a metric, with its defaults but k = 25, has no answer.
UNDEFINED = {
    "metrics.activation": unlike("sentiment", its_pool, absolute=True),
    "metrics.alpha_ndcg": nothing_chosen_of_a_kind,
    "metrics.alternative_voices": unlike("voices", its_pool),
    "metrics.auc": all_or_no_candidates_chosen,
    "metrics.calibration_error": lambda seen: bool(no_candidate(seen).all()),
    "metrics.calibrated_recall": nothing_chosen,
    "metrics.calibration": unlike("category", its_history),
    "metrics.catalog_coverage": lambda seen: not len(seen) or items(seen) == 0,
    "metrics.category_coverage": no_kinds,
    "metrics.clustering_coefficient": no_item_linked_twice,
    "metrics.dcg": nothing_chosen,
    "metrics.err_ia": nothing_chosen_or_no_kind_before,
    "metrics.expected_satisfaction": lambda seen: (
        nothing_shown(seen) | (len(seen.data.log.items) == 0)
    ),
    "metrics.fragmentation": no_story_here_or_elsewhere,
    "metrics.gauc": lambda seen: bool(all_or_no_candidates_chosen(seen).all()),
    "metrics.gini": lambda seen: no_slot_filled(seen) or items(seen) < 2,
    "metrics.hit": nothing_chosen,
    "metrics.intra_list_distance": fewer_than_two_with_genres,
    "metrics.log_loss": no_candidate,
    "metrics.mae": no_events,
    "metrics.map": nothing_chosen,
    "metrics.mrr": nothing_chosen,
    "metrics.ndcg": nothing_chosen,
    "metrics.novelty": nothing_shown,
    "metrics.platform_distance": unlike("category", lambda seen, row: seen.slate.items[row]),
    "metrics.popularity_bias": nothing_shown,
    "metrics.precision": nothing_chosen,
    "metrics.recall": nothing_chosen,
    "metrics.representation": unlike("parties", its_pool),
    "metrics.rmse": no_events,
    "metrics.serendipity": nothing_chosen,
    "metrics.shannon_entropy": no_slot_filled,
    "metrics.value_recall": nothing_of_worth,
}
LOOKS_AT_OTHERS = {  # metrics of one request that depend on the other requests
    "metrics.fragmentation": "another person's list is its context",
    "metrics.platform_distance": "all lists together are its context",
}


def made(where, k):
    return build(where, k=k) if hasattr(build(where), "k") else build(where)


def names(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", checks.CHECKS, ids=names)
@pytest.mark.parametrize("where", METRICS)
@pytest.mark.parametrize("k", [1, 3, 10])
def test_contract(where, check, k):
    check(made(where, k))


@pytest.mark.parametrize("where", [w for w in METRICS if w not in LOOKS_AT_OTHERS])
def test_one_by_one(where):
    checks.check_one_by_one(made(where, 3))


@pytest.mark.parametrize("where", METRICS)
def test_undefined(where):
    assert where in UNDEFINED, f"say in this file where {where} has no answer"
    checks.check_undefined(made(where, 25), UNDEFINED[where])


@pytest.mark.parametrize("where", METRICS)
def test_label(where):
    default = build(where)
    assert metric(label(default)) == default
    assert metric(where.removeprefix("metrics.")) == default


def test_exceptions_exist():
    assert set(UNDEFINED) | set(LOOKS_AT_OTHERS) <= set(METRICS)


BROKEN = {
    "shape": lambda seen: np.zeros(len(seen) + 1),
    "bounds": lambda seen: seen.wanted,
    "appended_pad": lambda seen: seen.slate.items.mean(1) if seen.slate.items.size else seen.wanted,
    "depth": lambda seen: seen.hits.sum(1).astype(float),
    "order_of_requests": lambda seen: np.arange(len(seen)).astype(float),
    "relabelling": lambda seen: np.where(seen.slate.filled, seen.slate.items, 0).sum(1) + 0.0,
    "inputs_unchanged": lambda seen: np.add(seen.truth.values, 1, out=seen.truth.values).sum(),
    "needs": lambda seen: seen.wanted * (seen.ranks is not None),
}


@pytest.mark.parametrize("check", [c for c in checks.CHECKS if names(c) in BROKEN], ids=names)
def test_checks_can_fail(check):
    """A metric with just this fault does not pass the check of its name."""

    class Metric:
        k = 1
        bounds = (0, 1)
        needs = ("ranks",)
        __call__ = staticmethod(BROKEN[names(check)])

    with pytest.raises((AssertionError, ValueError)):
        check(Metric())
