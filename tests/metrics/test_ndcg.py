import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter, DataError
from headwater.metrics.ndcg import NDCG


@pytest.mark.parametrize("gain", ["binary", "linear", "exponential"])
def test_is_the_definition(gain):
    @naive.on_random_worlds
    def check(seen, k):
        naive.agree(NDCG(k=k, gain=gain)(seen), naive.ndcg(seen, k, gain))

    check()


def test_by_hand():
    seen = small(
        [[1, 2], [4], [], [5]], [[2, 7, 7], [4], [1], []], values=[[3, 1, 1], [0], [1], []]
    )
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    one = second / (1 + second)
    np.testing.assert_allclose(NDCG()(seen), [one, 1, 0, np.nan])
    np.testing.assert_allclose(NDCG(k=1)(seen), [0, 1, 0, np.nan])
    one = 3 * second / (3 + 2 * second)
    np.testing.assert_allclose(NDCG(gain="linear")(seen), [one, np.nan, 0, np.nan])
    one = 7 * second / (7 + 3 * second)
    np.testing.assert_allclose(NDCG(gain="exponential")(seen), [one, np.nan, 0, np.nan])
    three = small([[9, 8, 1]], [[1, 2, 3]])
    np.testing.assert_allclose(NDCG(k=3)(three), third / (1 + second + third))


@pytest.mark.parametrize("gain", ["binary", "linear", "exponential"])
def test_the_best_order_is_1_and_every_other_is_less(gain):
    truth, values = [[1, 2, 3]], [[1, 4, 2]]
    best = small([[2, 3, 1, 0]], truth, values=values)
    np.testing.assert_allclose(NDCG(gain=gain)(best), 1)
    np.testing.assert_allclose(NDCG(k=2, gain=gain)(best), 1)
    for slate in ([2, 3, 0, 1], [2, 0, 3, 1], [0, 2, 3, 1]):
        assert NDCG(gain=gain)(small([slate], truth, values=values)) < 1


def test_below_nothing_is_nothing():
    seen = small([[1, 2], [1]], [[1, 2, 3], [1]], values=[[-2, 1, 3], [-1]])
    np.testing.assert_allclose(NDCG(gain="linear")(seen)[1], np.nan)
    second = 1 / np.log2(3)
    np.testing.assert_allclose(NDCG(gain="linear")(seen)[0], second / (3 + second))


def test_says_what_is_wrong():
    with pytest.raises(BadParameter, match="one of binary, linear, exponential; got 'cubic'"):
        NDCG(gain="cubic")
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        NDCG(k=0)
    plays = small([[1]], [[1]], values=[[5000]])
    with pytest.raises(DataError, match="the value 5000: take gain 'linear'"):
        NDCG(gain="exponential")(plays)
