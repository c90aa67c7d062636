from dataclasses import replace

import numpy as np
import pytest

from headwater import facade
from headwater.data.toy import blocks
from headwater.errors import DataError
from headwater.evaluation import cross_fitted, decisions, off_policy
from headwater.registry import build
from headwater.thumbnail.thompson import best
from headwater.types import PAD, Histories, Impressions, Slate

RNG = np.random.default_rng(0)


def test_the_chances_are_those_of_draws():
    a = np.array([[3.0, 5, 1], [40, 42, 39], [1000, 1040, 900], [0.3, 0.2, 0.5], [5, 5, 5]])
    b = np.array([[7.0, 9, 1], [60, 60, 60], [9000, 9100, 8900], [9, 9, 9], [50, 50, 50]])
    free = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 0, 1]], bool)
    draws = np.where(free, RNG.beta(a, b, size=(200_000, 5, 3)), -1)
    want = (draws.argmax(2)[..., None] == np.arange(3)).mean(0)
    np.testing.assert_allclose(best(a, b, free), want, atol=0.006)
    np.testing.assert_array_equal(best(a, b, np.zeros_like(free)), 0)


@pytest.fixture(scope="module")
def platform():
    """300 people of three tastes; who sees a picture of their kind clicks more."""
    data = blocks(users=300, items=30, topics=3)
    stills = data.catalog.stills
    item = np.repeat(np.arange(30), np.diff(stills.start))
    within = np.arange(len(stills)) - stills.start[item]
    scores = np.full((len(stills), 3), 0.1, np.float32)
    scores[np.arange(len(stills)), (item + within) % 3] = 0.9
    stills = replace(stills, scores=scores, spoils=np.zeros(len(stills), bool))
    return replace(data, catalog=replace(data.catalog, stills=stills))


def rates(data, queries, slate, picker):
    """The true chance of a click for each picture, (B, K, M)."""
    from headwater.features import taste
    from headwater.thumbnail._picker import aligned

    mine = taste(queries.history, aligned(data.catalog, data.catalog.stills))
    number = picker.numbers(slate)
    shows = data.catalog.stills.scores[number]
    return np.where(number == PAD, 0, 0.05 + 0.3 * np.einsum("bc,bkmc->bkm", mine, shows))


def asked(data, seed, n, k=6):
    rng = np.random.default_rng(seed)
    queries = data.queries(rng.integers(len(data.users), size=n))
    queries = replace(queries, now=rng.integers(1 << 40, size=n))
    items = np.array([rng.permutation(len(data.items))[:k] for _ in range(n)], np.int32)
    return queries, Slate(items, np.zeros(items.shape, np.float32))


def lived(data, picker, seed, n=400):
    """What came of showing what ``picker`` chose, and the true value of it and of others."""
    queries, slate = asked(data, seed, n)
    shown = picker(queries, slate)
    true = rates(data, queries, slate, picker)
    chance = np.take_along_axis(true, np.maximum(shown.creative, 0)[..., None], 2)[..., 0]
    clicks = np.random.default_rng([seed, 1]).random(chance.shape) < chance
    return Impressions(queries, shown, clicks.astype(np.float32)), true


def test_it_finds_the_pictures_that_people_click(platform):
    """Learning from what it showed itself, week by week, towards the best there is."""
    picker = build("thumbnail.thompson").fit(platform)
    got = []
    for week in range(25):
        impressions, true = lived(platform, picker, week)
        odds = picker.chances(impressions.queries, impressions.slate)
        uniform = np.where(true > 0, 1, 0) / (true > 0).sum(2, keepdims=True)
        got.append([(each * true).sum(2).mean() for each in (odds, uniform)] + [true.max(2).mean()])
        picker.update(impressions)
    first, last = np.array(got[0]), np.array(got[-1])
    assert first[0] == pytest.approx(first[1], rel=0.02)  # it knows nothing yet
    assert (last[0] - last[1]) / (last[2] - last[1]) > 0.8


def test_fitted_on_a_log_it_knows_what_the_log_says(platform):
    impressions, _ = lived(platform, build("thumbnail.match", epsilon=1.0).fit(platform), 0)
    fitted = build("thumbnail.thompson").fit(replace(platform, impressions=impressions))
    updated = build("thumbnail.thompson").fit(platform).update(impressions)
    np.testing.assert_array_equal(fitted.shown_, updated.shown_)
    assert fitted.shown_.sum() == (impressions.slate.creative != PAD).sum()
    assert fitted.clicks_.sum() == impressions.clicks.sum()
    still = platform.catalog.stills.start[impressions.slate.items] + impressions.slate.creative
    for number in (0, 17, 40):
        here = still == number
        assert fitted.shown_[number].sum() == here.sum()
        assert fitted.clicks_[number].sum() == impressions.clicks[here].sum()


def test_what_most_click_is_no_default(platform):
    """Somebody of no known taste sees the second picture, which others of none clicked."""
    nobody = platform.newcomers(Histories.empty(100, 30))
    shown = Slate(
        np.full((100, 1), 5, np.int32),
        np.zeros((100, 1), np.float32),
        creative=np.full((100, 1), 1, np.int32),
    )
    clicked = Impressions(nobody, shown, np.ones((100, 1), np.float32))
    missed = replace(
        clicked, slate=replace(shown, creative=shown.creative * 0), clicks=clicked.clicks * 0
    )
    picker = build("thumbnail.thompson").fit(platform).update(clicked).update(missed)
    told = picker.because(nobody, picker(nobody, shown))
    assert told.led.mean() > 0.9
    assert (told.kind == PAD).all()
    assert not told.first[told.led].any()
    cell = tuple(np.argwhere(told.led)[0])
    said = facade._shown_for(told, cell, None, 0.98, "5-b.jpg")
    assert said == "the likeliest (chance 98%): nothing is known of the taste"


def test_a_picture_that_its_item_does_not_have(platform):
    """It is not counted as that of the next item."""
    data = platform
    have = int(np.diff(data.catalog.stills.start)[3])
    shown = Slate(
        np.array([[5, 3]], np.int32),
        np.zeros((1, 2), np.float32),
        creative=np.array([[0, have]], np.int32),
    )
    log = Impressions(data.queries([0]), shown, np.ones((1, 2), np.float32))
    said = f"item number 3 was shown with creative {have}, and has {have} pictures"
    with pytest.raises(DataError, match=said):
        build("thumbnail.thompson").fit(replace(data, impressions=log))
    with pytest.raises(DataError, match=said):
        data.catalog.stills.number(shown.items, shown.creative)
    with pytest.raises(DataError, match="creative -2"):
        data.catalog.stills.number(np.array([3]), np.array([-2]))


def test_values_of_picture_policies_are_within_their_intervals(platform):
    """Of 100 logs of an exploring picker, what another would have earned, at least 90 times."""
    logger = build("thumbnail.match", epsilon=0.5).fit(platform)
    history = lived(platform, logger, 999, n=400)[0]
    policy = build("thumbnail.thompson").fit(replace(platform, impressions=history))
    inside = dict.fromkeys(("ips", "snips", "dr"), 0)
    for seed in range(100):
        impressions, true = lived(platform, logger, seed, n=150)
        log = decisions(impressions, "creative")
        at = np.nonzero(impressions.slate.creative != PAD)
        pi = policy.chances(impressions.queries, impressions.slate)[at]
        q = cross_fitted(log, pi.shape[1], folds=2)
        for estimator in inside:
            found = off_policy(log, pi, estimator, q=q)
            inside[estimator] += found.low <= (pi * true[at]).sum(1).mean() <= found.high
    assert min(inside.values()) >= 90, inside
