import naive_metrics as naive
import numpy as np
import pytest
from small_worlds import small

from headwater.errors import BadParameter
from headwater.metrics.calibrated_recall import CalibratedRecall


@naive.on_random_worlds
def test_is_the_definition(seen, k):
    naive.agree(CalibratedRecall(k=k)(seen), naive.calibrated_recall(seen, k))


def test_by_hand():
    seen = small([[1, 2, 3], [4], [], [5]], [[3, 1, 7, 7], [4], [1], []])
    np.testing.assert_allclose(CalibratedRecall(k=2)(seen), [1 / 2, 1, 0, np.nan])
    np.testing.assert_allclose(CalibratedRecall(k=1)(seen), [1, 1, 0, np.nan])
    np.testing.assert_allclose(CalibratedRecall(k=10)(seen), [2 / 3, 1, 0, np.nan])


def test_k_is_positive():
    with pytest.raises(BadParameter, match="k must be at least 1, got 0"):
        CalibratedRecall(k=0)
