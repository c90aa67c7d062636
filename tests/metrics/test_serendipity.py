import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.serendipity import Serendipity


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(Serendipity(k=k)(seen), naive.serendipity(seen, k))


def test_by_hand():
    log = [[0, 1, 2], [0, 1], [0]]
    slates, truth = [[0, 2], [3, 1], [1, 5], [], [4]], [[0, 2], [3, 1], [1, 5], [4], []]
    past = [[], [0], [5], [], []]  # so 0 and 1, 1 and 2, and three times 0 and 1 are expected
    seen = small(slates, truth, past=past, log=log)
    np.testing.assert_allclose(Serendipity(k=2)(seen), [1 / 2, 1 / 2, 0, 0, np.nan])
    np.testing.assert_allclose(Serendipity(k=1)(seen), [0, 1, 1, 0, np.nan])


def test_only_the_pool_is_expected():
    seen = small([[2, 3]], [[2, 3]], log=[[0, 1, 2], [0, 1], [0]], pool=[2, 3, 4])
    np.testing.assert_allclose(Serendipity(k=1)(seen), 0)
    np.testing.assert_allclose(Serendipity(k=2)(seen), 0)
    seen = small([[3, 4]], [[3, 4]], log=[[0, 1, 2], [0, 1], [0]], pool=[2, 3, 4])
    np.testing.assert_allclose(Serendipity(k=2)(seen), 1 / 2)

    seen = small([[0, 2]], [[0, 2]], log=[[0, 1, 2], [0, 1], [0]], pool=[2], past=[[2]])
    np.testing.assert_allclose(Serendipity(k=2)(seen), 1 / 2)  # the pool has nothing to expect


def test_history_makes_room_for_less_popular_ones():
    log = [[0, 1, 2, 3], [0, 1, 2], [0, 1], [0]]
    seen = small([[0, 1, 2, 3]], [[0, 1, 2, 3]], log=log, past=[[1, 0, 0]])
    np.testing.assert_allclose(Serendipity(k=4)(seen), 0)
    seen = small([[2, 3]], [[2, 3]], log=log, past=[[1, 0, 0]])
    np.testing.assert_allclose(Serendipity(k=2)(seen), 0)
    np.testing.assert_allclose(Serendipity(k=1)(seen), 0)
    seen = small([[3, 2]], [[2, 3]], log=log, past=[[1, 0, 0]])
    np.testing.assert_allclose(Serendipity(k=1)(seen), 1)


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        Serendipity(k=0)
