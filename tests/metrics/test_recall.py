import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.recall import Recall


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(Recall(k=k)(seen), naive.recall(seen, k))


def test_by_hand():
    seen = small([[1, 2, 3], [4], [], [5]], [[3, 1, 7, 7], [8], [1], []])
    np.testing.assert_allclose(Recall(k=3)(seen), [2 / 3, 0, 0, np.nan])
    np.testing.assert_allclose(Recall(k=1)(seen), [1 / 3, 0, 0, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        Recall(k=0)
