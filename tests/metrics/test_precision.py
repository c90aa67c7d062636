import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.precision import Precision


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(Precision(k=k)(seen), naive.precision(seen, k))


def test_by_hand():
    seen = small([[1, 2, 3], [4], [], [5]], [[3, 1, 7, 7], [4], [1], []])
    np.testing.assert_allclose(Precision(k=3)(seen), [2 / 3, 1 / 3, 0, np.nan])
    np.testing.assert_allclose(Precision(k=10)(seen), [2 / 10, 1 / 10, 0, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        Precision(k=0)
