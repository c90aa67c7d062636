from itertools import permutations

import numpy as np
import pytest

from headwater.errors import BadParameter
from headwater.rerank.plackett_luce import PlackettLuce
from headwater.types import PAD, Histories, Queries, Slate

SCORES = np.array([1.0, 0.5, 0.3, 0.0])


def many(b, scores=SCORES, **given):
    """The same candidates b times, an empty slot behind them."""
    n = len(scores)
    items = np.tile(np.append(np.arange(n), PAD).astype(np.int32), (b, 1))
    s = np.tile(np.append(scores, -np.inf).astype(np.float32), (b, 1))
    user = given.get("user", np.arange(b, dtype=np.int32))
    return Queries(Histories.empty(b, n), user, np.zeros(b, np.int64)), Slate(items, s)


def chances(order, temperature, scores=SCORES):
    """By definition: one after the other, of what is left."""
    out, left = [], list(range(len(scores)))
    for i in order:
        weights = np.exp((scores[left] - scores.max()) / temperature)
        out.append(weights[left.index(i)] / weights.sum())
        left.remove(i)
    return out


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.5), (2, 0.5), (4, 0.2)])
def test_chances_are_the_definition(k, temperature):
    got = PlackettLuce(temperature=temperature, k=k)(*many(200))
    for items, said in zip(got.items, got.propensity, strict=True):
        want = chances(items[:4].tolist(), temperature)
        np.testing.assert_allclose(said[:k], want[:k], rtol=1e-5)
        np.testing.assert_array_equal(said[k:4], 1)
        assert list(items[k:4]) == sorted(items[k:4]), "the rest is as it was"
        assert items[4] == PAD
        assert said[4] == 0


def test_each_order_comes_as_often_as_its_chance():
    b = 40_000
    got = PlackettLuce(temperature=0.4, k=4)(*many(b))
    came = {}
    for items in got.items[:, :4].tolist():
        came[tuple(items)] = came.get(tuple(items), 0) + 1
    for order in permutations(range(4)):
        p = np.prod(chances(order, 0.4))
        assert abs(came.get(order, 0) / b - p) < 4.5 * np.sqrt(p * (1 - p) / b), order


def test_cold_is_the_order_of_scores_and_hot_is_any():
    cold = PlackettLuce(temperature=1e-6)(*many(50))
    np.testing.assert_array_equal(cold.items[:, :4], np.tile(np.arange(4), (50, 1)))
    np.testing.assert_allclose(cold.propensity[:, :4], 1)
    hot = PlackettLuce(temperature=1e6)(*many(50))
    np.testing.assert_allclose(
        hot.propensity[:, :4], np.tile([1 / 4, 1 / 3, 1 / 2, 1], (50, 1)), 1e-5
    )


def test_what_scores_nothing_comes_last():
    got = PlackettLuce(temperature=10, k=4)(*many(100, np.array([0.5, -np.inf, 0.1, 0.2])))
    assert (got.items[:, 3] == 1).all()
    np.testing.assert_allclose(got.propensity[:, 2:4], 1)


def test_a_request_draws_the_same_alone_and_the_next_time():
    stage = PlackettLuce(temperature=1.0)
    queries, slate = many(20)
    whole = stage(queries, slate)
    for i in range(20):
        np.testing.assert_array_equal(
            stage(queries[i : i + 1], slate[[i]]).items[0], whole.items[i]
        )
    assert len({tuple(row) for row in whole.items.tolist()}) > 5
    other = PlackettLuce(temperature=1.0, seed=1)(queries, slate)
    assert (other.items != whole.items).any()


def test_mistakes():
    with pytest.raises(BadParameter, match="temperature must be above 0"):
        PlackettLuce(temperature=0)
    with pytest.raises(BadParameter, match="k must be at least 1"):
        PlackettLuce(k=0)
