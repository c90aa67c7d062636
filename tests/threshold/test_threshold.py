"""Every rule against loops over all thresholds there are, or scikit-learn."""

import numpy as np
import pytest

from headwater.errors import BadParameter, DataError, NotFitted
from headwater.registry import addresses, build
from headwater.state import pack, unpack

sklearn = pytest.importorskip("sklearn.metrics")

RNG = np.random.default_rng(0)
Y = RNG.random((60, 6)) < np.array([0.5, 0.3, 0.2, 0.1, 0.05, 0.0])
SCORES = np.round(0.5 * RNG.random(Y.shape) + 0.35 * Y, 2)  # with ties
RULES = addresses("threshold.")


def f1(said, y):
    return 2 * (said & y).sum() / max(said.sum() + y.sum(), 1)


def test_fixed():
    rule = build("threshold.fixed", at=0.4)
    np.testing.assert_array_equal(rule(np.array([[0.39, 0.4, 0.41]])), [[False, False, True]])


def test_averaging():
    best = []
    for row, true in zip(SCORES, Y, strict=True):
        if true.any():
            tried = sorted(set(row), reverse=True)
            best.append(max(tried, key=lambda t: f1(row >= t, true)))
    rule = build("threshold.averaging").tune(SCORES, Y)
    assert rule.at_ == pytest.approx(np.mean(best))
    np.testing.assert_array_equal(rule(SCORES), np.mean(best) <= SCORES)
    with pytest.raises(DataError, match="no example has a class"):
        build("threshold.averaging").tune(SCORES, np.zeros_like(Y))


def test_per_class():
    rule = build("threshold.per_class").tune(SCORES, Y)
    for c in range(5):
        have = np.unique(SCORES[:, c])
        best = max(f1(SCORES[:, c] >= t, Y[:, c]) for t in have)
        assert f1(rule(SCORES)[:, c], Y[:, c]) == pytest.approx(best)
        fewest = min(
            (SCORES[:, c] >= t).sum() for t in have if f1(SCORES[:, c] >= t, Y[:, c]) == best
        )
        assert rule(SCORES)[:, c].sum() == fewest
    assert not rule(np.ones((1, 6)))[0, 5]  # nothing is known of it
    noise = RNG.random(Y.shape)
    careful = build("threshold.per_class", least_f1=0.99).tune(noise, Y)
    assert not careful(noise).any()
    assert careful(noise + 1)[:, :5].all()


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "samples"])
def test_search(average):
    def score(said):
        return sklearn.f1_score(Y, said, average=average, zero_division=0)

    best = max(score(t <= SCORES) for t in np.unique(SCORES))
    rule = build("threshold.search", average=average).tune(SCORES, Y)
    assert score(rule(SCORES)) == pytest.approx(best)
    coarse = build("threshold.search", average=average, steps=5).tune(SCORES, Y)
    assert score(coarse(SCORES)) <= best
    assert score(coarse(SCORES)) > 0.3


def test_top_n():
    from sklearn.linear_model import Ridge

    rule = build("threshold.top_n", l2=2.0, least=0).tune(SCORES, Y)
    x = np.sort(SCORES, axis=1)[:, ::-1]
    want = Ridge(alpha=2.0).fit(x, Y.sum(1)).predict(x)
    np.testing.assert_allclose(rule.counts(SCORES), want)
    said = rule(SCORES)
    np.testing.assert_array_equal(said.sum(1), np.clip(np.rint(want), 0, 6))
    for row, mine in zip(SCORES, said, strict=True):
        if mine.any() and not mine.all():
            assert row[mine].min() >= row[~mine].max()
    assert (build("threshold.top_n", least=2).tune(SCORES, Y)(SCORES).sum(1) >= 2).all()


@pytest.mark.parametrize("where", RULES)
def test_every_rule(where):
    """Saved and loaded it says the same; it is better than a guess; and it says what is wrong."""
    rule = build(where).tune(SCORES, Y)
    other = build(where)
    unpack(other, *pack(rule))
    said = rule(SCORES)
    assert said.dtype == bool
    np.testing.assert_array_equal(other(SCORES), said)
    np.testing.assert_array_equal(rule(SCORES[:7]), said[:7])
    assert f1(said, Y) > 2 * Y.mean() / (1 + Y.mean())  # of whoever says all
    with pytest.raises(DataError, match="one shape"):
        build(where).tune(SCORES, Y[:, :3])
    with pytest.raises(DataError, match="one shape"):
        build(where).tune(SCORES[:0], Y[:0])
    with pytest.raises(DataError, match="NaN"):
        build(where).tune(np.where(Y, np.nan, SCORES), Y)
    if not build(where).fitted:
        with pytest.raises(
            NotFitted, match=r"call tune\(scores, y\) first, or tune\(data, items\)"
        ):
            build(where)(SCORES)
        assert not hasattr(build(where), "another")


@pytest.mark.parametrize(
    ("where", "parameters"),
    [("search", {"steps": 0}), ("top_n", {"l2": -1.0}), ("top_n", {"least": -1})],
)
def test_mistakes(where, parameters):
    with pytest.raises(BadParameter, match=next(iter(parameters))):
        build(f"threshold.{where}", **parameters)
