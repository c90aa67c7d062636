import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.gini import Gini


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(Gini(k=k)(seen), naive.gini(seen, k))


def test_by_hand():
    one, none = [[]], [[]]
    np.testing.assert_allclose(Gini()(small([[3]] * 4, one * 4)), 1)
    np.testing.assert_allclose(Gini()(small([[0, 1], [2, 3]], one * 2, n_items=4)), 0, atol=1e-15)
    np.testing.assert_allclose(Gini()(small([[0, 1], [0]], one * 2, n_items=2)), 1 / 3)
    np.testing.assert_allclose(Gini()(small([[0, 1], [0]], one * 2, pool=[0, 1])), 1 / 3)
    assert np.isnan(Gini()(small(none, one)))
    assert np.isnan(Gini()(small([[0]], one, n_items=1)))


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        Gini(k=0)
