"""Requests made of choices: what is in them, what is not, and that the draw is as it is said."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.data.requests import answered, by_time, by_user, drawn, renumbered, split_requests
from headwater.data.split import split
from headwater.data.toy import blocks
from headwater.errors import BadParameter, DataError
from headwater.evaluation import measure
from headwater.registry import build
from headwater.types import PAD, Histories, Ids, Impressions


@pytest.fixture(scope="module")
def part():
    return split(blocks(), "random_per_user", seed=0)


def test_what_a_recommender_would_have_shown(part):
    model = build("itemknn", k=20).fit(part.train)
    seen = answered(model, part, 12)
    want = model.recommend(part.queries, 12).items
    truth = part.truth.matrix().toarray() > 0
    kept = [r for r in range(len(part)) if truth[r, want[r]].any()]
    assert 0 < len(seen) == len(kept) <= len(part)
    np.testing.assert_array_equal(seen.slate.items, want[kept])
    np.testing.assert_array_equal(seen.clicks > 0, np.take_along_axis(truth, want, 1)[kept])
    with pytest.raises(DataError, match="nothing to learn a ranking from"):
        answered(model, replace(part, truth=Histories.empty(len(part), 60)), 12)


def test_every_choice_is_a_candidate_and_nothing_of_the_past(part):
    for models in ((), (build("popularity").fit(part.train), build("ease").fit(part.train))):
        seen = drawn(part, models, k=20, seed=1)
        assert seen.slate.items.shape == (len(part), 20)
        truth = part.truth.matrix().toarray() > 0
        past = part.queries.history.matrix().toarray() > 0
        for row, items in enumerate(seen.slate.items):
            assert len(set(items.tolist())) == 20
            assert not past[row, items].any()
            assert set(np.flatnonzero(truth[row])) <= set(items.tolist())
            np.testing.assert_array_equal(seen.clicks[row] > 0, truth[row, items])
    first = (seen.clicks[:, 0] > 0).mean()
    assert first == pytest.approx(seen.clicks.mean(), abs=0.06), "clicks have no favourite slot"


def test_the_draw_is_by_popularity_and_taste(part):
    """Often drawn is what many chose, and what the recommender puts first."""
    counts = np.bincount(part.train.log.items, minlength=60)
    often = {}
    for popularity in (0.0, 2.0):
        seen = drawn(part, k=12, popularity=popularity, taste=0, seed=2)
        others = seen.slate.items[seen.clicks == 0]
        often[popularity] = counts[others].mean()
    assert often[2.0] > 1.2 * often[0.0]
    model = build("ease").fit(part.train)
    best = model.recommend(part.queries, 10).items
    share = {}
    for taste in (0.0, 6.0):
        items = drawn(part, [model], k=12, popularity=0, taste=taste, seed=2).slate.items
        share[taste] = np.mean([len(set(a) & set(b)) for a, b in zip(items, best, strict=True)])
    assert share[6.0] > 1.5 * share[0.0]


def test_same_seed_same_draw(part):
    one, same, other = (drawn(part, k=9, seed=seed).slate.items for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_more_choices_than_places_and_few_items():
    part = split(blocks(items=15, length=12), "random_per_user", seed=0)
    seen = drawn(part, k=2, seed=0)
    assert (seen.slate.items != PAD).all()
    wide = drawn(part, k=40, seed=0)
    assert wide.slate.items.shape == (len(part), 15)
    held = part.queries.history.matrix().toarray().sum(1)
    np.testing.assert_array_equal(wide.slate.filled.sum(1), 15 - held)
    with pytest.raises(BadParameter, match="k must be at least 2"):
        drawn(part, k=1)


def test_a_split_of_requests(part):
    """Three kinds of people; what two of them clicked is known nowhere; stages are measured."""
    shown = drawn(part, k=20, popularity=0, seed=1)
    data = blocks()  # whose log has all the clicks
    asked = split_requests(data, shown, seed=2)
    assert [len(asked), len(asked.validation), len(asked.validation.train.impressions)] == [
        12,
        12,
        96,
    ]
    assert len(asked.train.impressions) == 108
    clicks = asked.truth.rows, asked.truth.items
    for where in (asked, asked.validation):
        log = where.train.log.matrix().toarray()
        assert not log[asked.queries.user[clicks[0]], clicks[1]].any()
    assert len(asked.train.log.items) == len(data.log.items) - len(asked.truth.items)
    assert (
        asked.truth.lengths.sum()
        == (shown[np.isin(shown.queries.user, asked.queries.user)]).clicks.sum()
    )
    found = measure(build("ease").fit(asked.train), asked, ["NDCG@5", "AUC"])
    assert found["AUC"].mean() > 0.6
    stage = build("mmr", trade=1.0).fit(asked.train)
    as_shown = measure(stage, asked, ["NDCG@5", "MRR@20"])
    positions = (asked.candidates.items[:, :, None] == asked.truth.padded(9)[:, None]).any(2)
    np.testing.assert_allclose(as_shown["MRR@20"], 1 / (1 + positions.argmax(1)))
    with pytest.raises(DataError, match="candidates of its own to be ranked"):
        measure(build("blend", recommenders=["ease"]).fit(asked.train), asked, ["NDCG@5"])


def test_a_split_of_too_few_requests(part):
    with pytest.raises(DataError, match="too few for these shares"):
        split_requests(blocks(), drawn(part, k=5)[:2])
    with pytest.raises(DataError, match="have no impressions"):
        split_requests(blocks())


def test_parts_share_no_user(part):
    twice = np.concatenate([np.arange(len(part)), np.arange(len(part))])
    once = drawn(part, k=5)
    seen = Impressions(once.queries[twice], once.slate[twice], once.clicks[twice])
    parts = [seen[rows] for rows in by_user(seen, (0.5, 0.25, 0.25), 3)]
    users = [set(each.queries.user.tolist()) for each in parts]
    assert sum(len(each) for each in parts) == len(seen)
    assert not users[0] & users[1]
    assert not users[0] & users[2]
    assert not users[1] & users[2]
    assert [len(each) for each in users] == [60, 30, 30]
    seen.queries.user[:] = PAD
    assert [len(each) for each in by_user(seen, (0.5, 0.5), 0)] == [120, 120]
    with pytest.raises(BadParameter, match="adding up to 1"):
        by_user(seen, (0.5, 0.6), 0)


def test_parts_in_time(part):
    shown = drawn(part, k=8)
    when = np.random.default_rng(0).permutation(len(shown)) // 3 + 100
    shown = replace(shown, queries=replace(shown.queries, now=when))
    learn, tune, test = (when[rows] for rows in by_time(shown, (0.6, 0.2, 0.2)))
    assert learn.max() < tune.min()
    assert tune.max() < test.min()
    assert len(learn) + len(tune) + len(test) == len(shown)
    assert abs(len(learn) - 0.6 * len(shown)) <= 3
    data = blocks()
    asked = split_requests(data, shown, by="time")
    assert asked.queries.now.min() > asked.validation.queries.now.max()
    assert asked.validation.queries.now.min() > asked.validation.train.impressions.queries.now.max()
    asked_of, clicked = asked.queries.user[asked.truth.rows], asked.truth.items
    assert not asked.train.log.has(asked_of, clicked).any(), "nothing tested is learned from"
    with pytest.raises(DataError, match="go by their time"):
        split_requests(data, drawn(part, k=8), by="time")
    with pytest.raises(BadParameter, match="by must be users or time"):
        split_requests(data, shown, by="day")


def test_nothing_is_learned_from_what_came_after_a_test_in_time(part):
    """Nor what people did beside all requests."""
    shown = drawn(part, k=8)
    when = np.random.default_rng(0).permutation(len(shown)) + 100
    shown = replace(shown, queries=replace(shown.queries, now=when))
    data = blocks()
    n = len(data.log.items)
    times = np.random.default_rng(1).integers(1, 2 * len(shown) + 100, n)
    data = replace(data, log=replace(data.log, times=times))
    asked = split_requests(data, shown, by="time")
    for each in (asked, asked.validation):
        first = by_time(shown, (0.8, 0.1, 0.1))[2 if each is asked else 1]
        start = when[first].min()
        assert each.train.log.times.max() < start
        assert each.train.impressions.queries.now.max() < start
        late = data.log.where(data.log.times >= start)
        assert len(late.items), "there was something to keep out"
    by_people = split_requests(data, shown)
    assert by_people.train.log.times.max() > when.max()


def test_requests_below_each_other_are_the_same_requests():
    part = split(blocks(users=40), "random_per_user", seed=0)
    shown = drawn(part, k=8, seed=0)
    first, second = shown[:15], shown[15:]
    both = Impressions.stack([first, second])
    for name in ("start", "items", "times", "values"):
        want = getattr(shown.queries.history, name)
        np.testing.assert_array_equal(getattr(both.queries.history, name), want)
    np.testing.assert_array_equal(both.queries.user, shown.queries.user)
    np.testing.assert_array_equal(both.slate.items, shown.slate.items)
    np.testing.assert_array_equal(both.clicks, shown.clicks)


def test_renumbered_people_keep_their_requests():
    part = split(blocks(users=40), "random_per_user", seed=0)
    shown = drawn(part, k=8, seed=0)
    now = Ids(part.train.users.values.reverse())
    there = renumbered(shown, part.train.users, now)
    want = part.train.users.decode(shown.queries.user)
    assert now.decode(there.queries.user).equals(want)


def test_what_was_before_with_times_of_today():
    """Numbers of users are small integers, and their product with seconds is not."""
    rows, at = np.repeat(np.arange(300), 2), np.tile([1_574_553_634, 1_575_158_387], 300)
    log = Histories.of(rows, np.zeros(600, int), n_rows=300, n_items=1, times=at)
    now = np.full(300, 1_575_158_387)
    assert (log.before(np.arange(300, dtype=np.int32), now).lengths == 1).all()


def test_requests_that_cannot_be_below_each_other():
    part = split(blocks(users=40), "random_per_user", seed=0)
    shown = drawn(part, k=8, seed=0)
    timed = replace(shown, dwell=shown.clicks)
    for pair in ([shown, timed], [timed, shown]):
        with pytest.raises(DataError, match="some has dwell, and some has none"):
            Impressions.stack(pair)
    pool = replace(shown, queries=replace(shown.queries, pool=np.ones(60, bool)))
    with pytest.raises(DataError, match="a pool, a guide or what was declined"):
        Impressions.stack([shown, pool])
