import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.hit import Hit


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(Hit(k=k)(seen), naive.hit(seen, k))


def test_by_hand():
    seen = small([[1, 2, 3], [4], [], [5]], [[3, 2, 7], [4], [1], []])
    np.testing.assert_allclose(Hit(k=3)(seen), [1, 1, 0, np.nan])
    np.testing.assert_allclose(Hit(k=1)(seen), [0, 1, 0, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        Hit(k=0)
