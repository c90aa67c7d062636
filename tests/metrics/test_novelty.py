import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.novelty import Novelty


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(Novelty(k=k)(seen), naive.novelty(seen, k))


def test_by_hand():
    log = [[0, 1], [0], [0], [0, 2, 2]]  # 4 users; 0 was chosen by all, 1 and 2 by one, 3 by none
    seen = small([[0, 1], [2, 3], []], [[], [], []], log=log)
    np.testing.assert_allclose(Novelty(k=2)(seen), [1, 2, np.nan])
    np.testing.assert_allclose(Novelty(k=1)(seen), [0, 2, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        Novelty(k=0)
