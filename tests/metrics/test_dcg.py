import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter, DataError
from headwater.metrics.dcg import DCG


@pytest.mark.parametrize("gain", ["binary", "linear", "exponential"])
def test_is_the_definition(gain):
    @naive.on_random_worlds
    def check(seen, k):
        naive.agree(DCG(k=k, gain=gain)(seen), naive.dcg(seen, k, gain))

    check()


def test_by_hand():
    seen = small(
        [[1, 2], [4], [], [5]], [[2, 1, 1], [4], [1], []], values=[[3, 1, 1], [0], [1], []]
    )
    second = 1 / np.log2(3)
    np.testing.assert_allclose(DCG()(seen), [1 + second, 1, 0, np.nan])
    np.testing.assert_allclose(DCG(k=1)(seen), [1, 1, 0, np.nan])
    np.testing.assert_allclose(DCG(gain="linear")(seen), [2 + 3 * second, 0, 0, np.nan])
    np.testing.assert_allclose(DCG(gain="exponential")(seen), [3 + 7 * second, 0, 0, np.nan])


def test_below_nothing_is_nothing():
    seen = small([[1, 2], [1]], [[1, 2, 3], [1]], values=[[-2, 1, 3], [-1]])
    np.testing.assert_allclose(DCG(gain="linear")(seen), [1 / np.log2(3), 0])


def test_says_what_is_wrong():
    with pytest.raises(BadParameter, match="one of binary, linear, exponential; got 'cubic'"):
        DCG(gain="cubic")
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        DCG(k=0)
    plays = small([[1]], [[1]], values=[[5000]])
    with pytest.raises(DataError, match="the value 5000: take gain 'linear'"):
        DCG(gain="exponential")(plays)
