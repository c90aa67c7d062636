import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.mrr import MRR


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(MRR(k=k)(seen), naive.reciprocal_rank(seen, k))


def test_by_hand():
    seen = small([[1, 2, 3], [4], [], [5]], [[3, 2, 7], [4], [1], []])
    np.testing.assert_allclose(MRR(k=3)(seen), [1 / 2, 1, 0, np.nan])
    np.testing.assert_allclose(MRR(k=1)(seen), [0, 1, 0, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        MRR(k=0)
