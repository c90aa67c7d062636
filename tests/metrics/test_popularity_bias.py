import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.popularity_bias import PopularityBias


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(PopularityBias(k=k)(seen), naive.popularity_bias(seen, k))


def test_by_hand():
    log = [[0, 1], [0], [0], [0, 2, 2]]
    seen = small([[0, 1], [2, 3], []], [[], [], []], log=log)
    np.testing.assert_allclose(PopularityBias(k=2)(seen), [5 / 8, 1 / 8, np.nan])
    np.testing.assert_allclose(PopularityBias(k=1)(seen), [1, 1 / 4, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        PopularityBias(k=0)
