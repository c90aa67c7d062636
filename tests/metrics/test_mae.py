from dataclasses import replace

import naive_metrics as naive
import numpy as np
import pytest
from hypothesis import given
from small_worlds import small

from headwater.errors import DataError
from headwater.metrics.mae import MAE


@naive.often
@given(naive.worlds)
def test_is_the_definition(seen):
    naive.agree(MAE()(seen), naive.mean(abs(x) for x in naive.mistakes(seen)))


def test_by_hand():
    """Pooled: the mean is over events, so the one who rated three things weighs three times."""
    seen = small([[], []], [[0, 1, 1], [2]], values=[[1, 5, 4], [3]])
    seen = replace(seen, predicted=np.array([2, 5, 4, 5], np.float32))
    np.testing.assert_allclose(MAE()(seen), (1 + 0 + 0 + 2) / 4)
    never = replace(seen, predicted=np.array([2, 5, 4, -np.inf]))
    assert MAE()(never) == np.inf
    outside = replace(seen, predicted=np.array([2, 5, 4, np.nan]))
    np.testing.assert_allclose(MAE()(outside), 1 / 3)
    assert np.isnan(MAE()(replace(small([[]], [[]]), predicted=np.zeros(0))))


def test_says_what_is_wrong():
    seen = small([[1]], [[1]])
    with pytest.raises(DataError, match="MAE needs the column 'predicted'"):
        MAE()(seen)
